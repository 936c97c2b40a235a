package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/policy"
	"concordat/privacy"
)

// Abstract is an interface that agencies' types implement, or a union of such types: rows of several types, perhaps of
// several agencies, in one list. It has no rows and no rules of its own: each row stands under those of its type.
type Abstract struct {
	Name   string
	Types  []string // the entities, in order of name
	Fields []*Field // of an interface: the columns that each of them has; none of a union

	Connection, Edge, Filter, OrderInput, FieldEnum string // names of derived types
}

// abstractDeclaration is one `interface` or `union` of one file.
type abstractDeclaration struct {
	file   string
	agency policy.AgencyID
	def    *ast.Definition
}

// abstractDraft is an abstract type on its way. Its draft has its name, place and fields, and no rows.
type abstractDraft struct {
	*draft
	abstract *Abstract
	declared []abstractDeclaration
	types    []*draft
}

// abstract reads an interface or a union.
func (r *reader) abstract(f File, def *ast.Definition, extension bool) {
	where := at(f.Name, def.Position)
	switch {
	case extension:
		r.ps.add(where, def.Name, NotSupported, "an interface or union is declared whole, or said again by another agency: it is not extended")
		return
	case len(def.Interfaces) > 0:
		r.ps.add(where, def.Name, NotSupported, "an interface does not implement another")
		return
	case len(def.Directives) > 0:
		r.ps.add(where, def.Name, NotSupported, "an interface or union has no directives: its types have")
		return
	}
	for _, field := range def.Fields {
		r.abstractField(f, def, field)
	}
	r.out.abstracts = append(r.out.abstracts, abstractDeclaration{f.Name, f.Agency, def})
}

func (r *reader) abstractField(f File, def *ast.Definition, field *ast.FieldDefinition) {
	where, coordinate := at(f.Name, field.Position), def.Name+"."+field.Name
	switch {
	case reservedField(field.Name):
		r.ps.add(where, coordinate, NameReserved, "the name %s is the gateway's own", field.Name)
	case !isScalar(field.Type.Name()) || field.Type.Elem != nil:
		r.ps.add(where, coordinate, NotSupported, "a field of an interface is a column: a scalar, no list and no relation")
	case len(field.Arguments) > 0 || len(field.Directives) > 0:
		r.ps.add(where, coordinate, NotSupported, "a field of an interface has neither arguments nor directives")
	}
}

// resolveAbstracts puts the declarations of each abstract type together and finds its types among the drafts.
func resolveAbstracts(declared *declarations, drafts []*draft, ps *problems) []*abstractDraft {
	var out []*abstractDraft
	byName := map[string]*abstractDraft{}
	for _, d := range declared.abstracts {
		a := byName[d.def.Name]
		if a == nil {
			a = newAbstractDraft(d, ps)
			byName[d.def.Name] = a
			out = append(out, a)
		}
		a.declared = append(a.declared, d)
	}
	for _, d := range drafts {
		d.implement(byName, declared.unread)
	}
	for _, a := range out {
		a.agree()
		a.members(drafts, declared.unread)
	}
	return out
}

func newAbstractDraft(d abstractDeclaration, ps *problems) *abstractDraft {
	e := named(d.def.Name)
	a := &abstractDraft{
		draft:    &draft{entity: e, declared: []*declaration{{file: d.file, agency: d.agency, def: d.def}}, ps: ps},
		abstract: &Abstract{Name: e.Name, Connection: e.Connection, Edge: e.Edge, Filter: e.Filter, OrderInput: e.OrderInput, FieldEnum: e.FieldEnum},
	}
	for _, f := range d.def.Fields {
		e.Fields = append(e.Fields, &Field{Name: f.Name, Coordinate: privacy.Coordinate(e.Name + "." + f.Name),
			Scalar: f.Type.Name(), Kind: scalars[f.Type.Name()].kind})
	}
	a.abstract.Fields = e.Fields
	return a
}

