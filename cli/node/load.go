package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"concordat/federation"
	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/ledger"
	"concordat/resolvers"
	"concordat/schema"
)

// opened is the sources of a snapshot; they are kept over a reload that does not touch them.
type opened struct {
	digest  [32]byte // of the configuration and the supergraph
	sources map[string]source.Source
	closer  io.Closer
}

// Reload loads schema, policy, agreements and sources as one snapshot, or leaves the one in force. The first load's
// error is the caller's; a later one is also kept for /readyz.
func (n *Node) Reload(ctx context.Context) error {
	n.loading.Lock()
	defer n.loading.Unlock()
	next, err := n.load(ctx)
	if err == nil && !next.differs(n) {
		n.problem.Store(nil)
		n.metrics.refused.Set(0)
		return nil
	}
	if err == nil {
		err = n.activate(ctx, next)
	}
	if err != nil {
		n.problem.Store(&problem{at: time.Now(), err: err})
		n.metrics.reload(false)
		return err
	}
	n.problem.Store(nil)
	n.metrics.reload(true)
	for _, w := range next.set.Warnings() {
		n.log.Warn("agreement", "problem", w.Error())
	}
	n.log.Info("snapshot in force", "schema", next.snapshot.Supergraph.Hash, "policy", next.snapshot.Policy.Revision())
	return nil
}

// loaded is a version that could be in force.
type loaded struct {
	snapshot *federation.Snapshot
	set      *agreement.Set
	opened   opened
}

// differs reports whether anything of it is not in force already.
func (l *loaded) differs(n *Node) bool {
	now := n.gateway.Snapshot()
	return now == nil || now.Supergraph.Hash != l.snapshot.Supergraph.Hash || now.Policy.Revision() != l.snapshot.Policy.Revision() ||
		n.opened.digest != l.opened.digest || now.Agreements.Digest() != l.set.Digest() || !maps.Equal(signed(now), signed(l.snapshot))
}

// activate puts a version in force. The sources of the one before stay open while its requests may run.
func (n *Node) activate(ctx context.Context, next *loaded) error {
	fresh := n.opened.digest != next.opened.digest
	err := n.recordActivation(ctx, next.snapshot)
	if err == nil {
		err = n.keepNewest(ctx, next.snapshot)
	}
	if err == nil {
		err = n.allow(ctx, next.set)
	}
	if err != nil {
		if fresh {
			err = errors.Join(err, next.opened.closer.Close())
		}
		return err
	}
	n.register.Use(next.set)
	n.gateway.Swap(next.snapshot)
	if fresh {
		n.retire(n.opened.closer)
		n.opened = next.opened
	}
	return nil
}

// recordActivation puts the new revisions into the ledger before any answer is given under them.
func (n *Node) recordActivation(ctx context.Context, s *federation.Snapshot) error {
	var before *agreement.Set
	if now := n.gateway.Snapshot(); now != nil {
		before = now.Agreements
	}
	_, err := n.ledger.Append(ctx, ledger.Entry{Kind: ledger.Activation, Extra: versions(s.Agreements, before), PolicyRevision: s.Policy.Revision(),
		SchemaRevision: s.Supergraph.Hash, Subject: ledger.Subject{ID: "gateway"}})
	if err != nil {
		return fmt.Errorf("recording the activation: %w", err)
	}
	return nil
}

func (n *Node) load(ctx context.Context) (*loaded, error) {
	set, agreementErr := agreement.LoadDir(n.config.Agreements)
	sg, text, composeErr := n.compose()
	if composeErr != nil {
		return nil, errors.Join(agreementErr, composeErr)
	}
	var agreements map[string]any
	if set != nil {
		agreements = set.Data()
		agreementErr = n.holds(set, sg.Catalog)
	}
	engine, policyErr := n.policy(ctx, sg, agreements)
	if err := errors.Join(agreementErr, policyErr); err != nil {
		return nil, err
	}
	cursors, err := execute.NewCursors(n.root)
	if err != nil {
		return nil, err
	}
	opened, err := n.sources(ctx, sg, text)
	if err != nil {
		return nil, err
	}
	s, err := federation.NewSnapshot(federation.Parts{
		Supergraph: sg, Policy: engine, Agreements: set, Activated: time.Now(), Limits: n.config.Limits,
		Executor: &execute.Executor{Sources: opened.sources, Transforms: n.wire.Transforms, Cursors: cursors, Names: n.names, MaxRows: n.config.MaxRows,
			RequestRows: n.config.RequestRows, RequestBytes: int64(n.config.RequestMiB) << 20},
		Control: n.control().Executable, Invented: n.wire.Mock != nil,
	})
	return &loaded{s, set, opened}, err
}

func (n *Node) control() *resolvers.Resolver {
	return &resolvers.Resolver{Access: access{}, Agreements: agreements{}, Register: n.register, Receipts: n.ledger,
		Drafts: n.files, Publisher: publisher{n}, Explainer: n.explainer, Reviewer: n.reviewer, Ender: ender{n}, Revisions: revisions{n}, Health: n, Now: time.Now}
}

// problems is every error of a composition, a line each.
type problems []compose.Problem

func (p problems) Error() string {
	var b strings.Builder
	for i, one := range p {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.String())
	}
	return b.String()
}

