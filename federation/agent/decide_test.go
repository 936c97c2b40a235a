package agent_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"concordat/federation/agent"
	"concordat/privacy/budget"
	"concordat/privacy/secagg"
	"concordat/state"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestEnrolmentTakesOneUseOfAGoodCode(t *testing.T) {
	w := newWorld(t, "east", "north")
	w.startHub()
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	at := func(code string) agent.Gateway { return agent.Gateway{Address: w.address, Pin: w.pin, Code: code} }
	denied := func(what string, err error) {
		t.Helper()
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", what, err)
		}
	}
	good := w.code("east")
	denied("without a code", agent.Greet(t.Context(), w.keys["east"], at(""), "east"))
	denied("with a wrong code", agent.Greet(t.Context(), w.keys["east"], at("x"), "east"))
	denied("with another agency's code", agent.Greet(t.Context(), w.keys["north"], at(good), "north"))
	must(t, agent.Greet(t.Context(), w.keys["east"], at(good), "east"))
	must(t, agent.Greet(t.Context(), w.keys["east"], at(""), "east")) // enrolled by now
	denied("with a used code", agent.Greet(t.Context(), stranger, at(good), "east"))
	late := &agent.Registry{Store: w.store, Now: func() time.Time { return time.Now().Add(-time.Hour) }}
	expired, err := late.Invite(t.Context(), "north", time.Minute)
	must(t, err)
	denied("with an expired code", agent.Greet(t.Context(), w.keys["north"], at(expired), "north"))
	if status.Code(agent.Greet(t.Context(), w.keys["east"], at(""), "../east")) != codes.FailedPrecondition {
		t.Error("a name that is no name")
	}
}

func TestAgentRefusesAGatewayWithAnotherKey(t *testing.T) {
	w := newWorld(t, "east", "north")
	w.startHub()
	err := agent.Greet(t.Context(), w.keys["east"], agent.Gateway{Address: w.address, Pin: "something else", Code: w.code("east")}, "east")
	if status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
}

func TestMemberThatTheAgencyDoesNotKnowEndsTheSession(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	stranger, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	members := map[string]ed25519.PublicKey{"east": w.members["east"], "north": w.members["north"], "south": stranger}
	_, err = w.hub.Prepare(t.Context(), agent.Plan{Members: members, Threshold: 3})
	var abort *agent.Abort
	if !errors.As(err, &abort) || abort.Step != "hello" || abort.Code != agent.CodeMember {
		t.Fatal(err)
	}
}

// TestThresholdThatTwoAccomplicesMeetIsRefused: the gateway proposes the threshold.
func TestThresholdThatTwoAccomplicesMeetIsRefused(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d").start()
	_, err := w.hub.Prepare(t.Context(), agent.Plan{Members: w.members, Threshold: 2})
	var abort *agent.Abort
	if !errors.As(err, &abort) || abort.Step != "hello" || abort.Code != agent.CodeTooFew {
		t.Fatal(err)
	}
}

func TestTokenForSomethingElseIsRefusedByEveryAgency(t *testing.T) {
	for name, change := range map[string]func(*agent.Grant){
		"another session": func(g *agent.Grant) { g.Session = "x" }, "another question": func(g *agent.Grant) { g.Query = "00" },
		"another key": func(g *agent.Grant) { g.Key = "x" }, "another agreement": func(g *agent.Grant) { g.Agreement = "x" },
		"another purpose": func(g *agent.Grant) { g.Purpose = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "east", "north").start()
			s := w.prepare(2)
			q := w.question(s.ID())
			token := w.tokens.issue(q)
			w.tokens.mu.Lock()
			g := w.tokens.grants[token]
			change(&g)
			w.tokens.grants[token] = g
			w.tokens.mu.Unlock()
			w.allRefused(s, q, key(t).Public(), token, agent.CodeToken)
		})
	}
}

// allRefused asks and expects that every agency refuses with that code.
func (w *world) allRefused(s *agent.Session, q *secagg.Question, k secagg.QuerierPublic, token string, code agent.Code) {
	w.t.Helper()
	r, err := s.Ask(w.t.Context(), q, k, token)
	if !errors.Is(err, agent.ErrTooFew) || r == nil {
		w.t.Fatal(err)
	}
	for _, c := range r.Contributors {
		if c.Status != "refused" || c.Reason != code {
			w.t.Errorf("%+v, want refused for %s", c, code)
		}
	}
}

func TestSwappedQuerierKeyIsRefusedByEveryAgency(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	s := w.prepare(2)
	q := w.question(s.ID())
	other, err := secagg.NewQuerierKey()
	must(t, err)
	w.allRefused(s, q, other.Public(), w.tokens.issue(q), agent.CodeToken)
}