// implement adds a type to the interfaces that it implements.
func (d *draft) implement(byName map[string]*abstractDraft, unread bool) {
	for _, by := range d.declared {
		for _, name := range by.def.Interfaces {
			where := at(by.file, by.def.Position)
			a := byName[name]
			switch {
			case by.extension:
				d.ps.add(where, d.name(), NotSupported, "only the agency that declares a type says what it implements")
			case a == nil && unread:
			case a == nil || a.declared[0].def.Kind != ast.Interface:
				d.ps.add(where, d.name(), UnknownType, "no agency declares the interface %s", name)
			case !slices.Contains(a.types, d):
				a.types = append(a.types, d)
				a.fits(d, where)
			}
		}
	}
}

// fits reports fields of an interface that a type does not have as columns.
func (a *abstractDraft) fits(d *draft, where place) {
	for _, f := range a.abstract.Fields {
		column := d.column(f.Name)
		switch {
		case column == nil:
			d.ps.add(where, d.name(), FieldTypeMismatch, "the type implements %s, but %s is no column of it", a.name(), f.Name)
		case column.Scalar != f.Scalar:
			d.ps.add(where, string(column.Coordinate), FieldTypeMismatch, "the type is %s here and %s in the interface %s", column.Scalar, f.Scalar, a.name())
		}
	}
}

// agree compares the declarations of several agencies: of an interface they are the same, a union's add up.
func (a *abstractDraft) agree() {
	first := a.declared[0]
	for _, d := range a.declared[1:] {
		if d.def.Kind != first.def.Kind || !sameFields(d.def.Fields, first.def.Fields) {
			a.ps.add(at(d.file, d.def.Position), a.name(), FieldTypeMismatch, "the declaration is not that of %s:%d", first.file, at(first.file, first.def.Position).line)
		}
	}
}

func sameFields(a, b ast.FieldList) bool {
	if len(a) != len(b) {
		return false
	}
	for _, f := range a {
		if other := b.ForName(f.Name); other == nil || other.Type.Name() != f.Type.Name() {
			return false
		}
	}
	return true
}

// members finds the types of a union, and refuses an abstract type that nothing is.
func (a *abstractDraft) members(drafts []*draft, unread bool) {
	for _, by := range a.declared {
		for _, name := range by.def.Types {
			i := slices.IndexFunc(drafts, func(d *draft) bool { return d.name() == name })
			switch {
			case i < 0 && !unread:
				a.ps.add(at(by.file, by.def.Position), a.name(), UnknownType, "no agency declares the type %s", name)
			case i >= 0 && !slices.Contains(a.types, drafts[i]):
				a.types = append(a.types, drafts[i])
			}
		}
	}
	for _, d := range a.types {
		if d.entity.Fusion != nil {
			a.ps.add(d.place(), d.name(), NotSupported, "a type with @fusion is in no interface and no union: %s", a.name())
		}
		a.abstract.Types = append(a.abstract.Types, d.name())
	}
	slices.Sort(a.abstract.Types)
	if len(a.types) == 0 && !unread {
		a.ps.add(a.place(), a.name(), NoImplementation, "no agency's type implements it")
	}
}

// abstract derives an abstract type, its place among the types and its root.
func (d *deriver) abstract(a *abstractDraft) {
	t := a.entity
	def := &ast.Definition{Kind: a.declared[0].def.Kind, Name: t.Name, Description: firstDescription(a.draft)}
	if def.Kind == ast.Union {
		def.Types = a.abstract.Types
	} else {
		d.implemented(def, a)
	}
	d.doc.Definitions = append(d.doc.Definitions, def)
	d.connection(a.draft)
	root := connectionField(connectionName(t.Name), t, "Rows of every type of "+t.Name+", page by page.")
	if !d.commonFields(a.draft) {
		root.Arguments = slices.DeleteFunc(root.Arguments, func(x *ast.ArgumentDefinition) bool { return x.Name == "where" || x.Name == "orderBy" })
	}
	d.query.Fields = append(d.query.Fields, d.gated("Query", root, "", typeOf(t)))
	d.sg.Roots[root.Name] = &Root{Kind: RootAbstract, Abstract: a.abstract}
	d.sg.Abstracts[t.Name] = a.abstract
}

