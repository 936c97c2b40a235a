package policy

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// translator turns what partial evaluation left of a row rule into a predicate of the same meaning: NULL is a key
// that input.row lacks, a comparison with it is undefined, and `not` of undefined holds. An error means that no
// predicate has that meaning; the caller lets no row through, also where the rule was to exclude rows.
type translator struct {
	columns map[string]privacy.Kind
	support map[string][]*ast.Rule
	args    map[ast.Var]*ast.Term // of the support rule that is being read
}

// notRule marks the rules that OPA makes for the negation of several expressions; no other support rule is read.
const notRule = "__not"

func translate(left *rego.PartialQueries, columns map[string]privacy.Kind) (predicate.Predicate, error) {
	t := &translator{columns: columns, support: map[string][]*ast.Rule{}}
	for _, m := range left.Support {
		for _, rule := range m.Rules {
			name := rule.Ref().String()
			t.support[name] = append(t.support[name], rule)
		}
	}
	return t.alternatives(left.Queries)
}

func (t *translator) alternatives(bodies []ast.Body) (predicate.Predicate, error) {
	var some []predicate.Predicate
	for _, body := range bodies {
		p, err := t.body(body)
		if err != nil {
			return predicate.Never(), err
		}
		some = append(some, p)
	}
	return gather(some), nil
}

func (t *translator) body(body ast.Body) (predicate.Predicate, error) {
	var all []predicate.Predicate
	for _, e := range body {
		p, err := t.expression(e)
		if err != nil {
			return predicate.Never(), err
		}
		all = append(all, p)
	}
	return conjunction(all), nil
}

// conjunction is And without the presence tests that another condition implies.
func conjunction(all []predicate.Predicate) predicate.Predicate {
	present := map[string]bool{}
	for _, p := range all {
		switch n := p.Node(); n.Kind {
		case predicate.KindCompare, predicate.KindIn:
			present[n.Field] = true
		case predicate.KindFields:
			present[n.Field], present[n.Other] = true, true
		}
	}
	var kept []predicate.Predicate
	for _, p := range all {
		field, isPresence := presence(p)
		if isPresence && present[field] {
			continue
		}
		if isPresence {
			present[field] = true
		}
		kept = append(kept, p)
	}
	return predicate.And(kept...)
}

// presence reads Not(Null(field)).
func presence(p predicate.Predicate) (field string, ok bool) {
	n := p.Node()
	if n.Kind != predicate.KindNot {
		return "", false
	}
	inner := n.Kids[0].Node()
	return inner.Field, inner.Kind == predicate.KindNull
}

func (t *translator) expression(e *ast.Expr) (predicate.Predicate, error) {
	if len(e.With) > 0 {
		return predicate.Never(), fmt.Errorf("with: cannot become a row condition: %s", e)
	}
	var p predicate.Predicate
	var err error
	switch terms := e.Terms.(type) {
	case *ast.Term:
		p, err = t.truth(terms)
	case []*ast.Term:
		p, err = t.call(e.Operator().String(), t.resolved(e.Operands()))
	default:
		err = fmt.Errorf("cannot become a row condition: %s", e)
	}
	if err != nil {
		return predicate.Never(), err
	}
	if e.Negated {
		p = predicate.Not(p)
	}
	return p, nil
}

// resolved puts the arguments of a support rule in the place of its parameters.
func (t *translator) resolved(terms []*ast.Term) []*ast.Term {
	out := make([]*ast.Term, len(terms))
	for i, term := range terms {
		out[i] = term
		if v, ok := term.Value.(ast.Var); ok && t.args[v] != nil {
			out[i] = t.args[v]
		}
	}
	return out
}

// truth is an expression that is one term: it holds unless undefined or false.
func (t *translator) truth(term *ast.Term) (predicate.Predicate, error) {
	if b, ok := term.Value.(ast.Boolean); ok {
		if b {
			return predicate.Always(), nil
		}
		return predicate.Never(), nil
	}
	term = t.resolved([]*ast.Term{term})[0]
	if call, ok := term.Value.(ast.Call); ok {
		return t.call(call[0].Value.String(), t.resolved(call[1:]))
	}
	if rules, ok := t.support[term.Value.String()]; ok {
		return t.negated(rules, nil)
	}
	field, kind, err := t.column(term)
	switch {
	case err != nil:
		return predicate.Never(), err
	case kind == privacy.Bool:
		return predicate.Compare(field, predicate.Eq, predicate.Bool(true)), nil
	}
	return predicate.Not(predicate.Null(field)), nil
}