func TestAgencysOwnPolicyDecides(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	w.policy = func(agent.Asked) error { return errors.New("no") }
	s := w.prepare(2)
	q := w.question(s.ID())
	w.allRefused(s, q, key(t).Public(), w.tokens.issue(q), agent.CodeRefused)
}

func TestNothingIsContributedAfterTheSessionsEnd(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	s := w.prepare(2)
	q := w.question(s.ID())
	q.Until = time.Now().Add(-time.Second).Unix()
	w.allRefused(s, q, key(t).Public(), w.tokens.issue(q), agent.CodeRelease)
}

// TestSessionBelongsToTheGatewayThatOpenedIt: a second gateway, also enrolled with, knows the session's name and cannot
// continue or discard it.
func TestSessionBelongsToTheGatewayThatOpenedIt(t *testing.T) {
	w := newWorld(t, "east", "north")
	w.startHub()
	_, other, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	second, address := w.serve(other)
	for _, name := range []string{"east", "north"} {
		w.startAgentAt(name, agent.Gateway{Address: w.address, Pin: w.pin, Code: w.code(name)},
			agent.Gateway{Address: address, Pin: agent.Pin(other.Public().(ed25519.PublicKey)), Code: ""})
	}
	w.linked("east", "north")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, second.Wait(ctx, "east", "north"))
	s := w.prepare(2)
	id := []byte(s.ID())
	for _, step := range []string{"commit", "contribute", "activate", "release"} {
		if _, code := second.Call(t.Context(), "east", step, id, []byte("x"), []byte("y"), []byte("z")); code != agent.CodeSession {
			t.Errorf("%s: %s", step, code)
		}
	}
	if _, code := second.Call(t.Context(), "east", "discard", id); code != "" {
		t.Error(code)
	}
	r, q, err := w.ask(s)
	must(t, err)
	w.opens(r, q, "east", "north")
}

func TestRestartedAgentJoinsNoSessionTwice(t *testing.T) {
	w := newWorld(t, "east", "north", "south").start()
	s := w.prepare(2)
	ceremony := &secagg.Ceremony{Session: s.ID(), Set: secagg.SetA, Threshold: 2}
	for _, name := range []string{"east", "north", "south"} {
		ceremony.Members = append(ceremony.Members, secagg.Member{Name: name, Identity: w.members[name]})
	}
	w.kill("south")
	w.startAgent("south")
	w.linked("south")
	if _, code := w.hub.Call(t.Context(), "south", "hello", []byte(s.ID()), ceremony.Encode()); code != agent.CodeSession {
		t.Error("joined again:", code)
	}
	r, q, err := w.ask(s) // its keys are gone, so it cannot take part; the others can
	must(t, err)
	w.opens(r, q, "east", "north")
	if c := r.Contributors[2]; c.Status != "refused" || c.Reason != agent.CodeSession {
		t.Error(c)
	}
	entries, err := agent.Entries(w.stores["south"])
	must(t, err)
	if len(entries) != 1 || entries[0].Stage != agent.Joined {
		t.Error(entries)
	}
	entries, err = agent.Entries(w.stores["east"])
	must(t, err)
	if len(entries) != 1 || entries[0].Stage != agent.Released || entries[0].Subject != "ana" {
		t.Error(entries)
	}
}

func noisyQuestion(w *world, session string) *secagg.Question {
	q := w.question(session)
	q.PerUnit, q.Noise = 1, &secagg.Noise{EpsilonNum: 1, EpsilonDen: 2, Honest: 2}
	return q
}

func allow(t *testing.T, s *state.Store, e budget.Epsilon) {
	t.Helper()
	must(t, s.Commit(t.Context(), func(tx state.Tx) error {
		return budget.Allow(tx, budget.Account{Agreement: "research-2025", Dataset: "admissions"}, e)
	}))
}

func left(t *testing.T, s *state.Store) (e budget.Epsilon) {
	t.Helper()
	must(t, s.View(func(tx state.ReadTx) (err error) {
		e, err = budget.Remaining(tx, budget.Account{Agreement: "research-2025", Dataset: "admissions"})
		return err
	}))
	return e
}

