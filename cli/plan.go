package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"concordat/cli/node"
	"concordat/demo"
	"concordat/federation/compose"
	"concordat/federation/plan"
	"concordat/federation/review"
	"concordat/federation/source"
)

// PlanOptions say where the sources are that a plan is explained for.
type PlanOptions struct {
	Document string
	Sources  string // configuration file; "" for none: no statements
	Data     string // directory of the sources' files
	Demo     bool   // the demo's sources, built in a temporary directory
	JSON     bool
}

// demoSchemas is the agencies that the schema verbs take where the command line names none.
func demoSchemas() ([]compose.File, error) {
	dir, err := os.MkdirTemp("", "concordat-schemas-")
	if err != nil {
		return nil, fmt.Errorf("demo schemas: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory that stays does no harm
	if err := unpack(demo.Files, dir); err != nil {
		return nil, err
	}
	files, err := node.SchemaFiles(dir + "/agencies")
	for i := range files {
		files[i].Name = "agencies/" + filepath.Base(files[i].Name)
	}
	return files, err
}

// printPlan prints the fetches of a document as the executor would run them where policy allows everything.
func printPlan(ctx context.Context, w *Wire, sg *compose.Supergraph, o PlanOptions) error {
	bound, err := review.Bind(sg, o.Document)
	if err != nil {
		return err
	}
	explain, closer, err := explainer(ctx, w, sg, o)
	if err != nil {
		return err
	}
	fetches, err := plan.Explain(bound, explain)
	if err := errors.Join(err, closer()); err != nil {
		return err
	}
	if o.JSON {
		e := json.NewEncoder(w.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"steps": fetches})
	}
	printFetches(w.Stdout, fetches)
	return nil
}

// explainer opens the sources, so that the statements are those that would be sent.
func explainer(ctx context.Context, w *Wire, sg *compose.Supergraph, o PlanOptions) (func(string, *source.Query) source.Explanation, func() error, error) {
	nothing := func() error { return nil }
	if o.Sources == "" && !o.Demo {
		return nil, nothing, nil
	}
	dir, file, cleanup := o.Data, o.Sources, nothing
	if o.Demo {
		var err error
		if dir, err = os.MkdirTemp("", "concordat-plan-"); err != nil {
			return nil, nothing, fmt.Errorf("demo sources: %w", err)
		}
		cleanup = func() error { return os.RemoveAll(dir) }
		if err := errors.Join(demo.Prepare(ctx, dir), unpack(demo.Files, dir)); err != nil {
			return nil, nothing, errors.Join(err, cleanup())
		}
		file = dir + "/sources.yaml"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nothing, errors.Join(err, cleanup())
	}
	sources, closer, err := w.Sources(source.ForPlans(ctx), file, text, sg.Relations, dir, planEnv(w))
	if err != nil {
		return nil, nothing, errors.Join(err, cleanup())
	}
	return explainFrom(ctx, sources), func() error { return errors.Join(closer.Close(), cleanup()) }, nil
}

// planEnv gives the demo's transport agency an address: a plan is printed, not run.
func planEnv(w *Wire) func(string) string {
	return func(name string) string {
		if v := w.Getenv(name); v != "" || name != "DEMO_TRANSPORT_URL" {
			return v
		}
		return "http://127.0.0.1:1/"
	}
}

func explainFrom(ctx context.Context, sources map[string]source.Source) func(string, *source.Query) source.Explanation {
	return func(name string, q *source.Query) source.Explanation {
		e, ok := sources[name].(source.Explainer)
		if !ok {
			return source.Explanation{}
		}
		x := e.Explain(q)
		if e, ok := sources[name].(source.Estimator); ok {
			if rows, ok := e.Estimate(ctx, q); ok {
				x.EstimatedRows = &rows
			}
		}
		return x
	}
}

func printFetches(out io.Writer, fetches []plan.Explained) {
	for _, f := range fetches {
		fmt.Fprintf(out, "%d  %s  %s of %s from %s\n", f.Step, f.Path, f.Does, f.Type, f.Source)
		if f.After != nil {
			fmt.Fprintf(out, "     after step %d, by its distinct keys: %s\n", *f.After, f.Join)
		}
		for _, a := range f.With {
			fmt.Fprintf(out, "     with step %d  %s\n", a.Step, a.Path)
			if a.Join != "" {
				fmt.Fprintf(out, "     after step %d, by its distinct keys: %s\n", *f.After, a.Join)
			}
		}
		if f.Statement != "" {
			fmt.Fprintf(out, "     %s\n", strings.ReplaceAll(f.Statement, "\n", "\n     "))
			fmt.Fprintf(out, "     pushed: %s; in the gateway: %s\n", orNothing(f.Pushed), orNothing(f.Local))
			if f.EstimatedRows != nil {
				fmt.Fprintf(out, "     estimated rows: %d\n", *f.EstimatedRows)
			}
		}
	}
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
