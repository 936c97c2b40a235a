package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"concordat/federation/source"
	"concordat/privacy"
)

// maxSDL is the largest schema that is read, in bytes.
const maxSDL = 4 << 20

// serviceSDL asks a subgraph for its schema (Apollo Federation subgraph specification, Query._service).
func (s *Source) serviceSDL(ctx context.Context) (*sdl, error) {
	body, err := s.answer(ctx, question{document: "{ _service { sdl } }"})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Service struct{ SDL string } `json:"_service"`
		}
		Errors []json.RawMessage
	}
	if json.NewDecoder(bytes.NewReader(body)).Decode(&answer) != nil || len(answer.Errors) > 0 || answer.Data.Service.SDL == "" {
		return nil, fmt.Errorf("the service says no schema, so that it is no subgraph: %w", source.ErrInvalid)
	}
	if len(answer.Data.Service.SDL) > maxSDL {
		return nil, fmt.Errorf("the service's schema is over %d bytes: %w", maxSDL, source.ErrTooLarge)
	}
	return readSDL(answer.Data.Service.SDL)
}

// sdl is a subgraph's schema: each type with its extensions.
type sdl struct {
	types map[string]*ast.Definition
	order []string
}

func readSDL(text string) (*sdl, error) {
	doc, err := parser.ParseSchemaWithLimit(&ast.Source{Name: "_service", Input: text}, 200_000)
	if err != nil {
		return nil, fmt.Errorf("the service's schema cannot be read: %w", source.ErrInvalid)
	}
	s := &sdl{types: map[string]*ast.Definition{}}
	for _, d := range append(doc.Definitions, doc.Extensions...) {
		have := s.types[d.Name]
		if have == nil {
			s.types[d.Name] = d
			s.order = append(s.order, d.Name)
			continue
		}
		have.Fields = append(have.Fields, d.Fields...)
		have.Directives = append(have.Directives, d.Directives...)
	}
	s.rename(doc)
	return s, nil
}

// rename gives a query root of another name its usual one too.
func (s *sdl) rename(doc *ast.SchemaDocument) {
	for _, def := range append(doc.Schema, doc.SchemaExtension...) {
		for _, o := range def.OperationTypes {
			if o.Operation == ast.Query && s.types[o.Type] != nil {
				s.types["Query"] = s.types[o.Type]
			}
		}
	}
}

func (s *sdl) field(typeName, field string) *ast.FieldDefinition {
	t := s.types[typeName]
	if t == nil {
		return nil
	}
	return t.Fields.ForName(field)
}

// keys of a type that _entities takes, each as it is written.
func (s *sdl) keys(typeName string) []string {
	t := s.types[typeName]
	if t == nil {
		return nil
	}
	var out []string
	for _, d := range t.Directives {
		if d.Name != "key" && !strings.HasSuffix(d.Name, "__key") {
			continue
		}
		fields, resolvable := d.Arguments.ForName("fields"), d.Arguments.ForName("resolvable")
		if fields != nil && (resolvable == nil || resolvable.Value.Raw != "false") {
			out = append(out, strings.Join(strings.Fields(fields.Value.Raw), " "))
		}
	}
	return out
}

// CheckService compares the configuration and the relations with the schema that the subgraph says it has, and learns
// the types of arguments from it. It is called once, before the first Fetch. A source that is no Subgraph is not asked.
func (s *Source) CheckService(ctx context.Context, relations []*source.Relation) error {
	if !s.Subgraph || source.OnlyPlans(ctx) {
		return nil
	}
	schema, err := s.serviceSDL(ctx)
	if err != nil {
		return err
	}
	var errs []error
	tables := map[string]Table{}
	for name, t := range s.Tables {
		tables[name] = t
	}
	for _, r := range relations {
		t, err := schema.table(r, tables[r.Table])
		if err == nil && s.Page != nil && t.Field != "" {
			err = schema.paged(t.Field, s.Page)
		}
		tables[r.Table] = t
		errs = append(errs, err)
	}
	s.Tables = tables
	return errors.Join(errs...)
}

