package compose

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"concordat/policy"
)

// declarations are what the files say, type by type, in order of file.
type declarations struct {
	byType    map[string][]*declaration
	order     []string
	abstracts []abstractDeclaration // interfaces and unions
	unread    bool                  // a file could not be read, so that what is not here may still exist
}

// declaration is one `type` or `extend type` of one file.
type declaration struct {
	file      string
	agency    policy.AgencyID
	def       *ast.Definition
	extension bool
	sources   []binding
	key       []string
	keyAt     place
	fusion    *ast.Directive
	fusionAt  place
	fields    []*declaredField
}

// binding is one @source.
type binding struct {
	name, table string
	at          place
}

// declaredField is one field of a declaration with its directives read.
type declaredField struct {
	def            *ast.FieldDefinition
	at             place
	column         string // physical name
	classification string // "" where not given
	hierarchy      string
	join           *ast.Directive
	joinAt         place
	computed       *ast.Directive // @ner
	computedAt     place
	deprecated     *ast.Directive
	secure         *ast.Directive
	secureAt       place
	examples       []string // @example
	exampleAt      place
	survivorship   *ast.Directive
	survivorshipAt place
}

// many reports whether the field's type is a list.
func (f *declaredField) many() bool { return f.def.Type.Elem != nil }

// reader turns files into declarations.
type reader struct {
	out     *declarations
	grammar *grammar
	control *controlPlane
	sources []string
	ps      *problems
}

func readDeclarations(files []File, sources []string, control *controlPlane, ps *problems) *declarations {
	r := &reader{
		out:     &declarations{byType: map[string][]*declaration{}},
		grammar: newGrammar(ps), control: control, sources: sources, ps: ps,
	}
	for _, f := range files {
		r.file(f)
	}
	r.requireDefinitions()
	r.requireOwnSources(files)
	return r.out
}

func (r *reader) file(f File) {
	start := place{f.Name, 1}
	switch {
	case !agencyName.MatchString(string(f.Agency)):
		r.ps.add(start, "", AgencyInvalid, "%q is not an agency's name", string(f.Agency))
	case f.Agency == "gateway":
		r.ps.add(start, "", NameReserved, "the agency name gateway is the gateway's own")
	}
	if len(f.Text) > MaxFile {
		r.out.unread = true
		r.ps.add(start, "", FileTooLarge, "the file has %d bytes, at most %d are read", len(f.Text), MaxFile)
		return
	}
	if line, ok := firstBadLine(f.Text); ok {
		r.out.unread = true
		r.ps.add(place{f.Name, line}, "", InvalidUTF8, "the file is not UTF-8")
		return
	}
	doc, err := parser.ParseSchema(&ast.Source{Name: f.Name, Input: strings.TrimPrefix(f.Text, "\ufeff")})
	if err != nil {
		r.out.unread = true
		r.ps.add(syntaxPlace(f.Name, err), "", SDLSyntax, "%s", syntaxMessage(err))
		return
	}
	r.document(f, doc)
}

// firstBadLine finds the line of the first byte that is not UTF-8.
func firstBadLine(text string) (int, bool) {
	if utf8.ValidString(text) {
		return 0, false
	}
	for line, s := range strings.Split(text, "\n") {
		if !utf8.ValidString(s) {
			return line + 1, true
		}
	}
	return 1, true
}

func (r *reader) document(f File, doc *ast.SchemaDocument) {
	for _, s := range append(doc.Schema, doc.SchemaExtension...) {
		r.ps.add(at(f.Name, s.Position), "", NotSupported, "roots are derived: leave `schema` out")
	}
	for _, d := range append(doc.Directives, doc.DirectiveExtensions...) {
		r.ps.add(at(f.Name, d.Position), "@"+d.Name, NotSupported, "directives are given: leave the definition out")
	}
	for _, d := range doc.Definitions {
		r.definition(f, d, false)
	}
	for _, d := range doc.Extensions {
		r.definition(f, d, true)
	}
}

func (r *reader) definition(f File, def *ast.Definition, extension bool) {
	where := at(f.Name, def.Position)
	switch {
	case def.Name == namedEntity:
		r.ps.add(where, def.Name, NameReserved, "the type %s is given: leave the definition out", def.Name)
		return
	case def.Kind == ast.Scalar && isScalar(def.Name):
		return // restating a given scalar helps editors and changes nothing
	case def.Name == "Mutation" || def.Name == "Subscription":
		r.ps.add(where, def.Name, NotSupported, "agencies are read only: a %s is not taken", strings.ToLower(def.Name))
		return
	case r.control.reserved(def.Name):
		r.ps.add(where, def.Name, NameReserved, "the name %s is the gateway's own", def.Name)
		return
	case def.Kind == ast.Interface || def.Kind == ast.Union:
		r.abstract(f, def, extension)
		return
	case def.Kind != ast.Object:
		r.ps.add(where, def.Name, NotSupported, "an agency declares object types, interfaces and unions, not %s", kindName(def.Kind))
		return
	}
	d := &declaration{file: f.Name, agency: f.Agency, def: def, extension: extension}
	r.typeDirectives(d)
	for _, field := range def.Fields {
		r.field(d, field)
	}
	if r.out.byType[def.Name] == nil {
		r.out.order = append(r.out.order, def.Name)
	}
	r.out.byType[def.Name] = append(r.out.byType[def.Name], d)
}

