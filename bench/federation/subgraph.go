package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// object is a row or the query root: a field's value, an object, a list of them, or a resolver.
type object map[string]any

// resolver computes a field from its arguments.
type resolver func(arguments map[string]any) any

// subgraph is one small service over data in memory, that also answers for entities as Apollo Federation v2 asks:
// _entities(representations:). It validates nothing.
type subgraph struct {
	root object
	hits atomic.Int64
}

func (s *subgraph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.hits.Add(1)
	var question struct {
		Query     string
		Variables map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	document, err := parser.ParseQuery(&ast.Source{Input: question.Query})
	if err != nil || len(document.Operations) != 1 {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	x := &execution{document.Fragments, question.Variables}
	data := object{}
	x.fill(data, s.root, document.Operations[0].SelectionSet)
	text, err := json.Marshal(object{"data": data})
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text) //nolint:errcheck // the caller is gone
}

type execution struct {
	fragments ast.FragmentDefinitionList
	variables map[string]any
}

// fill adds the selected fields of an object to an answer.
func (x *execution) fill(into, from object, set ast.SelectionSet) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			value := from[s.Name]
			if resolve, ok := value.(resolver); ok {
				value = resolve(x.arguments(s))
			}
			into[s.Alias] = x.value(value, s.SelectionSet)
		case *ast.InlineFragment:
			if s.TypeCondition == "" || s.TypeCondition == from["__typename"] {
				x.fill(into, from, s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if f := x.fragments.ForName(s.Name); f != nil && f.TypeCondition == from["__typename"] {
				x.fill(into, from, f.SelectionSet)
			}
		}
	}
}

func (x *execution) value(value any, set ast.SelectionSet) any {
	switch v := value.(type) {
	case object:
		out := object{}
		x.fill(out, v, set)
		return out
	case []object:
		list := make([]any, len(v))
		for i, one := range v {
			list[i] = x.value(one, set)
		}
		return list
	}
	return value
}

func (x *execution) arguments(f *ast.Field) map[string]any {
	arguments := map[string]any{}
	for _, a := range f.Arguments {
		if v, err := a.Value.Value(x.variables); err == nil {
			arguments[a.Name] = v
		}
	}
	return arguments
}

// among are the objects whose field is in the argument's list; all, where there is none.
func among(all []object, field string, list any) []object {
	values, ok := list.([]any)
	if !ok {
		return all
	}
	wanted := map[string]bool{}
	for _, v := range values {
		wanted[fmt.Sprint(v)] = true
	}
	found := []object{}
	for _, o := range all {
		if wanted[o[field].(string)] {
			found = append(found, o)
		}
	}
	return found
}

// entities answers _entities from a function for each type.
func entities(byType map[string]func(representation map[string]any) object) resolver {
	return func(arguments map[string]any) any {
		representations, _ := arguments["representations"].([]any)
		found := make([]object, 0, len(representations))
		for _, r := range representations {
			representation, _ := r.(map[string]any)
			name, _ := representation["__typename"].(string)
			if make, ok := byType[name]; ok {
				found = append(found, make(representation))
			}
		}
		return found
	}
}
