package compose

import (
	"cmp"
	"slices"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/policy"
	"concordat/privacy"
)

// draft is an entity on its way: what will stand in the supergraph, and the declarations it comes from.
type draft struct {
	entity   *Entity
	declared []*declaration
	fields   []*draftField
	ps       *problems
}

// draftField is a field with every declaration of it, in order of file.
type draftField struct {
	field *Field
	said  []said
}

// said is one agency's declaration of a field.
type said struct {
	by *declaration
	as *declaredField
}

func (d *draft) name() string { return d.entity.Name }

func (d *draft) field(name string) *draftField {
	for _, f := range d.fields {
		if f.field.Name == name {
			return f
		}
	}
	return nil
}

// column is a field that is a column, nil where there is none of that name.
func (d *draft) column(name string) *Field {
	if f := d.field(name); f != nil && f.field.Scalar != "" {
		return f.field
	}
	return nil
}

// place is where the type is first declared.
func (d *draft) place() place { return at(d.declared[0].file, d.declared[0].def.Position) }

// mergeEntities makes one draft of each type, in order of first declaration.
func mergeEntities(declared *declarations, ps *problems) []*draft {
	drafts := make([]*draft, 0, len(declared.order))
	for _, name := range declared.order {
		d := &draft{entity: named(name), declared: declared.byType[name], ps: ps}
		d.mergeFields()
		d.mergeParts()
		d.mergeKey()
		drafts = append(drafts, d)
	}
	return drafts
}

// named is an entity with the names of its derived types.
func named(t string) *Entity {
	return &Entity{
		Name: t, Connection: t + "Connection", Edge: t + "Edge", Filter: t + "Filter", OrderInput: t + "Order",
		FieldEnum: t + "Field", Aggregate: t + "Aggregate", Group: t + "Group", GroupKey: t + "GroupKey",
		GroupInput: t + "GroupBy", GroupEnum: t + "GroupField",
	}
}

func (d *draft) mergeFields() {
	for _, by := range d.declared {
		for _, as := range by.fields {
			d.mergeField(said{by, as})
		}
	}
	for _, f := range d.fields {
		d.classify(f)
	}
}

func (d *draft) mergeField(s said) {
	name := s.as.def.Name
	coordinate := d.name() + "." + name
	f := d.field(name)
	if f == nil {
		f = &draftField{field: &Field{Name: name, Coordinate: privacy.Coordinate(coordinate)}}
		if t := s.as.def.Type.Name(); isScalar(t) {
			f.field.Scalar, f.field.Kind = t, scalars[t].kind
		}
		d.fields = append(d.fields, f)
	}
	for _, earlier := range f.said {
		if !d.agree(earlier, s, coordinate) {
			return
		}
	}
	f.said = append(f.said, s)
	f.field.Required = s.as.def.Type.NonNull && (f.field.Required || len(f.said) == 1)
	d.mergeExamples(f.field, s.as)
	if !slices.Contains(f.field.Agencies, s.by.agency) {
		f.field.Agencies = append(f.field.Agencies, s.by.agency)
		slices.Sort(f.field.Agencies)
	}
}

// mergeExamples adds a declaration's @example, each of which has to be a value of the column.
func (d *draft) mergeExamples(f *Field, as *declaredField) {
	for _, text := range as.examples {
		if f.Scalar == "" || !cell.Append(privacy.NewColumn(f.Name, f.Coordinate, f.Kind, 1), []byte(text)) {
			d.ps.add(as.exampleAt, string(f.Coordinate), DirectiveArgument, "@example: the values are not of the field's type")
			return
		}
		if !slices.Contains(f.Examples, text) {
			f.Examples = append(f.Examples, text)
		}
	}
}

// agree compares two declarations of one field. Nullability is the agency's own matter: all is exposed nullable.
func (d *draft) agree(a, b said, coordinate string) bool {
	if a.by.agency == b.by.agency && (len(a.by.sources) == 0 || len(b.by.sources) == 0) {
		d.ps.add(b.as.at, coordinate, DuplicateField, "%s declares the field also in %s:%d",
			b.by.agency, a.as.at.file, a.as.at.line)
		return false
	}
	if a.as.def.Type.Name() != b.as.def.Type.Name() || a.as.many() != b.as.many() {
		d.ps.add(b.as.at, coordinate, FieldTypeMismatch, "the type is %s here and %s in %s:%d",
			b.as.def.Type, a.as.def.Type, a.as.at.file, a.as.at.line)
		return false
	}
	return true
}

// classify gives a field the strictest of its classes: whoever reads the union reads each agency's rows.
func (d *draft) classify(f *draftField) {
	column := f.field.Scalar != ""
	f.field.Classification = harmless
	for _, s := range f.said {
		if s.as.classification == "" && column {
			d.warnUnclassified(f, s)
		}
		f.field.Classification = stricter(f.field.Classification, s.class(column))
		f.field.Hierarchy = cmp.Or(f.field.Hierarchy, s.as.hierarchy)
	}
	for _, s := range f.said {
		if class := s.class(column); s.as.classification != "" && class != f.field.Classification {
			d.ps.add(s.as.at, string(f.field.Coordinate), ClassificationsVary,
				"%s here, but another agency's declaration makes it %s", class, f.field.Classification)
		}
	}
}

