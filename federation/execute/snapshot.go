package execute

import (
	"context"
	"sync"
	"time"

	"concordat/federation/plan"
	"concordat/federation/source"
)

// snapshots are the states of sources that one request reads: one of each source that it asks more than one thing, so
// that its rows, counts and joins agree. A source that is asked once pays nothing.
type snapshots struct {
	of map[string]*snapshot // by name; not changed once it is open
}

type snapshot struct {
	once sync.Once
	src  source.Snapshot // nil: asked as it is
	// apart: asked for one statement that steps share, and for more only where that is refused.
	apart bool
}

// spareSoon is how long a request that reads several sources so waits for each of them before it does without: waiting
// longer, with another one kept, two requests could wait for each other.
const spareSoon = 100 * time.Millisecond

// open notes the sources of a plan that are asked more than once.
func (x *snapshots) open(a *plan.Authorized) {
	asked, shared := map[string]int{}, map[string]bool(nil)
	for i := range a.Steps() {
		if s := &a.Steps()[i]; !s.Denied && s.Kind != plan.Secure {
			statements(s, asked)
			shared = sharing(s, asked, shared)
		}
	}
	for name, n := range asked {
		if n > 1 || shared[name] {
			if x.of == nil {
				x.of = map[string]*snapshot{}
			}
			x.of[name] = &snapshot{apart: n < 2}
		}
	}
}

// sharing takes back the statement of a step whose rows another one's statement fetches, and notes its sources.
func sharing(s *plan.AuthorizedStep, asked map[string]int, shared map[string]bool) map[string]bool {
	if s.Shared == nil || s.Shared.Leads(s) {
		return shared
	}
	if shared == nil {
		shared = map[string]bool{}
	}
	for i := range s.Parts {
		asked[s.Parts[i].Source]--
		shared[s.Parts[i].Source] = true
	}
	return shared
}

// statements counts what a step may ask each source.
func statements(s *plan.AuthorizedStep, asked map[string]int) {
	n := 1 + len(s.Spreads()) + len(s.Mapped)
	if s.Total {
		n++
	}
	for i := range s.Parts {
		asked[s.Parts[i].Source] += n
	}
	for i := range s.Relations {
		statements(s.Relations[i].Step, asked)
	}
}

// source is where a request reads a source; apart: for a step whose shared statement was refused.
func (r *run) source(ctx context.Context, name string, apart bool) (source.Source, bool) {
	src, ok := r.executor.Sources[name]
	held := r.snapshots.of[name]
	if !ok || held == nil || held.apart && !apart {
		return src, ok
	}
	held.once.Do(func() {
		s, can := src.(source.Snapshotter)
		if !can {
			return
		}
		if len(r.snapshots.of) > 1 {
			var cancel func()
			ctx, cancel = context.WithTimeout(ctx, spareSoon)
			defer cancel()
		}
		held.src = s.Snapshot(ctx)
	})
	if held.src != nil {
		return held.src, true
	}
	return src, true
}

func (x *snapshots) close() {
	for _, s := range x.of {
		if s.src != nil {
			s.src.Close()
		}
	}
}
