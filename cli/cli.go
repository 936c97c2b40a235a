// Package cli is the verbs of the concordat binary.
//
//	os.Exit(cli.Main(ctx, os.Args[1:], wire))
//
// Exit codes are 0 done, 1 failed, 2 wrong use. Output for people goes to standard output as text; --json, where a
// verb has it, is for machines. Mistakes go to standard error. Nothing here names a concrete source, transform or
// page: server.go does, in Wire.
package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"concordat/cli/node"
	"concordat/console"
	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/federation/source"
	"concordat/federation/source/introspect"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Wire is what main hands in: constructors of the concrete rooms.
type Wire struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Transforms     node.Transforms
	Tagger         execute.Tagger // of computed fields
	Sources        func(ctx context.Context, file string, text []byte, relations func(string) []*source.Relation, dir string, getenv func(string) string) (map[string]source.Source, io.Closer, error)
	SourceNames    func(file string, text []byte) ([]string, error)
	Mock           func(*compose.Supergraph) map[string]source.Source // invented rows, for serve --mock
	Describe       func(ctx context.Context, address string, rows int, getenv func(string) string) ([]*introspect.Table, error)
	Pages          func(*console.DemoInfo) http.Handler
	Reload         func() (again <-chan struct{}, stop func()) // SIGHUP
	Redactor       Redactor
}

// verb is one word of the command line.
type verb struct {
	name, does string
	run        func(ctx context.Context, args []string, w *Wire) int
}

func verbs() []verb {
	return []verb{
		{"demo", "start a gateway over the embedded demo agencies", demoVerb},
		{"serve", "start a gateway from concordat.yaml", serveVerb},
		{"schema", "compose, check and print schemas; print a plan", func(ctx context.Context, args []string, w *Wire) int {
			return Schema(args, w.Stdout, w.Stderr, SchemaEnv{Default: demoSchemas, Plan: func(sg *compose.Supergraph, o PlanOptions) error {
				return printPlan(ctx, w, sg, o)
			}})
		}},
		{"source", "draft a schema from a live database; show a column after each transform", sourceVerb},
		{"policy", "check, test, explain, compare and sign policies", policyVerb},
		{"token", "mint, inspect and revoke development tokens", func(_ context.Context, args []string, w *Wire) int {
			return Token(args, w.Stdout, w.Stderr)
		}},
		{"key", "make and rotate keys", func(_ context.Context, args []string, w *Wire) int { return Key(args, w.Stdout, w.Stderr) }},
		{"privacy", "redact free text", func(ctx context.Context, args []string, w *Wire) int {
			return Privacy(ctx, args, PrivacyEnv{Stdin: os.Stdin, Stdout: w.Stdout, Stderr: w.Stderr, Redactor: w.Redactor})
		}},
		{"agent", "run an agency's side of secure aggregation", agentVerb},
		{"secagg", "make a querier's key, open an answer, show a demo", secaggVerb},
		{"ledger", "checkpoint, prove, verify, export and search the ledger", func(_ context.Context, args []string, w *Wire) int {
			return Ledger(args, w.Stdout, w.Stderr)
		}},
		{"model", "list, show, run and measure models", modelVerb},
	}
}

// Main runs one verb and returns the exit code.
func Main(ctx context.Context, args []string, w Wire) int {
	if len(args) == 0 {
		usage(w.Stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "--help", "-h":
		usage(w.Stdout)
		return exitDone
	}
	for _, v := range verbs() {
		if v.name == args[0] {
			return v.run(ctx, args[1:], &w)
		}
	}
	fmt.Fprintf(w.Stderr, "concordat: there is no verb %q\n\n", args[0])
	usage(w.Stderr)
	return exitUsage
}

func usage(out io.Writer) {
	fmt.Fprintln(out, "Concordat shares agencies' data under policy, and keeps a receipt of every answer.\n\nusage: concordat VERB [arguments]")
	fmt.Fprintln(out)
	for _, v := range verbs() {
		fmt.Fprintf(out, "  %-8s %s\n", v.name, v.does)
	}
	fmt.Fprintln(out, "\nconcordat VERB --help explains a verb. Exit codes: 0 done, 1 failed, 2 wrong use.")
}
