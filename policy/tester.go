package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestReport is what bundles' own Rego tests say of them.
type TestReport struct {
	Results  []TestResult // in order of place
	Coverage float64      // percent of the lines of the bundles' rules that the tests touched; tests not counted
	Rules    []RuleCoverage
}

// RuleCoverage says of a deciding rule whether some test made it hold.
type RuleCoverage struct {
	Rule
	Tested bool
}

// TestResult is one test rule.
type TestResult struct {
	File   string
	Line   int
	Name   string // PACKAGE.RULE
	Passed bool
	Error  string // why it could not be run; empty where its condition did not hold
}

// Passed reports whether there are tests and all of them passed.
func (r *TestReport) Passed() bool {
	return len(r.Results) > 0 && !slices.ContainsFunc(r.Results, func(t TestResult) bool { return !t.Passed })
}

// testTimeout bounds all tests of a run together.
const testTimeout = time.Minute

// Test runs the *_test.rego files of bundles with OPA's tester, over their rules, their data.json and the shipped
// library. The error is a *LoadError where files cannot be read, parsed or compiled. It does not check what Load
// checks.
func Test(ctx context.Context, bundles []Bundle) (*TestReport, error) {
	l := &loader{Options: Options{Bundles: bundles}, capabilities: capabilities(), modules: map[string]*ast.Module{},
		owners: map[string]AgencyID{}, sets: map[string]any{}, setOwners: map[string]string{}, digest: sha256.New(), tests: true}
	l.readLibrary()
	l.readBundles()
	if err := l.err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	return l.runTests(ctx)
}

func (l *loader) runTests(ctx context.Context) (*TestReport, error) {
	report := &TestReport{}
	coverage := cover.New()
	store := inmem.NewFromObject(map[string]any{"sets": l.sets})
	err := storage.Txn(ctx, store, storage.WriteParams, func(txn storage.Transaction) error {
		compiler := ast.NewCompiler().WithCapabilities(l.capabilities)
		results, err := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(l.modules).
			SetCoverageQueryTracer(coverage).SetTimeout(testTimeout).RunTests(ctx, txn)
		if err != nil {
			l.opa("", CodeCompile, err)
			return l.err()
		}
		for r := range results {
			report.Results = append(report.Results, testResult(r))
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(report.Results, func(a, b TestResult) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	covered := coverage.Report(l.modules)
	report.Coverage, report.Rules = l.covered(covered), l.perRule(covered)
	return report, nil
}

func testResult(r *tester.Result) TestResult {
	out := TestResult{Name: strings.TrimPrefix(r.Package, "data.") + "." + r.Name, Passed: r.Pass() && !r.Skip}
	if r.Location != nil {
		out.File, out.Line = r.Location.File, r.Location.Row
	}
	if r.Error != nil {
		out.Error = r.Error.Error()
	}
	return out
}

// covered counts the lines of the bundles' rules.
func (l *loader) covered(report cover.Report) float64 {
	touched, all := 0, 0
	for name, file := range report.Files {
		if _, owned := l.owners[name]; !owned || strings.HasSuffix(name, "_test.rego") {
			continue
		}
		touched += file.CoveredLines
		all += file.CoveredLines + file.NotCoveredLines
	}
	if all == 0 {
		return 0
	}
	return 100 * float64(touched) / float64(all)
}

// perRule takes a rule as tested where its head was reached. The head is where the body has held.
func (l *loader) perRule(report cover.Report) []RuleCoverage {
	var out []RuleCoverage
	_, marks := marked(l.modules, l.owners)
	for _, m := range marks {
		if !strings.HasSuffix(m.File, "_test.rego") {
			out = append(out, RuleCoverage{Rule: m.Rule, Tested: report.IsCovered(m.File, m.Line)})
		}
	}
	return out
}

// Bundles are the directories of a policy directory: one for each agency, named for it, and `gateway`.
func Bundles(dir fs.FS) ([]Bundle, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, err
	}
	var out []Bundle
	for _, entry := range entries {
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		files, err := fs.Sub(dir, path.Clean(entry.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, Bundle{Agency: AgencyID(entry.Name()), Files: files})
	}
	return out, nil
}
