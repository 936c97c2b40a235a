package policy

import (
	"cmp"
	"maps"
	"slices"

	"concordat/privacy"
)

// Gateway is the agency name of the rules that hold for everybody and can only tighten.
const Gateway AgencyID = "gateway"

// classifications that a field can have (DESIGN.md section 5).
func classified(name string) bool {
	switch name {
	case "DIRECT_IDENTIFIER", "QUASI_IDENTIFIER", "SENSITIVE", "FREE_TEXT", "NON_SENSITIVE":
		return true
	}
	return false
}

// index finds fields of a catalog, or of one agency's part of it, by what a statement can name.
type index struct {
	fields         []Field
	classification map[string][]int
	types          map[string][]int
	coordinates    map[privacy.Coordinate][]int
}

func newIndex(fields []Field) *index {
	x := &index{fields: fields, classification: map[string][]int{}, types: map[string][]int{},
		coordinates: map[privacy.Coordinate][]int{}}
	for i, f := range fields {
		x.classification[f.Classification] = append(x.classification[f.Classification], i)
		x.types[f.Type] = append(x.types[f.Type], i)
		x.coordinates[f.Coordinate] = append(x.coordinates[f.Coordinate], i)
	}
	return x
}

// columns are the kinds of the scalar fields of a type, by name: what a row of it can be asked for.
func (x *index) columns(typ string) map[string]privacy.Kind {
	out := map[string]privacy.Kind{}
	for _, i := range x.types[typ] {
		if f := x.fields[i]; f.Column() {
			out[f.Name] = f.Kind
		}
	}
	return out
}

// byAgency splits a catalog, each part in order of coordinate.
func (c Catalog) byAgency() map[AgencyID]*index {
	parts := map[AgencyID][]Field{}
	for _, f := range c.Fields {
		parts[f.Agency] = append(parts[f.Agency], f)
	}
	out := make(map[AgencyID]*index, len(parts))
	for id, fields := range parts {
		slices.SortFunc(fields, func(a, b Field) int { return cmp.Compare(a.Coordinate, b.Coordinate) })
		out[id] = newIndex(fields)
	}
	return out
}

// data is data.fields: what Rego may know of each coordinate. Where several agencies offer one, agency is the
// first by name and agencies lists all.
func (c Catalog) data() map[string]any {
	byCoordinate := map[privacy.Coordinate][]Field{}
	for _, f := range c.Fields {
		byCoordinate[f.Coordinate] = append(byCoordinate[f.Coordinate], f)
	}
	out := make(map[string]any, len(byCoordinate))
	for coordinate, fields := range byCoordinate {
		slices.SortFunc(fields, func(a, b Field) int { return cmp.Compare(a.Agency, b.Agency) })
		agencies := make([]any, len(fields))
		for i, f := range fields {
			agencies[i] = string(f.Agency)
		}
		f := fields[0]
		out[string(coordinate)] = map[string]any{"agency": string(f.Agency), "agencies": agencies, "type": f.Type,
			"name": f.Name, "classification": f.Classification, "kind": kindName(f)}
	}
	return out
}

func kindName(f Field) string {
	switch {
	case f.Join:
		return "JOIN"
	case f.Computed != "":
		return "COMPUTED"
	}
	names := map[privacy.Kind]string{privacy.Bool: "BOOLEAN", privacy.Int: "INT", privacy.BigInt: "BIGINT",
		privacy.Float: "FLOAT", privacy.Decimal: "DECIMAL", privacy.String: "STRING", privacy.Date: "DATE",
		privacy.Time: "DATETIME", privacy.JSON: "JSON"}
	return names[f.Kind]
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
