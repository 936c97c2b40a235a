package agent_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"concordat/federation/agent"
	"concordat/privacy/secagg"
	"concordat/state"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a gateway and its agencies over real connections in one process.
type world struct {
	t       testing.TB
	hub     *agent.Hub
	store   *state.Store
	address string
	pin     string
	keys    map[string]ed25519.PrivateKey
	members map[string]ed25519.PublicKey
	stop    map[string]func() // ends one agent, and waits
	stores  map[string]*state.Store
	tables  map[string]*secagg.Table
	tokens  *desk
	policy  func(agent.Asked) error
	logs    io.Writer
	round   time.Duration
	seats   int            // of each agent; 0: the default
	own     map[string]int // an agency's own minimum; 2 where it says none
	data    func(name string) agent.Data
}

// desk issues session tokens and verifies them, in place of an issuer.
type desk struct {
	mu     sync.Mutex
	grants map[string]agent.Grant
}

func (d *desk) Verify(_ context.Context, token string) (agent.Grant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, ok := d.grants[token]
	if !ok {
		return g, errors.New("no such token")
	}
	return g, nil
}

func (d *desk) issue(q *secagg.Question) string {
	hash := q.Hash()
	d.mu.Lock()
	defer d.mu.Unlock()
	token := fmt.Sprint("token ", len(d.grants))
	d.grants[token] = agent.Grant{Subject: "ana", Organisation: "uni", Agreement: q.Agreement, Purpose: q.Purpose,
		Session: q.Session, Query: hex.EncodeToString(hash[:]), Key: q.Querier}
	return token
}

type tableData struct{ table *secagg.Table }

func (d tableData) Table(context.Context, *secagg.Question) (*secagg.Table, error) {
	return d.table, nil
}

type policyFunc func(agent.Asked) error

