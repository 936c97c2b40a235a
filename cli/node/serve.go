package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"concordat/policy/authn"
	"concordat/resolvers"
)

// drain is how long requests may go on after the node was told to stop.
const drain = 15 * time.Second

// Handler is everything that the public address serves.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/graphql", n.gateway)
	mux.Handle("/ledger/", n.ledger.Handler(n.auditor))
	mux.Handle("/.well-known/", n.wire.WellKnown)
	mux.Handle("GET "+authn.DownstreamPath, n.tokens.Handler())
	n.handleAgents(mux)
	mux.HandleFunc("GET /livez", live)
	mux.HandleFunc("GET /readyz", n.ready)
	mux.Handle("/", n.wire.Pages)
	return mux
}

// auditor lets readers of entries in: a token with the auditor's scope. An error lets nobody in.
func (n *Node) auditor(r *http.Request) bool {
	s, err := n.auth.Authenticate(r)
	return err == nil && !s.Anonymous && s.HasScope(resolvers.ScopeLedgerRead)
}

// Serve answers on the listeners until ctx ends, then drains. admin may be nil.
func (n *Node) Serve(ctx context.Context, public, admin net.Listener) error {
	withdraw, err := n.announce(public)
	if err != nil {
		return err
	}
	defer withdraw()
	servers := []*http.Server{n.server(n.Handler())}
	listeners := []net.Listener{public}
	if admin != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", n.metrics.handler())
		servers, listeners = append(servers, n.server(mux)), append(listeners, admin)
	}
	linking, stopLinking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLinking()
	links, err := n.serveAgents(linking)
	if err != nil {
		return err
	}
	failed := make(chan error, len(servers))
	for i := range servers {
		go func() { failed <- servers[i].Serve(listeners[i]) }()
	}
	var first error
	running := len(servers)
	select {
	case <-ctx.Done():
	case first = <-failed:
		running--
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for _, s := range servers {
		if err := s.Shutdown(stop); err != nil {
			first = errors.Join(first, fmt.Errorf("draining: %w", err))
		}
	}
	for range running {
		<-failed
	}
	stopLinking() // after the last request: it may be waiting for agents
	if links != nil {
		first = errors.Join(first, <-links)
	}
	return first
}

func (n *Node) server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: n.config.Deadline + 30*time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
}
