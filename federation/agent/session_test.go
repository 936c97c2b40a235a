package agent_test

import (
	"errors"
	"fmt"
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
