package agent_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"concordat/federation/agent"
	"concordat/federation/source"
	tables "concordat/federation/source/memory"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/state"
)

// fetchRules is an agency's policy as a test has it.
type fetchRules func(agent.FetchAsked) (predicate.Predicate, error)

func (f fetchRules) DecideFetch(_ context.Context, a agent.FetchAsked) (predicate.Predicate, error) {
	return f(a)
}

// pass verifies the one token that tests send.
type pass struct{}

func (pass) Verify(_ context.Context, token string) (agent.Grant, error) {
	if token != "for north" {
		return agent.Grant{}, errors.New("no such token")
	}
	return agent.Grant{Subject: "somebody", Agreement: "a1", Purpose: "care"}, nil
}

// serving starts a gateway and one agency that answers plain questions over rows, and returns the gateway's source.
func serving(t *testing.T, rules fetchRules, served map[string]agent.Served) source.Source {
	t.Helper()
	w := newWorld(t, "north", "south")
	w.startHub()
	a, err := agent.New(agent.Options{Name: "north", Identity: w.keys["north"], Members: w.members,
		Gateways: []agent.Gateway{{Address: w.address, Pin: w.pin, Code: w.code("north")}}, Data: tableData{w.tables["north"]}, Policy: policyFunc(w.policy),
		Tokens: w.tokens, Store: storeOf(t), Minimum: 2, Log: slog.New(slog.DiscardHandler),
		Fetching: agent.Fetching{Types: served, Tokens: pass{}, Policy: rules}})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	w.linked("north")
	return credited{&agent.Source{Hub: w.hub, Agency: "north"}}
}

// credited asks with a token, as the gateway does.
type credited struct{ source.Source }

func (c credited) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return c.Source.Fetch(source.WithCredential(ctx, func(audience string) (string, error) { return "for " + audience, nil }), q)
}

func allowAll(agent.FetchAsked) (predicate.Predicate, error) { return predicate.Always(), nil }

// TestConformanceOverARealAgent holds an agent's rows, asked over TLS, against the suite of every source.
func TestConformanceOverARealAgent(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
		own := *r
		own.Table = "a name of the agency's own"
		return serving(t, allowAll, map[string]agent.Served{r.Type: {Source: tables.New(map[string]*privacy.Table{r.Type: rows}), Relation: &own, Where: predicate.Always()}})
	})
}

// beds is two rows of an agency, and the relation that both ends know.
func beds() (*source.Relation, *privacy.Table) {
	r := &source.Relation{Type: "Bed", Table: "beds", Columns: map[string]source.Column{}}
	t := &privacy.Table{Rows: 2}
	for _, name := range []string{"id", "ward"} {
		r.Columns[name] = source.Column{Coordinate: privacy.Coordinate("Bed." + name), Physical: name, Kind: privacy.String}
		c := privacy.NewColumn(name, r.Columns[name].Coordinate, privacy.String, 2)
		c.AppendText(name + " 1")
		c.AppendText(name + " 2")
		t.Columns = append(t.Columns, c)
	}
	return r, t
}

func bedQuery(r *source.Relation) *source.Query {
	return &source.Query{Relation: r, Select: []string{"id"}, Where: predicate.Always(), MaxRows: 10}
}

