package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// fragment checks, when a policy is loaded, that row rules stay inside what translate can express, so that an
// author learns of it by file and line. It may refuse what would have worked; what it lets pass by mistake,
// translate still refuses, and then no row is let through.
//
// A field of the row may stand at a side of ==, !=, <, <=, >, >=, before `in` a known collection, as the text of
// startswith, endswith and contains, alone as a condition, in object.get(input.row, "field", null) compared with
// null, and as an argument of a rule that does only these.
type fragment struct {
	*problems
	reach   *reach
	typ     string
	columns map[string]privacy.Kind
	seen    map[string]bool
}

// names are the variables of one body.
type names struct {
	fields    map[ast.Var]string // stands for input.row.FIELD
	nullables map[ast.Var]string // stands for object.get(input.row, FIELD, null)
	rows      map[ast.Var]bool   // stands for input.row, as the compiler writes object.get
	bound     map[ast.Var]bool   // has a value that is known
}

func newNames() names {
	return names{fields: map[ast.Var]string{}, nullables: map[ast.Var]string{}, rows: map[ast.Var]bool{}, bound: map[ast.Var]bool{}}
}

func (n names) clone() names {
	return names{fields: maps.Clone(n.fields), nullables: maps.Clone(n.nullables),
		rows: maps.Clone(n.rows), bound: maps.Clone(n.bound)}
}

// checkFragment checks the include or exclude rules of one type of one owner; the gateway's for each agency that
// offers the type.
func (l *loader) checkFragment(r *reach, owner AgencyID, typ string, rules []*ast.Rule) {
	parts := map[AgencyID]*index{owner: l.parts[owner]}
	if owner == Gateway {
		parts = l.parts
	}
	for _, id := range sortedKeys(parts) {
		columns := parts[id].columns(typ)
		if owner == Gateway && len(parts[id].types[typ]) == 0 {
			continue
		}
		f := &fragment{problems: &l.problems, reach: r, typ: typ, columns: columns, seen: map[string]bool{}}
		for _, rule := range rules {
			f.rule(rule, nil)
		}
	}
}

func (f *fragment) refuse(at *ast.Location, format string, args ...any) {
	f.add(at, f.typ, CodeFragment, format, args...)
}

// rule checks a rule that depends on the row, called with the given fields as arguments ("" where the argument
// is known).
func (f *fragment) rule(rule *ast.Rule, args []string) {
	key := fmt.Sprintf("%p %q", rule, args)
	if f.seen[key] {
		return
	}
	f.seen[key] = true
	if !inlinable(rule) {
		f.refuse(rule.Location, "%s depends on the row: it must be `%s if { ... }`, without default, else or value", rule.Head.Ref(), rule.Head.Ref())
		return
	}
	scope := newNames()
	for i, arg := range rule.Head.Args {
		v, isVar := arg.Value.(ast.Var)
		switch {
		case i >= len(args) || args[i] == "":
			scope.bind(arg)
		case isVar:
			scope.fields[v] = args[i]
		default:
			f.refuse(arg.Location, "a field of the row cannot be matched with a pattern")
		}
	}
	f.body(rule.Body, scope)
}

// inlinable: partial evaluation makes support rules of anything else.
func inlinable(rule *ast.Rule) bool {
	value := rule.Head.Value
	return !rule.Default && rule.Else == nil && rule.Head.RuleKind() == ast.SingleValue &&
		value != nil && value.Equal(ast.BooleanTerm(true))
}

func (n names) bind(x any) {
	ast.WalkVars(x, func(v ast.Var) bool {
		if _, isField := n.fields[v]; !isField {
			n.bound[v] = true
		}
		return false
	})
}

func (f *fragment) body(body ast.Body, scope names) {
	for _, e := range body {
		f.expression(e, scope)
	}
}

func (f *fragment) expression(e *ast.Expr, scope names) {
	if len(e.With) > 0 && (f.mentions(e, scope) || f.dependent(e) != nil) {
		f.refuse(e.Location, "with: cannot change what a row is asked")
		return
	}
	switch terms := e.Terms.(type) {
	case *ast.Term:
		if _, isField := f.field(terms, scope); !isField && f.mentions(terms, scope) {
			f.refuse(e.Location, "input.row can only be read as input.row.FIELD")
		}
		f.follow(e, nil)
	case []*ast.Term:
		f.call(e, scope)
	case *ast.Every:
		if f.mentions(terms.Domain, scope) || f.dependent(terms.Domain) != nil {
			f.refuse(e.Location, "every: only over a known collection")
			return
		}
		inner := scope.clone()
		inner.bind(terms.Key)
		inner.bind(terms.Value)
		f.body(terms.Body, inner)
		return
	}
	if !e.Negated && !f.mentions(e, scope) {
		scope.bind(e)
	}
}

