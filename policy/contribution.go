package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// ErrContribution: an agency's rules do not allow a contribution, or say nothing.
var ErrContribution = errors.New("policy: contribution not allowed")

// ContributionRules are an agency's own rules about secure aggregation, evaluated at the agency: the rule allow of
// package concordat.secagg, over input.question, input.subject, input.organisation, input.agreement, input.purpose and
// input.members. Safe for concurrent use.
type ContributionRules struct{ query rego.PreparedEvalQuery }

// LoadContributionRules compiles one Rego module with the same restricted built-ins as every other policy.
func LoadContributionRules(ctx context.Context, file string, text []byte) (*ContributionRules, error) {
	return loadAllow(ctx, file, text, "concordat.secagg")
}

func loadAllow(ctx context.Context, file string, text []byte, name string) (*ContributionRules, error) {
	compiler, err := compileOne(file, text, name)
	if err != nil {
		return nil, err
	}
	return prepareAllow(ctx, compiler, name)
}

// compileOne compiles a module that stands alone, and has to be of the named package.
func compileOne(file string, text []byte, name string) (*ast.Compiler, error) {
	caps := capabilities()
	module, err := ast.ParseModuleWithOpts(file, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: caps})
	if err != nil {
		return nil, fmt.Errorf("contribution rules: %w", err)
	}
	if module.Package.Path.String() != "data."+name {
		return nil, fmt.Errorf("contribution rules: %s: the package is not %s", file, name)
	}
	compiler := ast.NewCompiler().WithStrict(true).WithCapabilities(caps).WithStageAfterID(ast.StageRewriteDynamicTerms, keepPresence())
	if compiler.Compile(map[string]*ast.Module{file: module}); compiler.Failed() {
		return nil, fmt.Errorf("contribution rules: %w", compiler.Errors)
	}
	return compiler, nil
}

func prepareAllow(ctx context.Context, compiler *ast.Compiler, name string) (*ContributionRules, error) {
	query, err := rego.New(rego.Query("data."+name+".allow"), rego.Compiler(compiler), rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("contribution rules: %w", err)
	}
	return &ContributionRules{query}, nil
}

// Allow returns nil where the rules say exactly true. Undefined, any other value and every error are a refusal.
func (c *ContributionRules) Allow(ctx context.Context, input any) error {
	results, err := c.query.Eval(ctx, rego.EvalInput(input))
	if err == nil {
		err = ctx.Err() // a small query may have ended before it saw that it should not have
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrContribution, err)
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 || results[0].Expressions[0].Value != true {
		return ErrContribution
	}
	return nil
}
