package resolvers

import (
	"context"
	"strings"
	"time"

	"concordat/graph"
	"concordat/policy"
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
	Parts          []Part // of the problem, where they are an agency's or an agreement's
}

// Part is one mistake of a version that was refused: of an agency's bundle, or of an agreement.
type Part struct {
	Agency    policy.AgencyID
	Agreement string // its id, as the file is named
	Text      string
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
		r.Problem = q.ownPart(ctx, subject, r.Parts)
	}
	return &graph.Revision{
		Schema:      r.Schema,
		Policy:      r.Policy,
		ActivatedAt: r.ActivatedAt.UTC(),
		Problem:     optional(r.Problem),
	}, nil
}

// ownPart is what an agency's officer is told of a refused version: what is wrong with its bundle, and with the agreements
// in force that it is a party to.
func (q query) ownPart(ctx context.Context, s policy.Subject, parts []Part) string {
	if !s.HasScope(ScopePolicyReadOwn) || s.Organisation == "" || s.Anonymous {
		return refusedVersion
	}
	lines := []string{refusedVersion}
	for _, p := range parts {
		content, known := q.Resolver.Agreements.Current(ctx).Get(p.Agreement)
		if string(p.Agency) == s.Organisation || known && isParty(s, content) {
			lines = append(lines, p.Text)
		}
	}
	return strings.Join(lines, "\n")
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
