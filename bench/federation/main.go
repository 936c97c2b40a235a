// Command federation measures the gateway over three small GraphQL services against Hive Gateway over the same three.
//
//	go run ./bench/federation -rounds 3 -seconds 5        (make bench-federation)
//
// It needs Go, and npm with any Node; wrk is installed where it is missing and the caller is root, Hive Gateway, Node 24
// and the composer come from npm. The question is five products, twenty reviews and their six authors: three dependent
// fetches, which are counted.
//
// The gateway verifies a token of its own for every connection, decides, applies a row rule, masks a name and writes a
// receipt; "open" is the gateway under a policy that allows everything raw, its receipt included. Hive Gateway runs
// without policy and with de-duplication of requests off, "peer" with its planner in Rust, "js" with the one in
// JavaScript. CPU is that of the gateway's process. Every line is one figure, a ratio above 1 being better for the
// gateway. It exits non-zero when a part could not run; -alone measures the gateway without a peer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"concordat/bench/load"
)

type options struct {
	rounds, connections int
	each                time.Duration
	alone               bool
}

func main() {
	var o options
	seconds := 5
	flag.IntVar(&o.rounds, "rounds", 3, "rounds, each over every server")
	flag.IntVar(&seconds, "seconds", 5, "seconds of one server in a round")
	flag.IntVar(&o.connections, "connections", 16, "connections, each with another subject's token")
	flag.BoolVar(&o.alone, "alone", false, "measure no peer")
	flag.Parse()
	o.each = time.Duration(seconds) * time.Second
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "federation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	w, err := newWorld(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.start(ctx); err != nil {
		return err
	}
	if err := w.compare(ctx); err != nil {
		return err
	}
	fmt.Printf("# %d rounds of %s, %d connections, load average %s before\n", o.rounds, o.each, o.connections, load.Average())
	if err := w.measure(ctx); err != nil {
		return err
	}
	w.print(os.Stdout)
	fmt.Printf("# load average %s after\n", load.Average())
	return nil
}
