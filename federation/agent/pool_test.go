package agent_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"concordat/federation/agent"
)

// pooled is a pool that runs until the test ends.
func (w *world) pooled(o agent.PoolOptions) *agent.Pool {
	w.t.Helper()
	pool := w.hub.NewPool(o)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { pool.Run(ctx) })
	w.t.Cleanup(func() { cancel(); running.Wait() })
	return pool
}

// ready waits until a pool holds exactly so many sessions, and names them.
func (w *world) ready(pool *agent.Pool, n int) []string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	for again := time.NewTicker(time.Millisecond); ; {
		if ids := pool.Waiting(); len(ids) == n {
			return ids
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			w.t.Fatalf("the pool holds %d sessions, not %d", len(pool.Waiting()), n)
		}
	}
}

func (w *world) plan(threshold int) agent.Plan {
	return agent.Plan{Members: w.members, Threshold: threshold}
}

func TestPooledSessionsOpenAndEachServesOneQuestion(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	pool := w.pooled(agent.PoolOptions{})
	seen := map[string]bool{}
	for i := range 4 {
		have := pool.Waiting()
		s, err := pool.Prepare(t.Context(), w.plan(2))
		must(t, err)
		if seen[s.ID()] {
			t.Fatal("a session was handed out twice")
		}
		if seen[s.ID()] = true; i > 0 && !slices.Contains(have, s.ID()) {
			t.Error("a session was made though one was ready")
		}
		r, q, err := w.ask(s)
		must(t, err)
		w.opens(r, q, "east", "north", "south")
		if _, _, err := w.ask(s); !errors.Is(err, agent.ErrAborted) {
			t.Error("a second question to the same session:", err)
		}
		w.ready(pool, 2)
	}
}

// TestAgentThatLeavesTakesItsPreparedSessionsAlong: what was prepared with it is discarded, and the next question makes
// a ceremony among those that are there.
func TestAgentThatLeavesTakesItsPreparedSessionsAlong(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	pool := w.pooled(agent.PoolOptions{})
	first, err := pool.Prepare(t.Context(), w.plan(2))
	must(t, err)
	first.Discard(t.Context())
	w.ready(pool, 2)
	w.kill("south")
	w.ready(pool, 0)
	if _, err := pool.Prepare(t.Context(), w.plan(2)); !errors.Is(err, agent.ErrAborted) {
		t.Error("a session with an agency that is gone:", err)
	}
	rest := agent.Plan{Members: map[string]ed25519.PublicKey{"east": w.members["east"], "north": w.members["north"]}, Threshold: 2}
	s, err := pool.Prepare(t.Context(), rest)
	must(t, err)
	if s.Members() != 2 {
		t.Error(s.Members())
	}
	s.Discard(t.Context())
}

// TestSessionOfAnAgentThatStartedAnewIsNotHandedOut: it is linked again, under the same key, and has forgotten.
func TestSessionOfAnAgentThatStartedAnewIsNotHandedOut(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	pool := w.hub.NewPool(agent.PoolOptions{}) // nothing sweeps: it is found when it is asked for
	must(t, pool.Fill(t.Context(), w.plan(2)))
	old := pool.Waiting()
	w.kill("south")
	w.startAgent("south")
	w.linked("south")
	s, err := pool.Prepare(t.Context(), w.plan(2))
	must(t, err)
	if slices.Contains(old, s.ID()) {
		t.Fatal("the session's keys are not at the agent any more")
	}
	r, q, err := w.ask(s)
	must(t, err)
	w.opens(r, q, "east", "north", "south")
	if pool.Sweep() != 1 {
		t.Error("the agents that still hold the session were not told")
	}
}

func TestPreparedSessionsAgeAndAreNotReplacedForNobody(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	now := time.Now()
	pool := w.hub.NewPool(agent.PoolOptions{Age: time.Minute, Now: func() time.Time { return now }})
	must(t, pool.Fill(t.Context(), w.plan(2)))
	old := pool.Waiting()
	now = now.Add(time.Minute)
	s, err := pool.Prepare(t.Context(), w.plan(2))
	must(t, err)
	if slices.Contains(old, s.ID()) {
		t.Error("a session that agents may have forgotten")
	}
	s.Discard(t.Context())
	must(t, pool.Fill(t.Context(), w.plan(2)))
	now = now.Add(time.Minute)
	if n := pool.Sweep(); n != 2 || len(pool.Waiting()) != 0 {
		t.Error(n, pool.Waiting())
	}
}

// TestNothingIsPreparedForAgenciesThatNobodyAsked: a pool does not guess; agents that come and go are no reason.
func TestNothingIsPreparedForAgenciesThatNobodyAsked(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	w.pooled(agent.PoolOptions{Age: 10 * time.Millisecond})
	w.kill("north")
	w.startAgent("north")
	w.linked("north")
	entries, err := agent.Entries(w.stores["east"])
	if err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
}

func TestPoolHoldsSoManySetsAndNoMore(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	pool := w.hub.NewPool(agent.PoolOptions{Sets: 1})
	must(t, pool.Fill(t.Context(), w.plan(2)))
	must(t, pool.Fill(t.Context(), w.plan(3)))
	if len(pool.Waiting()) != 1 || pool.Sweep() != 1 {
		t.Error(pool.Waiting())
	}
	if s, err := pool.Prepare(t.Context(), w.plan(3)); err != nil || s.Members() != 3 {
		t.Error(err)
	}
}
