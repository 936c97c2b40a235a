package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"concordat/privacy"
)

// deriver builds the public schema of a set of drafts.
type deriver struct {
	sg    *Supergraph
	doc   *ast.SchemaDocument
	query *ast.Definition // extension of Query: the agencies' roots
	gates gates
}

// derive makes the supergraph of drafts that have no mistakes.
func derive(drafts []*draft, abstracts []*abstractDraft, control *controlPlane, ps *problems) *Supergraph {
	d := newDeriver()
	for _, e := range drafts {
		for _, f := range e.fields {
			e.entity.Fields = append(e.entity.Fields, f.field)
		}
		d.sg.Entities[e.name()] = e.entity
	}
	for _, e := range drafts {
		d.entity(e)
	}
	for _, a := range abstracts {
		d.abstract(a)
	}
	d.shared(control)
	d.sg.Catalog = catalog(drafts)
	doc := prelude()
	doc.Merge(control.doc)
	doc.Merge(d.doc)
	if len(d.query.Fields) > 0 {
		doc.Extensions = append(doc.Extensions, d.query)
	}
	schema, err := validator.ValidateSchemaDocument(doc)
	if err != nil {
		ps.add(syntaxPlace("schema", err), "", SchemaInvalid, "%s", syntaxMessage(err))
		return nil
	}
	delete(schema.Directives, "defer") // gqlparser's own; the gateway has no incremental delivery to promise
	d.sg.Schema, d.sg.gates, d.sg.control = schema, d.gates, control.types
	return d.sg
}

func newDeriver() *deriver {
	return &deriver{
		sg: &Supergraph{
			Entities: map[string]*Entity{}, Roots: map[string]*Root{}, Abstracts: map[string]*Abstract{}, Depends: map[string][]privacy.Coordinate{},
		},
		doc:   &ast.SchemaDocument{},
		query: &ast.Definition{Kind: ast.Object, Name: "Query"},
		gates: gates{fields: map[*ast.FieldDefinition]gate{}, values: map[*ast.EnumValueDefinition]gate{}},
	}
}

// entity derives everything that one type brings.
func (d *deriver) entity(e *draft) {
	d.object(e)
	d.connection(e)
	d.filter(e)
	d.order(e)
	d.aggregate(e)
	d.roots(e)
	d.secured(e)
}

// add puts a definition into the schema unless it would be empty.
func (d *deriver) add(kind ast.DefinitionKind, name, description string, fields ...*ast.FieldDefinition) bool {
	if len(fields) == 0 {
		return false
	}
	d.doc.Definitions = append(d.doc.Definitions, &ast.Definition{
		Kind: kind, Name: name, Description: description, Fields: fields,
	})
	return true
}

// gated makes a field of a derived type and says what it needs to exist. rows names the entity whose rows it shows.
func (d *deriver) gated(on string, f *ast.FieldDefinition, rows string, needs ...privacy.Coordinate) *ast.FieldDefinition {
	d.sg.Depends[on+"."+f.Name] = needs
	d.gates.fields[f] = gate{needs: needs, rows: rows}
	return f
}

// object derives the type that rows are read by.
func (d *deriver) object(e *draft) {
	members := map[string]Member{}
	var fields []*ast.FieldDefinition
	for _, f := range e.fields {
		fields = append(fields, d.member(e, f, members)...)
	}
	members["_source"] = Member{Role: RoleOrigin}
	origin := field("_source", nullable("String"), "The source that holds the row.")
	fields = append(fields, d.gated(e.name(), origin, "", typeOf(e.entity)))
	fields = append(fields, d.conflictsField(e, members)...)
	d.add(ast.Object, e.name(), firstDescription(e), fields...)
	e.entity.Members = members
}