// table checks one relation, and is its table with every argument's type.
func (s *sdl) table(r *source.Relation, t Table) (Table, error) {
	var errs []error
	if t.Field != "" {
		list := s.field("Query", t.Field)
		switch {
		case list == nil:
			errs = append(errs, invalid("Query."+t.Field, "is no field of the service"))
		case list.Type.Elem == nil || list.Type.Elem.Elem != nil:
			errs = append(errs, invalid("Query."+t.Field, "is no list"))
		default:
			errs = append(errs, s.columns(r, list.Type.Name()))
			var err error
			t.Arguments, err = typed(t, list)
			errs = append(errs, err)
		}
	}
	if t.Entity != nil {
		errs = append(errs, s.columns(r, t.Entity.Type), s.entity(r, t.Entity))
	}
	return t, errors.Join(errs...)
}

func (s *sdl) entity(r *source.Relation, e *Entity) error {
	key := r.Columns[e.Key].Physical
	for _, k := range s.keys(e.Type) {
		if k == key {
			return nil
		}
	}
	return invalid(e.Type, "has no @key of "+key+" alone that the service resolves")
}

// columns checks that a type of the service has each column, of a scalar that the column's kind is read from.
func (s *sdl) columns(r *source.Relation, typeName string) error {
	var errs []error
	for _, c := range r.Columns {
		f := s.field(typeName, c.Physical)
		switch {
		case f == nil:
			errs = append(errs, invalid(string(c.Coordinate), "is no field of the service's "+typeName))
		case !s.fits(f.Type, c.Kind):
			errs = append(errs, invalid(string(c.Coordinate), "has another type in the service"))
		}
		if f != nil && needsArgument(f) {
			errs = append(errs, invalid(string(c.Coordinate), "needs an argument in the service"))
		}
	}
	return errors.Join(errs...)
}

func needsArgument(f *ast.FieldDefinition) bool {
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			return true
		}
	}
	return false
}

// fits says which of the service's types a kind is read from. Scalars of the service's own are judged by their values.
func (s *sdl) fits(t *ast.Type, k privacy.Kind) bool {
	if k == privacy.JSON {
		return t.Elem == nil && (s.types[t.Name()] == nil || s.types[t.Name()].Kind == ast.Scalar)
	}
	if t.Elem != nil {
		return false
	}
	number := k == privacy.BigInt || k == privacy.Decimal
	switch t.Name() {
	case "Int":
		return k == privacy.Int || k == privacy.Float || number
	case "Float":
		return k == privacy.Float || number
	case "Boolean":
		return k == privacy.Bool
	case "String", "ID":
		return k != privacy.Int && k != privacy.Float && k != privacy.Bool
	}
	def := s.types[t.Name()]
	return def == nil || def.Kind == ast.Scalar || def.Kind == ast.Enum && k == privacy.String
}

// typed gives the arguments the types that the service says, and refuses ones that it does not have.
func typed(t Table, list *ast.FieldDefinition) (map[string]Arguments, error) {
	out := map[string]Arguments{}
	var errs []error
	one := func(configured string, many bool) string {
		if configured == "" {
			return ""
		}
		a := argumentOf(configured)
		def := list.Arguments.ForName(a.name)
		if def == nil || (def.Type.Elem != nil) != many {
			errs = append(errs, invalid("Query."+t.Field+"("+a.name+":)", "is no such argument of the service"))
			return configured
		}
		return a.name + ": " + def.Type.String()
	}
	for field, a := range t.Arguments {
		out[field] = Arguments{In: one(a.In, true), Eq: one(a.Eq, false), Gte: one(a.Gte, false), Lte: one(a.Lte, false)}
	}
	return out, errors.Join(errs...)
}

func (s *sdl) paged(list string, p *Page) error {
	f := s.field("Query", list)
	if f == nil {
		return nil // reported already
	}
	for _, name := range []string{p.Limit, p.Offset} {
		if a := f.Arguments.ForName(name); a == nil || a.Type.Name() != "Int" || a.Type.Elem != nil {
			return invalid("Query."+list+"("+name+":)", "is no argument of type Int of the service")
		}
	}
	return nil
}

func invalid(coordinate, what string) error {
	return fmt.Errorf("%s %s: %w", coordinate, what, source.ErrInvalid)
}
