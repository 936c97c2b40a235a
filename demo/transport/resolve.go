package transport

import (
	"fmt"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

func (s *Service) resolve(operation *ast.OperationDefinition, variables map[string]any) (map[string]any, error) {
	data := map[string]any{}
	for _, field := range fields(operation.SelectionSet, "Query") {
		value, err := s.root(field, field.ArgumentMap(variables))
		if err != nil {
			return nil, err
		}
		data[field.Alias] = value
	}
	return data, nil
}

func (s *Service) root(field *ast.Field, arguments map[string]any) (any, error) {
	switch field.Name {
	case "__typename":
		return "Query", nil
	case "sensors":
		return s.sensors(field, arguments)
	case "readings":
		return s.readings(field, arguments)
	case "_service":
		return object(fields(field.SelectionSet, "_Service"), func(string) any { return schemaText }), nil
	case "_entities":
		return s.entities(field, arguments)
	}
	return nil, fmt.Errorf("the field %q is not answered here", field.Name)
}

func (s *Service) sensors(field *ast.Field, arguments map[string]any) (any, error) {
	ids, districts := setOf(arguments["ids"]), setOf(arguments["districtIds"])
	window, err := windowOf(arguments)
	if err != nil {
		return nil, err
	}
	selected := fields(field.SelectionSet, "Sensor")
	list := []map[string]any{}
	for i := range s.tables.sensors {
		sensor := &s.tables.sensors[i]
		if ids.lacks(sensor.id) || districts.lacks(sensor.district) {
			continue
		}
		if window.next() {
			list = append(list, object(selected, sensor.value))
		}
	}
	return list, nil
}

func (s *Service) readings(field *ast.Field, arguments map[string]any) (any, error) {
	ids, sensors, districts := setOf(arguments["ids"]), setOf(arguments["sensorIds"]), setOf(arguments["districtIds"])
	window, err := windowOf(arguments)
	if err != nil {
		return nil, err
	}
	span, err := spanOf(arguments)
	if err != nil {
		return nil, err
	}
	selected := fields(field.SelectionSet, "Reading")
	list := []map[string]any{}
	for i := range s.tables.readings {
		reading := &s.tables.readings[i]
		if ids.lacks(reading.id) || sensors.lacks(reading.sensor) || districts.lacks(reading.district) || !span.holds(reading.at) {
			continue
		}
		if window.next() {
			list = append(list, object(selected, reading.value))
		}
	}
	return list, nil
}

// fields flattens the fragments that apply to an object type.
func fields(set ast.SelectionSet, typeName string) []*ast.Field {
	var list []*ast.Field
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			list = append(list, selection)
		case *ast.InlineFragment:
			if selection.TypeCondition == "" || applies(selection.TypeCondition, typeName) {
				list = append(list, fields(selection.SelectionSet, typeName)...)
			}
		case *ast.FragmentSpread:
			if applies(selection.Definition.TypeCondition, typeName) {
				list = append(list, fields(selection.Definition.SelectionSet, typeName)...)
			}
		}
	}
	return list
}

func applies(condition, typeName string) bool { return condition == typeName || condition == "_Entity" }

// entities finds each representation's row, or null, at its place.
func (s *Service) entities(field *ast.Field, arguments map[string]any) (any, error) {
	representations, _ := arguments["representations"].([]any)
	list := make([]any, len(representations))
	for i, r := range representations {
		r, _ := r.(map[string]any)
		id, _ := r["id"].(string)
		switch r["__typename"] {
		case "Sensor":
			if at, ok := s.tables.sensorAt[id]; ok {
				list[i] = entity(field, "Sensor", s.tables.sensors[at].value)
			}
		case "Reading":
			if at, ok := s.tables.readingAt[id]; ok {
				list[i] = entity(field, "Reading", s.tables.readings[at].value)
			}
		default:
			return nil, fmt.Errorf("a representation is of no type of this service")
		}
	}
	return list, nil
}

// entity is one row; its __typename is its own, whatever the field's declared type.
func entity(field *ast.Field, typeName string, value func(name string) any) map[string]any {
	o := map[string]any{}
	for _, f := range fields(field.SelectionSet, typeName) {
		if f.Name == "__typename" {
			o[f.Alias] = typeName
		} else {
			o[f.Alias] = value(f.Name)
		}
	}
	return o
}

func object(selected []*ast.Field, value func(name string) any) map[string]any {
	o := make(map[string]any, len(selected))
	for _, field := range selected {
		if field.Name == "__typename" {
			o[field.Alias] = field.ObjectDefinition.Name
		} else {
			o[field.Alias] = value(field.Name)
		}
	}
	return o
}

// set is an optional filter by identifier: nil lets everything through.
type set map[string]bool

func setOf(argument any) set {
	values, ok := argument.([]any)
	if !ok {
		return nil
	}
	s := set{}
	for _, value := range values {
		s[fmt.Sprint(value)] = true
	}
	return s
}

func (s set) lacks(id string) bool { return s != nil && !s[id] }

// window is limit and offset over the rows that match.
type window struct{ skip, left int64 }

func windowOf(arguments map[string]any) (*window, error) {
	w := &window{left: -1}
	for name, into := range map[string]*int64{"limit": &w.left, "offset": &w.skip} {
		switch value := arguments[name].(type) {
		case nil:
		case int64:
			*into = value
		case int:
			*into = int64(value)
		case interface{ Int64() (int64, error) }: // json.Number
			number, err := value.Int64()
			if err != nil {
				return nil, fmt.Errorf("%s is not an integer", name)
			}
			*into = number
		default:
			return nil, fmt.Errorf("%s is not an integer", name)
		}
		if arguments[name] != nil && *into < 0 {
			return nil, fmt.Errorf("%s is negative", name)
		}
	}
	return w, nil
}

// next counts one matching row and reports whether it belongs to the page.
func (w *window) next() bool {
	if w.skip > 0 {
		w.skip--
		return false
	}
	if w.left == 0 {
		return false
	}
	w.left--
	return true
}

// span is an interval of time that includes its ends; a zero end is open.
type span struct{ from, to time.Time }

func spanOf(arguments map[string]any) (span, error) {
	var s span
	for name, into := range map[string]*time.Time{"from": &s.from, "to": &s.to} {
		text, ok := arguments[name].(string)
		if !ok {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return s, fmt.Errorf("%s is not an RFC 3339 time", name)
		}
		*into = at
	}
	return s, nil
}

func (s span) holds(at time.Time) bool {
	return !at.Before(s.from) && (s.to.IsZero() || !at.After(s.to))
}