func (d *deriver) member(e *draft, f *draftField, members map[string]Member) []*ast.FieldDefinition {
	text := f.description()
	join := f.field.Join
	if f.field.Computed != nil {
		members[f.field.Name] = Member{RoleComputed, f.field}
		public := f.deprecate(field(f.field.Name, optionalList(namedEntity), text))
		needs := []privacy.Coordinate{f.field.Coordinate, e.column(f.field.Computed.Text).Coordinate}
		return []*ast.FieldDefinition{d.gated(e.name(), public, "", needs...)}
	}
	if join == nil {
		members[f.field.Name] = Member{RoleScalar, f.field}
		public := f.deprecate(field(f.field.Name, nullable(f.field.Scalar), text))
		return []*ast.FieldDefinition{d.gated(e.name(), public, "", f.field.Coordinate)}
	}
	target := d.sg.Entities[join.Target]
	needs := []privacy.Coordinate{f.field.Coordinate, typeOf(target)}
	if !join.Many {
		members[f.field.Name] = Member{RoleJoinOne, f.field}
		public := f.deprecate(field(f.field.Name, nullable(target.Name), text))
		return []*ast.FieldDefinition{d.gated(e.name(), public, target.Name, needs...)}
	}
	beside := aggregateName(f.field.Name)
	members[f.field.Name] = Member{RoleJoinMany, f.field}
	members[beside] = Member{RoleJoinAggregate, f.field}
	rows := f.deprecate(connectionField(f.field.Name, target, text))
	groups := f.deprecate(aggregateField(beside, target, "Counts and measures over "+f.field.Name+"."))
	return []*ast.FieldDefinition{
		d.gated(e.name(), rows, target.Name, needs...),
		d.gated(e.name(), groups, "", needs...),
	}
}

// connection derives the Relay types (GraphQL Cursor Connections Specification).
func (d *deriver) connection(e *draft) {
	t := e.entity
	d.add(ast.Object, t.Connection, "A page of "+t.Name+" rows.",
		d.gated(t.Connection, field("totalCount", nullable("Int"), "Rows over all pages."), "", typeOf(t)),
		d.gated(t.Connection, field("edges", listOf(t.Edge), ""), t.Name, typeOf(t)),
		d.gated(t.Connection, field("nodes", listOf(t.Name), ""), t.Name, typeOf(t)),
		d.gated(t.Connection, field("pageInfo", required("PageInfo"), ""), "", typeOf(t)))
	d.add(ast.Object, t.Edge, "One of the "+t.Name+" rows and its place in the order.",
		d.gated(t.Edge, field("cursor", required("String"), ""), "", typeOf(t)),
		d.gated(t.Edge, field("node", required(t.Name), ""), t.Name, typeOf(t)))
}

// filter derives the conditions a caller may write.
func (d *deriver) filter(e *draft) {
	t := e.entity
	fields := []*ast.FieldDefinition{
		d.gated(t.Filter, field("and", optionalList(t.Filter), "All of these hold."), "", typeOf(t)),
		d.gated(t.Filter, field("or", optionalList(t.Filter), "One of these holds."), "", typeOf(t)),
		d.gated(t.Filter, field("not", nullable(t.Filter), "This does not hold."), "", typeOf(t)),
	}
	for _, f := range comparable(t) {
		fields = append(fields, d.gated(t.Filter, field(f.Name, nullable(filterName(f.Scalar)), ""), "", f.Coordinate))
	}
	for _, f := range t.Fields {
		if f.Join != nil {
			target := d.sg.Entities[f.Join.Target]
			related := field(f.Name, nullable(relationFilterName(target)), "")
			fields = append(fields, d.gated(t.Filter, related, target.Name, f.Coordinate, typeOf(target)))
		}
	}
	d.relationFilter(t)
	d.add(ast.InputObject, t.Filter, "Conditions on "+t.Name+" rows; all given ones hold.", fields...)
}

func relationFilterName(t *Entity) string { return t.Name + "RelationFilter" }

// relationFilter derives the conditions on rows that a relation leads to.
func (d *deriver) relationFilter(t *Entity) {
	name := relationFilterName(t)
	condition := func(as, description string) *ast.FieldDefinition {
		return d.gated(name, field(as, nullable(t.Filter), description), t.Name, typeOf(t))
	}
	d.add(ast.InputObject, name, "Conditions on related "+t.Name+" rows, of those that you may see; all given ones hold.",
		condition("some", "One of them meets these."), condition("every", "None of them fails these."), condition("none", "None of them meets these."))
}

