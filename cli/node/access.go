package node

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"concordat/federation"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/resolvers"
)

// What the control plane asks about is the snapshot that its request is answered under.

var errOutside = errors.New("asked outside a request")

// access rules on every coordinate for a subject.
type access struct{}

func (access) Rulings(ctx context.Context, s policy.Subject) ([]resolvers.Ruled, error) {
	snapshot := federation.SnapshotFrom(ctx)
	if snapshot == nil {
		return nil, errOutside
	}
	fields := snapshot.Supergraph.Catalog.Fields
	request := policy.Request{Operation: "query"}
	for _, f := range fields {
		request.Fields = append(request.Fields, policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate})
	}
	d, err := snapshot.Policy.Decide(ctx, s, request)
	if err != nil {
		return nil, fmt.Errorf("rulings: %w", err)
	}
	profile, err := snapshot.Policy.Profile(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("rulings: %w", err)
	}
	out := make([]resolvers.Ruled, len(fields))
	for i, f := range fields {
		ruling := d.Field(request.Fields[i])
		if profile.Effects[request.Fields[i]] == policy.Invisible {
			ruling.Effect = policy.Invisible
		}
		out[i] = resolvers.Ruled{Field: f, Ruling: ruling}
	}
	return out, nil
}

// agreements gives the content of the request's snapshot.
type agreements struct{}

func (agreements) Current(ctx context.Context) *agreement.Set {
	if s := federation.SnapshotFrom(ctx); s != nil {
		return s.Agreements
	}
	return nil
}

// revisions says which snapshot answers.
type revisions struct{ node *Node }

func (r revisions) Revision(ctx context.Context) resolvers.Revision {
	s := federation.SnapshotFrom(ctx)
	if s == nil {
		return resolvers.Revision{}
	}
	out := resolvers.Revision{Schema: s.Supergraph.Hash, Policy: s.Policy.Revision(), ActivatedAt: s.Activated}
	if p := r.node.problem.Load(); p != nil {
		out.Problem, out.Parts = p.err.Error(), partsOf(p.err)
	}
	return out
}

// partsOf are the mistakes of a refused version that are somebody's: a bundle's file is named under its agency, an
// agreement's for its id.
func partsOf(err error) []resolvers.Part {
	var out []resolvers.Part
	var load *policy.LoadError
	if errors.As(err, &load) {
		for _, p := range load.Problems {
			owner, _, _ := strings.Cut(p.File, "/")
			out = append(out, resolvers.Part{Agency: policy.AgencyID(owner), Text: p.String()})
		}
	}
	var wrong agreement.Mistakes
	if errors.As(err, &wrong) {
		for _, m := range wrong {
			out = append(out, resolvers.Part{Agreement: strings.TrimSuffix(path.Base(m.File), ".yaml"), Text: m.Error()})
		}
	}
	return out
}