// TestAgencysOwnRulesAreAskedBeforeAnythingLeaves: what is selected and what is only filtered by are told apart, and the
// agency's row rule holds whatever the gateway asks.
func TestAgencysOwnRulesAreAskedBeforeAnythingLeaves(t *testing.T) {
	r, rows := beds()
	var mu sync.Mutex
	var asked agent.FetchAsked
	var refuse error
	own := predicate.Always()
	s := serving(t, func(a agent.FetchAsked) (predicate.Predicate, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = a
		return own, refuse
	}, map[string]agent.Served{"Bed": {Source: tables.New(map[string]*privacy.Table{"Bed": rows}), Relation: r,
		Where: predicate.Compare("id", predicate.Eq, predicate.String("id 2"))}})
	q := bedQuery(r)
	q.Where = predicate.Not(predicate.Null("ward"))
	got, err := s.Fetch(t.Context(), q)
	if err != nil || got.Rows != 1 || got.Column("id").Text(0) != "id 2" {
		t.Fatal(got, err)
	}
	mu.Lock()
	if asked.Type != "Bed" || len(asked.Select) != 1 || len(asked.Reads) != 2 || asked.Grant.Purpose != "care" {
		t.Errorf("%+v", asked)
	}
	own = predicate.Compare("ward", predicate.Eq, predicate.String("ward 1"))
	mu.Unlock()
	if got, err := s.Fetch(t.Context(), q); err != nil || got.Rows != 0 {
		t.Error("a row beyond the agency's rules:", got, err)
	}
	mu.Lock()
	refuse = errors.New("no")
	mu.Unlock()
	got, err = s.Fetch(t.Context(), q)
	if refused, ok := errors.AsType[*source.Refused](err); !ok || refused.Agency != "north" || got != nil {
		t.Error("refused by the agency, and answered:", got, err)
	}
}

func TestPlainQuestionsThatAnAgentDoesNotAnswer(t *testing.T) {
	r, rows := beds()
	s := serving(t, allowAll, map[string]agent.Served{"Bed": {Source: tables.New(map[string]*privacy.Table{"Bed": rows}), Relation: r, Where: predicate.Always()}})
	ask := func(q *source.Query) error { _, err := s.Fetch(t.Context(), q); return err }
	stranger := source.WithCredential(t.Context(), func(string) (string, error) { return "for south", nil })
	if _, err := s.(credited).Source.Fetch(stranger, bedQuery(r)); !errors.Is(err, source.ErrUnavailable) {
		t.Error("a token for another:", err)
	}
	if _, err := s.(credited).Source.Fetch(t.Context(), bedQuery(r)); !errors.Is(err, source.ErrUnavailable) {
		t.Error("no token:", err)
	}
	other := *r
	other.Type = "Patient"
	if err := ask(bedQuery(&other)); !errors.Is(err, source.ErrInvalid) {
		t.Error("a type that is not served:", err)
	}
	wide := *r
	wide.Columns = map[string]source.Column{"id": r.Columns["id"], "salary": {Coordinate: "Bed.salary", Physical: "salary", Kind: privacy.Int}}
	q := bedQuery(&wide)
	q.Select = []string{"salary"}
	if err := ask(q); !errors.Is(err, source.ErrInvalid) {
		t.Error("a field that is not served:", err)
	}
	q = bedQuery(r)
	q.MaxRows = 1
	if err := ask(q); !errors.Is(err, source.ErrTooLarge) {
		t.Error("too many rows:", err)
	}
	q.MaxRows = math.MaxInt32
	if err := ask(q); !errors.Is(err, source.ErrTooLarge) {
		t.Error("a bound beyond the agent's:", err)
	}
}

// waiting is a source that ends only with its context, and says so.
type waiting struct{ began, ended chan struct{} }

func (w waiting) Fetch(ctx context.Context, _ *source.Query) (*privacy.Table, error) {
	w.began <- struct{}{}
	<-ctx.Done()
	close(w.ended)
	return nil, source.Ended(ctx.Err())
}

// TestAgencysDatabaseStopsWhenTheCallerLeaves: the statement at the agency ends with the request at the gateway.
func TestAgencysDatabaseStopsWhenTheCallerLeaves(t *testing.T) {
	r, _ := beds()
	w := waiting{make(chan struct{}, 1), make(chan struct{})}
	s := serving(t, allowAll, map[string]agent.Served{"Bed": {Source: w, Relation: r, Where: predicate.Always()}})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := s.Fetch(ctx, bedQuery(r)); done <- err }()
	<-w.began
	leave()
	if err := <-done; !errors.Is(err, source.ErrUnavailable) {
		t.Error(err)
	}
	select {
	case <-w.ended:
	case <-time.After(20 * time.Second):
		t.Error("the agency's source goes on for nobody")
	}
}

// storeOf is a store in memory; the name memory is that of the source here.
func storeOf(t *testing.T) *state.Store {
	t.Helper()
	s, err := state.Open(state.Options{InMemory: true})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}
