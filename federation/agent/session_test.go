package agent_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"concordat/federation/agent"
)

func TestSessionOverRealConnectionsOpensToThePlainSum(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	r, q, err := w.ask(w.prepare(3))
	must(t, err)
	w.opens(r, q, "east", "north", "south")
}

func TestThreeOfTenKilledBeforeTheActiveSetStillOpens(t *testing.T) {
	names := []string{}
	for i := range 10 {
		names = append(names, fmt.Sprintf("agency%d", i))
	}
	w := newWorld(t, names...).start()
	s := w.prepare(7)
	for _, name := range names[:3] {
		w.kill(name)
	}
	r, q, err := w.ask(s)
	must(t, err)
	w.opens(r, q, names[3:]...)
	for i, c := range r.Contributors {
		want := agent.Contributor{Agency: names[i], Status: "contributed"}
		if i < 3 {
			want = agent.Contributor{Agency: names[i], Status: "absent", Reason: agent.CodeGone}
		}
		if c != want {
			t.Errorf("contributor %+v, want %+v", c, want)
		}
	}
}

func TestFewerThanTheThresholdIsTooFew(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	s := w.prepare(3)
	w.kill("south")
	_, _, err := w.ask(s)
	if !errors.Is(err, agent.ErrTooFew) {
		t.Fatal(err)
	}
}

func TestSessionAnswersOneQuestion(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	s := w.prepare(2)
	_, _, err := w.ask(s)
	must(t, err)
	if _, _, err := w.ask(s); !errors.Is(err, agent.ErrAborted) {
		t.Fatal(err)
	}
}

func TestPoolHandsOutSessionsThatOpen(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	pool := w.hub.NewPool(2, func() agent.Plan { return agent.Plan{Members: w.members, Threshold: 2} })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { pool.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	seen := map[string]bool{}
	for range 3 {
		s, err := pool.Take(ctx)
		must(t, err)
		if seen[s.ID()] {
			t.Fatal("a session was handed out twice")
		}
		seen[s.ID()] = true
		r, q, err := w.ask(s)
		must(t, err)
		w.opens(r, q, "east", "north", "south")
	}
}
