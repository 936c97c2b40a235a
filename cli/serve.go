package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"

	"concordat/cli/config"
	"concordat/cli/node"
	"concordat/policy/authn"
)

// serveVerb starts a gateway from its configuration.
func serveVerb(ctx context.Context, args []string, w *Wire) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	file := flags.String("config", "concordat.yaml", "configuration `file`")
	check := flags.Bool("check", false, "read configuration, schema, policy and agreements, say what is wrong, and stop")
	profile := flags.String("cpuprofile", "", "write a profile of the processor to `file` until the end: for go build -pgo")
	mock := flags.Bool("mock", false, "answer with invented rows, made of the schemas alone; no source is opened")
	if code, ok := parsed(flags, args); !ok {
		return code
	}
	c, err := config.Load(*file, w.Getenv)
	if err != nil {
		return failed(w, err)
	}
	var issuers []string
	for _, t := range c.Trusted {
		issuers = append(issuers, t.Issuer)
	}
	known, err := authn.WellKnown(c.Resource, issuers, nil)
	if err != nil {
		return failed(w, err)
	}
	log := slog.New(slog.NewJSONHandler(w.Stderr, nil))
	wire := node.Wire{Transforms: w.Transforms, Tagger: w.Tagger, Sources: w.Sources, SourceNames: w.SourceNames,
		Pages: w.Pages(nil), WellKnown: known, IssuerDir: filepath.Dir(*file), Getenv: w.Getenv, Log: log}
	wire.Issuers = func() ([]authn.Trusted, error) {
		again, err := config.Load(*file, w.Getenv)
		return again.Trusted, err
	}
	if *mock {
		wire.Mock = w.Mock
		log.Warn("every value that this gateway answers with is invented")
	}
	n, err := node.Open(ctx, c, wire)
	if err != nil {
		return failed(w, err)
	}
	defer n.Close()
	if *check {
		fmt.Fprintln(w.Stdout, "the configuration is good")
		return exitDone
	}
	return profiled(*profile, w, func() int {
		return serve(ctx, n, c.Listen, c.Admin, w, func(string) error { return nil })
	})
}

// profiled writes a profile of what do does to a file; "" for none. A profile holds names of functions and counts.
func profiled(file string, w *Wire, do func() int) int {
	if file == "" {
		return do()
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return failed(w, err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return failed(w, errors.Join(err, f.Close()))
	}
	code := do()
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		return failed(w, err)
	}
	return code
}

// serve listens, says so, and answers until ctx ends.
func serve(ctx context.Context, n *node.Node, address, admin string, w *Wire, ready func(address string) error) int {
	public, err := net.Listen("tcp", address)
	if err != nil {
		return failed(w, err)
	}
	var metrics net.Listener
	if admin != "" {
		if metrics, err = net.Listen("tcp", admin); err != nil {
			return failed(w, errors.Join(err, public.Close()))
		}
	}
	again, stop := w.Reload()
	defer stop()
	watching, end := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() { watched <- n.Watch(watching, again) }()
	if err = ready(public.Addr().String()); err == nil {
		fmt.Fprintf(w.Stdout, "ready http://%s/\n", public.Addr())
		err = n.Serve(ctx, public, metrics)
	}
	end()
	if err = errors.Join(err, <-watched); err != nil {
		return failed(w, err)
	}
	return exitDone
}

// parsed parses flags; false where the verb is done with: help was asked for, or the use was wrong.
func parsed(flags *flag.FlagSet, args []string) (code int, ok bool) {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone, false
	case err != nil:
		return exitUsage, false
	case flags.NArg() > 0:
		fmt.Fprintf(flags.Output(), "concordat %s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
		return exitUsage, false
	}
	return 0, true
}

// failed prints an error, a line for each of its lines.
func failed(w *Wire, err error) int {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w.Stderr, "concordat: %s\n", strings.TrimRight(line, "\n"))
	}
	return exitFailed
}
