// Command peers measures the gateway over PostgreSQL against PostGraphile, without and with row security, and against a
// server written by hand in Go for the same three questions.
//
//	go run ./bench/peers -rounds 3 -seconds 5        (make bench-peers)
//
// It needs Go, and npm with any Node; what is missing of Debian's postgresql and wrk it installs where it is root, and
// PostGraphile and Node 24 come from npm. The database is private, on loopback, and generated (store.sql).
//
// The gateway verifies a token, decides, applies row rules to four tables, masks a column, and writes a receipt. Every
// connection is another subject. "peer" is PostGraphile with no policy at all, "rls" PostGraphile with a role and row
// security on the same four tables, "ceiling" the server by hand, "open" the gateway under a policy that allows
// everything raw. Rounds alternate between all of them; an answer with an error ends the run. CPU is that of the
// server's own process.
//
// Every line is one figure, a ratio above 1 being better for the gateway. It exits non-zero when a part could not run.
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
	profile             string
}

func main() {
	var o options
	seconds := 5
	flag.IntVar(&o.rounds, "rounds", 3, "rounds, each over every server and question")
	flag.IntVar(&seconds, "seconds", 5, "seconds of one server and question in a round")
	flag.IntVar(&o.connections, "connections", 16, "connections, each with another subject's token")
	flag.StringVar(&o.profile, "profile", "", "write the gateway's processor profile to `file`")
	ceiling := flag.String("ceiling", "", "serve as the hand-written server at this `address`, over the database in STORE_DSN")
	flag.Parse()
	o.each = time.Duration(seconds) * time.Second
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if *ceiling != "" {
		err = serveCeiling(ctx, *ceiling, os.Getenv("STORE_DSN"))
	} else {
		err = run(ctx, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
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
