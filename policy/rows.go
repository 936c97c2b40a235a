package policy

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// rowRules are the include and exclude rules of one type in one owner's packages.
type rowRules struct {
	included bool // the owner's own package, not only one under it, has an include
	rules    []rowRule
	reads    facts
}

// rowRule is one include or exclude of one package: its bodies are alternatives.
type rowRule struct {
	name    string // its reference
	exclude bool
	reads   facts
	query   rego.PreparedPartialQuery
}

// theRow is what is unknown while a row rule is partially evaluated.
func theRow() []*ast.Term {
	return []*ast.Term{ast.NewTerm(ast.Ref{ast.InputRootDocument, ast.StringTerm("row")})}
}

// prepareRow readies a row rule for partial evaluation with the row unknown.
func prepareRow(ctx context.Context, world world, ref ast.Ref) (rego.PreparedPartialQuery, error) {
	return rego.New(rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))), rego.Compiler(world.compiler),
		rego.Store(world.store), rego.StrictBuiltinErrors(true), rego.ParsedUnknowns(theRow())).PrepareForPartial(ctx)
}

// residual is what is left of the rule when everything but the row is known. Rule indexing is off, since it would
// look at what is unknown; clocks are read now.
func (r rowRule) residual(ctx context.Context, g guard, in ast.Value, now time.Time, columns map[string]privacy.Kind) (predicate.Predicate, error) {
	w := g.watch(ctx)
	left, err := r.query.Partial(ctx, rego.EvalParsedInput(in), rego.EvalTime(now), rego.EvalExternalCancel(w.cancel),
		rego.EvalNondeterministicBuiltins(true), rego.EvalRuleIndexing(false))
	if err := w.over(err); err != nil {
		return predicate.Never(), err
	}
	return translate(left, columns)
}