func (p policyFunc) Decide(_ context.Context, a agent.Asked) error { return p(a) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func memory(t testing.TB) *state.Store {
	t.Helper()
	s, err := state.Open(state.Options{InMemory: true})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// newWorld starts a gateway and the named agencies, each with one row per day of its own.
func newWorld(t testing.TB, names ...string) *world {
	t.Helper()
	w := &world{t: t, keys: map[string]ed25519.PrivateKey{}, members: map[string]ed25519.PublicKey{}, stop: map[string]func(){},
		stores: map[string]*state.Store{}, tables: map[string]*secagg.Table{}, tokens: &desk{grants: map[string]agent.Grant{}},
		policy: func(agent.Asked) error { return nil }, logs: io.Discard, round: time.Minute}
	w.data = func(name string) agent.Data { return tableData{w.tables[name]} }
	for i, name := range names {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		w.keys[name], w.members[name], w.tables[name] = private, public, table(i+1)
	}
	return w
}

func table(n int) *secagg.Table {
	t := &secagg.Table{Rows: 10 * n, Integers: map[string][]int64{"days": make([]int64, 10*n)}, Texts: map[string][]string{"patient": make([]string, 10*n)}}
	for i := range t.Rows {
		t.Integers["days"][i], t.Texts["patient"][i] = int64(i%7), fmt.Sprintf("p%d-%d", n, i)
	}
	t.Unit = t.Texts["patient"]
	return t
}

func (w *world) start() *world {
	w.t.Helper()
	w.startHub()
	for name := range w.keys {
		w.startAgent(name)
	}
	w.linked(slices.Sorted(maps.Keys(w.keys))...)
	return w
}

func (w *world) startHub() {
	w.t.Helper()
	if w.store == nil {
		w.store = memory(w.t)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(w.t, err)
	w.pin = agent.Pin(key.Public().(ed25519.PublicKey))
	w.hub, w.address = w.serve(key)
}

func (w *world) serve(key ed25519.PrivateKey) (*agent.Hub, string) {
	w.t.Helper()
	hub, err := agent.NewHub(agent.HubOptions{Registry: &agent.Registry{Store: w.store}, Charge: &agent.Budget{Store: w.store},
		Round: w.round, Log: slog.New(slog.NewTextHandler(w.logs, nil))})
	must(w.t, err)
	certificate, err := agent.Certificate(key)
	must(w.t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- hub.Serve(ctx, l, certificate) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	return hub, l.Addr().String()
}

func (w *world) code(name string) string {
	w.t.Helper()
	code, err := (&agent.Registry{Store: w.store}).Invite(w.t.Context(), name, time.Minute)
	must(w.t, err)
	return code
}

func (w *world) startAgent(name string) {
	w.t.Helper()
	w.startAgentAt(name, agent.Gateway{Address: w.address, Pin: w.pin, Code: w.code(name)})
}

func (w *world) startAgentAt(name string, gateways ...agent.Gateway) {
	w.t.Helper()
	if w.stores[name] == nil {
		w.stores[name] = memory(w.t)
	}
	a, err := agent.New(agent.Options{Name: name, Identity: w.keys[name], Members: w.members, Gateways: gateways,
		Data: w.data(name), Policy: policyFunc(func(a agent.Asked) error { return w.policy(a) }), Tokens: w.tokens, Store: w.stores[name],
		Minimum: max(2, w.own[name]), Sessions: w.seats, Log: slog.New(slog.NewTextHandler(w.logs, nil)), Backoff: agent.Backoff{Least: 10 * time.Millisecond, Most: 50 * time.Millisecond}})
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	w.stop[name] = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(w.stop[name])
}

func (w *world) linked(names ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if err := w.hub.Wait(ctx, names...); err != nil {
		w.t.Fatalf("agents are not linked (%v): %v", w.hub.Linked(), err)
	}
}

func (w *world) kill(name string) {
	w.t.Helper()
	w.stop[name]()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	must(w.t, w.hub.WaitGone(ctx, name))
}

func (w *world) prepare(threshold int) *agent.Session {
	w.t.Helper()
	s, err := w.hub.Prepare(w.t.Context(), agent.Plan{Members: w.members, Threshold: threshold})
	must(w.t, err)
	return s
}

var querier = sync.OnceValues(secagg.NewQuerierKey)

func key(t testing.TB) *secagg.QuerierKey {
	t.Helper()
	k, err := querier()
	must(t, err)
	return k
}

func (w *world) question(session string) *secagg.Question {
	return &secagg.Question{Session: session, Agreement: "research-2025", Dataset: "admissions", Purpose: "research", Minimum: 2,
		Until: time.Now().Add(time.Hour).Unix(), Querier: key(w.t).Public().Thumbprint(),
		Fields:   []secagg.Field{{Name: "days", Kind: secagg.Integer, Upper: 60}},
		Measures: []secagg.Measure{{Fn: secagg.Count}, {Fn: secagg.Sum, Field: "days"}}}
}

// ask puts w.question to a session with a good token.
func (w *world) ask(s *agent.Session) (*agent.Report, *secagg.Question, error) {
	q := w.question(s.ID())
	r, err := s.Ask(w.t.Context(), q, key(w.t).Public(), w.tokens.issue(q))
	return r, q, err
}

// plain is the oracle: the sums over the named agencies.
func (w *world) plain(q *secagg.Question, names ...string) []int64 {
	w.t.Helper()
	sums := make([]int64, q.Slots())
	for _, name := range names {
		values, err := q.Local(w.tables[name], len(w.keys))
		must(w.t, err)
		for i, v := range values {
			sums[i] += v
		}
	}
	return sums
}

func (w *world) opens(r *agent.Report, q *secagg.Question, names ...string) {
	w.t.Helper()
	sums, err := key(w.t).Open(r.Answer, q, w.members)
	must(w.t, err)
	if want := w.plain(q, names...); !slices.Equal(sums, want) {
		w.t.Fatalf("opened %v, want %v", sums, want)
	}
}