func kindName(k ast.DefinitionKind) string {
	return strings.ToLower(strings.ReplaceAll(string(k), "_", " "))
}

func (r *reader) typeDirectives(d *declaration) {
	for _, dir := range r.grammar.check(d.file, d.def.Name, d.def.Directives, ast.LocationObject) {
		where := at(d.file, dir.Position)
		switch dir.Name {
		case "source":
			r.source(d, dir, where)
		case "key":
			r.key(d, dir, where)
		case "fusion":
			d.fusion, d.fusionAt = dir, where
		}
	}
	if !d.extension && d.def.Directives.ForName("source") == nil {
		r.ps.add(at(d.file, d.def.Position), d.def.Name, NoSource,
			"the type has no @source; to add relations to another agency's type write `extend type %s`", d.def.Name)
	}
}

func (r *reader) source(d *declaration, dir *ast.Directive, where place) {
	b := binding{name: argument(dir, "name"), table: argument(dir, "table"), at: where}
	if b.name == "" {
		b.name = string(d.agency)
	}
	if r.sources != nil && !slices.Contains(r.sources, b.name) {
		r.ps.add(where, d.def.Name, SourceUnknown, "there is no source %q", b.name)
	}
	d.sources = append(d.sources, b)
}

// key keeps the first @key; a further one is only checked for its form.
func (r *reader) key(d *declaration, dir *ast.Directive, where place) {
	names := strings.Fields(strings.ReplaceAll(argument(dir, "fields"), ",", " "))
	for i, name := range names {
		if !graphQLName.MatchString(name) || slices.Contains(names[:i], name) {
			r.ps.add(where, d.def.Name, KeyFieldUnknown, "a key is a list of different columns of the type")
			return
		}
	}
	if len(names) == 0 {
		r.ps.add(where, d.def.Name, KeyFieldUnknown, "the key is empty")
		return
	}
	if d.key == nil {
		d.key, d.keyAt = names, where
	}
}

func (r *reader) field(d *declaration, def *ast.FieldDefinition) {
	coordinate := d.def.Name + "." + def.Name
	where := at(d.file, def.Position)
	if len(def.Arguments) > 0 {
		r.ps.add(where, coordinate, NotSupported, "an agency's field takes no arguments")
	}
	if reservedField(def.Name) {
		r.ps.add(where, coordinate, NameReserved, "the name %s is the gateway's own", def.Name)
		return
	}
	if slices.ContainsFunc(d.fields, func(f *declaredField) bool { return f.def.Name == def.Name }) {
		r.ps.add(where, coordinate, DuplicateField, "the field is declared twice")
		return
	}
	f := &declaredField{def: def, at: where, column: def.Name}
	for _, dir := range r.grammar.check(d.file, coordinate, def.Directives, ast.LocationFieldDefinition) {
		r.fieldDirective(f, dir, at(d.file, dir.Position))
	}
	if r.typed(f, coordinate) {
		d.fields = append(d.fields, f)
	}
}

func (r *reader) fieldDirective(f *declaredField, dir *ast.Directive, where place) {
	switch dir.Name {
	case "column":
		f.column = argument(dir, "name")
	case "classify":
		f.classification, f.hierarchy = argument(dir, "as"), argument(dir, "hierarchy")
	case "join":
		f.join, f.joinAt = dir, where
	case "ner":
		f.computed, f.computedAt = dir, where
	case "deprecated":
		f.deprecated = dir
	case "secure":
		f.secure, f.secureAt = dir, where
	case "survivorship":
		f.survivorship, f.survivorshipAt = dir, where
	case "example":
		f.examples, f.exampleAt = argumentList(dir, "values"), where
	}
}

// typed checks the form of a field's type: a scalar is a column, all else a relation.
func (r *reader) typed(f *declaredField, coordinate string) bool {
	isJoin := f.def.Directives.ForName("join") != nil
	name := f.def.Type.Name()
	switch {
	case isComputed(f.def):
		return r.computed(f, coordinate)
	case f.many() && f.def.Type.Elem.Elem != nil:
		r.ps.add(f.at, coordinate, NotSupported, "lists of lists are not supported")
	case isScalar(name) && isJoin:
		r.ps.add(f.at, coordinate, JoinSyntax, "a relation's type is an agency's type, not a scalar")
	case isScalar(name) && f.many():
		r.ps.add(f.at, coordinate, NotSupported, "lists of scalars are not supported")
	case isJoin && f.def.Directives.ForName("column") != nil:
		r.ps.add(f.at, coordinate, DirectiveArgument, "a relation has no @column")
	default:
		return true
	}
	return false
}

// reservedField are names that collide with plumbing: introspection, the origin, logic in filters, and the three
// words that no enum value may be (specification, section 2.9.6).
func reservedField(name string) bool {
	switch name {
	case "_source", "_conflicts", "and", "or", "not", "true", "false", "null":
		return true
	}
	return strings.HasPrefix(name, "__")
}

// requireDefinitions reports extensions of what nobody defines, and drops them.
func (r *reader) requireDefinitions() {
	r.out.order = slices.DeleteFunc(r.out.order, func(name string) bool {
		list := r.out.byType[name]
		if slices.ContainsFunc(list, func(d *declaration) bool { return !d.extension }) {
			return false
		}
		for _, d := range list {
			if r.out.unread {
				break
			}
			r.ps.add(at(d.file, d.def.Position), name, UnknownType, "no agency declares the type %s", name)
		}
		delete(r.out.byType, name)
		return true
	})
}