// compose reads the agencies' files and the names of the configured sources.
func (n *Node) compose() (*compose.Supergraph, []byte, error) {
	text, names, err := n.sourceNames()
	if err != nil {
		return nil, nil, err
	}
	files, err := SchemaFiles(n.config.Schemas)
	if err != nil {
		return nil, nil, err
	}
	sg, found := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane(), Sources: names})
	var errs problems
	for _, p := range found {
		if p.Severity == compose.Error {
			errs = append(errs, p)
		} else {
			n.log.Warn("composition", "problem", p.String())
		}
	}
	if len(errs) > 0 {
		return nil, nil, errs
	}
	return sg, text, nil
}

// sourceNames reads the configuration of the sources. Invented rows need none, and any source may be named then.
func (n *Node) sourceNames() (text []byte, names []string, err error) {
	if n.wire.Mock != nil {
		return nil, nil, nil
	}
	if text, err = os.ReadFile(n.config.Sources); err != nil {
		return nil, nil, fmt.Errorf("sources: %w", err)
	}
	names, err = n.wire.SourceNames(n.config.Sources, text)
	return text, names, err
}

// SchemaFiles reads the *.graphqls of a directory: a file is an agency's, and named for it.
func SchemaFiles(dir string) ([]compose.File, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.graphqls"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("%s holds no *.graphqls", dir)
	}
	slices.Sort(names)
	var files []compose.File
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
		agency := strings.TrimSuffix(filepath.Base(name), ".graphqls")
		files = append(files, compose.File{Name: name, Agency: policy.AgencyID(agency), Text: string(text)})
		levels, err := LevelFiles(name, policy.AgencyID(agency))
		if err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
		files = append(files, levels...)
	}
	return files, nil
}

// LevelFiles reads the files of levels beside an agency's schema: health.wards.csv beside health.graphqls.
func LevelFiles(schema string, agency policy.AgencyID) ([]compose.File, error) {
	names, err := filepath.Glob(filepath.Join(filepath.Dir(schema), string(agency)+".*.csv"))
	if err != nil {
		return nil, fmt.Errorf("files of levels: %w", err)
	}
	var files []compose.File
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.Size() > compose.MaxFile {
			return nil, fmt.Errorf("%s is larger than %d bytes", name, compose.MaxFile)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, compose.File{Name: name, Agency: agency, Text: string(text)})
	}
	return files, nil
}

// policy loads a bundle for each folder of the policies directory.
func (n *Node) policy(ctx context.Context, sg *compose.Supergraph, agreements map[string]any) (*policy.Engine, error) {
	options, err := n.policyOptions(sg, agreements)
	if err != nil {
		return nil, err
	}
	return policy.Load(ctx, options)
}

func (n *Node) policyOptions(sg *compose.Supergraph, agreements map[string]any) (policy.Options, error) {
	entries, err := os.ReadDir(n.config.Policies)
	if err != nil {
		return policy.Options{}, fmt.Errorf("policies: %w", err)
	}
	var bundles []policy.Bundle
	for _, e := range entries {
		if e.IsDir() {
			bundles = append(bundles, policy.Bundle{Agency: policy.AgencyID(e.Name()), Files: policy.Folder(filepath.Join(n.config.Policies, e.Name()))})
		}
	}
	signatures, err := n.signatures()
	if err != nil {
		return policy.Options{}, err
	}
	return policy.Options{Bundles: bundles, Agreements: agreements, Catalog: sg.Catalog,
		CheckObligation: n.wire.Transforms.Check, Signatures: signatures,
		Fault: func(a policy.AgencyID, err error) {
			n.log.Error("an agency's rules failed; its fields were denied", "agency", a, "cause", err)
		}}, nil
}

// sources opens what a supergraph needs, or keeps what is open where neither it nor the configuration changed.
func (n *Node) sources(ctx context.Context, sg *compose.Supergraph, text []byte) (opened, error) {
	digest := sha256.Sum256(bytes.Join([][]byte{text, []byte(sg.Hash)}, []byte{0}))
	if n.opened.closer != nil && n.opened.digest == digest {
		return n.opened, nil
	}
	if n.wire.Mock != nil {
		return opened{digest: digest, sources: n.wire.Mock(sg), closer: nothing{}}, nil
	}
	itself := policy.Subject{ID: "gateway"} // what is asked at load is asked for nobody else
	ctx = source.WithCredential(ctx, func(audience string) (string, error) { return n.tokens.Token(audience, itself, "") })
	sources, closer, err := n.wire.Sources(ctx, n.config.Sources, text, sg.Relations, n.config.Data, n.wire.Getenv)
	if err != nil {
		return opened{}, fmt.Errorf("sources: %w", err)
	}
	n.link(sources)
	return opened{digest: digest, sources: sources, closer: closer}, nil
}

// nothing is what there is to close of rows in memory.
type nothing struct{}

func (nothing) Close() error { return nil }

// retire closes sources once no request of their snapshot can still run: they are over, or the node has drained.
func (n *Node) retire(c io.Closer) {
	if c == nil {
		return
	}
	n.pending.Go(func() {
		over := time.NewTimer(n.config.Deadline + time.Second)
		defer over.Stop()
		select {
		case <-over.C:
		case <-n.closing:
		}
		if err := c.Close(); err != nil {
			n.log.Warn("closing retired sources", "cause", err)
		}
	})
}
