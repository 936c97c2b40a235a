package execute

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"concordat/federation/source"
	"concordat/policy"
	"concordat/privacy"
)

// barrier answers only once so many fetches have begun: fetches that are made one after another never end.
type barrier struct {
	inner source.Source
	wait  *sync.WaitGroup
}

func (b barrier) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	b.wait.Done()
	b.wait.Wait()
	return b.inner.Fetch(ctx, q)
}

// meeting is the small world where n fetches have to be under way before one is answered.
func meeting(t testing.TB, n int) *Executor {
	sources := smallWorld().sources()
	wait := &sync.WaitGroup{}
	wait.Add(n)
	for name, s := range sources {
		sources[name] = barrier{s, wait}
	}
	return executor(t, sources)
}

// In the bubble a fetch that waits for one that is never made is a deadlock, which ends the test.
func TestIndependentStepsRunInParallel(t *testing.T) {
	sg := compound(t)
	synctest.Test(t, func(t *testing.T) {
		a := authorize(t, sg, `{ stays { nodes { id } } residents { nodes { id } } }`, permissive())
		meeting(t, 4).answer(t.Context(), a, partner).is(t, // two types, each of two agencies
			`{"stays":{"nodes":[{"id":"S1"},{"id":"S2"},{"id":"S3"}]},"residents":{"nodes":[{"id":"P1"},{"id":"P2"}]}}`)
	})
}

func TestSharesOfAnAggregateAreFetchedInParallel(t *testing.T) {
	sg := compound(t)
	synctest.Test(t, func(t *testing.T) {
		a := authorize(t, sg, `{ staysAggregate { groups { count } } }`, permissive())
		meeting(t, 2).answer(t.Context(), a, partner).is(t, `{"staysAggregate":{"groups":[{"count":3}]}}`)
	})
}

// sleeper answers when its context ends, as a source has to.
type sleeper struct{}

func (sleeper) Fetch(ctx context.Context, _ *source.Query) (*privacy.Table, error) {
	<-ctx.Done()
	return nil, source.Ended(ctx.Err())
}

// slow is the small world with one source that never answers.
func slow(t testing.TB, agency policy.AgencyID) *Executor {
	sources := smallWorld().sources()
	sources[string(agency)] = sleeper{}
	return executor(t, sources)
}

func TestDeadlineCostsTheSlowSourceAlone(t *testing.T) {
	sg := compound(t)
	synctest.Test(t, func(t *testing.T) {
		a := authorize(t, sg, `{ stays { nodes { id } } residents { nodes { id } } staysAggregate { groups { count } } }`, permissive())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		slow(t, "clinic").answer(ctx, a, partner).is(t,
			`{"stays":{"nodes":[{"id":"S3"}]},"residents":{"nodes":[{"id":"P1"},{"id":"P2"}]},"staysAggregate":null}`,
			"SOURCE_TIMEOUT stays", "SOURCE_TIMEOUT staysAggregate")
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestCancelledRequestEndsItsFetches(t *testing.T) {
	sg := compound(t)
	synctest.Test(t, func(t *testing.T) {
		a := authorize(t, sg, `{ stays { nodes { id resident { name } } } }`, permissive())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan written)
		go func() { done <- slow(t, "registry").answer(ctx, a, partner) }()
		synctest.Wait() // until all wait for the source
		cancel()
		got := <-done
		if fmt.Sprint(got.errors) != "[SOURCE_TIMEOUT stays.nodes]" {
			t.Errorf("%s %v", got.data, got.errors)
		}
	})
}

func TestFailingAgencyLeavesPartialRowsAndOneError(t *testing.T) {
	sg := compound(t)
	x, _ := lying(t, "clinic", nil, fails(source.ErrUnavailable))
	x.answer(t.Context(), authorize(t, sg, `{ residents { nodes { name stays { totalCount nodes { id } } } } }`, permissive()), partner).is(t,
		`{"residents":{"nodes":[{"name":"Ada","stays":{"totalCount":null,"nodes":[{"id":"S3"}]}},{"name":"Bo","stays":{"totalCount":null,"nodes":[]}}]}}`,
		"SOURCE_UNAVAILABLE residents.nodes")
}

func TestPanicOfAParallelCallIsTheCallers(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		ended := make(chan struct{}, n)
		caught := func() (caught any) {
			defer func() { caught = recover() }()
			inParallel(n, func(i int) {
				defer func() { ended <- struct{}{} }()
				if i == 0 {
					panic("a defect")
				}
			})
			return nil
		}()
		if !strings.HasPrefix(fmt.Sprint(caught), "a defect") || len(ended) != n {
			t.Errorf("of %d: caught %v after %d ended", n, caught, len(ended))
		}
	}
}
