package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"concordat/federation"
	"concordat/federation/review"
	"concordat/policy"
	"concordat/policy/check"
	"concordat/policy/explain"
	"concordat/policy/scenario"
	"concordat/resolvers"
)

// Bounds of a review. A proposal is somebody's program: it runs beside the gateway's work, one at a time.
const (
	reviewTime       = 6 * time.Second
	reviewTurn       = 2 * time.Second        // to wait for it
	reviewsAtOnce    = 4                      // running or waiting
	reviewEvaluation = 250 * time.Millisecond // of one agency's rules for one subject
	reviewMemory     = 256 << 20              // bytes that the process may grow by
)

// reviewer reviews policies for the control plane. It reads the files in force once for each revision.
type reviewer struct {
	node    *Node
	waiting chan struct{} // holds one for each review that runs or waits
	busy    chan struct{} // holds one while a review runs

	mu       sync.Mutex
	revision string
	bundles  []policy.Bundle // of that revision
}

func newReviewer(n *Node) *reviewer {
	return &reviewer{node: n, waiting: make(chan struct{}, reviewsAtOnce), busy: make(chan struct{}, 1)}
}

// reviewing is one review under way.
type reviewing struct {
	review.World
	snapshot *federation.Snapshot
	broken   *broken
}

// broken collects the agencies whose rules failed under review.
type broken struct {
	mu   sync.Mutex
	list []policy.AgencyID
}

func (b *broken) fault(agency policy.AgencyID, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.list, agency) {
		b.list = append(b.list, agency)
	}
}

func (b *broken) any() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list) > 0
}

func (r *reviewer) Check(ctx context.Context, q resolvers.Reviewed) (found []check.Finding, err error) {
	err = r.run(ctx, q, func(ctx context.Context, w *reviewing) error {
		found, err = w.World.Check(ctx)
		return err
	})
	return found, err
}

func (r *reviewer) Diff(ctx context.Context, q resolvers.Reviewed) (found *resolvers.Difference, err error) {
	err = r.run(ctx, q, func(ctx context.Context, w *reviewing) error {
		report, err := w.World.Diff(ctx, w.snapshot.Policy)
		if err != nil {
			return err
		}
		found = &resolvers.Difference{Report: *report}
		for _, p := range w.Personas {
			found.Personas = append(found.Personas, p.Name)
		}
		return nil
	})
	return found, err
}

func (r *reviewer) Test(ctx context.Context, q resolvers.Reviewed) (found *review.Tests, err error) {
	err = r.run(ctx, q, func(ctx context.Context, w *reviewing) error {
		bundles := w.Options.Bundles
		if q.Agency != "" { // another agency's tests are not the caller's to read
			bundles = slices.DeleteFunc(slices.Clone(bundles), func(b policy.Bundle) bool { return b.Agency != q.Agency })
		}
		found, err = review.Run(ctx, bundles, func() (review.World, error) { return w.World, nil })
		if errors.Is(err, scenario.ErrFile) {
			return fmt.Errorf("%w: %w", resolvers.ErrScenario, err)
		}
		return err
	})
	return found, err
}

// Explain accounts for a coordinate under a proposal; under the policy in force the node's explainer does.
func (r *reviewer) explain(ctx context.Context, q resolvers.Reviewed, s policy.Subject, coordinate string) (out []explain.Account, err error) {
	err = r.run(ctx, q, func(ctx context.Context, w *reviewing) error {
		fields := fieldsOf(w.snapshot, coordinate)
		if len(fields) == 0 {
			return nil
		}
		inspector, err := policy.Inspect(ctx, w.Options)
		if err != nil {
			return err
		}
		out, err = accounts(ctx, inspector, s, fields)
		return err
	})
	return out, err
}

// run makes the world of one review and keeps it within its bounds.
func (r *reviewer) run(ctx context.Context, q resolvers.Reviewed, work func(context.Context, *reviewing) error) error {
	leave, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var w *reviewing
	var failed error // of the work itself
	err = bounded(ctx, reviewTime, reviewMemory, func(ctx context.Context) error {
		if w, failed = r.world(ctx, q); failed == nil {
			failed = work(ctx, w)
		}
		return nil
	})
	if ctx.Err() == nil && (err != nil || w != nil && w.broken.any()) {
		return fmt.Errorf("%w: %w", resolvers.ErrUnending, errors.Join(err, failed))
	}
	return failed
}

// enter waits for a review's turn, and not at all where several wait already.
func (r *reviewer) enter(ctx context.Context) (leave func(), err error) {
	select {
	case r.waiting <- struct{}{}:
	default:
		return nil, resolvers.ErrBusy
	}
	turn := time.NewTimer(reviewTurn)
	defer turn.Stop()
	select {
	case r.busy <- struct{}{}:
		return func() { <-r.busy; <-r.waiting }, nil
	case <-turn.C:
	case <-ctx.Done():
	}
	<-r.waiting
	return nil, resolvers.ErrBusy
}

func (r *reviewer) world(ctx context.Context, q resolvers.Reviewed) (*reviewing, error) {
	snapshot := federation.SnapshotFrom(ctx)
	if snapshot == nil {
		return nil, errOutside
	}
	options, err := r.inForce(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	if q.Proposal != nil {
		if !knownAgency(snapshot, q.Proposal.Agency) {
			return nil, fmt.Errorf("%w: there is no such agency", review.ErrProposal)
		}
		if options.Bundles, err = q.Proposal.Over(options.Bundles); err != nil {
			return nil, err
		}
	}
	w := &reviewing{snapshot: snapshot, broken: &broken{}}
	now := time.Now()
	options.Now, options.EvaluationLimit, options.Fault = func() time.Time { return now }, reviewEvaluation, w.broken.fault
	options.Signatures = nil // what is proposed is not signed yet
	w.World = review.World{Graph: snapshot.Supergraph, Options: options, Personas: r.node.wire.Personas, Transforms: r.node.wire.Transforms,
		Agreements: snapshot.Agreements}
	if len(w.Personas) == 0 {
		w.Personas = check.Implied(options.Agreements)
	}
	return w, nil
}

func knownAgency(s *federation.Snapshot, agency policy.AgencyID) bool {
	return agency == policy.Gateway || slices.ContainsFunc(s.Supergraph.Catalog.Fields, func(f policy.Field) bool { return f.Agency == agency })
}

// inForce is what the snapshot's policy was loaded from. Files that have changed since are not: ErrMeanwhile.
func (r *reviewer) inForce(ctx context.Context, s *federation.Snapshot) (policy.Options, error) {
	options, err := r.node.policyOptions(s.Supergraph, s.Agreements.Data())
	if err != nil {
		return options, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revision == s.Policy.Revision() {
		options.Bundles = r.bundles
		return options, nil
	}
	if options.Bundles, err = review.Frozen(options.Bundles); err != nil {
		return options, err
	}
	// The revision is the hash of what was loaded: files that make the same one are those whose signatures were checked.
	options.Signatures = nil
	engine, err := policy.Load(ctx, options)
	if err != nil {
		return options, fmt.Errorf("%w: %s", resolvers.ErrMeanwhile, strings.TrimSpace(err.Error()))
	}
	if engine.Revision() != s.Policy.Revision() {
		return options, resolvers.ErrMeanwhile
	}
	r.revision, r.bundles = s.Policy.Revision(), options.Bundles
	return options, nil
}
