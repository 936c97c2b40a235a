// Command ask measures one question over two agencies, through the gateway and through a server written by hand.
//
//	go run ./bench/ask -rounds 10 -requests 1000
//
// Both servers are processes of their own over the same SQLite files, read with the same library, and answer the
// same request with the same token; this process is the load: a closed loop over a fixed number of connections, in
// alternating rounds, so that what else the machine does falls on both. The gateway decides under policy, masks,
// and writes a receipt to its ledger before it answers; the peer does none of that. CPU is that of each server's
// process, as the kernel counts it. Before anything is measured the two answers are compared.
//
// It prints one line for each figure and fails where a part could not run. It promises nothing about other
// questions, and wall-clock figures mean little on a shared machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

type options struct {
	rounds, requests, warmup, connections int
	gateway, dir                          string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 10, "rounds, each of both servers in turn")
	flag.IntVar(&o.requests, "requests", 1000, "requests of one round to one server")
	flag.IntVar(&o.warmup, "warmup", 500, "requests to each server before the first round")
	flag.IntVar(&o.connections, "connections", 16, "connections, each with one request at a time")
	flag.StringVar(&o.gateway, "gateway", "", "the gateway's `binary` (default: built from this module)")
	flag.StringVar(&o.dir, "dir", "", "`directory` of data and ledger (default: a temporary one)")
	peer := flag.String("peer", "", "serve as the peer over this `directory`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, *peer)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ask:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, peer string) error {
	if peer != "" {
		return runPeer(peer)
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "concordat-ask-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
		o.dir = dir
	}
	w, err := newWorld(ctx, o.dir)
	if err != nil {
		return err
	}
	if o.gateway == "" {
		o.gateway = filepath.Join(o.dir, "concordat")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.gateway, "concordat")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building the gateway: %w", err)
		}
	}
	return both(ctx, o, w)
}

// both starts the two servers, compares their answers and measures.
func both(ctx context.Context, o options, w *world) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours, err := start(ctx, "ours", exec.CommandContext(ctx, o.gateway, "serve", "--config", w.config))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.end()) }()
	ours.metrics = "http://" + w.admin + "/metrics"
	peer, err := start(ctx, "peer", exec.CommandContext(ctx, self, "-peer", w.dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.end()) }()
	peer.metrics = peer.url + "metrics"
	m := &measurement{options: o, token: w.token, ours: ours, peer: peer}
	if err := m.compare(ctx); err != nil {
		return err
	}
	if err := m.run(ctx); err != nil {
		return err
	}
	m.print(os.Stdout)
	return nil
}

// freeAddress is a loopback address that nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