// negated reads a support rule: its bodies are alternatives.
func (t *translator) negated(rules []*ast.Rule, args []*ast.Term) (predicate.Predicate, error) {
	var some []predicate.Predicate
	for _, rule := range rules {
		if !strings.HasPrefix(rule.Head.Name.String(), notRule) || !inlinable(rule) || len(rule.Head.Args) != len(args) {
			return predicate.Never(), fmt.Errorf("a rule that cannot be inlined: %s", rule.Head.Name)
		}
		inner := &translator{columns: t.columns, support: t.support, args: map[ast.Var]*ast.Term{}}
		for i, parameter := range rule.Head.Args {
			v, ok := parameter.Value.(ast.Var)
			if !ok {
				return predicate.Never(), fmt.Errorf("a rule with a pattern for a parameter: %s", rule.Head.Name)
			}
			inner.args[v] = args[i]
		}
		p, err := inner.body(rule.Body)
		if err != nil {
			return predicate.Never(), err
		}
		some = append(some, p)
	}
	return gather(some), nil
}

func (t *translator) call(operator string, args []*ast.Term) (predicate.Predicate, error) {
	if rules, ok := t.support[operator]; ok {
		return t.negated(rules, args)
	}
	switch operator {
	case "eq", "equal", "neq", "lt", "lte", "gt", "gte":
		if len(args) == 2 {
			return t.comparison(operators(operator), args[0], args[1])
		}
	case "startswith", "endswith", "contains":
		if len(args) == 2 {
			return t.textTest(operators(operator), args[0], args[1])
		}
	case "internal.member_2":
		if len(args) == 2 {
			return t.member(args[0], args[1])
		}
	case "object.get": // with its output: object.get(row, key, null) = output
		if len(args) == 4 {
			return t.comparison(predicate.Eq, ast.NewTerm(append(ast.Call{ast.RefTerm(ast.VarTerm("object"), ast.StringTerm("get"))}, args[:3]...)), args[3])
		}
	}
	return predicate.Never(), fmt.Errorf("%s cannot become a row condition", operator)
}

func operators(name string) predicate.Op {
	return map[string]predicate.Op{"eq": predicate.Eq, "equal": predicate.Eq, "neq": predicate.Ne, "lt": predicate.Lt,
		"lte": predicate.Lte, "gt": predicate.Gt, "gte": predicate.Gte, "startswith": predicate.HasPrefix,
		"endswith": predicate.HasSuffix, "contains": predicate.Contains}[name]
}

// flipped is the operator with its sides exchanged.
func flipped(op predicate.Op) predicate.Op {
	switch op {
	case predicate.Lt:
		return predicate.Gt
	case predicate.Lte:
		return predicate.Gte
	case predicate.Gt:
		return predicate.Lt
	case predicate.Gte:
		return predicate.Lte
	}
	return op
}

func (t *translator) comparison(op predicate.Op, left, right *ast.Term) (predicate.Predicate, error) {
	if constant(left) {
		left, right, op = right, left, flipped(op)
	}
	if field, ok := nullable(left); ok {
		return t.nullTest(op, field, right)
	}
	field, kind, err := t.column(left)
	if err != nil {
		return predicate.Never(), err
	}
	if constant(right) {
		return compareConstant(field, kind, op, right.Value)
	}
	other, otherKind, err := t.column(right)
	if err != nil {
		return predicate.Never(), err
	}
	if !kindsAgree(kind, otherKind, op) {
		return predicate.Never(), fmt.Errorf("%s and %s are of different kinds", field, other)
	}
	return predicate.Fields(field, op, other), nil
}

// kindsAgree: only kinds whose order Rego and every source agree on.
func kindsAgree(a, b privacy.Kind, op predicate.Op) bool {
	whole := func(k privacy.Kind) bool { return k == privacy.Int || k == privacy.BigInt }
	switch {
	case a == privacy.JSON || b == privacy.JSON:
		return false
	case a == privacy.Bool && op != predicate.Eq && op != predicate.Ne:
		return false
	}
	return a == b || whole(a) && whole(b)
}