// order derives the enum of fields and the terms that use it.
func (d *deriver) order(e *draft) {
	t := e.entity
	enum := &ast.Definition{Kind: ast.Enum, Name: t.FieldEnum, Description: "Fields of " + t.Name + "."}
	for _, f := range comparable(t) {
		d.gatedValue(enum, f)
	}
	d.doc.Definitions = append(d.doc.Definitions, enum)
	direction := field("direction", required("Direction"), "")
	direction.DefaultValue = &ast.Value{Kind: ast.EnumValue, Raw: "ASC"}
	d.add(ast.InputObject, t.OrderInput, "One term of an order of "+t.Name+" rows. NULL is last in both directions.",
		d.gated(t.OrderInput, field("field", required(t.FieldEnum), ""), "", typeOf(t)),
		d.gated(t.OrderInput, direction, "", typeOf(t)))
	d.groupBy(t)
}

// gatedValue adds a field as a value of an enum: it exists where the field does.
func (d *deriver) gatedValue(enum *ast.Definition, f *Field) {
	v := &ast.EnumValueDefinition{Name: f.Name}
	d.sg.Depends[enum.Name+"."+f.Name] = []privacy.Coordinate{f.Coordinate}
	d.gates.values[v] = gate{needs: []privacy.Coordinate{f.Coordinate}}
	enum.EnumValues = append(enum.EnumValues, v)
}

// roots derives the three agency fields of Query.
func (d *deriver) roots(e *draft) {
	t := e.entity
	many := connectionName(t.Name)
	one := field(byKeyName(t.Name), nullable(t.Name), "The "+t.Name+" with this key.")
	needs := []privacy.Coordinate{typeOf(t)}
	for _, name := range t.Key {
		column := e.column(name)
		one.Arguments = append(one.Arguments, &ast.ArgumentDefinition{Name: name, Type: required(column.Scalar)})
		needs = append(needs, column.Coordinate)
	}
	d.root(one, RootByKey, t, t.Name, needs...)
	d.root(connectionField(many, t, t.Name+" rows, page by page."), RootConnection, t, t.Name, typeOf(t))
	d.root(aggregateField(aggregateName(many), t, "Counts and measures over "+t.Name+" rows."), RootAggregate, t, "", typeOf(t))
}

func (d *deriver) root(f *ast.FieldDefinition, kind RootKind, t *Entity, rows string, needs ...privacy.Coordinate) {
	d.query.Fields = append(d.query.Fields, d.gated("Query", f, rows, needs...))
	d.sg.Roots[f.Name] = &Root{Kind: kind, Entity: t}
}

// typeOf is the coordinate of a type: visible where any of its fields is.
func typeOf(t *Entity) privacy.Coordinate { return privacy.Coordinate(t.Name) }

// comparable are the columns that can be filtered, ordered and grouped by.
func comparable(t *Entity) []*Field {
	return slices.DeleteFunc(slices.Clone(t.Fields), func(f *Field) bool { return len(scalars[f.Scalar].filters) == 0 })
}

func firstDescription(e *draft) string {
	for _, by := range e.declared {
		if by.def.Description != "" && !by.extension {
			return by.def.Description
		}
	}
	return ""
}

func (f *draftField) description() string {
	for _, s := range f.said {
		if s.as.def.Description != "" {
			return s.as.def.Description
		}
	}
	return ""
}

// deprecate carries an agency's @deprecated over; one agency's word is enough.
func (f *draftField) deprecate(public *ast.FieldDefinition) *ast.FieldDefinition {
	for _, s := range f.said {
		if s.as.deprecated != nil {
			public.Directives = ast.DirectiveList{{
				Name: "deprecated", Arguments: s.as.deprecated.Arguments, Location: ast.LocationFieldDefinition,
			}}
			break
		}
	}
	return public
}