// follow checks the rules that x refers to and that depend on the row.
func (f *fragment) follow(x any, args []string) {
	for _, rule := range f.dependent(x) {
		f.rule(rule, args)
	}
}

// dependent are the rules that x refers to and that read the row, themselves or through others.
func (f *fragment) dependent(x any) []*ast.Rule {
	var out []*ast.Rule
	references(x, func(root ast.Var, path []string, _ *ast.Term) {
		if root != "data" {
			return
		}
		for _, rule := range f.reach.named(path) {
			if f.reach.readsRow(rule) && !slices.Contains(out, rule) {
				out = append(out, f.reach.together(rule)...)
			}
		}
	})
	return out
}

func (f *fragment) call(e *ast.Expr, scope names) {
	operator, operands := e.Operator().String(), e.Operands()
	mentioned := slices.ContainsFunc(operands, func(t *ast.Term) bool { return f.mentions(t, scope) })
	switch {
	case !mentioned:
		f.follow(e, nil)
	case strings.HasPrefix(operator, "data."):
		f.function(e, operands, scope)
	case operator == "object.get":
		f.objectGet(e, operands, scope)
	case operators(operator) == 0 && operator != "internal.member_2" && operator != "assign":
		f.refuse(e.Location, "%s cannot be asked of a row", operator)
	case len(operands) != 2:
		f.refuse(e.Location, "the result of %s cannot be used", operator)
	case operator == "internal.member_2":
		f.first(e, operands, scope, func(field string, kind privacy.Kind) bool { return kind != privacy.JSON })
	case operators(operator) >= predicate.HasPrefix:
		f.first(e, operands, scope, func(_ string, kind privacy.Kind) bool { return kind == privacy.String })
	default:
		f.comparison(e, operands, scope)
	}
}

// first: the row's field comes first, and what it is compared with is known.
func (f *fragment) first(e *ast.Expr, operands []*ast.Term, scope names, fits func(string, privacy.Kind) bool) {
	field, ok := f.field(operands[0], scope)
	if !ok || f.mentions(operands[1], scope) {
		f.refuse(e.Location, "write input.row.FIELD first, and something known second")
		return
	}
	kind, known := f.column(e, field)
	switch {
	case !known:
	case !fits(field, kind):
		f.refuse(e.Location, "%s is not of a kind that can be asked this", field)
	case constant(operands[1]) && e.Operator().String() == "internal.member_2":
		t := &translator{columns: f.columns}
		if _, err := t.member(ast.NewTerm(ast.Ref{ast.InputRootDocument, ast.StringTerm("row"), ast.StringTerm(field)}), operands[1]); err != nil {
			f.refuse(e.Location, "%s", err)
		}
	}
	f.follow(operands[1], nil)
}

func (f *fragment) function(e *ast.Expr, operands []*ast.Term, scope names) {
	args := make([]string, len(operands))
	for i, t := range operands {
		field, ok := f.field(t, scope)
		if !ok && f.mentions(t, scope) {
			f.refuse(e.Location, "a rule can be given input.row.FIELD, not more of the row")
			return
		}
		args[i] = field
	}
	for _, rule := range f.reach.named(constants(e.Operator()[1:])) {
		f.rule(rule, args)
	}
}

func (f *fragment) objectGet(e *ast.Expr, operands []*ast.Term, scope names) {
	if len(operands) == 4 {
		row := operands[0]
		if v, isVar := row.Value.(ast.Var); isVar && scope.rows[v] {
			row = ast.NewTerm(ast.Ref{ast.InputRootDocument, ast.StringTerm("row")})
		}
		call := ast.NewTerm(ast.Call{ast.NewTerm(e.Operator()), row, operands[1], operands[2]})
		if field, ok := nullable(call); ok {
			if _, known := f.column(e, field); !known {
				return
			}
			if v, isVar := operands[3].Value.(ast.Var); isVar {
				scope.nullables[v] = field
				return
			}
			if _, isNull := operands[3].Value.(ast.Null); isNull {
				return
			}
		}
	}
	f.refuse(e.Location, `write object.get(input.row, "FIELD", null) == null`)
}

func (f *fragment) comparison(e *ast.Expr, operands []*ast.Term, scope names) {
	op := operators(e.Operator().String())
	left, right := operands[0], operands[1]
	if f.stands(left, right, e, scope) || f.stands(right, left, e, scope) {
		return
	}
	if f.comparesNull(left, right, op, scope) || f.comparesNull(right, left, op, scope) {
		return
	}
	a, leftField := f.field(left, scope)
	b, rightField := f.field(right, scope)
	switch {
	case leftField && rightField:
		kind, known := f.column(e, a)
		other, otherKnown := f.column(e, b)
		if known && otherKnown && !kindsAgree(kind, other, op) {
			f.refuse(e.Location, "%s and %s cannot be compared", a, b)
		}
	case leftField && !f.mentions(right, scope):
		f.known(e, a, op, right)
	case rightField && !f.mentions(left, scope):
		f.known(e, b, flipped(op), left)
	default:
		f.refuse(e.Location, "input.row can only be read as input.row.FIELD, at one side of a comparison")
	}
}

