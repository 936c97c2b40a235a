package policy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// FetchRules are an agency's own rules about plain questions, evaluated at its agent: package concordat.fetch. The rule
// allow, over input.type, input.select, input.reads, input.aggregate, input.subject, input.agreement and input.purpose,
// says whether a question is answered. The rules include.TYPE, over the same and input.row, say of which rows; a type
// without one has all that its table has. Safe for concurrent use.
type FetchRules struct {
	allow   *ContributionRules
	rows    map[string]rowRule
	columns map[string]map[string]privacy.Kind
	guard   guard
}

var errFetchRule = errors.New("fetch rules: only include of a type that is served says of which rows")

// LoadFetchRules compiles one Rego module with the same restricted built-ins as every other policy. Columns are the kinds
// of the fields that are served, by type.
func LoadFetchRules(ctx context.Context, file string, text []byte, columns map[string]map[string]privacy.Kind) (*FetchRules, error) {
	const name = "concordat.fetch"
	compiler, err := compileOne(file, text, name)
	if err != nil {
		return nil, err
	}
	f := &FetchRules{rows: map[string]rowRule{}, columns: columns, guard: newGuard(0, 0)}
	if f.allow, err = prepareAllow(ctx, compiler, name); err != nil {
		return nil, err
	}
	alone := world{compiler: compiler, store: inmem.New()}
	for _, rule := range compiler.Modules[file].Rules {
		verb := constants(ruleName(rule))
		if len(verb) == 0 || verb[0] != "include" && verb[0] != "exclude" {
			continue
		}
		if len(verb) != 2 || verb[0] == "exclude" || columns[verb[1]] == nil { // it would be taken for a rule that holds
			return nil, fmt.Errorf("%s:%d: %w", file, rule.Loc().Row, errFetchRule)
		}
		ref := compiler.Modules[file].Package.Path.Append(ast.StringTerm("include")).Append(ast.StringTerm(verb[1]))
		query, err := prepareRow(ctx, alone, ref)
		if err != nil {
			return nil, fmt.Errorf("fetch rules: %w", err)
		}
		f.rows[verb[1]] = rowRule{name: ref.String(), query: query}
	}
	return f, nil
}

// Allow is as that of ContributionRules.
func (f *FetchRules) Allow(ctx context.Context, input any) error { return f.allow.Allow(ctx, input) }

// Rows are those of a type that may be read. A rule that cannot be put as a condition on the row is an error, and so no
// row is read.
func (f *FetchRules) Rows(ctx context.Context, typ string, input any) (predicate.Predicate, error) {
	r, ok := f.rows[typ]
	if !ok {
		return predicate.Always(), nil
	}
	in, err := ast.InterfaceToValue(input)
	if err != nil {
		return predicate.Never(), fmt.Errorf("%s: %w", r.name, err)
	}
	p, err := r.residual(ctx, f.guard, in, time.Now(), f.columns[typ])
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return predicate.Never(), fmt.Errorf("%s: %w", r.name, err)
	}
	return p, nil
}
