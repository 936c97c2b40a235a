package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"concordat/policy"
	"concordat/policy/scenario"
)

func (v policyCommand) test(ctx context.Context, args []string) int {
	set := newCredentialFlags("policy test", v.Stderr)
	var f policyFlags
	f.register(set)
	threshold := set.Float64("threshold", 0, "least coverage in percent")
	asJSON := set.Bool("json", false, "print JSON")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(paths) > 1 {
		return v.misuse("test takes one directory")
	}
	if len(paths) == 1 {
		f = f.at(paths[0])
	}
	run, err := v.runTests(ctx, f)
	if err == nil && *asJSON {
		err = printJSON(v.Stdout, run)
	} else if err == nil {
		err = run.print(v.Stdout)
	}
	if err != nil {
		return v.failed("test", err)
	}
	if !run.Passed || run.Coverage < *threshold {
		return exitFailed
	}
	return exitDone
}

// testRun is what the tests and the scenarios of a policy say of it.
type testRun struct {
	Passed    bool           `json:"passed"`
	Coverage  float64        `json:"coverage"` // percent of the rules' lines that the Rego tests touch
	Tests     []testLine     `json:"tests"`
	Scenarios []scenarioLine `json:"scenarios"`
	Rules     []ruleLine     `json:"rules"`
}

type testLine struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Error  string `json:"error,omitempty"`
}

type scenarioLine struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Name     string   `json:"name"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"`
}

// ruleLine says of a rule that decides something whether a test made it hold, and in how many scenarios it spoke.
type ruleLine struct {
	Rule      string `json:"rule"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Tested    bool   `json:"tested"`
	Scenarios int    `json:"scenarios"`
}

func (v policyCommand) runTests(ctx context.Context, f policyFlags) (*testRun, error) {
	bundles, err := f.bundles()
	if err != nil {
		return nil, err
	}
	report, err := policy.Test(ctx, bundles)
	if err != nil {
		return nil, err
	}
	out := &testRun{Passed: report.Passed(), Coverage: report.Coverage, Tests: []testLine{}, Scenarios: []scenarioLine{}, Rules: []ruleLine{}}
	for _, r := range report.Results {
		out.Tests = append(out.Tests, testLine(r))
	}
	files, err := scenarioFiles(bundles)
	if err != nil {
		return nil, err
	}
	played := &scenario.Report{}
	if len(files) > 0 {
		if played, err = v.play(ctx, f, files); err != nil {
			return nil, err
		}
		out.Passed = played.Passed() && (report.Passed() || len(report.Results) == 0)
	}
	for _, s := range played.Results {
		out.Scenarios = append(out.Scenarios, scenarioLine{s.File, s.Line, s.Name, len(s.Failures) == 0, s.Failures})
	}
	for _, r := range report.Rules {
		out.Rules = append(out.Rules, ruleLine{r.Package + "." + r.Name(), r.File, r.Line, r.Tested, played.Spoke[r.Rule]})
	}
	return out, nil
}

func (v policyCommand) play(ctx context.Context, f policyFlags, files []scenario.File) (*scenario.Report, error) {
	p, err := f.read(v.Wire)
	if err != nil {
		return nil, err
	}
	return scenario.Run(ctx, files, scenario.Options{Policy: p.options, Personas: p.personas, Transforms: v.Transforms, Ask: p.ask(v.Wire)})
}

// scenarioFiles are scenarios.yaml and *_scenarios.yaml of every bundle.
func scenarioFiles(bundles []policy.Bundle) ([]scenario.File, error) {
	var out []scenario.File
	for _, b := range bundles {
		err := fs.WalkDir(b.Files, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Base(name) != "scenarios.yaml" && !strings.HasSuffix(name, "_scenarios.yaml") {
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

func (t *testRun) print(out io.Writer) error {
	for _, r := range t.Tests {
		why := "FAIL"
		if r.Error != "" {
			why = "ERROR " + r.Error
		}
		if !r.Passed {
			fmt.Fprintf(out, "%s:%d: %s: %s\n", r.File, r.Line, r.Name, why)
		}
	}
	for _, s := range t.Scenarios {
		for _, failure := range s.Failures {
			fmt.Fprintf(out, "%s:%d: %s: %s\n", s.File, s.Line, s.Name, failure)
		}
	}
	untried := 0
	for _, r := range t.Rules {
		if !r.Tested && r.Scenarios == 0 {
			untried++
			fmt.Fprintf(out, "%s:%d: %s: no test and no scenario makes it hold\n", r.File, r.Line, r.Rule)
		}
	}
	passed := func(n int, ok func(int) bool) (count int) {
		for i := range n {
			if ok(i) {
				count++
			}
		}
		return count
	}
	_, err := fmt.Fprintf(out, "%d of %d tests passed, %.1f%% of the rules covered\n%d of %d scenarios passed, %d of %d rules tried\n",
		passed(len(t.Tests), func(i int) bool { return t.Tests[i].Passed }), len(t.Tests), t.Coverage,
		passed(len(t.Scenarios), func(i int) bool { return t.Scenarios[i].Passed }), len(t.Scenarios), len(t.Rules)-untried, len(t.Rules))
	return err
}
