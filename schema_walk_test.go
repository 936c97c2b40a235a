package main

import (
	"fmt"
	"strings"
	"testing"
)

// introspected is a schema as a caller sees it.
type introspected struct {
	Schema struct {
		QueryType struct{ Fields []introspectedField }
		Types     []introspectedType
	} `json:"__schema"`
}

type introspectedType struct {
	Name, Kind  string
	Fields      []introspectedField
	InputFields []introspectedField
	EnumValues  []struct{ Name string }
}

type introspectedField struct {
	Name string
	Args []introspectedField
	Type introspectedRef
}

type introspectedRef struct {
	Name   string
	OfType *introspectedRef
}

// named is the type without lists and non-nulls.
func (r introspectedRef) named() string {
	for r.OfType != nil {
		r = *r.OfType
	}
	return r.Name
}

const introspection = `{ __schema { queryType { fields { ...F } } types { name kind fields { ...F } inputFields { name type { ...T } } enumValues { name } } } }
fragment F on __Field { name args { name type { ...T } } type { ...T } }
fragment T on __Type { name ofType { name ofType { name ofType { name ofType { name } } } } }`

// asker writes every question that a schema lets its caller ask, one field or join at a time.
type asker struct {
	types     map[string]introspectedType
	documents []string
}

func everything(t *testing.T, g *gateway, persona string) []string {
	t.Helper()
	a := g.ask(t, persona, introspection, nil)
	var s introspected
	mustDecode(t, a.Data, &s)
	w := &asker{types: map[string]introspectedType{}}
	for _, typ := range s.Schema.Types {
		w.types[typ.Name] = typ
	}
	for _, f := range s.Schema.QueryType.Fields {
		switch {
		case strings.HasSuffix(f.Name, "Aggregate"):
			w.aggregate(f)
		case w.argument(f, "first") != "" && w.argument(f, "orderBy") != "":
			w.list(f)
		}
	}
	if len(w.documents) < 5 {
		t.Fatalf("%s: only %d questions: %s", persona, len(w.documents), a.body)
	}
	return w.documents
}

func (w *asker) ask(format string, args ...any) {
	w.documents = append(w.documents, fmt.Sprintf(format, args...))
}

// argument is the named type of an argument, "" where there is none.
func (w *asker) argument(f introspectedField, name string) string {
	for _, a := range f.Args {
		if a.Name == name {
			return a.Type.named()
		}
	}
	return ""
}

func (w *asker) field(typ, name string) introspectedField {
	for _, f := range w.types[typ].Fields {
		if f.Name == name {
			return f
		}
	}
	return introspectedField{}
}

// leaves are the fields of a type that need no selection.
func (w *asker) leaves(typ string) (names []string) {
	for _, f := range w.types[typ].Fields {
		if kind := w.types[f.Type.named()].Kind; kind == "SCALAR" || kind == "ENUM" {
			names = append(names, f.Name)
		}
	}
	return names
}

// list asks for all fields of rows at once, for each join's, and for rows found, ordered and counted by each field.
func (w *asker) list(f introspectedField) {
	node := w.field(f.Type.named(), "nodes").Type.named()
	all := strings.Join(w.leaves(node), " ")
	w.ask("{ %s(first: 20) { totalCount nodes { %s } edges { cursor node { %s } } pageInfo { endCursor } } }", f.Name, all, all)
	for _, join := range w.types[node].Fields {
		switch to := join.Type.named(); {
		case strings.HasSuffix(join.Name, "Aggregate"):
		case w.types[to].Kind == "OBJECT" && w.field(to, "nodes").Name != "":
			w.ask("{ %s(first: 20) { nodes { %s(first: 20) { totalCount nodes { %s } } } } }", f.Name, join.Name,
				strings.Join(w.leaves(w.field(to, "nodes").Type.named()), " "))
		case w.types[to].Kind == "OBJECT":
			w.ask("{ %s(first: 20) { nodes { %s { %s } } } }", f.Name, join.Name, strings.Join(w.leaves(to), " "))
		}
	}
	for _, in := range w.types[w.argument(f, "where")].InputFields {
		w.ask(`{ %s(first: 20, where: {%s: {startsWith: "MK"}}) { totalCount nodes { %s } } }`, f.Name, in.Name, all)
		w.ask(`{ %s(first: 20, where: {%s: {isNull: false}}, orderBy: [{field: %s}]) { totalCount nodes { %s } } }`, f.Name, in.Name, in.Name, all)
	}
}

// aggregate asks for groups by each field and for each measure of each field.
func (w *asker) aggregate(f introspectedField) {
	groups := w.field(f.Type.named(), "groups").Type.named()
	for _, key := range w.leaves(w.field(groups, "key").Type.named()) {
		w.ask("{ %s(groupBy: [{field: %s}]) { groups { key { %s } count } withheld } }", f.Name, key, key)
	}
	for _, measure := range []string{"min", "max", "sum", "avg"} {
		for _, name := range w.leaves(w.field(groups, measure).Type.named()) {
			w.ask("{ %s { groups { %s { %s } } } }", f.Name, measure, name)
		}
	}
}