func (d *draft) warnUnclassified(f *draftField, s said) {
	if s.as.def.Directives.ForName("classify") != nil {
		return // given, but wrong: reported already
	}
	d.ps.add(s.as.at, string(f.field.Coordinate), Unclassified, "the column has no @classify: it counts as %s", unclassified)
}

func (s said) class(column bool) string {
	switch {
	case s.as.classification != "":
		return s.as.classification
	case column:
		return unclassified
	}
	return harmless
}

func stricter(a, b string) string {
	if slices.Index(classes, a) >= slices.Index(classes, b) {
		return a
	}
	return b
}

// mergeParts makes a Part of each @source. A column that an extension declares belongs to its agency's sources.
func (d *draft) mergeParts() {
	seen := map[string]place{}
	for _, by := range d.declared {
		for _, b := range by.sources {
			if first, ok := seen[b.name]; ok {
				d.ps.add(b.at, d.name(), DuplicateSource, "the source %s is given also in %s:%d", b.name, first.file, first.line)
				continue
			}
			seen[b.name] = b.at
			d.entity.Parts = append(d.entity.Parts, &Part{
				Agency: by.agency, Source: b.name,
				Relation: source.Relation{Type: d.name(), Table: b.table, Columns: d.columns(by)},
			})
		}
		if len(by.sources) == 0 && by.extension {
			d.requireSource(by)
		}
	}
	slices.SortFunc(d.entity.Parts, func(a, b *Part) int { return cmp.Compare(a.Source, b.Source) })
}

// columns of a declaration's own source: those it declares and those that its agency's extensions add.
func (d *draft) columns(by *declaration) map[string]source.Column {
	columns := map[string]source.Column{}
	for _, f := range d.fields {
		for _, s := range f.said {
			own := s.by == by || s.by.agency == by.agency && len(s.by.sources) == 0
			if own && f.field.Scalar != "" {
				columns[f.field.Name] = source.Column{
					Coordinate: f.field.Coordinate, Physical: s.as.column, Kind: f.field.Kind,
				}
			}
		}
	}
	return columns
}

// requireSource reports columns of an extension by an agency that holds no rows of the type.
func (d *draft) requireSource(by *declaration) {
	if slices.ContainsFunc(d.declared, func(o *declaration) bool { return o.agency == by.agency && len(o.sources) > 0 }) {
		return
	}
	for _, f := range by.fields {
		if isScalar(f.def.Type.Name()) {
			d.ps.add(f.at, d.name()+"."+f.def.Name, NoSource,
				"%s holds no rows of %s, so that it cannot add a column", by.agency, d.name())
		}
	}
}

func (d *draft) mergeKey() {
	var first *declaration
	for _, by := range d.declared {
		switch {
		case by.key == nil:
		case first == nil:
			first = by
		case !sameNames(first.key, by.key):
			d.ps.add(by.keyAt, d.name(), KeyDiffers, "the first key is not that of %s:%d", first.keyAt.file, first.keyAt.line)
		}
	}
	if first == nil {
		if d.keyless() {
			d.ps.add(d.place(), d.name(), NoKey, "the type has no @key")
		}
		return
	}
	d.entity.Key = first.key
	for _, name := range first.key {
		d.checkKey(first, name)
	}
}

// keyless reports whether no declaration even tried to give a key; one that is wrong is reported already.
func (d *draft) keyless() bool {
	return !slices.ContainsFunc(d.declared, func(by *declaration) bool { return by.def.Directives.ForName("key") != nil })
}

func (d *draft) checkKey(first *declaration, name string) {
	column := d.column(name)
	if column == nil || len(scalars[column.Scalar].filters) == 0 {
		d.ps.add(first.keyAt, d.name(), KeyFieldUnknown, "%s is not a column that can be a key", name)
		return
	}
	for _, by := range d.declared {
		if len(by.sources) == 0 {
			continue
		}
		if _, ok := d.columns(by)[name]; !ok {
			d.ps.add(at(by.file, by.def.Position), d.name(), KeyFieldUnknown, "the key's column %s is missing here", name)
		}
	}
}

func sameNames(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// catalog lists each coordinate once for each agency that declares it.
func catalog(drafts []*draft) policy.Catalog {
	var c policy.Catalog
	for _, d := range drafts {
		for _, f := range d.entity.Fields {
			for _, agency := range f.Agencies {
				c.Fields = append(c.Fields, policy.Field{
					Coordinate: f.Coordinate, Agency: agency, Type: d.name(), Name: f.Name,
					Classification: f.Classification, Kind: f.Kind, Join: f.Join != nil,
					Computed: f.reads(d.name()),
				})
			}
		}
	}
	return c
}