func TestBudgetIsSpentOncePerSessionAndStaysSpentAfterAnAbort(t *testing.T) {
	w := besieged(t, "release", func([][]byte) agent.Deed { return agent.Deed{Vanish: true} })
	for _, s := range []*state.Store{w.store, w.stores["east"], w.stores["north"], w.stores["south"]} {
		allow(t, s, 700_000)
	}
	s := w.prepare(2)
	q := noisyQuestion(w, s.ID())
	_, err := s.Ask(t.Context(), q, key(t).Public(), w.tokens.issue(q))
	if !errors.Is(err, agent.ErrAborted) {
		t.Fatal(err)
	}
	for name, s := range map[string]*state.Store{"gateway": w.store, "east": w.stores["east"], "south": w.stores["south"]} {
		if e := left(t, s); e != 200_000 {
			t.Errorf("%s: %d left", name, e)
		}
	}
	w.stop["south"]()
	next, err := w.hub.Prepare(t.Context(), agent.Plan{Members: map[string]ed25519.PublicKey{"east": w.members["east"], "north": w.members["north"]}, Threshold: 2})
	must(t, err)
	q = noisyQuestion(w, next.ID())
	if _, err := next.Ask(t.Context(), q, key(t).Public(), w.tokens.issue(q)); !errors.Is(err, budget.ErrExhausted) {
		t.Fatal("the gateway's budget:", err)
	}
}

func TestAgencysOwnBudgetRefusesWhatTheGatewayAllows(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	allow(t, w.store, 10_000_000)
	s := w.prepare(2)
	q := noisyQuestion(w, s.ID())
	w.allRefused(s, q, key(t).Public(), w.tokens.issue(q), agent.CodeRefused)
}

func TestNoisyAnswerOpensNearThePlainSum(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	for _, s := range []*state.Store{w.store, w.stores["east"], w.stores["north"]} {
		allow(t, s, 10_000_000)
	}
	s := w.prepare(2)
	q := noisyQuestion(w, s.ID())
	r, err := s.Ask(t.Context(), q, key(t).Public(), w.tokens.issue(q))
	must(t, err)
	sums, err := key(t).Open(r.Answer, q, w.members)
	must(t, err)
	// Each component has epsilon 1/4 per row: beyond 160 with probability exp(-40).
	if want := w.plain(q, "east", "north"); abs(sums[0]-want[0]) > 160 {
		t.Fatal(sums[0], want[0])
	}
}

func abs(v int64) int64 { return max(v, -v) }

// TestSkellamSpendsDeltaBesideEpsilon: who may spend no delta is asked for none, and a question is charged both.
func TestSkellamSpendsDeltaBesideEpsilon(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	delta := budget.Account{Agreement: "research-2025", Dataset: "admissions"}.Delta()
	ask := func() error {
		s := w.prepare(2)
		q := noisyQuestion(w, s.ID())
		q.Noise.Mechanism, q.Noise.DeltaExponent = secagg.Skellam, 6
		_, err := s.Ask(t.Context(), q, key(t).Public(), w.tokens.issue(q))
		return err
	}
	all := []*state.Store{w.store, w.stores["east"], w.stores["north"]}
	for _, s := range all {
		allow(t, s, 5_000_000)
	}
	if err := ask(); !errors.Is(err, budget.ErrExhausted) {
		t.Fatal(err)
	}
	for _, s := range all {
		must(t, s.Commit(t.Context(), func(tx state.Tx) error { return budget.Allow(tx, delta, 1_500_000) }))
	}
	must(t, ask())
	for i, s := range all {
		must(t, s.View(func(tx state.ReadTx) error {
			e, err := budget.Remaining(tx, delta)
			if e != 500_000 || left(t, s) != 4_500_000 {
				t.Errorf("store %d: %d of delta and %d of epsilon left", i, e, left(t, s))
			}
			return err
		}))
	}
	if err := ask(); !errors.Is(err, budget.ErrExhausted) {
		t.Fatal(err)
	}
}

// TestAgencysOwnMinimumHoldsAgainstTheQuestions: two contribute, which the question allows and one of the two does not.
func TestAgencysOwnMinimumHoldsAgainstTheQuestions(t *testing.T) {
	for own, allowed := range map[int]bool{2: true, 3: false} {
		w := newWorld(t, "east", "north", "south")
		w.own = map[string]int{"north": own}
		w.start()
		s := w.prepare(2)
		w.kill("south")
		r, q, err := w.ask(s)
		if allowed {
			must(t, err)
			w.opens(r, q, "east", "north")
			continue
		}
		var abort *agent.Abort
		if !errors.As(err, &abort) || abort.Step != "activate" || abort.Party != "north" || abort.Code != agent.CodeTooFew {
			t.Errorf("its own minimum is %d: %v", own, err)
		}
	}
}

// TestSessionOfFewerMembersThanAnAgencysMinimumIsNotJoined also where the threshold would do.
func TestSessionOfFewerMembersThanAnAgencysMinimumIsNotJoined(t *testing.T) {
	w := newWorld(t, "east", "north")
	w.own = map[string]int{"east": 3}
	w.start()
	_, err := w.hub.Prepare(t.Context(), agent.Plan{Members: w.members, Threshold: 2})
	var abort *agent.Abort
	if !errors.As(err, &abort) || abort.Party != "east" || abort.Code != agent.CodeTooFew {
		t.Fatal(err)
	}
}
