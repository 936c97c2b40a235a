package resolvers

import (
	"context"
	"time"

	"concordat/graph"
)

// Revisions says which snapshot answers this request.
type Revisions interface {
	Revision(ctx context.Context) Revision
}

// Revision is one activated snapshot.
type Revision struct {
	Schema, Policy string // hex SHA-256
	ActivatedAt    time.Time
	Problem        string // why a newer version was refused; empty where none was
}

// Health says how the parts are that every answer needs: ledger, state, sources' configuration.
type Health interface {
	Checks(ctx context.Context) []Check
}

// Check is the state of one part.
type Check struct {
	Name  string
	Ready bool
}

// refusedVersion is all that a caller learns of a refused version who may not read policies: the detail names files
// and rules.
const refusedVersion = "a newer version was refused; this one stays in force"

func (q query) Revision(ctx context.Context) (*graph.Revision, error) {
	subject, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	r := q.Revisions.Revision(ctx)
	if r.Problem != "" && !subject.HasScope(ScopePolicyRead) {
		r.Problem = refusedVersion
	}
	return &graph.Revision{
		Schema:      r.Schema,
		Policy:      r.Policy,
		ActivatedAt: r.ActivatedAt.UTC(),
		Problem:     optional(r.Problem),
	}, nil
}

func (q query) Health(ctx context.Context) (*graph.Health, error) {
	if _, err := caller(ctx); err != nil {
		return nil, err
	}
	checks := q.Resolver.Health.Checks(ctx)
	h := &graph.Health{Ready: len(checks) > 0, Checks: make([]*graph.HealthCheck, len(checks))}
	for i, c := range checks {
		h.Ready = h.Ready && c.Ready
		h.Checks[i] = &graph.HealthCheck{Name: c.Name, Ready: c.Ready}
	}
	return h, nil
}