// stands takes `x = y` where x is new and y stands for the row, a field of it, or a field that may be null.
func (f *fragment) stands(left, right *ast.Term, e *ast.Expr, scope names) bool {
	v, isVar := left.Value.(ast.Var)
	operator := e.Operator().String()
	if !isVar || e.Negated || scope.known(v) || operators(operator) != predicate.Eq && operator != "assign" {
		return false
	}
	other, isVar := right.Value.(ast.Var)
	field, isField := f.field(right, scope)
	switch {
	case isField:
		f.column(e, field)
		scope.fields[v] = field
	case isVar && scope.nullables[other] != "":
		scope.nullables[v] = scope.nullables[other]
	case wholeRow(right):
		scope.rows[v] = true
	default:
		return false
	}
	return true
}

func (n names) known(v ast.Var) bool {
	return n.bound[v] || n.rows[v] || n.fields[v] != "" || n.nullables[v] != ""
}

func wholeRow(term *ast.Term) bool {
	ref, ok := term.Value.(ast.Ref)
	return ok && ref.Equal(ast.Ref{ast.InputRootDocument, ast.StringTerm("row")})
}

func (f *fragment) comparesNull(left, right *ast.Term, op predicate.Op, scope names) bool {
	v, isVar := left.Value.(ast.Var)
	_, isNull := right.Value.(ast.Null)
	return isVar && scope.nullables[v] != "" && isNull && (op == predicate.Eq || op == predicate.Ne)
}

// known checks a comparison with something known; where that is written out, its type too.
func (f *fragment) known(e *ast.Expr, field string, op predicate.Op, term *ast.Term) {
	f.follow(term, nil)
	kind, ok := f.column(e, field)
	if !ok {
		return
	}
	if _, isNull := term.Value.(ast.Null); !isNull && kind == privacy.JSON {
		f.refuse(e.Location, "%s is JSON: it can only be compared with null", field)
		return
	}
	if constant(term) {
		if _, err := compareConstant(field, kind, op, term.Value); err != nil {
			f.refuse(e.Location, "%s", err)
		}
	}
}

func (f *fragment) column(e *ast.Expr, field string) (privacy.Kind, bool) {
	kind, ok := f.columns[field]
	if !ok {
		f.refuse(e.Location, "%s has no column %s", f.typ, field)
	}
	return kind, ok
}

// field reads input.row.FIELD, or a variable that stands for it.
func (f *fragment) field(term *ast.Term, scope names) (string, bool) {
	switch v := term.Value.(type) {
	case ast.Var:
		name, ok := scope.fields[v]
		return name, ok
	case ast.Ref:
		if path := constants(v[1:]); len(v) == 3 && len(path) == 2 && v[0].Equal(ast.InputRootDocument) && path[0] == "row" {
			return path[1], true
		}
	}
	return "", false
}

// mentions reports whether x reads the row, itself or by a variable that stands for a field.
func (f *fragment) mentions(x any, scope names) bool {
	found := mentionsRow(x)
	ast.WalkVars(x, func(v ast.Var) bool {
		found = found || scope.fields[v] != "" || scope.nullables[v] != "" || scope.rows[v]
		return found
	})
	return found
}

// checkRowless refuses statements and limits that ask a row: there is none when they are made, and what is said of
// it would be undefined.
func (l *loader) checkRowless(r *reach, roots []*ast.Rule) {
	reached, _ := r.closure(roots)
	for rule := range reached {
		references(rule, func(root ast.Var, path []string, _ *ast.Term) {
			if root == "input" && len(path) > 0 && path[0] == "row" {
				l.add(rule.Location, "", CodeFragment, "only include and exclude can read input.row, and what only they use")
			}
		})
	}
}

func mentionsRow(x any) bool {
	found := false
	references(x, func(root ast.Var, path []string, _ *ast.Term) {
		found = found || root == "input" && agree(path, []string{"row"})
	})
	return found
}

// readsRow reports whether a rule reads the row, itself or through others.
func (r *reach) readsRow(rule *ast.Rule) bool {
	reached, _ := r.closure([]*ast.Rule{rule})
	for rule := range reached {
		if mentionsRow(rule) {
			return true
		}
	}
	return false
}
