// Command concordat is a GraphQL gateway through which agencies share data under policy, with a receipt for every
// answer. This file is its wiring, and the only one that names concrete types.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"concordat/cli"
	"concordat/cli/tagger"
	"concordat/console"
	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/federation/source/mock"
	"concordat/federation/source/open"
	"concordat/privacy/deid"
)

func main() {
	models, err := tagger.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, "concordat: embedded models:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], cli.Wire{
		Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		Transforms:  deid.NewWithTagger(models.Redaction(), 0),
		Tagger:      models.Names(),
		Sources:     openSources,
		SourceNames: sourceNames,
		Mock:        func(sg *compose.Supergraph) map[string]source.Source { return mock.Sources(sg, mock.DefaultRows) },
		Describe:    open.Describe,
		Pages:       func(d *console.DemoInfo) http.Handler { return console.Handler(console.Options{Demo: d}) },
		Reload:      hangups,
		Redactor:    redactor(models.Redaction()),
	})
	stop()
	os.Exit(code)
}

// openSources opens what a configuration file names.
func openSources(ctx context.Context, file string, text []byte, relations func(string) []*source.Relation, dir string, getenv func(string) string) (map[string]source.Source, io.Closer, error) {
	c, err := open.Parse(file, text)
	if err != nil {
		return nil, nil, err
	}
	return open.Open(ctx, c, open.Options{Dir: dir, Relations: relations, Getenv: getenv})
}

func sourceNames(file string, text []byte) ([]string, error) {
	c, err := open.Parse(file, text)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(c.Sources)), nil
}

// redactor hides names and identifiers in text: by rules alone where there is no tagger.
func redactor(tagger deid.Tagger) cli.Redactor {
	return func(o cli.RedactOptions) (func(context.Context, []string) []cli.Redaction, bool) {
		options := deid.TextOptions{Tagger: tagger, RulesOnly: tagger == nil, Language: o.Language, Years: o.Years, MostBytes: o.MostBytes}
		if o.Mask {
			options.Style = deid.StyleMask
		}
		r := deid.NewRedactor(options)
		return func(ctx context.Context, texts []string) []cli.Redaction {
			out := make([]cli.Redaction, len(texts))
			for i, d := range r.Redact(ctx, texts) {
				out[i].Text = d.Text
				for _, s := range d.Spans {
					out[i].Spans = append(out[i].Spans, cli.RedactedSpan(s))
				}
			}
			return out
		}, tagger != nil
	}
}

// hangups turns SIGHUP into requests to load again.
func hangups() (<-chan struct{}, func()) {
	signals, again := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for range signals {
			again <- struct{}{}
		}
	}()
	return again, func() { signal.Stop(signals); close(signals) }
}
