package compose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/privacy"
)

// Change is one difference between two supergraphs. What breaks a document that was valid has the name that graphql-js
// gives it (findBreakingChanges); the others are ours.
type Change struct {
	Code       string `json:"code"`
	Coordinate string `json:"coordinate"`
	Before     string `json:"before"`
	After      string `json:"after"`
	Breaking   bool   `json:"breaking"` // a document or a value that was valid is not any more, or means something else
	Weaker     bool   `json:"weaker"`   // more can be learnt, or another agency decides, unless policy says otherwise
}

// Diff is what next changes against old, in order of coordinates. Of what is derived from a field that went or became
// another, only the field is told.
func Diff(old, next *Supergraph) []Change {
	d := &differ{old: old, next: next, touched: map[privacy.Coordinate]bool{}, changes: []Change{}}
	d.entities()
	d.schema()
	slices.SortFunc(d.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Coordinate, b.Coordinate), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Before, b.Before))
	})
	return d.changes
}

type differ struct {
	old, next *Supergraph
	touched   map[privacy.Coordinate]bool // agency fields that are gone or of another type
	changes   []Change
}

func (d *differ) breaks(code, coordinate, before, after string) {
	d.changes = append(d.changes, Change{Code: code, Coordinate: coordinate, Before: before, After: after, Breaking: true})
}

func (d *differ) weakens(code, coordinate, before, after string) {
	d.changes = append(d.changes, Change{Code: code, Coordinate: coordinate, Before: before, After: after, Weaker: true})
}

func (d *differ) notes(code, coordinate, before, after string) {
	d.changes = append(d.changes, Change{Code: code, Coordinate: coordinate, Before: before, After: after})
}

// entities compares what agencies declare.
func (d *differ) entities() {
	for name, e := range d.next.Entities {
		before := d.old.Entities[name]
		if before == nil {
			d.weakens("TYPE_ADDED", name, "", name)
			continue
		}
		d.parts(before, e)
		for _, f := range e.Fields {
			d.field(e, before.field(f.Name), f)
		}
	}
	for name, e := range d.old.Entities {
		after := d.next.Entities[name]
		for _, f := range e.Fields {
			if after == nil || after.field(f.Name) == nil {
				d.touched[f.Coordinate] = true
			}
		}
	}
}