func (t *translator) nullTest(op predicate.Op, field string, right *ast.Term) (predicate.Predicate, error) {
	if _, known := t.columns[field]; !known {
		return predicate.Never(), fmt.Errorf("the row has no field %s", field)
	}
	if _, ok := right.Value.(ast.Null); ok {
		switch op {
		case predicate.Eq:
			return predicate.Null(field), nil
		case predicate.Ne:
			return predicate.Not(predicate.Null(field)), nil
		}
	}
	return predicate.Never(), fmt.Errorf("object.get(input.row, %q, null) can only be compared with null", field)
}

func (t *translator) textTest(op predicate.Op, left, right *ast.Term) (predicate.Predicate, error) {
	field, kind, err := t.column(left)
	if err != nil {
		return predicate.Never(), err
	}
	text, ok := right.Value.(ast.String)
	if !ok || kind != privacy.String {
		return predicate.Never(), fmt.Errorf("startswith, endswith and contains ask a text field for known text: %s", field)
	}
	return predicate.Compare(field, op, predicate.String(string(text))), nil
}

func (t *translator) member(left, right *ast.Term) (predicate.Predicate, error) {
	field, kind, err := t.column(left)
	if err != nil {
		return predicate.Never(), err
	}
	if !constant(right) {
		return predicate.Never(), fmt.Errorf("%s in: only in a known collection", field)
	}
	var some []predicate.Predicate
	each := func(element *ast.Term) {
		if err != nil {
			return
		}
		var p predicate.Predicate
		p, err = compareConstant(field, kind, predicate.Eq, element.Value)
		some = append(some, p)
	}
	switch collection := right.Value.(type) {
	case *ast.Array:
		collection.Foreach(each)
	case ast.Set:
		collection.Foreach(each)
	case ast.Object:
		collection.Foreach(func(_, value *ast.Term) { each(value) })
	default:
		return predicate.Never(), fmt.Errorf("%s in: not a collection", field)
	}
	if err != nil {
		return predicate.Never(), err
	}
	return gather(some), nil
}

// column reads input.row.FIELD.
func (t *translator) column(term *ast.Term) (string, privacy.Kind, error) {
	ref, ok := term.Value.(ast.Ref)
	if !ok || len(ref) != 3 || !ref.HasPrefix(ast.Ref{ast.InputRootDocument, ast.StringTerm("row")}) {
		return "", 0, fmt.Errorf("not a field of the row: %s", shape(term))
	}
	name, ok := ref[2].Value.(ast.String)
	if !ok {
		return "", 0, fmt.Errorf("the field's name is not known")
	}
	kind, ok := t.columns[string(name)]
	if !ok {
		return "", 0, fmt.Errorf("the row has no field %s", string(name))
	}
	return string(name), kind, nil
}

// nullable reads object.get(input.row, "FIELD", null).
func nullable(term *ast.Term) (string, bool) {
	call, ok := term.Value.(ast.Call)
	if !ok || len(call) != 4 || call[0].Value.String() != "object.get" {
		return "", false
	}
	row, isRef := call[1].Value.(ast.Ref)
	name, isName := call[2].Value.(ast.String)
	_, isNull := call[3].Value.(ast.Null)
	whole := isRef && len(row) == 2 && row.HasPrefix(ast.Ref{ast.InputRootDocument, ast.StringTerm("row")})
	return string(name), whole && isName && isNull
}

// constant terms hold no reference, variable or call.
func constant(term *ast.Term) bool {
	switch term.Value.(type) {
	case ast.Null, ast.Boolean, ast.Number, ast.String:
		return true
	case *ast.Array, ast.Set, ast.Object:
		return term.IsGround() && !ast.ContainsRefs(term)
	}
	return false
}

// shape names a term without its values.
func shape(term *ast.Term) string {
	if ref, ok := term.Value.(ast.Ref); ok {
		return ref.String()
	}
	return ast.ValueName(term.Value)
}

// gather is Or, with equalities on one field gathered into one In: what a source can send as one list.
func gather(some []predicate.Predicate) predicate.Predicate {
	values := map[string][]predicate.Value{}
	for _, p := range some {
		if n := p.Node(); n.Kind == predicate.KindCompare && n.Op == predicate.Eq {
			values[n.Field] = append(values[n.Field], n.Value)
		}
	}
	var out []predicate.Predicate
	for _, p := range some {
		n := p.Node()
		if n.Kind != predicate.KindCompare || n.Op != predicate.Eq || len(values[n.Field]) == 1 {
			out = append(out, p)
			continue
		}
		if list := values[n.Field]; len(list) > 1 {
			out = append(out, predicate.In(n.Field, list...))
			values[n.Field] = nil
		}
	}
	return predicate.Or(out...)
}
