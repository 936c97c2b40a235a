package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// hiding is what the field rules of one owner could make invisible, whoever asks. Where those rules fail it is not
// known what they would have hidden, and a name that is shown as denied cannot be taken back: so all of it is hidden.
type hiding struct {
	everything bool        // some statement is computed in such a way that it could hide anything
	names      []statement // what the others name
}

// mayHide reports whether the rules could make field i of x invisible.
func (h hiding) mayHide(x *index, i int) bool {
	return h.everything || slices.ContainsFunc(h.names, func(s statement) bool {
		fields, _ := s.named(x)
		return slices.Contains(fields, i)
	})
}

func (h hiding) with(other hiding) hiding {
	return hiding{everything: h.everything || other.everything, names: append(h.names, other.names...)}
}

// findHiding is a compiler stage: names are resolved, so what a statement is made of is seen, and statements still stand
// in their rules' heads as their authors wrote them.
func (l *loader) findHiding() ast.CompilerStageDefinition {
	return ast.CompilerStageDefinition{Name: "FindHiding", MetricName: "compile_stage_find_hiding",
		Stage: func(c *ast.Compiler) *ast.Error {
			r := newReach(c.Modules)
			l.hides = map[AgencyID]hiding{}
			for _, name := range sortedKeys(l.owners) {
				var rules []*ast.Rule
				for _, rule := range c.Modules[name].Rules {
					if kind, _ := deciding(rule); kind == "fields" {
						rules = append(rules, rule)
					}
				}
				owner := l.owners[name]
				l.hides[owner] = l.hides[owner].with(hidingOf(r, rules))
			}
			return nil
		}}
}

// hidingOf reads what rules of `fields` could hide.
func hidingOf(r *reach, rules []*ast.Rule) hiding {
	var h hiding
	for _, rule := range rules {
		if rule.Head.Key == nil {
			continue // no set: refused by checkRule
		}
		statement, isObject := rule.Head.Key.Value.(ast.Object)
		if !isObject {
			h.everything = h.everything || r.couldHide(rule)
			continue
		}
		effect := statement.Get(ast.StringTerm("effect"))
		if effect != nil && !r.mayBeInvisible(rule, effect) {
			continue
		}
		if name, ok := namedBy(statement); ok {
			h.names = append(h.names, name)
		} else {
			h.everything = true
		}
	}
	return h
}

// mayBeInvisible reports whether an effect, as a rule's head writes it, could be that one.
func (r *reach) mayBeInvisible(rule *ast.Rule, effect *ast.Term) bool {
	if word, ok := effect.Value.(ast.String); ok {
		return effectNamed(string(word)) == Invisible
	}
	return r.couldHide(rule)
}

// namedBy reads the one name of a statement that is written out.
func namedBy(object ast.Object) (statement, bool) {
	value := map[string]any{}
	for _, key := range []string{"coordinate", "type", "classification"} {
		if term := object.Get(ast.StringTerm(key)); term != nil {
			name, ok := term.Value.(ast.String)
			if !ok {
				return statement{}, false
			}
			value[key] = string(name)
		}
	}
	d := decoded{}
	d.readNames(value)
	if len(d.names) != 1 {
		return statement{}, false
	}
	return d.names[0], true
}

// couldHide reports whether the word could come out of a rule: it stands in what the rule takes its answer from, or is
// read from data or from the request, or is put together of other text.
func (r *reach) couldHide(rule *ast.Rule) bool {
	w := &wordSearch{reach: r, seen: map[*ast.Rule]bool{}}
	w.rule(rule)
	return w.found
}

// wordSearch follows what a rule's answer is made of, through other rules. What a rule only asks, it leaves aside.
type wordSearch struct {
	reach *reach
	seen  map[*ast.Rule]bool
	found bool
}

func (w *wordSearch) rule(rule *ast.Rule) {
	if rule == nil || w.found || w.seen[rule] {
		return
	}
	w.seen[rule] = true
	w.visit(rule.Head)
	for _, e := range rule.Body {
		if !asks(e) {
			w.visit(e)
		}
	}
	w.rule(rule.Else)
}

func (w *wordSearch) visit(x any) {
	ast.WalkTerms(x, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.String:
			w.found = w.found || effectNamed(string(v)) == Invisible
		case ast.Call:
			w.found = w.found || makesWords(v[0].Value)
		}
		return w.found
	})
	ast.WalkExprs(x, func(e *ast.Expr) bool {
		if e.IsCall() && !e.IsEquality() && !e.IsAssignment() {
			w.found = w.found || makesWords(e.Operator())
		}
		return w.found
	})
	references(x, func(root ast.Var, path []string, _ *ast.Term) {
		switch {
		case root == "data" && agree(path, []string{"concordat"}) && len(path) > 0:
			for _, rule := range w.reach.named(path) {
				w.rule(rule)
			}
		case root == "input", root == "data" && !agree(path, []string{"fields"}): // the catalog's names are not that word
			w.found = true
		}
	})
}

// asks reports whether no word comes out of an expression: it only holds or does not, or gives a number.
func asks(e *ast.Expr) bool {
	if e.Negated {
		return true
	}
	switch terms := e.Terms.(type) {
	case *ast.Term:
		return len(ast.NewBody(e).Vars(ast.VarVisitorParams{SkipRefHead: true})) == 0
	case []*ast.Term:
		return !e.IsEquality() && !e.IsAssignment() && (isRule(terms[0].Value) || wordless(terms[0].Value))
	}
	return false
}

// wordless reports whether a built-in gives a truth or a number.
func wordless(operator ast.Value) bool {
	b, known := ast.BuiltinMap[operator.String()]
	if !known || b.Decl == nil {
		return false
	}
	switch b.Decl.Result().(type) {
	case types.Boolean, types.Number:
		return true
	}
	return false
}

// makesWords reports whether what is called could give a text that stood nowhere before.
func makesWords(operator ast.Value) bool {
	switch operator.String() {
	case "object.union", "object.union_n", "object.filter", "object.remove", "object.get", "object.keys", "array.concat", "union", "or", "and":
		return false
	}
	return !isRule(operator) && !wordless(operator)
}

func isRule(operator ast.Value) bool {
	ref, ok := operator.(ast.Ref)
	return ok && ref.HasPrefix(ast.DefaultRootRef)
}
