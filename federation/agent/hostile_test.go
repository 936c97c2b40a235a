package agent_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"concordat/federation/agent"
	"concordat/privacy/secagg"
)

// rogue starts the named agency as one that does what hook says.
func (w *world) rogue(name string, hook func(step string, honest [][]byte) agent.Deed) {
	w.t.Helper()
	if w.stores[name] == nil {
		w.stores[name] = memory(w.t)
	}
	g := agent.Gateway{Address: w.address, Pin: w.pin, Code: w.code(name)}
	a, err := agent.New(agent.Options{Name: name, Identity: w.keys[name], Members: w.members, Gateways: []agent.Gateway{g},
		Data: tableData{w.tables[name]}, Policy: policyFunc(func(agent.Asked) error { return nil }), Tokens: w.tokens, Store: w.stores[name],
		Minimum: 2, Log: slog.New(slog.DiscardHandler)})
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = agent.RunRogue(ctx, a, g, hook) }() // how a rogue's link ends is not a result
	w.stop[name] = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(w.stop[name])
	w.linked(name)
}

// besieged is a world where south is rogue at one step.
func besieged(t *testing.T, at string, deed func(honest [][]byte) agent.Deed) *world {
	t.Helper()
	return besiegedFor(t, time.Minute, at, deed)
}

// besiegedFor is besieged with a limit for each round.
func besiegedFor(t *testing.T, round time.Duration, at string, deed func(honest [][]byte) agent.Deed) *world {
	t.Helper()
	w := newWorld(t, "east", "north", "south")
	w.round = round
	w.startHub()
	w.startAgent("east")
	w.startAgent("north")
	w.rogue("south", func(step string, honest [][]byte) agent.Deed {
		if step == at {
			return deed(honest)
		}
		return agent.Deed{Parts: honest}
	})
	w.linked("east", "north", "south")
	return w
}

// run prepares and asks with threshold 2 of 3, so that a failure at contribute can be survived.
func (w *world) run() (*agent.Report, *secagg.Question, error) {
	s, err := w.hub.Prepare(w.t.Context(), agent.Plan{Members: w.members, Threshold: 2})
	if err != nil {
		return nil, nil, err
	}
	return w.ask(s)
}

func steps() []string {
	return []string{"hello", "commit", "reveal", "agree", "prepared", "contribute", "activate", "release"}
}

// stillWorks proves that the gateway is alive: the honest two open a sum.
func (w *world) stillWorks() {
	w.t.Helper()
	w.stop["south"]()
	s, err := w.hub.Prepare(w.t.Context(), agent.Plan{Members: map[string]ed25519.PublicKey{"east": w.members["east"], "north": w.members["north"]}, Threshold: 2})
	must(w.t, err)
	q := w.question(s.ID())
	r, err := s.Ask(w.t.Context(), q, key(w.t).Public(), w.tokens.issue(q))
	must(w.t, err)
	sums, err := key(w.t).Open(r.Answer, q, w.members)
	must(w.t, err)
	if want := w.plain(q, "east", "north"); !slices.Equal(sums, want) {
		w.t.Fatalf("opened %v, want %v", sums, want)
	}
}

// atEveryStep checks one misdeed at each step: it names south and its step, or leaves south out where that is allowed.
func atEveryStep(t *testing.T, code agent.Code, deed func(honest [][]byte) agent.Deed) {
	for _, at := range steps() {
		t.Run(at, func(t *testing.T) {
			w := besieged(t, at, deed)
			r, q, err := w.run()
			if at == "contribute" {
				must(t, err)
				w.opens(r, q, "east", "north")
				if c := r.Contributors[2]; c.Agency != "south" || c.Status == "contributed" || c.Reason != code {
					t.Errorf("%+v", c)
				}
			} else {
				var abort *agent.Abort
				if !errors.As(err, &abort) || abort.Step != at || abort.Party != "south" || abort.Code != code {
					t.Errorf("%v, want an abort at %s by south: %s", err, at, code)
				}
			}
			w.stillWorks()
		})
	}
}

