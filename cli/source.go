package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"concordat/federation/source/introspect"
	"concordat/privacy"
)

const sourceUsage = `usage: concordat source introspect ADDRESS [--rows 200] [--json]
       concordat source sample ADDRESS TABLE COLUMN [--rows 5]

introspect  writes a draft of the schema to standard output: types, keys, joins and a suggested classification of every
            column, with the rule that suggests it. Values are looked at here and go nowhere; none is in the draft.
sample      shows some values of a column, and what each transform makes of them.

ADDRESS is postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE, the path of an SQLite file, https://HOST/PATH of an
Apollo Federation v2 subgraph (its schema alone is read), or env:NAME or file:PATH where an address with a password is kept.

  --rows  how many rows are read of each table (introspect), or values are shown (sample)
  --json  the suggestions as [{"table", "column", "scalar", "class", "why"}]
`

var errSourceUse = errors.New("wrong use")

func sourceVerb(ctx context.Context, args []string, w *Wire) int {
	if len(args) == 0 || args[0] == "help" || slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		fmt.Fprint(w.Stdout, sourceUsage)
		if len(args) == 0 {
			return exitUsage
		}
		return exitDone
	}
	run := map[string]func(context.Context, []string, *Wire) error{"introspect": introspectSource, "sample": sampleSource}[args[0]]
	err := errSourceUse
	if run != nil {
		err = run(ctx, args[1:], w)
	}
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errSourceUse):
		fmt.Fprintf(w.Stderr, "concordat source: %v\n\n%s", err, sourceUsage)
		return exitUsage
	}
	fmt.Fprintf(w.Stderr, "concordat source: %v\n", err)
	return exitFailed
}

// sourceFlags reads flags that may stand before, between or after n arguments.
func sourceFlags(args []string, n, rows int) (words []string, most int, asJSON bool, err error) {
	set := flag.NewFlagSet("source", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.IntVar(&most, "rows", rows, "")
	set.BoolVar(&asJSON, "json", false, "")
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return nil, 0, false, fmt.Errorf("%w: %w", errSourceUse, err)
		}
		if args = set.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if len(words) != n || most < 1 || most > 100_000 {
		return nil, 0, false, errSourceUse
	}
	return words, most, asJSON, nil
}

func introspectSource(ctx context.Context, args []string, w *Wire) error {
	words, rows, asJSON, err := sourceFlags(args, 1, 200)
	if err != nil {
		return err
	}
	tables, err := w.Describe(ctx, words[0], rows, w.Getenv)
	if err != nil {
		return err
	}
	if asJSON {
		return writeSuggestions(w.Stdout, tables)
	}
	_, err = io.WriteString(w.Stdout, introspect.Draft(tables))
	return err
}

// suggestion is one column, for scripts.
type suggestion struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Scalar string `json:"scalar"`
	Class  string `json:"class"`
	Why    string `json:"why"`
}

func writeSuggestions(out io.Writer, tables []*introspect.Table) error {
	judge, all := introspect.NewJudge(), []suggestion{}
	for _, t := range tables {
		for i, s := range judge.Suggest(t) {
			c := t.Columns[i]
			all = append(all, suggestion{t.Name, c.Name, c.Scalar, s.Class, s.Why})
		}
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

func sampleSource(ctx context.Context, args []string, w *Wire) error {
	words, rows, _, err := sourceFlags(args, 3, 5)
	if err != nil {
		return err
	}
	tables, err := w.Describe(ctx, words[0], max(rows, 100), w.Getenv)
	if err != nil {
		return err
	}
	for _, t := range tables {
		for _, c := range t.Columns {
			if t.Name == words[1] && c.Name == words[2] {
				c.Samples = c.Samples[:min(len(c.Samples), rows)]
				return printTransforms(w, t.Values(c))
			}
		}
	}
	return fmt.Errorf("no column %q in a table %q", words[2], words[1])
}

// examples are obligations with usual arguments.
func examples() []privacy.Obligation {
	return []privacy.Obligation{{Method: "redact"}, {Method: "redact", Arguments: `{"text":"label"}`}, {Method: "mask", Arguments: `{"keepLast":4}`},
		{Method: "prefix", Arguments: `{"length":3}`}, {Method: "pseudonym"}, {Method: "month"}, {Method: "year"}, {Method: "round", Arguments: `{"to":10}`}}
}

// printTransforms writes a row for each transform that takes the kind. Pseudonyms are made with a key of zeros: those of
// a gateway are others.
func printTransforms(w *Wire, values *privacy.Column) error {
	if values.Len() == 0 {
		return errors.New("the column has no value to show")
	}
	out := tabwriter.NewWriter(w.Stdout, 0, 4, 2, ' ', 0)
	row := func(name string, c *privacy.Column) {
		fmt.Fprint(out, name)
		for i := range c.Len() {
			fmt.Fprint(out, "\t", shown(c, i))
		}
		fmt.Fprintln(out)
	}
	row("as it is", values)
	scope := privacy.Scope{Agreement: "sample", Purpose: "sample", Root: make([]byte, privacy.RootKeySize)}
	for _, ob := range examples() {
		do, err := w.Transforms.Prepare(values.Kind, ob, scope)
		if err != nil {
			continue // does not take the kind
		}
		changed, err := do(values)
		if err != nil {
			return fmt.Errorf("%s: %w", ob.Method, err)
		}
		row(ob.Method+" "+ob.Arguments, changed)
	}
	return out.Flush()
}

func shown(c *privacy.Column, row int) string {
	switch {
	case c.IsNull(row):
		return "null"
	case c.Kind.Text():
		return strconv.Quote(c.Text(row))
	case c.Kind == privacy.Float:
		return strconv.FormatFloat(c.Float(row), 'g', -1, 64)
	case c.Kind == privacy.Bool:
		return strconv.FormatBool(c.Bool(row))
	case c.Kind == privacy.Time:
		return time.UnixMicro(c.Int(row)).UTC().Format(time.RFC3339Nano)
	}
	return strconv.FormatInt(c.Int(row), 10)
}
