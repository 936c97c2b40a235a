package graphql

import (
	"context"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation/source/introspect"
)

// Describe lists the tables of a subgraph: its types with a key of one field. Only the schema is read, no row, so that
// suggestions rest on names and types.
func (s *Source) Describe(ctx context.Context) ([]*introspect.Table, error) {
	schema, err := s.serviceSDL(ctx)
	if err != nil {
		return nil, err
	}
	var tables []*introspect.Table
	for _, name := range schema.order {
		if t := schema.describe(schema.types[name]); t != nil {
			tables = append(tables, t)
		}
	}
	return tables, nil
}

func (s *sdl) describe(def *ast.Definition) *introspect.Table {
	if def.Kind != ast.Object || def.Name == "Query" || def.Name == "Mutation" || def.Name == "Subscription" {
		return nil
	}
	for _, key := range s.keys(def.Name) {
		f := def.Fields.ForName(key)
		if f == nil {
			continue
		}
		t := &introspect.Table{Name: def.Name, Comment: def.Description, Primary: []string{key}}
		for _, f := range def.Fields {
			if c := s.column(f); c != nil {
				t.Columns = append(t.Columns, c)
			}
		}
		t.Note = s.note(def.Name, key)
		return t
	}
	return nil
}

func (s *sdl) column(f *ast.FieldDefinition) *introspect.Column {
	def := s.types[f.Type.Name()]
	scalar := def == nil || def.Kind == ast.Scalar || def.Kind == ast.Enum
	if f.Type.Elem != nil || !scalar || needsArgument(f) {
		return nil
	}
	return &introspect.Column{Name: f.Name, Scalar: s.scalar(f.Type.Name()), Comment: f.Description, Required: f.Type.NonNull}
}

// scalar is the gateway's name of a scalar; one of the service's own that it does not know is text.
func (s *sdl) scalar(name string) string {
	switch name {
	case "Int", "Float", "Boolean", "ID", "Date", "DateTime", "Decimal", "BigInt", "UUID", "JSON":
		return name
	case "Long", "Int64":
		return "BigInt"
	case "JSONObject":
		return "JSON"
	}
	return "String"
}

// note is the table's line of sources.yaml.
func (s *sdl) note(typeName, key string) string {
	parts := []string{fmt.Sprintf("entity: {type: %s, key: %s}", typeName, key)}
	if query := s.types["Query"]; query != nil {
		for _, f := range query.Fields {
			if f.Type.Elem != nil && f.Type.Elem.Elem == nil && f.Type.Name() == typeName && !needsArgument(f) {
				parts = append([]string{"field: " + f.Name}, parts...)
				break
			}
		}
	}
	return fmt.Sprintf("sources.yaml: tables: {%s: {%s}}", typeName, strings.Join(parts, ", "))
}
