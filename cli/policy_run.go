package cli

import (
	"context"
	"fmt"
	"io"

	"concordat/federation/review"
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
		err = printTests(v.Stdout, run)
	}
	if err != nil {
		return v.failed("test", err)
	}
	if !run.Passed || run.Coverage < *threshold {
		return exitFailed
	}
	return exitDone
}

func (v policyCommand) runTests(ctx context.Context, f policyFlags) (*review.Tests, error) {
	bundles, err := f.bundles()
	if err != nil {
		return nil, err
	}
	return review.Run(ctx, bundles, func() (review.World, error) {
		p, err := f.read(v.Wire)
		if err != nil {
			return review.World{}, err
		}
		return p.world(v.Transforms), nil
	})
}

func printTests(out io.Writer, t *review.Tests) error {
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
