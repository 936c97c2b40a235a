package compose

import (
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/privacy"
)

// groupBy derives what groups are made by: the columns of the type, and those of the rows that to-one relations lead to.
func (d *deriver) groupBy(t *Entity) {
	enum := &ast.Definition{Kind: ast.Enum, Name: t.GroupEnum, Description: "What groups of " + t.Name + " rows are made by."}
	for _, f := range comparable(t) {
		d.gatedValue(enum, f)
	}
	t.Joined = map[string]Joined{}
	for _, f := range t.Fields {
		if f.Join == nil || f.Join.Many {
			continue
		}
		target := d.sg.Entities[f.Join.Target]
		for _, of := range comparable(target) {
			name := f.Name + "_" + of.Name
			if d.takes(t, name) {
				t.Joined[name] = Joined{Join: f, Field: of}
				d.value(enum, name, f.Coordinate, typeOf(target), of.Coordinate)
			}
		}
	}
	d.doc.Definitions = append(d.doc.Definitions, enum)
	d.add(ast.InputObject, t.GroupInput, "One key of a group of "+t.Name+" rows. Without a grain or level, the value itself.",
		d.gated(t.GroupInput, field("field", required(t.GroupEnum), ""), "", typeOf(t)),
		d.gated(t.GroupInput, field("grain", nullable("Grain"), "The period that holds a date or time: its start."), "", typeOf(t)),
		d.gated(t.GroupInput, field("timeZone", nullable("String"), "With a grain of times: whose periods, as in \"Europe/Berlin\"; UTC where not given."), "", typeOf(t)),
		d.gated(t.GroupInput, field("level", nullable("String"), "A level of the field's hierarchy: a grain of dates, a number of characters, a column of the agency's levels."), "", typeOf(t)))
}

// takes reports whether a name is free for a joined column: a column of the type, or an earlier one, keeps it.
func (d *deriver) takes(t *Entity, name string) bool {
	_, joined := t.Joined[name]
	_, own := t.Members[name]
	return !joined && !own
}

// value adds an enum value that exists where the coordinates are visible.
func (d *deriver) value(enum *ast.Definition, name string, needs ...privacy.Coordinate) {
	v := &ast.EnumValueDefinition{Name: name}
	d.sg.Depends[enum.Name+"."+name] = needs
	d.gates.values[v] = gate{needs: needs}
	enum.EnumValues = append(enum.EnumValues, v)
}

// groupKey derives what the rows of a group have in common.
func (d *deriver) groupKey(t *Entity) {
	var fields []*ast.FieldDefinition
	for _, f := range comparable(t) {
		fields = append(fields, d.gated(t.GroupKey, field(f.Name, nullable(f.Scalar), ""), "", f.Coordinate))
	}
	for _, f := range t.Fields {
		if f.Join == nil || f.Join.Many {
			continue
		}
		target := d.sg.Entities[f.Join.Target]
		for _, of := range comparable(target) {
			if j := t.Joined[f.Name+"_"+of.Name]; j.Join == f && j.Field == of {
				public := field(f.Name+"_"+of.Name, nullable(of.Scalar), "Of "+f.Name+"; null where there is none.")
				fields = append(fields, d.gated(t.GroupKey, public, "", f.Coordinate, typeOf(target), of.Coordinate))
			}
		}
	}
	d.add(ast.Object, t.GroupKey, "", fields...)
}

// atLevel is the condition on a level of a field's hierarchy.
const (
	atLevel     = "atLevel"
	levelFilter = "LevelFilter"
)

func (d *deriver) levelFilter() {
	d.add(ast.InputObject, levelFilter, "Values whose name on a level of the field's hierarchy is one of these: the groups below a group.",
		field("level", required("String"), ""), field("in", listOf("String"), ""))
}

// histogramBin is the type of one interval of a histogram.
const histogramBin = "HistogramBin"

func (d *deriver) histogramBin() {
	d.add(ast.Object, histogramBin, "Rows whose value is at least `lower` and below `upper`.",
		field("lower", nullable("Float"), "Null for the values below the first edge."),
		field("upper", nullable("Float"), "Null for the values from the last edge on."),
		field("count", nullable("Int"), "Null where too few rows are in it to be shown, or where it would tell how many are in another."))
}
