package policy

import (
	"context"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// NeverApplies are those of the given rules (indexes into Rules) that hold for no request at all under the data they
// were loaded with. Each is partially evaluated with the whole input unknown, then once for each agreement and once
// for a caller without one; where nothing is ever left, no input can make the rule hold. It may miss some: a rule is
// named only where this is certain.
func (x *Inspector) NeverApplies(ctx context.Context, indexes []int, agreements []string) ([]Rule, error) {
	var out []Rule
	for _, i := range indexes {
		possible, err := x.possible(ctx, x.marks[i], agreements)
		if err != nil {
			return nil, err
		}
		if !possible {
			out = append(out, x.marks[i].Rule)
		}
	}
	return out, nil
}

func (x *Inspector) possible(ctx context.Context, m mark, agreements []string) (bool, error) {
	query := m.query()
	left, err := x.leftOf(ctx, query, nil, []*ast.Term{ast.NewTerm(ast.InputRootRef)})
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil || !left || !x.readsLeaves(m.rule) {
		return err != nil || left, nil
	}
	for _, id := range append([]string{""}, agreements...) {
		in := ast.NewObject(item("subject", ast.NewTerm(ast.NewObject(item("agreement", ast.StringTerm(id))))))
		left, err := x.leftOf(ctx, query, in, unknownButAgreement())
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil || left {
			return true, nil // an evaluation that fails says nothing
		}
	}
	return false, nil
}

// query asks for any element of a set, or for the rule itself.
func (m mark) query() ast.Body {
	ref := m.ref
	if m.Type == "" {
		ref = ref.Append(ast.VarTerm("x"))
	}
	return ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))
}

func (x *Inspector) leftOf(ctx context.Context, query ast.Body, in ast.Value, unknowns []*ast.Term) (bool, error) {
	options := []func(*rego.Rego){rego.ParsedQuery(query), rego.Compiler(x.world.compiler), rego.Store(x.world.store), rego.ParsedUnknowns(unknowns)}
	if in != nil {
		options = append(options, rego.ParsedInput(in))
	}
	left, err := rego.New(options...).Partial(ctx)
	return err == nil && len(left.Queries) > 0, err
}

func unknownButAgreement() []*ast.Term {
	out := []*ast.Term{inputAt("row")}
	for _, path := range sortedKeys(inputPaths()) {
		if path != "subject.agreement" {
			out = append(out, inputAt(path))
		}
	}
	return out
}

func inputAt(path string) *ast.Term {
	ref := ast.InputRootRef
	for _, part := range strings.Split(path, ".") {
		ref = ref.Append(ast.StringTerm(part))
	}
	return ast.NewTerm(ref)
}

// readsLeaves reports whether a rule reads the input only by complete paths, so that part of it can be known and the
// rest not.
func (x *Inspector) readsLeaves(rule *ast.Rule) bool {
	reached, _ := x.reach.closure([]*ast.Rule{rule})
	whole := true
	for rule := range reached {
		references(rule, func(root ast.Var, path []string, _ *ast.Term) {
			if root == "input" && !leaf(path) {
				whole = false
			}
		})
	}
	return whole
}

func leaf(path []string) bool {
	if len(path) == 0 {
		return false
	}
	if path[0] == "row" {
		return true
	}
	for known := range inputPaths() {
		if agree(strings.Split(known, "."), path) && len(path) >= strings.Count(known, ".")+1 {
			return true
		}
	}
	return false
}

// ScopeUse is a place where a bundle asks for a scope by name.
type ScopeUse struct {
	Scope string
	File  string
	Line  int
}

// Scopes are the scopes that rules of bundles ask for, written out: `"s" in input.subject.scopes`, also through a
// rule that stands for them, and lib.has_scope("s").
func (x *Inspector) Scopes() []ScopeUse {
	var out []ScopeUse
	for _, name := range sortedKeys(x.owned) {
		for _, rule := range x.world.compiler.Modules[name].Rules {
			if strings.HasPrefix(string(rule.Head.Name), "rule ") {
				continue // the double of one that is there
			}
			x.scopesOf(rule, &out)
		}
	}
	return slices.Compact(out)
}

func (x *Inspector) scopesOf(rule *ast.Rule, out *[]ScopeUse) {
	stands := map[ast.Var]*ast.Term{}
	ast.WalkExprs(rule, func(e *ast.Expr) bool {
		if operands := e.Operands(); e.IsEquality() && len(operands) == 2 {
			if v, ok := operands[0].Value.(ast.Var); ok {
				stands[v] = operands[1]
			}
		}
		return false
	})
	ast.WalkExprs(rule, func(e *ast.Expr) bool {
		if !e.IsCall() {
			return false
		}
		operands := e.Operands()
		switch e.Operator().String() {
		case "internal.member_2":
			if !x.standsForScopes(operands[1], stands) {
				return false
			}
		case "data.concordat.lib.has_scope":
		default:
			return false
		}
		if scope, ok := operands[0].Value.(ast.String); ok {
			*out = append(*out, ScopeUse{Scope: string(scope), File: rule.Location.File, Line: e.Location.Row})
		}
		return false
	})
}

func (x *Inspector) standsForScopes(term *ast.Term, stands map[ast.Var]*ast.Term) bool {
	if v, ok := term.Value.(ast.Var); ok && stands[v] != nil {
		term = stands[v]
	}
	found := facts(0)
	references(term, func(root ast.Var, path []string, _ *ast.Term) {
		switch root {
		case "input":
			found |= factsAt(path)
		case "data":
			_, reads := x.reach.closure(x.reach.named(path))
			found |= reads
		}
	})
	return found == factScopes
}

// Says reports whether a text stands in a rule of some bundle.
func (x *Inspector) Says(text string) bool {
	for name := range x.owned {
		found := false
		ast.WalkTerms(x.world.compiler.Modules[name], func(t *ast.Term) bool {
			word, ok := t.Value.(ast.String)
			found = found || ok && string(word) == text
			return found
		})
		if found {
			return true
		}
	}
	return false
}
