package compose

import "github.com/vektah/gqlparser/v2/ast"

// aggregate derives groups and their measures. A measure that no column has is left out.
func (d *deriver) aggregate(e *draft) {
	t := e.entity
	groups := field("groups", &ast.Type{Elem: ast.NonNullNamedType(t.Group, nil)}, "")
	withheld := field("withheld", nullable("Boolean"), "Whether groups were left out because they are too small.")
	d.add(ast.Object, t.Aggregate, "Groups of "+t.Name+" rows.",
		d.gated(t.Aggregate, groups, "", typeOf(t)), d.gated(t.Aggregate, withheld, "", typeOf(t)))
	fields := []*ast.FieldDefinition{
		d.gated(t.Group, field("key", required(t.GroupKey), "What the group's rows have in common."), "", typeOf(t)),
		d.gated(t.Group, field("count", nullable("Int"), "Rows of the group."), "", typeOf(t)),
	}
	d.groupKey(t)
	for _, m := range measures() {
		if d.measure(t, m) {
			f := field(m.name, nullable(t.Name+m.suffix), m.description)
			if m.argument != nil {
				f.Arguments = ast.ArgumentDefinitionList{m.argument}
			}
			fields = append(fields, d.gated(t.Group, f, "", typeOf(t)))
		}
	}
	d.add(ast.Object, t.Group, "One group of "+t.Name+" rows.", fields...)
	d.having(t)
	d.groupOrder(t)
}

func havingName(t *Entity, suffix string) string { return t.Name + suffix + "Having" }
func groupOrderName(t *Entity) string            { return t.Name + "GroupOrder" }

// having derives the conditions on groups: on their count, and on each measure of each column that has it.
func (d *deriver) having(t *Entity) {
	name := havingName(t, "")
	fields := []*ast.FieldDefinition{
		d.gated(name, field("and", optionalList(name), "All of these hold."), "", typeOf(t)),
		d.gated(name, field("or", optionalList(name), "One of these holds."), "", typeOf(t)),
		d.gated(name, field("not", nullable(name), "This does not hold."), "", typeOf(t)),
		d.gated(name, field("count", nullable(filterName("Int")), ""), "", typeOf(t)),
	}
	for _, m := range measures() {
		if m.argument != nil {
			continue
		}
		of := havingName(t, m.suffix)
		var conditions []*ast.FieldDefinition
		for _, f := range comparable(t) {
			if made := m.of(scalars[f.Scalar], f.Scalar); made != "" {
				conditions = append(conditions, d.gated(of, field(f.Name, nullable(filterName(made)), ""), "", f.Coordinate))
			}
		}
		if d.add(ast.InputObject, of, "", conditions...) {
			fields = append(fields, d.gated(name, field(m.name, nullable(of), ""), "", typeOf(t)))
		}
	}
	d.add(ast.InputObject, name, "Conditions on groups of "+t.Name+" rows that are large enough to be shown; all given ones hold.", fields...)
}

// groupOrder derives the terms that groups are ordered by.
func (d *deriver) groupOrder(t *Entity) {
	name := groupOrderName(t)
	direction := field("direction", required("Direction"), "")
	direction.DefaultValue = &ast.Value{Kind: ast.EnumValue, Raw: "ASC"}
	d.add(ast.InputObject, name, "One term of an order of groups of "+t.Name+" rows. NULL is last in both directions.",
		d.gated(name, field("by", required(groupMeasure), ""), "", typeOf(t)),
		d.gated(name, field("field", nullable(t.GroupEnum), "What is measured, or grouped by; none with COUNT."), "", typeOf(t)),
		d.gated(name, direction, "", typeOf(t)))
}

// measureKind is one kind of measure: of says the scalar it makes of a column, "" for none.
type measureKind struct {
	name, suffix string
	of           func(s scalar, own string) string

	argument    *ast.ArgumentDefinition // with one, no condition and no order can name it
	list        bool
	description string
}

func measures() []measureKind {
	extent := func(s scalar, own string) string {
		if s.extent {
			return own
		}
		return ""
	}
	average := func(s scalar, own string) string {
		if s.avg {
			return "Float"
		}
		return ""
	}
	bins := func(s scalar, own string) string {
		if s.avg {
			return histogramBin
		}
		return ""
	}
	return []measureKind{
		{name: "sum", suffix: "Sum", of: func(s scalar, own string) string { return s.sum }},
		{name: "avg", suffix: "Avg", of: average},
		{name: "min", suffix: "Min", of: extent},
		{name: "max", suffix: "Max", of: extent},
		{name: "stddev", suffix: "Stddev", of: average, description: "Of a sample: over one row less."},
		{name: "countDistinct", suffix: "CountDistinct", of: func(scalar, string) string { return "Int" }},
		{name: "percentile", suffix: "Percentile", of: extent,
			argument: argumentOf("p", required("Float"), "From 0, the least, to 1, the greatest."), description: "The least value that so many of the values do not exceed."},
		{name: "histogram", suffix: "Histogram", of: bins, list: true, argument: argumentOf("edges", listOf("Float"), "Ascending, at most 100."),
			description: "How many values lie below the first edge, between each edge and the next, and from the last edge on."},
	}
}

// measure derives the type that holds one measure of each column that has it.
func (d *deriver) measure(t *Entity, m measureKind) bool {
	name := t.Name + m.suffix
	var fields []*ast.FieldDefinition
	for _, f := range comparable(t) {
		made := m.of(scalars[f.Scalar], f.Scalar)
		if made == "" {
			continue
		}
		kind := nullable(made)
		if m.list {
			kind = optionalList(made)
		}
		fields = append(fields, d.gated(name, field(f.Name, kind, ""), "", f.Coordinate))
	}
	return d.add(ast.Object, name, "", fields...)
}

// derivedTypes are the names that a type takes, whether or not each is needed.
func derivedTypes(t *Entity) []string {
	names := []string{
		t.Connection, t.Edge, t.Filter, t.OrderInput, t.FieldEnum, t.GroupInput, t.GroupEnum, t.Aggregate, t.Group, t.GroupKey,
	}
	names = append(names, havingName(t, ""), groupOrderName(t), relationFilterName(t), secureFieldName(t), secureMeasureName(t))
	for _, m := range measures() {
		names = append(names, t.Name+m.suffix, havingName(t, m.suffix))
	}
	return names
}
