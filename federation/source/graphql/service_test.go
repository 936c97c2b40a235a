package graphql_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// service is a GraphQL service over a table that checks what it is asked: a document that is not GraphQL, or an
// argument it does not have, fails the test.
type service struct {
	t        testing.TB
	rel      *source.Relation
	rows     *privacy.Table
	requests int
	sent     int // rows

	documents map[string]int // what it was asked, by text
	typename  string         // what entities say they are; "Awkward" where empty
}

func (s *service) start() string {
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	return server.URL
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests++
	var body struct {
		Query     string
		Variables map[string]json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		s.t.Errorf("the request is not JSON: %v", err)
	}
	document, err := parser.ParseQuery(&ast.Source{Input: body.Query})
	if err != nil {
		s.t.Errorf("the document is not GraphQL: %v\n%s", err, body.Query)
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	if s.documents == nil {
		s.documents = map[string]int{}
	}
	s.documents[body.Query]++
	field := document.Operations[0].SelectionSet[0].(*ast.Field)
	w.Header().Set("Content-Type", "application/json")
	if field.Name == "_entities" {
		w.Write(s.found(field, body.Variables["representations"]))
		return
	}
	if field.Name == "_service" {
		text, _ := json.Marshal(subgraph)
		fmt.Fprintf(w, `{"data":{"_service":{"sdl":%s}}}`, text)
		return
	}
	for _, a := range field.Arguments {
		if a.Value.Kind == ast.Variable {
			a.Value = s.written(body.Variables[a.Value.Raw])
		}
	}
	w.Write(s.answer(field))
}

func (s *service) answer(field *ast.Field) []byte {
	limit, offset := 1<<30, 0
	where := predicate.Always()
	for _, a := range field.Arguments {
		switch a.Name {
		case "limit":
			limit, _ = strconv.Atoi(a.Value.Raw)
		case "offset":
			offset, _ = strconv.Atoi(a.Value.Raw)
		default:
			where = predicate.And(where, s.condition(a))
		}
	}
	all, err := eval.Run(s.rows, &source.Query{Relation: s.rel, Select: asked(field), Where: where, MaxRows: 1 << 30})
	if err != nil {
		s.t.Errorf("service: %v", err)
		return nil
	}
	b := []byte(`{"extensions":{"x":[{"y":[]},1e5,null]},"data":{"` + field.Alias + `":[`)
	for row := offset; row < min(all.Rows, offset+limit); row++ {
		if row > offset {
			b = append(b, ',')
		}
		s.sent++
		b = s.object(b, field, all, row)
	}
	return append(b, `]}}`...)
}

// written is a JSON value as a literal: what is sent is both.
func (s *service) written(raw json.RawMessage) *ast.Value {
	document, err := parser.ParseQuery(&ast.Source{Input: "{ f(a: " + string(raw) + ") }"})
	if err != nil {
		s.t.Errorf("a variable is missing, or no value: %s", raw)
		return &ast.Value{Kind: ast.NullValue}
	}
	return document.Operations[0].SelectionSet[0].(*ast.Field).Arguments[0].Value
}

// found answers _entities: at each place the row with that id, or null.
func (s *service) found(field *ast.Field, raw json.RawMessage) []byte {
	var representations []struct {
		Typename string `json:"__typename"`
		ID       string
	}
	if err := json.Unmarshal(raw, &representations); err != nil {
		s.t.Errorf("representations: %v", err)
	}
	fragment := field.SelectionSet[1].(*ast.InlineFragment)
	names := append([]string{"id"}, asked(&ast.Field{SelectionSet: fragment.SelectionSet})...)
	all, err := eval.Run(s.rows, &source.Query{Relation: s.rel, Select: names, Where: predicate.Always(), MaxRows: 1 << 30})
	if err != nil {
		s.t.Fatal(err)
	}
	rows := map[string]int{}
	for row := range all.Rows {
		rows[all.Columns[0].Text(row)] = row
	}
	b := []byte(`{"data":{"rows":[`)
	for i, r := range representations {
		if r.Typename != fragment.TypeCondition {
			s.t.Errorf("a %s is asked for as a %s", r.Typename, fragment.TypeCondition)
		}
		if i > 0 {
			b = append(b, ',')
		}
		row, ok := rows[r.ID]
		if !ok {
			b = append(b, "null"...)
			continue
		}
		s.sent++
		b = s.object(b, &ast.Field{SelectionSet: append(ast.SelectionSet{field.SelectionSet[0]}, fragment.SelectionSet...)}, all, row)
	}
	return append(b, `]}}`...)
}

// asked lists the selected fields, each once.
func asked(field *ast.Field) []string {
	var names []string
	for _, f := range field.SelectionSet {
		if name := f.(*ast.Field).Name; name != "__typename" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (s *service) object(b []byte, field *ast.Field, rows *privacy.Table, row int) []byte {
	b = append(b, '{')
	for i, f := range field.SelectionSet {
		f := f.(*ast.Field)
		if i > 0 {
			b = append(b, ',', ' ')
		}
		b = strconv.AppendQuote(b, f.Alias)
		b = append(b, ':')
		if f.Name == "__typename" {
			b = strconv.AppendQuote(b, cmp.Or(s.typename, "Awkward"))
			continue
		}
		next, err := privacy.AppendJSON(b, rows.Column(f.Name), row)
		if err != nil {
			s.t.Errorf("service: %v", err)
		}
		b = next
	}
	return append(b, '}')
}

// arguments of the service by name.
var arguments = map[string]struct {
	field string
	op    predicate.Op
}{
	"ids": {"id", predicate.Eq}, "tags": {"tag", predicate.Eq}, "flag": {"flag", predicate.Eq}, "other": {"other", predicate.Eq},
	"from": {"day", predicate.Gte}, "to": {"day", predicate.Lte}, "since": {"at", predicate.Gte}, "until": {"at", predicate.Lte},
	"least": {"small", predicate.Gte}, "most": {"small", predicate.Lte},
}

func (s *service) condition(a *ast.Argument) predicate.Predicate {
	known, ok := arguments[a.Name]
	if !ok {
		s.t.Errorf("the service has no argument %q", a.Name)
		return predicate.Never()
	}
	if a.Value.Kind != ast.ListValue {
		return predicate.Compare(known.field, known.op, s.value(known.field, a.Value))
	}
	var values []predicate.Value
	for _, child := range a.Value.Children {
		values = append(values, s.value(known.field, child.Value))
	}
	return predicate.In(known.field, values...)
}

func (s *service) value(field string, v *ast.Value) predicate.Value {
	kind := s.rel.Columns[field].Kind
	switch v.Kind {
	case ast.IntValue:
		n, err := strconv.ParseInt(v.Raw, 10, 32)
		if err == nil && kind == privacy.Int {
			return predicate.Int(n)
		}
	case ast.BooleanValue:
		return predicate.Bool(v.Raw == "true")
	case ast.StringValue, ast.BlockValue:
		if kind != privacy.Time {
			return predicate.String(v.Raw)
		}
		c := privacy.NewColumn("", "", privacy.Time, 1)
		if err := json.Unmarshal([]byte(fmt.Sprintf("%q", v.Raw)), new(string)); err == nil && appendTime(c, v.Raw) {
			return predicate.Micros(c.Int(0))
		}
	}
	s.t.Errorf("the argument for %s is not of its type: %s", field, v.String())
	return predicate.Value{}
}