func TestAgentThatVanishesIsNamed(t *testing.T) {
	atEveryStep(t, agent.CodeGone, func([][]byte) agent.Deed { return agent.Deed{Vanish: true} })
}

func TestBodyWithoutEndIsCutOff(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	atEveryStep(t, agent.CodeMalformed, func([][]byte) agent.Deed { return agent.Deed{Flood: true} })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	w := besieged(t, "hello", func([][]byte) agent.Deed { return agent.Deed{Flood: true} })
	if _, _, err := w.run(); !errors.Is(err, agent.ErrAborted) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.hub.WaitGone(ctx, "south"); err != nil {
		t.Error("the flood keeps its link:", err)
	}
}

func TestSlowBodyRunsIntoTheDeadline(t *testing.T) {
	w := besiegedFor(t, 5*time.Second, "reveal", func([][]byte) agent.Deed { return agent.Deed{Partial: true} })
	_, _, err := w.run()
	var abort *agent.Abort
	if !errors.As(err, &abort) || abort.Party != "south" || abort.Code != agent.CodeGone {
		t.Fatal(err)
	}
	w.stillWorks()
}

func TestTruncatedMessagesAreNamed(t *testing.T) {
	for _, at := range []string{"hello", "commit", "reveal", "agree", "activate", "release"} {
		t.Run(at, func(t *testing.T) {
			w := besieged(t, at, func(honest [][]byte) agent.Deed {
				last := len(honest) - 1
				return agent.Deed{Parts: append(slices.Clone(honest[:last]), honest[last][:len(honest[last])/2])}
			})
			_, _, err := w.run()
			var abort *agent.Abort
			if !errors.As(err, &abort) || abort.Party != "south" || abort.Step != at {
				t.Fatal(err)
			}
			w.stillWorks()
		})
	}
}

func TestForgedMessagesAreNamed(t *testing.T) {
	for _, at := range []string{"hello", "commit", "reveal", "agree", "activate", "release"} {
		t.Run(at, func(t *testing.T) {
			w := besieged(t, at, func(honest [][]byte) agent.Deed {
				forged := bytes.Clone(honest[0])
				forged[len(forged)-70] ^= 1 // in the body, which the signature covers
				return agent.Deed{Parts: append([][]byte{forged}, honest[1:]...)}
			})
			_, _, err := w.run()
			var abort *agent.Abort
			if !errors.As(err, &abort) || abort.Party != "south" || abort.Step != at || abort.Code != agent.CodeSignature {
				t.Fatal(err)
			}
			w.stillWorks()
		})
	}
}

// TestReplayedRepliesAreNamed answers each session with the first one's reply.
func TestReplayedRepliesAreNamed(t *testing.T) {
	old := map[string][][]byte{}
	w := newWorld(t, "east", "north", "south")
	w.startHub()
	w.startAgent("east")
	w.startAgent("north")
	w.rogue("south", func(step string, honest [][]byte) agent.Deed {
		if first, ok := old[step]; ok {
			return agent.Deed{Parts: first}
		}
		old[step] = honest
		return agent.Deed{Parts: honest}
	})
	w.linked("east", "north", "south")
	_, _, err := w.run()
	must(t, err)
	_, _, err = w.run()
	var abort *agent.Abort
	if !errors.As(err, &abort) || abort.Party != "south" || abort.Code != agent.CodeSignature {
		t.Fatal(err)
	}
}

func TestDuplicateRepliesChangeNothing(t *testing.T) {
	w := newWorld(t, "east", "north", "south")
	w.startHub()
	w.startAgent("east")
	w.startAgent("north")
	w.rogue("south", func(_ string, honest [][]byte) agent.Deed { return agent.Deed{Parts: honest, Twice: true} })
	w.linked("east", "north", "south")
	for range 2 {
		r, q, err := w.run()
		must(t, err)
		w.opens(r, q, "east", "north", "south")
	}
}

