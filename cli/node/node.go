// Package node is one running gateway: its store, ledger and keys, the snapshot it loads from files and loads again
// when they change, and its HTTP listeners.
//
//	n, err := node.Open(ctx, config, wire)
//	defer n.Close()
//	err = n.Serve(ctx, listener, admin)
//
// A node starts only whole: every mistake in its configuration, schemas, policies and agreements is listed, and an
// unwritable state directory is refused. Once it runs, a bad new version keeps the old one in force and is reported
// by /readyz, a metric and the log. It does not promise to be the only reader of its files; it must be the only
// process on its state directory.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"concordat/cli/config"
	"concordat/federation"
	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/federation/source"
	"concordat/policy/agreement"
	"concordat/policy/authn"
	"concordat/policy/check"
	"concordat/policy/ledger"
	"concordat/privacy"
	"concordat/state"
)

// Transforms meets obligations, and says at load which it can. *deid.Set is one.
type Transforms interface {
	privacy.Transforms
	Check(kind privacy.Kind, ob privacy.Obligation) error
}

// Wire is what a node is made of besides its configuration; server.go names the concrete types.
type Wire struct {
	Transforms Transforms
	// Tagger finds names in text, for computed fields. Optional: without one they fail.
	Tagger execute.Tagger
	// Sources opens the configured sources for the relations that each has to serve.
	Sources func(ctx context.Context, file string, text []byte, relations func(string) []*source.Relation, dir string, getenv func(string) string) (map[string]source.Source, io.Closer, error)
	// SourceNames lists the sources that a configuration names.
	SourceNames func(file string, text []byte) ([]string, error)
	// Mock invents rows for a supergraph, in place of Sources: nil but for serve --mock.
	Mock      func(*compose.Supergraph) map[string]source.Source
	Pages     http.Handler // the console
	WellKnown http.Handler // the development issuer's keys, or the metadata alone
	Getenv    func(string) string
	// Personas are named subjects whom a change of policy is compared for. Optional: without any, each party of each
	// agreement is, for each purpose.
	Personas []check.Persona
	// Issuers reads the trusted issuers and their keys again; it is asked when a file in IssuerDir changes. Optional:
	// without it they change with a restart.
	Issuers   func() ([]authn.Trusted, error)
	IssuerDir string
	Log       *slog.Logger
	// Wake starts the agents of these agencies where somebody else keeps them: a demo. Optional.
	Wake func(ctx context.Context, agencies []string) error
	// BeforeCommit is asked before each durable write; its error refuses the write. Optional: a guard of the
	// operator's own, as of space that must stay free.
	BeforeCommit func() error
}

// Node is a running gateway.
type Node struct {
	config   config.Config
	wire     Wire
	store    *state.Store
	ledger   *ledger.Ledger
	register *agreement.Register
	files    *agreement.Files
	auth     *gate
	proofs   *authn.Proofs
	gateway  *federation.Gateway
	tokens   *authn.Downstream // for sources
	root     []byte
	names    *execute.Names
	metrics  *metrics
	agents   *agents // nil: none are configured
	log      *slog.Logger

	explainer *explainer
	reviewer  *reviewer

	loading sync.Mutex // one load at a time
	opened  opened     // the sources in force
	problem atomic.Pointer[problem]
	pending sync.WaitGroup // sources that still drain
	closing chan struct{}  // closed when the node is
}

// problem is why a newer version is not in force.
type problem struct {
	at  time.Time
	err error
}

// Open starts a node up to the point where it could answer.
func Open(ctx context.Context, c config.Config, w Wire) (n *Node, err error) {
	n = &Node{config: c, wire: w, log: w.Log, metrics: newMetrics(), closing: make(chan struct{})}
	n.files, n.explainer, n.reviewer = agreement.NewFiles(c.Agreements), &explainer{node: n}, newReviewer(n)
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	if n.store, err = state.Open(state.Options{Dir: filepath.Join(c.State, "store"), BeforeCommit: w.BeforeCommit}); err != nil {
		return n, fmt.Errorf("state directory %s: %w", c.State, err)
	}
	if err := n.openLedger(); err != nil {
		return n, err
	}
	if n.root, err = privacy.RootKey(c.State); err != nil {
		return n, fmt.Errorf("root key: %w", err)
	}
	if n.tokens, err = authn.NewDownstream(n.root, c.Resource); err != nil {
		return n, err
	}
	n.auth, n.proofs = &gate{}, authn.NewProofs(nil, c.Resource)
	if err := n.trust(c.Trusted); err != nil {
		return n, err
	}
	if w.Tagger != nil {
		if n.names, err = execute.NewNames(w.Tagger); err != nil {
			return n, err
		}
		n.metrics.watchModels(w.Tagger)
	}
	if n.register, err = agreement.NewRegister(ctx, n.store, nil); err != nil {
		return n, fmt.Errorf("agreements: %w", err)
	}
	if err := n.openAgents(); err != nil {
		return n, err
	}
	n.gateway, err = federation.New(federation.Options{Authenticator: n.auth, Register: n.register, Ledger: n.metrics.watchLedger(n.ledger),
		Root: n.root, Limits: c.Limits, Deadline: c.Deadline, Metadata: c.Resource + authn.MetadataPath, Downstream: n.tokens, Log: n.log, Observer: n.metrics,
		SecureAggregation: n.secureAggregation()})
	if err != nil {
		return n, err
	}
	return n, n.Reload(ctx)
}

func (n *Node) openLedger() error {
	signer, verifier, err := ledger.LoadOrCreateKey(n.config.State, n.config.Origin)
	if err != nil {
		return fmt.Errorf("ledger key: %w", err)
	}
	if n.ledger, err = ledger.Open(n.store, ledger.Options{Origin: n.config.Origin, Signer: signer, Verifier: verifier}); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// Close ends a node that serves no more, once: sources, then the store, whose last writes are durable already.
func (n *Node) Close() error {
	var errs []error
	close(n.closing)
	if n.opened.closer != nil {
		errs = append(errs, n.opened.closer.Close())
	}
	n.pending.Wait()
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}