// implemented gives an interface its fields, and its name to the types.
func (d *deriver) implemented(def *ast.Definition, a *abstractDraft) {
	for _, f := range a.abstract.Fields {
		said := a.declared[0].def.Fields.ForName(f.Name)
		def.Fields = append(def.Fields, d.gated(def.Name, field(f.Name, nullable(f.Scalar), said.Description), "", f.Coordinate))
	}
	origin := field("_source", nullable("String"), "The source that holds the row.")
	def.Fields = append(def.Fields, d.gated(def.Name, origin, "", typeOf(a.entity)))
	for _, name := range a.abstract.Types {
		object := d.doc.Definitions.ForName(name)
		object.Interfaces = append(object.Interfaces, def.Name)
	}
}

// commonFields derives filter and order over what all types have in common; false where that is nothing.
func (d *deriver) commonFields(e *draft) bool {
	t := e.entity
	if len(comparable(t)) == 0 {
		return false
	}
	fields := []*ast.FieldDefinition{
		d.gated(t.Filter, field("and", optionalList(t.Filter), "All of these hold."), "", typeOf(t)),
		d.gated(t.Filter, field("or", optionalList(t.Filter), "One of these holds."), "", typeOf(t)),
		d.gated(t.Filter, field("not", nullable(t.Filter), "This does not hold."), "", typeOf(t)),
	}
	enum := &ast.Definition{Kind: ast.Enum, Name: t.FieldEnum, Description: "Fields of " + t.Name + "."}
	for _, f := range comparable(t) {
		fields = append(fields, d.gated(t.Filter, field(f.Name, nullable(filterName(f.Scalar)), ""), "", f.Coordinate))
		d.gatedValue(enum, f)
	}
	d.add(ast.InputObject, t.Filter, "Conditions on "+t.Name+" rows; all given ones hold.", fields...)
	d.doc.Definitions = append(d.doc.Definitions, enum)
	direction := field("direction", required("Direction"), "")
	direction.DefaultValue = &ast.Value{Kind: ast.EnumValue, Raw: "ASC"}
	d.add(ast.InputObject, t.OrderInput, "One term of an order of "+t.Name+" rows. NULL is last in both directions.",
		d.gated(t.OrderInput, field("field", required(t.FieldEnum), ""), "", typeOf(t)),
		d.gated(t.OrderInput, direction, "", typeOf(t)))
	return true
}

// abstractNames are the names that an abstract type takes.
func abstractNames(t *Entity) []string {
	return []string{t.Connection, t.Edge, t.Filter, t.OrderInput, t.FieldEnum}
}

// abstractsVisible makes an abstract type visible where a type of it has rows for the subject, and a field of an
// interface where each of those types shows it: what one of them hides is no field of them all.
func (s *Supergraph) abstractsVisible(out sight) {
	for name, a := range s.Abstracts {
		types := slices.DeleteFunc(slices.Clone(a.Types), func(t string) bool { return !out.hasRows(t) })
		some := len(a.Fields) == 0 && len(types) > 0
		for _, f := range a.Fields {
			all := len(types) > 0
			for _, t := range types {
				all = all && out.visible[privacy.Coordinate(t+"."+f.Name)]
			}
			out.visible[f.Coordinate] = all
			some = some || all
		}
		out.visible[privacy.Coordinate(name)] = some
	}
}

// hasRows reports whether a type may have rows for the subject.
func (s sight) hasRows(typeName string) bool {
	return s.visible[privacy.Coordinate(typeName)] && !s.rowless[typeName]
}

// settle narrows unions, and the interfaces of types, to what is in the view.
func (v *viewer) settle() {
	here := func(name string) bool { return v.types[name] != nil }
	for name, def := range v.types {
		if v.free(def) {
			continue
		}
		interfaces, types := filtered(def.Interfaces, here), filtered(def.Types, here)
		if len(interfaces) == len(def.Interfaces) && len(types) == len(def.Types) {
			continue
		}
		kept := *def
		kept.Interfaces, kept.Types = interfaces, types
		v.types[name] = &kept
	}
}

// possible are the types that rows of an abstract type may have for the subject.
func (v *viewer) possible(def *ast.Definition) []string {
	a := v.sg.Abstracts[def.Name]
	if a == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.Types), func(t string) bool { return !v.sight.hasRows(t) || v.types[t] == nil })
}