func TestFreeTextOfAnAgentReachesNobody(t *testing.T) {
	var logs bytes.Buffer
	var mu sync.Mutex
	w := newWorld(t, "east", "north", "south")
	w.logs = locked{&mu, &logs}
	w.startHub()
	w.startAgent("east")
	w.startAgent("north")
	w.rogue("south", func(string, [][]byte) agent.Deed { return agent.Deed{Code: "patient 1234567 has died"} })
	w.linked("east", "north", "south")
	_, _, err := w.run()
	var abort *agent.Abort
	if !errors.As(err, &abort) || abort.Code != agent.CodeFailed {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if bytes.Contains(logs.Bytes(), []byte("1234567")) {
		t.Error("an agent's text is in the gateway's log")
	}
}

type locked struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

func TestSessionsSideBySideNeverCross(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	w := newWorld(t, names...)
	w.start()
	sessions := 12
	if testing.Short() {
		sessions = 6
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range sessions {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			s, err := w.hub.Prepare(t.Context(), agent.Plan{Members: w.members, Threshold: 4})
			if err != nil {
				t.Error(err)
				return
			}
			q := w.question(s.ID())
			q.Fields[0].Upper = int64(i + 1) // clipped differently in each session
			r, err := s.Ask(t.Context(), q, key(t).Public(), w.tokens.issue(q))
			if err != nil {
				t.Error(err)
				return
			}
			sums, err := key(t).Open(r.Answer, q, w.members)
			if err != nil {
				t.Error(err)
				return
			}
			if want := w.plain(q, names...); !slices.Equal(sums, want) {
				t.Errorf("session %d: %v, want %v", i, sums, want)
			}
		})
	}
	wg.Wait()
}

func TestAgentHoldsOnlySoManySessions(t *testing.T) {
	w := newWorld(t, "east", "north").start()
	for i := range 70 {
		_, err := w.hub.Prepare(t.Context(), agent.Plan{Members: w.members, Threshold: 2})
		var abort *agent.Abort
		switch {
		case i < 64 && err != nil:
			t.Fatal(i, err)
		case i >= 64 && (!errors.As(err, &abort) || abort.Code != agent.CodeBusy):
			t.Fatal(i, err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, ok := agent.FrameOf(b); ok && !bytes.Equal(again, b) {
			t.Fatal("read and written differ")
		}
	})
}

func FuzzParts(f *testing.F) {
	for _, b := range agent.Bodies([][]byte{[]byte("session"), {}, []byte("x")}) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, ok := agent.PartsOf(b)
		if !ok || len(b) > 200<<10 {
			return
		}
		if again := agent.Bodies(parts); !bytes.Equal(bytes.Join(again, nil), b) {
			t.Fatal("cut and joined differ")
		}
	})
}

// TestPartsSurviveBeingCutAnywhere: as this end cuts them, and as any other could.
func TestPartsSurviveBeingCutAnywhere(t *testing.T) {
	draw := mathrand.New(mathrand.NewPCG(1, 2))
	for _, sizes := range [][]int{nil, {0}, {0, 0, 7}, {4095, 4096, 4097}, {5, 196_616, 196_616, 40}, {512<<10 - 8, 512 << 10, 1}, {3 << 20, 0, 393_224, 4095}} {
		var parts [][]byte
		for _, n := range sizes {
			p := make([]byte, n)
			rand.Read(p)
			parts = append(parts, p)
		}
		bodies := agent.Bodies(parts)
		check := func(pieces [][]byte) {
			t.Helper()
			if back, ok := agent.PartsOf(pieces...); !ok || !slices.EqualFunc(back, parts, bytes.Equal) {
				t.Fatalf("%v came back otherwise", sizes)
			}
		}
		whole := bytes.Join(bodies, nil)
		check(bodies)
		for range 20 {
			var pieces [][]byte
			for rest := whole; len(rest) > 0; {
				n := min(len(rest), 1+draw.IntN(1+draw.IntN(300_000)))
				pieces, rest = append(pieces, rest[:n]), rest[n:]
			}
			check(pieces)
		}
		if _, ok := agent.PartsOf(append(bodies, []byte{0})...); ok {
			t.Error("more than the message")
		}
		if _, ok := agent.PartsOf(whole[:len(whole)-1]); ok {
			t.Error("less than the message")
		}
	}
}
