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

// LoadFetchRules compiles an agency's own rules about plain questions to its agent: the rule allow of package
// concordat.fetch, over input.type, input.select, input.reads, input.aggregate, input.subject, input.agreement and
// input.purpose.
func LoadFetchRules(ctx context.Context, file string, text []byte) (*ContributionRules, error) {
	return loadAllow(ctx, file, text, "concordat.fetch")
}

func loadAllow(ctx context.Context, file string, text []byte, name string) (*ContributionRules, error) {
	caps := capabilities()
	module, err := ast.ParseModuleWithOpts(file, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: caps})
	if err != nil {
		return nil, fmt.Errorf("contribution rules: %w", err)
	}
	if module.Package.Path.String() != "data."+name {
		return nil, fmt.Errorf("contribution rules: %s: the package is not %s", file, name)
	}
	compiler := ast.NewCompiler().WithStrict(true).WithCapabilities(caps)
	if compiler.Compile(map[string]*ast.Module{file: module}); compiler.Failed() {
		return nil, fmt.Errorf("contribution rules: %w", compiler.Errors)
	}
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
