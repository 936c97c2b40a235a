package compose

import (
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

func field(name string, t *ast.Type, description string) *ast.FieldDefinition {
	return &ast.FieldDefinition{Name: name, Type: t, Description: description}
}

func nullable(name string) *ast.Type { return ast.NamedType(name, nil) }
func required(name string) *ast.Type { return ast.NonNullNamedType(name, nil) }

// listOf is [T!]!, optionalList [T!].
func listOf(name string) *ast.Type {
	return ast.NonNullListType(ast.NonNullNamedType(name, nil), nil)
}
func optionalList(name string) *ast.Type { return ast.ListType(ast.NonNullNamedType(name, nil), nil) }

func argumentOf(name string, t *ast.Type, description string) *ast.ArgumentDefinition {
	return &ast.ArgumentDefinition{Name: name, Type: t, Description: description}
}

// connectionField is a root or relation that pages through rows of t.
func connectionField(name string, t *Entity, description string) *ast.FieldDefinition {
	f := field(name, nullable(t.Connection), description)
	f.Arguments = ast.ArgumentDefinitionList{
		argumentOf("where", nullable(t.Filter), ""),
		argumentOf("orderBy", optionalList(t.OrderInput), ""),
		argumentOf("first", nullable("Int"), "At most so many rows, from the start."),
		argumentOf("after", nullable("String"), "Rows after this cursor."),
		argumentOf("last", nullable("Int"), "At most so many rows, from the end."),
		argumentOf("before", nullable("String"), "Rows before this cursor."),
	}
	return f
}

// aggregateField is a root or the field beside a relation that groups rows of t.
func aggregateField(name string, t *Entity, description string) *ast.FieldDefinition {
	f := field(name, nullable(t.Aggregate), description)
	f.Arguments = ast.ArgumentDefinitionList{
		argumentOf("where", nullable(t.Filter), ""),
		argumentOf("groupBy", optionalList(t.GroupInput), ""),
		argumentOf("having", nullable(havingName(t, "")), ""),
		argumentOf("orderBy", optionalList(groupOrderName(t)), "Then by their keys."),
		argumentOf("first", nullable("Int"), "At most so many groups."),
	}
	return f
}

// groupMeasure is the enum of what groups are ordered by.
const groupMeasure = "GroupMeasure"

func filterName(scalar string) string { return scalar + "Filter" }

// sharedTypes are the names of the types that every derived surface uses.
func sharedTypes() []string {
	names := []string{"PageInfo", "Direction", "Grain", groupMeasure, namedEntity, histogramBin, levelFilter, conflict, conflictValue, secureAggregate, secureContributor, securePrivacy, secureFunction}
	for _, name := range slices.Sorted(maps.Keys(scalars)) {
		names = append(names, name, filterName(name))
	}
	return names
}

// shared adds those types, less the scalars that the specification or the control plane declares.
func (d *deriver) shared(control *controlPlane) {
	d.add(ast.Object, "PageInfo", "Where a page lies among the others.",
		field("hasNextPage", required("Boolean"), ""), field("hasPreviousPage", required("Boolean"), ""),
		field("startCursor", nullable("String"), ""), field("endCursor", nullable("String"), ""))
	d.namedEntity()
	d.histogramBin()
	d.levelFilter()
	d.conflicts()
	d.secureShared()
	d.enum("Direction", "Which end of an order comes first.", "ASC", "DESC")
	d.enum("Grain", "A period; weeks start on Monday (ISO 8601).", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
	d.enum(groupMeasure, "What groups are ordered by.", "KEY", "COUNT", "SUM", "AVG", "MIN", "MAX", "STDDEV", "COUNT_DISTINCT")
	for _, name := range slices.Sorted(maps.Keys(scalars)) {
		d.scalarFilter(name)
	}
	for _, def := range scalarDefinitions() {
		if !control.types[def.Name] {
			d.doc.Definitions = append(d.doc.Definitions, def)
		}
	}
}

func (d *deriver) enum(name, description string, values ...string) {
	def := &ast.Definition{Kind: ast.Enum, Name: name, Description: description}
	for _, v := range values {
		def.EnumValues = append(def.EnumValues, &ast.EnumValueDefinition{Name: v})
	}
	d.doc.Definitions = append(d.doc.Definitions, def)
}

func (d *deriver) scalarFilter(name string) {
	var fields []*ast.FieldDefinition
	for _, op := range scalars[name].filters {
		t := nullable(name)
		switch op {
		case "in", "notIn":
			t = optionalList(name)
		case "isNull":
			t = nullable("Boolean")
		case atLevel:
			t = nullable(levelFilter)
		}
		fields = append(fields, field(op, t, ""))
	}
	d.add(ast.InputObject, filterName(name), "Conditions on a "+name+"; all given ones hold. A comparison with NULL does not.", fields...)
}
