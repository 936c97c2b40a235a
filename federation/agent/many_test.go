package agent_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"concordat/federation/agent"
	"concordat/privacy/secagg"
)

// many sessions of ten agencies at once; fewer under the race detector, which makes arithmetic many times slower.
func many() int {
	if underRace {
		return 8
	}
	return 100
}

// perSession bounds what the gateway keeps of a session, in bytes, beside ciphertexts on their way.
const perSession = 2 << 20

// TestManySessionsAtOnceDoNotCross asks a hundred different questions at once: each is opened, and is the sum over all
// agencies of that question and no other. While all of them wait for the slowest agency, what the gateway's side holds is
// measured.
func TestManySessionsAtOnceDoNotCross(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 4096
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	w := newWorld(t, names...)
	w.seats, w.round = 2*many(), 2*time.Minute
	for i, name := range names {
		w.tables[name] = wide(i + 1)
	}
	gate := newGate(many() * (len(names) - 1))
	w.data = func(name string) agent.Data { return gated{tableData{w.tables[name]}, gate, name == "j"} }
	w.start()
	sessions := make([]*agent.Session, many())
	together(len(sessions), func(i int) {
		s, err := w.hub.Prepare(t.Context(), agent.Plan{Members: w.members, Threshold: len(names)})
		if err != nil {
			t.Error(err)
		}
		sessions[i] = s
	})
	if t.Failed() {
		return
	}
	begun := time.Now()
	go gate.open(t, len(sessions))
	together(len(sessions), func(i int) {
		q := w.question(sessions[i].ID())
		q.Fields[0].Upper = int64(i + 1)
		r, err := sessions[i].Ask(t.Context(), q, key(t).Public(), w.tokens.issue(q))
		if err != nil {
			t.Error(i, err)
			return
		}
		sums, err := key(t).Open(r.Answer, q, w.members)
		if err != nil || !slices.Equal(sums, w.plain(q, names...)) {
			t.Errorf("session %d opened %v: %v", i, sums, err)
		}
	})
	t.Logf("%d sessions of %d agencies in %v", len(sessions), len(names), time.Since(begun).Round(time.Millisecond))
}

// wide is rows whose sum differs with every bound below 200.
func wide(n int) *secagg.Table {
	days := make([]int64, 300*n)
	draw := rand.New(rand.NewPCG(uint64(n), 0))
	for i := range days {
		days[i] = draw.Int64N(200)
	}
	return &secagg.Table{Rows: len(days), Integers: map[string][]int64{"days": days}}
}

func together(n int, do func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// gate holds the last agency back until all others have decided.
type gate struct {
	others  atomic.Int64
	all     chan struct{} // closed once they have
	through chan struct{}
}

func newGate(others int) *gate {
	g := &gate{all: make(chan struct{}), through: make(chan struct{})}
	g.others.Store(int64(others))
	return g
}

// gated is an agency's data behind a gate; the last one's does not come through until all others have been read.
type gated struct {
	tableData
	gate *gate
	last bool
}

func (d gated) Table(ctx context.Context, q *secagg.Question) (*secagg.Table, error) {
	if d.last {
		select {
		case <-d.gate.through:
		case <-ctx.Done():
		}
	} else if d.gate.others.Add(-1) == 0 {
		close(d.gate.all)
	}
	return d.tableData.Table(ctx, q)
}

func (g *gate) open(t *testing.T, sessions int) {
	defer close(g.through)
	<-g.all
	held := gatewayHolds()
	t.Logf("the gateway holds %.2f MB for %d waiting sessions: %.0f kB each", float64(held)/1e6, sessions, float64(held)/1e3/float64(sessions))
	if held > int64(sessions)*perSession {
		t.Errorf("more than %d bytes for each", perSession)
	}
}

// gatewayHolds is what is alive of what the gateway's side of the links and sessions allocated.
func gatewayHolds() (bytes int64) {
	runtime.GC()
	runtime.GC() // the profile is of the cycle before the last
	records := make([]runtime.MemProfileRecord, 1<<16)
	n, _ := runtime.MemProfile(records, false)
	for _, r := range records[:min(n, len(records))] {
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			if gatewaySide(f.Function) {
				bytes += r.InUseBytes()
				break
			}
		}
	}
	return bytes
}

func gatewaySide(function string) bool {
	for _, of := range []string{"federation/agent.(*Hub)", "federation/agent.(*Session)", "federation/agent.(*link)", "transport.(*http2Server)", "transport.NewServerTransport", "grpc.(*Server)"} {
		if strings.Contains(function, of) {
			return true
		}
	}
	return false
}
