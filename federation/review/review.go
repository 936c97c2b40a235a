// Package review is what a privacy officer asks of a policy that need not be live: do its tests and scenarios pass, is
// anything wrong with it, what does it alter, and why is a field shown as it is.
//
//	w := review.World{Graph: supergraph, Options: options, Personas: personas, Transforms: transforms}
//	run, err := review.Run(ctx, bundles, func() (review.World, error) { return w, nil })
//
// The verbs and the control plane both ask here, so that they cannot disagree. A [Proposal] is a change of one
// agency's files; [Proposal.Over] lays it over those in force without writing anything. The package asks no source:
// what it says of rows is said of rows that it makes up itself.
package review

import (
	"context"
	"io/fs"
	"path"
	"strings"

	"concordat/federation/compose"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/check"
	"concordat/policy/diff"
	"concordat/policy/scenario"
	"concordat/privacy"
)

// World is everything that a policy is reviewed in.
type World struct {
	Graph      *compose.Supergraph
	Options    policy.Options
	Personas   []check.Persona // who is asked about, in the order of the reports
	Transforms privacy.Transforms
	Agreements *agreement.Set // checked against what there is; nil: not
}

// Tests is what the tests and the scenarios of a policy say of it.
type Tests struct {
	Passed    bool       `json:"passed"`
	Coverage  float64    `json:"coverage"` // percent of the rules' lines that the Rego tests touch
	Tests     []Test     `json:"tests"`
	Scenarios []Scenario `json:"scenarios"`
	Rules     []Rule     `json:"rules"`
}

// Test is one Rego test.
type Test struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Error  string `json:"error,omitempty"`
}

// Scenario is one scenario, with what did not come about.
type Scenario struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Name     string   `json:"name"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"`
}

// Rule says of a rule that decides something whether a test made it hold, and in how many scenarios it spoke.
type Rule struct {
	Rule      string `json:"rule"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Tested    bool   `json:"tested"`
	Scenarios int    `json:"scenarios"`
}

// Run runs the tests and the scenarios of bundles. The world is asked for only where there are scenarios: Rego tests
// need none. The error is a *policy.LoadError where something cannot be read.
func Run(ctx context.Context, bundles []policy.Bundle, world func() (World, error)) (*Tests, error) {
	report, err := policy.Test(ctx, bundles)
	if err != nil {
		return nil, err
	}
	out := &Tests{Passed: report.Passed(), Coverage: report.Coverage, Tests: []Test{}, Scenarios: []Scenario{}, Rules: []Rule{}}
	for _, r := range report.Results {
		out.Tests = append(out.Tests, Test(r))
	}
	files, err := scenarioFiles(bundles)
	if err != nil {
		return nil, err
	}
	played := &scenario.Report{}
	if len(files) > 0 {
		w, err := world()
		if err != nil {
			return nil, err
		}
		if played, err = w.play(ctx, files); err != nil {
			return nil, err
		}
		out.Passed = played.Passed() && (report.Passed() || len(report.Results) == 0)
	}
	for _, s := range played.Results {
		out.Scenarios = append(out.Scenarios, Scenario{s.File, s.Line, s.Name, len(s.Failures) == 0, s.Failures})
	}
	for _, r := range report.Rules {
		out.Rules = append(out.Rules, Rule{r.Package + "." + r.Name(), r.File, r.Line, r.Tested, played.Spoke[r.Rule]})
	}
	return out, nil
}

// play runs scenarios, whose personas are the world's by name.
func (w World) play(ctx context.Context, files []scenario.File) (*scenario.Report, error) {
	personas := map[string]policy.Subject{}
	for _, p := range w.Personas {
		personas[p.Name] = p.Subject
	}
	return scenario.Run(ctx, files, scenario.Options{Policy: w.Options, Personas: personas, Transforms: w.Transforms, Ask: w.ask})
}

// scenarioFiles are scenarios.yaml and *_scenarios.yaml of every bundle.
func scenarioFiles(bundles []policy.Bundle) ([]scenario.File, error) {
	var out []scenario.File
	for _, b := range bundles {
		err := fs.WalkDir(b.Files, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !isScenario(name) {
				return err
			}
			text, err := fs.ReadFile(b.Files, name)
			out = append(out, scenario.File{Name: path.Join(string(b.Agency), name), Agency: b.Agency, Text: text})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func isScenario(name string) bool {
	return path.Base(name) == "scenarios.yaml" || strings.HasSuffix(name, "_scenarios.yaml")
}

// Check is what is wrong or doubtful about the world's policy, and what is wrong with its agreements.
func (w World) Check(ctx context.Context) ([]check.Finding, error) {
	found, err := check.Run(ctx, w.Options, w.Personas)
	return append(w.agreements(), found...), err
}

// Diff says what the world's policy alters against before, for the world's personas.
func (w World) Diff(ctx context.Context, before diff.Policy) (*diff.Report, error) {
	after, err := policy.Load(ctx, w.Options)
	if err != nil {
		return nil, err
	}
	personas := make([]diff.Persona, len(w.Personas))
	for i, p := range w.Personas {
		personas[i] = diff.Persona(p)
	}
	return diff.Compare(ctx, before, after, w.Options.Catalog, personas)
}