func (e *Entity) field(name string) *Field {
	i := slices.IndexFunc(e.Fields, func(f *Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return e.Fields[i]
}

// field compares one field of both; before is nil for a new one.
func (d *differ) field(e *Entity, before, after *Field) {
	at := string(after.Coordinate)
	if before == nil {
		code := "FIELD_ADDED"
		if after.Join != nil {
			code = "JOIN_ADDED"
		}
		d.weakens(code, at, "", after.declared())
		return
	}
	if before.declared() != after.declared() {
		d.touched[after.Coordinate] = true
		if after.Join != nil {
			d.weakens("JOIN_CHANGED", at, before.declared(), after.declared())
		}
		if before.Computed != nil && after.Computed != nil { // what releases names of one text now releases another's
			d.weakens("COMPUTED_CHANGED", at, before.declared(), after.declared())
		}
	}
	switch was, is := slices.Index(classes, before.Classification), slices.Index(classes, after.Classification); {
	case is < was:
		d.weakens("CLASSIFICATION_LOWERED", at, before.Classification, after.Classification)
	case is > was:
		d.notes("CLASSIFICATION_RAISED", at, before.Classification, after.Classification)
	}
	if was, is := listed(before.Agencies), listed(after.Agencies); was != is {
		d.weakens("DECIDED_BY_OTHERS", at, was, is)
	}
}

// declared is what a field is, as its agency would write it.
func (f *Field) declared() string {
	switch {
	case f.Computed != nil:
		return "[" + namedEntity + "] of " + f.Computed.Text
	case f.Join == nil:
		return f.Scalar
	}
	target := f.Join.Target
	if f.Join.Many {
		target = "[" + target + "]"
	}
	return target + " on " + f.Join.From + " = " + f.Join.To
}

func listed[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// parts compares where rows and columns come from. A field that is bound to another column shows other data under the
// old name and class.
func (d *differ) parts(before, after *Entity) {
	was := map[string]*Part{}
	for _, p := range before.Parts {
		was[p.Source] = p
	}
	for _, p := range after.Parts {
		old := was[p.Source]
		delete(was, p.Source)
		if old == nil {
			d.weakens("SOURCE_ADDED", after.Name, "", p.Source)
			continue
		}
		if old.Relation.Table != p.Relation.Table {
			d.weakens("TABLE_CHANGED", after.Name, old.Relation.Table, p.Relation.Table)
		}
		for name, c := range p.Relation.Columns {
			if o, ok := old.Relation.Columns[name]; ok && o.Physical != c.Physical {
				d.weakens("COLUMN_CHANGED", string(c.Coordinate), o.Physical, c.Physical)
			}
		}
	}
	for source := range was {
		d.notes("SOURCE_REMOVED", after.Name, source, "")
	}
}

// schema compares what consumers see.
func (d *differ) schema() {
	for name, before := range d.old.Schema.Types {
		after := d.next.Schema.Types[name]
		switch {
		case after == nil:
			if !d.emptied(name) {
				d.breaks("TYPE_REMOVED", name, name, "")
			}
		case before.Kind != after.Kind:
			d.breaks("TYPE_CHANGED_KIND", name, string(before.Kind), string(after.Kind))
		default:
			d.definition(before, after)
		}
	}
}

func (d *differ) definition(before, after *ast.Definition) {
	d.relations(before, after)
	for _, f := range before.Fields {
		at := before.Name + "." + f.Name
		g := after.Fields.ForName(f.Name)
		switch {
		case g == nil && (d.derived(at) || d.emptied(f.Type.Name())):
		case g == nil:
			d.breaks("FIELD_REMOVED", at, f.Type.String(), "")
		case before.Kind == ast.InputObject && !safeInput(f.Type, g.Type), before.Kind != ast.InputObject && !safeOutput(f.Type, g.Type):
			if !d.derived(at) {
				d.breaks("FIELD_CHANGED_KIND", at, f.Type.String(), g.Type.String())
			}
		default:
			d.arguments(at, f, g)
		}
	}
	for _, f := range after.Fields {
		if before.Kind == ast.InputObject && before.Fields.ForName(f.Name) == nil && f.Type.NonNull && f.DefaultValue == nil {
			d.breaks("REQUIRED_INPUT_FIELD_ADDED", before.Name+"."+f.Name, "", f.Type.String())
		}
	}
	for _, v := range before.EnumValues {
		if at := before.Name + "." + v.Name; after.EnumValues.ForName(v.Name) == nil && !d.derived(at) {
			d.breaks("VALUE_REMOVED_FROM_ENUM", at, v.Name, "")
		}
	}
}

// relations compares what a type belongs to, and what belongs to it.
func (d *differ) relations(before, after *ast.Definition) {
	for _, name := range before.Types {
		if !slices.Contains(after.Types, name) {
			d.breaks("TYPE_REMOVED_FROM_UNION", before.Name, name, "")
		}
	}
	for _, name := range before.Interfaces {
		if !slices.Contains(after.Interfaces, name) {
			d.breaks("IMPLEMENTED_INTERFACE_REMOVED", before.Name, name, "")
		}
	}
}

func (d *differ) arguments(field string, before, after *ast.FieldDefinition) {
	for _, a := range before.Arguments {
		at := field + "(" + a.Name + ":)"
		b := after.Arguments.ForName(a.Name)
		switch {
		case b == nil:
			d.breaks("ARG_REMOVED", at, a.Type.String(), "")
		case !safeInput(a.Type, b.Type):
			d.breaks("ARG_CHANGED_KIND", at, a.Type.String(), b.Type.String())
		case value(a.DefaultValue) != value(b.DefaultValue):
			d.breaks("ARG_DEFAULT_VALUE_CHANGE", at, value(a.DefaultValue), value(b.DefaultValue))
		}
	}
	for _, b := range after.Arguments {
		if before.Arguments.ForName(b.Name) == nil && b.Type.NonNull && b.DefaultValue == nil {
			d.breaks("REQUIRED_ARG_ADDED", field+"("+b.Name+":)", "", b.Type.String())
		}
	}
}

func value(v *ast.Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}

// derived reports whether an element went because of a field that is told of itself, or with its entity. A root goes
// with its entity too.
func (d *differ) derived(element string) bool {
	root, isRoot := strings.CutPrefix(element, "Query.")
	if r := d.old.Roots[root]; isRoot && r != nil {
		return d.next.Entities[r.Entity.Name] == nil
	}
	return slices.ContainsFunc(d.old.Depends[element], func(c privacy.Coordinate) bool {
		return string(c) != element && d.touched[c]
	})
}

// emptied reports whether a derived type is gone: then all that it was derived of is.
func (d *differ) emptied(name string) bool {
	return d.next.Schema.Types[name] == nil && d.old.Entities[name] == nil && !d.old.control[name]
}

// safeOutput reports whether a reader of before can read after.
func safeOutput(before, after *ast.Type) bool {
	if before.NonNull && !after.NonNull || (before.Elem == nil) != (after.Elem == nil) {
		return false
	}
	if before.Elem != nil {
		return safeOutput(before.Elem, after.Elem)
	}
	return before.NamedType == after.NamedType
}

// safeInput reports whether what was written for before can be written for after.
func safeInput(before, after *ast.Type) bool { return safeOutput(after, before) }
