package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// reach answers what a rule depends on, over compiled modules.
type reach struct {
	rules []placedRule
}

type placedRule struct {
	path []string // after data: package and the constant part of the rule's own name
	rule *ast.Rule
}

func newReach(modules map[string]*ast.Module) *reach {
	r := &reach{}
	for _, name := range sortedKeys(modules) {
		m := modules[name]
		for _, rule := range m.Rules {
			path := append(constants(m.Package.Path[1:]), constants(ruleName(rule))...)
			r.rules = append(r.rules, placedRule{path: path, rule: rule})
		}
	}
	return r
}

// ruleName is a rule's reference inside its package, its first part as a string.
func ruleName(rule *ast.Rule) ast.Ref {
	ref := rule.Head.Ref().Copy()
	if v, ok := ref[0].Value.(ast.Var); ok {
		ref[0] = ast.StringTerm(string(v))
	}
	return ref
}

// constants is the leading run of string constants of a reference's parts.
func constants(parts []*ast.Term) []string {
	var out []string
	for _, t := range parts {
		s, ok := t.Value.(ast.String)
		if !ok {
			break
		}
		out = append(out, string(s))
	}
	return out
}

// named are the rules whose place agrees with a path as far as both go: those at it, under it and above it.
func (r *reach) named(path []string) []*ast.Rule {
	var out []*ast.Rule
	for _, p := range r.rules {
		if agree(p.path, path) {
			out = append(out, p.rule)
		}
	}
	return out
}

// together are all rules of the same place as rule: its alternatives and its default.
func (r *reach) together(rule *ast.Rule) []*ast.Rule {
	var path []string
	for _, p := range r.rules {
		if p.rule == rule {
			path = p.path
		}
	}
	var out []*ast.Rule
	for _, p := range r.rules {
		if slices.Equal(p.path, path) {
			out = append(out, p.rule)
		}
	}
	return out
}

func agree(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// closure is every rule that evaluating the given rules can touch, and the facts that any of them can read.
// A reference whose path is not constant counts as reading everything under its constant part.
func (r *reach) closure(rules []*ast.Rule) (map[*ast.Rule]bool, facts) {
	seen := map[*ast.Rule]bool{}
	var found facts
	queue := append([]*ast.Rule(nil), rules...)
	for len(queue) > 0 {
		rule := queue[0]
		queue = queue[1:]
		if seen[rule] {
			continue
		}
		seen[rule] = true
		references(rule, func(root ast.Var, path []string, _ *ast.Term) {
			switch root {
			case "input":
				if len(path) == 0 || path[0] != "row" {
					found |= factsAt(path)
				}
			case "data":
				queue = append(queue, r.named(path)...)
			case "time":
				if agree(path, []string{"now_ns"}) {
					found |= factTime
				}
			}
		})
	}
	return seen, found
}

// references calls visit for every reference in x with its root and the constant part of its path. A root that
// stands alone is visited with an empty path.
func references(x any, visit func(root ast.Var, path []string, at *ast.Term)) {
	var walker *ast.GenericVisitor
	walker = ast.NewGenericVisitor(func(node any) bool {
		term, ok := node.(*ast.Term)
		if !ok {
			return false
		}
		switch v := term.Value.(type) {
		case ast.Var:
			if v == "input" || v == "data" {
				visit(v, nil, term)
			}
		case ast.Ref:
			if root, ok := v[0].Value.(ast.Var); ok {
				visit(root, constants(v[1:]), term)
			} else {
				walker.Walk(v[0])
			}
			for _, t := range v[1:] {
				walker.Walk(t)
			}
			return true
		}
		return false
	})
	walker.Walk(x)
}
