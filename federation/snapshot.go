package federation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/policy"
	"concordat/policy/agreement"
)

// Policy decides. *policy.Engine is one.
type Policy interface {
	Profile(ctx context.Context, s policy.Subject) (*policy.Profile, error)
	Decide(ctx context.Context, s policy.Subject, r policy.Request) (*policy.Decision, error)
	Revision() string
}

// Parts are what a snapshot is made of. All are required.
type Parts struct {
	Supergraph *compose.Supergraph
	Policy     Policy
	Agreements *agreement.Set
	Executor   *execute.Executor
	Activated  time.Time
	// Control makes the control plane's executable schema over a view.
	Control func(*ast.Schema) graphql.ExecutableSchema
	Limits  Limits
	// Invented says that the sources hold no data but invented rows: answers and their entries say so.
	Invented bool
}

// Snapshot is everything that one answer is made of: supergraph, policy, agreements' content, sources. It is
// immutable and swapped whole, so that no request is answered under two of them.
type Snapshot struct {
	Parts
	dated  map[string]dated
	making sync.Mutex // held while a view is made; views are few and the first request of one waits
	views  *lru.Cache[string, *view]
}

// viewsPerSnapshot bounds the visibility views kept; each holds a filtered schema and its caches.
const viewsPerSnapshot = 64

// NewSnapshot makes a snapshot of its parts.
func NewSnapshot(p Parts) (*Snapshot, error) {
	views, err := lru.New[string, *view](viewsPerSnapshot)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return &Snapshot{Parts: p, views: views, dated: datedSources(p.Executor)}, nil
}

// view is the schema for a visibility profile.
func (s *Snapshot) view(p *policy.Profile) (*view, error) {
	if v, ok := s.views.Get(p.Key); ok {
		return v, nil
	}
	s.making.Lock()
	defer s.making.Unlock()
	if v, ok := s.views.Get(p.Key); ok {
		return v, nil
	}
	schema := s.Supergraph.View(p)
	v, err := newView(schema, s.Control(schema), s.Limits)
	if err != nil {
		return nil, err
	}
	s.views.Add(p.Key, v)
	return v, nil
}

type snapshotKey struct{}

// SnapshotFrom is the snapshot that a request is answered under; nil outside a request.
func SnapshotFrom(ctx context.Context) *Snapshot {
	s, _ := ctx.Value(snapshotKey{}).(*Snapshot)
	return s
}
