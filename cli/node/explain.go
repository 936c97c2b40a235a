package node

import (
	"context"
	"fmt"
	"sync"

	"concordat/federation"
	"concordat/policy"
	"concordat/policy/explain"
	"concordat/resolvers"
)

// explainer reads the policy files once more, so that deciding is slowed by nothing here, and keeps what it read for as
// long as that is in force.
type explainer struct {
	node *Node

	mu        sync.Mutex
	inspector *policy.Inspector
}

func (e *explainer) Explain(ctx context.Context, q resolvers.Reviewed, s policy.Subject, coordinate string) ([]explain.Account, error) {
	if q.Proposal != nil {
		return e.node.reviewer.explain(ctx, q, s, coordinate)
	}
	snapshot := federation.SnapshotFrom(ctx)
	if snapshot == nil {
		return nil, errOutside
	}
	fields := fieldsOf(snapshot, coordinate)
	if len(fields) == 0 {
		return nil, nil
	}
	inspector, err := e.of(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	return accounts(ctx, inspector, s, fields)
}

// fieldsOf are a coordinate's fields, one for each agency that offers it.
func fieldsOf(s *federation.Snapshot, coordinate string) []policy.Field {
	var fields []policy.Field
	for _, f := range s.Supergraph.Catalog.Fields {
		if string(f.Coordinate) == coordinate {
			fields = append(fields, f)
		}
	}
	return fields
}

func accounts(ctx context.Context, inspector *policy.Inspector, s policy.Subject, fields []policy.Field) ([]explain.Account, error) {
	found, err := inspector.Explain(ctx, s, "query", fields)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	out := make([]explain.Account, len(found))
	for i, f := range found {
		out[i] = explain.Field(f, s)
		rows, err := rowAccount(ctx, inspector, s, policy.TypeKey{Agency: f.Field.Agency, Type: f.Field.Type})
		if err != nil {
			return nil, fmt.Errorf("explain rows: %w", err)
		}
		out[i].Rows = rows.Sentence
	}
	return out, nil
}

func rowAccount(ctx context.Context, inspector *policy.Inspector, s policy.Subject, k policy.TypeKey) (explain.RowAccount, error) {
	decision, err := inspector.Engine().Decide(ctx, s, policy.Request{Operation: "query", Types: []policy.TypeKey{k}})
	if err != nil {
		return explain.RowAccount{}, err
	}
	said, err := inspector.Rows(ctx, s, "query", k)
	if err != nil {
		return explain.RowAccount{}, err
	}
	return explain.Rows(k, decision.Row(k), said, s), nil
}

// of is the inspector of the snapshot's policy.
func (e *explainer) of(ctx context.Context, s *federation.Snapshot) (*policy.Inspector, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inspector != nil && e.inspector.Engine().Revision() == s.Policy.Revision() {
		return e.inspector, nil
	}
	options, err := e.node.policyOptions(s.Supergraph, s.Agreements.Data())
	if err != nil {
		return nil, err
	}
	fresh, err := policy.Inspect(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", resolvers.ErrMeanwhile, err)
	}
	if fresh.Engine().Revision() != s.Policy.Revision() {
		return nil, resolvers.ErrMeanwhile
	}
	e.inspector = fresh
	return fresh, nil
}
