package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"concordat/policy/check"
	"concordat/policy/diff"
)

func (v policyCommand) check(ctx context.Context, args []string) int {
	set := newCredentialFlags("policy check", v.Stderr)
	var f policyFlags
	f.register(set)
	asJSON := set.Bool("json", false, "print JSON")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(paths) > 1 {
		return v.misuse("check takes one directory")
	}
	if len(paths) == 1 {
		f = f.at(paths[0])
	}
	findings, err := v.findings(ctx, f)
	if err == nil {
		err = v.printFindings(findings, *asJSON)
	}
	if err != nil {
		return v.failed("check", err)
	}
	if check.Failed(findings) {
		return exitFailed
	}
	return exitDone
}

func (v policyCommand) findings(ctx context.Context, f policyFlags) ([]check.Finding, error) {
	p, err := f.read(v.Wire)
	if err != nil {
		return nil, err
	}
	return p.world(v.Transforms).Check(ctx)
}

func (v policyCommand) printFindings(findings []check.Finding, asJSON bool) error {
	if asJSON {
		if findings == nil {
			findings = []check.Finding{}
		}
		return printJSON(v.Stdout, map[string]any{"findings": findings})
	}
	errs := 0
	for _, f := range findings {
		if f.Severity == check.Error {
			errs++
		}
		fmt.Fprintln(v.Stdout, f)
	}
	_, err := fmt.Fprintf(v.Stdout, "%d errors, %d warnings\n", errs, len(findings)-errs)
	return err
}

func printJSON(out io.Writer, value any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

func (v policyCommand) diff(ctx context.Context, args []string) int {
	set := newCredentialFlags("policy diff", v.Stderr)
	var f policyFlags
	f.register(set)
	asJSON := set.Bool("json", false, "print JSON")
	failOn := set.String("fail-on", "", "weaker: fail where protection is weaker, or that cannot be told")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(paths) != 2 || *failOn != "" && *failOn != "weaker" {
		return v.misuse("diff takes two directories, and --fail-on knows weaker")
	}
	report, err := v.compare(ctx, f.at(paths[0]), f.at(paths[1]))
	if err == nil && *asJSON {
		err = printJSON(v.Stdout, report)
	} else if err == nil {
		err = printDiff(v.Stdout, report)
	}
	if err != nil {
		return v.failed("diff", err)
	}
	if *failOn == "weaker" && report.Weaker() {
		return exitFailed
	}
	return exitDone
}

// compare asks both policies about the newer schemas, for the newer personas.
func (v policyCommand) compare(ctx context.Context, old, next policyFlags) (*diff.Report, error) {
	before, err := old.read(v.Wire)
	if err != nil {
		return nil, err
	}
	after, err := next.read(v.Wire)
	if err != nil {
		return nil, err
	}
	before.options.Now = after.options.Now
	a, err := before.engine(ctx)
	if err != nil {
		return nil, fmt.Errorf("the old policy: %w", err)
	}
	if len(after.names) == 0 {
		return nil, fmt.Errorf("there is nobody to compare for: %w: give --personas", os.ErrNotExist)
	}
	report, err := after.world(v.Transforms).Diff(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("the new policy: %w", err)
	}
	return report, nil
}

func printDiff(out io.Writer, r *diff.Report) error {
	mark := func(weaker bool) string {
		if weaker {
			return "WEAKER  "
		}
		return "        "
	}
	for _, c := range r.Changes {
		fmt.Fprintf(out, "%s%s: %s of %s: %s, was %s\n", mark(c.Weaker), c.Persona, c.Coordinate, c.Agency, c.After, c.Before)
	}
	for _, c := range r.Rows {
		what := "the row rule reads otherwise; no row shows a difference"
		witness, err := json.Marshal(c.Witness)
		switch {
		case err != nil:
			return err
		case c.Gained:
			what = "sees more rows, as " + string(witness)
		case c.Lost:
			what = "sees fewer rows, without " + string(witness)
		case c.Weaker():
			what = "the row rule changed; whether rows are gained could not be decided"
		}
		fmt.Fprintf(out, "%s%s: %s of %s: %s\n", mark(c.Weaker()), c.Persona, c.Type, c.Agency, what)
	}
	_, err := fmt.Fprintf(out, "%s and %s differ\n", counted(len(r.Changes), "ruling"), counted(len(r.Rows), "row rule"))
	return err
}

// counted is "1 row rule" or "2 row rules".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
