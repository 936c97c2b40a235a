package policy

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// TranslateUnchecked translates include.Admission of a module that no load check has seen.
func TranslateUnchecked(ctx context.Context, module string, data map[string]any, s Subject, columns map[string]privacy.Kind) (predicate.Predicate, error) {
	c := ast.NewCompiler().WithStageAfterID(ast.StageRewriteDynamicTerms, keepPresence())
	c.Compile(map[string]*ast.Module{"north.rego": ast.MustParseModule(module)})
	if c.Failed() {
		return predicate.Never(), c.Errors
	}
	w := world{compiler: c, store: inmem.NewFromObject(data)}
	ref := ast.MustParseRef("data.concordat.access.north.include.Admission")
	query, err := prepareRow(ctx, w, ref)
	if err != nil {
		return predicate.Never(), err
	}
	now := time.Unix(0, 0)
	return rowRule{query: query}.residual(ctx, newGuard(0, 0), input(&s, "query", now), now, columns)
}
