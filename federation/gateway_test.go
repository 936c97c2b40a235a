package federation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"concordat/federation"
	"concordat/federation/execute"
	"concordat/federation/plan"
	"concordat/federation/secure"
	"concordat/federation/source"
	"concordat/inference"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/authn"
	"concordat/policy/ledger"
	"concordat/policy/predicate"
	"concordat/privacy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wards = `{ stays { nodes { id ward } } }`

// broken is a source that fails.
type broken struct{ err error }

func (s broken) Fetch(context.Context, *source.Query) (*privacy.Table, error) { return nil, s.err }

// busy is a tagger that has no time.
type busy struct{}

func (busy) Models() []execute.Model { return []execute.Model{{Name: "m", Digest: "d"}} }
func (busy) Tag(context.Context, string, []string) ([][]execute.Name, error) {
	return nil, inference.ErrOverloaded
}

// scene makes one code happen and asks.
type scene struct {
	query   string
	arrange func(b *bench)
	request func(r *http.Request)
	data    bool // something else still answers
	silent  bool // nobody is established, or nothing can be recorded: no receipt
}

func denied(b *bench) {
	for _, agency := range agencies {
		b.policy.decision.Rows[policy.TypeKey{Agency: agency, Type: "Stay"}] = predicate.Never()
	}
}

func failing(err error) func(*bench) {
	return func(b *bench) { b.sources["clinic"] = broken{errorOf(err)} }
}

func transformed(b *bench) {
	b.policy.decision.Fields[policy.FieldKey{Agency: "clinic", Coordinate: "Stay.begun"}] =
		policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "year"}}
}

const secureCount = `{ staysSecureAggregate(measures: [{fn: COUNT}], key: "k") { session } }`

// shut is a hub of which every session fails to open.
type shut struct{ code string }

func (s shut) Open(context.Context, *plan.AuthorizedStep, secure.Asking) (*secure.Session, error) {
	return nil, &execute.SecureError{Code: s.code, Detail: errors.New(marker)}
}

func unopened(code string) func(*bench) {
	return func(b *bench) { b.secure = &federation.SecureAggregation{Secure: shut{code}} }
}

var scenes = map[federation.Code]scene{
	federation.Unauthenticated:      {arrange: func(b *bench) { b.who = errorOf(errors.New("bad token")) }, silent: true},
	federation.Forbidden:            {arrange: denied, data: true},
	federation.PurposeRequired:      {arrange: func(b *bench) { b.who = errorOf(authn.ErrPurpose) }},
	federation.AgreementInactive:    {arrange: func(b *bench) { b.status = agreement.Revoked }},
	federation.ParseFailed:          {query: `{ stays { ` + marker},
	federation.ValidationFailed:     {query: `{ stays { nodes { unknown } } }`},
	federation.BadUserInput:         {query: `{ stays(first: 1, after: "` + marker + `") { nodes { id } } }`},
	federation.OperationTooComplex:  {query: `{ ` + strings.Repeat(`a { `, 30) + `a` + strings.Repeat(` }`, 31)},
	federation.RequestTooLarge:      {query: `{ stays { nodes { id } } } #` + strings.Repeat("x", 300<<10)},
	federation.UnsupportedMediaType: {request: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, silent: true},
	federation.NotAcceptable:        {request: func(r *http.Request) { r.Header.Set("Accept", "text/html") }, silent: true},
	federation.MethodNotAllowed:     {request: func(r *http.Request) { r.Method = http.MethodGet }, silent: true},
	federation.FilterNotPermitted:   {query: `{ stays(where: {not: {begun: {lt: "2020-06-01"}}}) { nodes { id } } }`, arrange: transformed},
	federation.GroupTooSmall:        {query: `{ staysAggregate { groups { count } } }`, arrange: func(b *bench) { b.policy.decision.Limits.MinimumGroup = 9 }, data: true},
	federation.SourceUnavailable:    {arrange: failing(source.ErrUnavailable), data: true},
	federation.SourceTimeout:        {arrange: failing(source.ErrTimeout), data: true},
	federation.SourceInvalid:        {arrange: failing(source.ErrInvalid), data: true},
	federation.ResultTooLarge:       {arrange: func(b *bench) { b.maxRows = 1 }, data: true},
	federation.InferenceFailed:      {query: `{ stays { nodes { id entities { label } } } }`, data: true},
	federation.InferenceOverloaded: {query: `{ stays { nodes { id entities { label } } } }`, data: true, arrange: func(b *bench) {
		names, err := execute.NewNames(busy{})
		if err != nil {
			b.t.Fatal(err)
		}
		b.names = names
	}},
	federation.SecAggAborted:          {query: secureCount, arrange: unopened("SECAGG_ABORTED"), data: true},
	federation.SecAggTooFew:           {query: secureCount, arrange: unopened("SECAGG_TOO_FEW"), data: true},
	federation.PrivacyBudgetExhausted: {query: secureCount, arrange: unopened("PRIVACY_BUDGET_EXHAUSTED"), data: true},
	federation.LedgerUnavailable:      {arrange: func(b *bench) { b.ledger.fail = errorOf(ledger.ErrUnavailable) }, silent: true},
	federation.StateUnavailable:       {arrange: func(b *bench) { b.live = errors.New(marker) }},
	federation.Internal:               {arrange: func(b *bench) { b.policy.err = errors.New(marker) }},
}

// Every code of the table happens, with its status and its sentence, in an entry where somebody asked, and no refusal
// holds data, a value or what went wrong inside.
func TestEveryCodeHasItsStatusAndItsEntry(t *testing.T) {
	for _, info := range federation.Codes() {
		t.Run(string(info.Code), func(t *testing.T) {
			s, ok := scenes[info.Code]
			if !ok {
				t.Fatal("nothing makes this code happen")
			}
			if s.query == "" {
				s.query = wards
			}
			b := newBench(t)
			if s.arrange != nil {
				s.arrange(b)
			}
			r := post(s.query)
			if s.request != nil {
				s.request(r)
			}
			s.judge(t, b, b.ask(r), info)
		})
	}
}

func (s *scene) judge(t *testing.T, b *bench, got *said, info federation.CodeInfo) {
	if got.status != info.Status || !slices.Equal(slices.Compact(got.codes()), []string{string(info.Code)}) {
		t.Fatalf("%d %v, want %d: %s", got.status, got.codes(), info.Status, got.body)
	}
	if !s.data && got.Data != nil || !s.data && strings.Contains(got.body, marker) {
		t.Errorf("a refusal holds data: %s", got.body)
	}
	for _, e := range got.Errors {
		if strings.Contains(e.Message, marker) {
			t.Errorf("an error says too much: %s", e.Message)
		}
	}
	if s.silent {
		if got.Extensions.Concordat.Receipt != nil || len(b.ledger.all) > 0 {
			t.Errorf("a receipt where there is no entry to have: %s", got.body)
		}
		return
	}
	e := b.entry(got)
	if kind := map[bool]string{true: "answer", false: "refusal"}[s.data]; e.Kind != kind || kind == "refusal" && e.Code != string(info.Code) {
		t.Errorf("entry: %s %s", e.Kind, e.Code)
	}
	if text, _ := json.Marshal(e); e.Subject.ID != "ana" || strings.Contains(string(text), marker) {
		t.Errorf("entry: %s", text)
	}
}

func TestAnswerIsRecorded(t *testing.T) {
	b := newBench(t)
	got := b.ask(post(wards))
	e := b.entry(got)
	if got.status != 200 || len(got.Errors) > 0 || e.Kind != "answer" || e.Rows["Stay"] != 4 || e.Digest == "" || e.Agreement != "a1" || e.Purpose != "care" ||
		!slices.Equal(e.Coordinates, []string{"Stay.id", "Stay.ward"}) {
		t.Errorf("%s\n%+v", got.body, e)
	}
}

// Texts that differ in literals alone share a plan: each is answered for what it says itself, also when it is asked
// again, and also in fields, fragments and variables beside the literal.
func TestEachLiteralIsAnsweredForItself(t *testing.T) {
	b := newBench(t)
	for range 2 {
		for _, id := range []string{"clinic1", "health2", "clinic2", "nobody"} {
			for _, text := range []string{
				fmt.Sprintf(`{ stays(where: {id: {eq: %q}}) { nodes { id } } }`, id),
				fmt.Sprintf(`{ stays(where: {id: {in: [%q]}}, first: 7) { ...page } } fragment page on StayConnection { nodes { id } }`, id),
				fmt.Sprintf(`query ($skip: Boolean = false) { stays(where: {or: [{id: {eq: %q}}]}) { nodes { id ward @include(if: $skip) } } }`, id),
			} {
				want := fmt.Sprintf(`{"stays":{"nodes":[{"id":%q}]}}`, id)
				if id == "nobody" {
					want = `{"stays":{"nodes":[]}}`
				}
				if got := b.ask(post(text)); string(got.Data) != want {
					t.Errorf("%s: %s", text, got.body)
				}
			}
		}
	}
}

// The ledger fails in the moment of the entry, with everything assembled: no byte of data leaves.
func TestNoReceiptNoData(t *testing.T) {
	for _, accept := range []string{"application/json", "application/graphql-response+json"} {
		b := newBench(t)
		b.ledger.fail = errors.New("disk full at " + marker)
		r := post(wards)
		r.Header.Set("Accept", accept)
		got := b.ask(r)
		if got.status != http.StatusServiceUnavailable || got.Data != nil || strings.Contains(got.body, marker) || strings.Contains(got.body, "clinic") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

// revoking is a source during whose answer the agreement ends.
type revoking struct {
	source.Source
	bench *bench
}

func (s revoking) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	defer func() { s.bench.status = agreement.Revoked }()
	return s.Source.Fetch(ctx, q)
}

func TestAgreementThatEndsMeanwhileReleasesNothing(t *testing.T) {
	b := newBench(t)
	b.sources["clinic"] = revoking{b.sources["clinic"], b}
	got := b.ask(post(wards))
	if e := b.entry(got); got.status != http.StatusForbidden || got.Data != nil || strings.Contains(got.body, marker) || e.Code != "AGREEMENT_INACTIVE" {
		t.Errorf("%d %s %+v", got.status, got.body, e)
	}
}

func TestPanicIsARefusalWithAnEntry(t *testing.T) {
	b := newBench(t)
	b.policy.panics = true
	got := b.ask(post(wards))
	if e := b.entry(got); got.status != http.StatusInternalServerError || strings.Contains(got.body, marker) || got.Errors[0].Extensions.ID != e.RequestID || e.Code != "INTERNAL" {
		t.Errorf("%d %s %+v", got.status, got.body, e)
	}
}

func TestNothingIsAnsweredBeforeTheFirstSnapshot(t *testing.T) {
	b := newBench(t)
	got := serve(t, b.open(), post(wards))
	if e := b.entry(got); got.status != http.StatusServiceUnavailable || e.Code != "STATE_UNAVAILABLE" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// Revisions follow each other while questions are asked: each answer holds the rows of exactly one, and its entry names
// that one.
func TestEachAnswerIsOfOneRevision(t *testing.T) {
	const swaps, askers = 1000, 4
	b := newBench(t)
	g, sg := b.open(), supergraph(t)
	swap := func(n int) {
		revision := "r" + strconv.Itoa(n)
		sources := map[string]source.Source{}
		for _, agency := range agencies {
			sources[string(agency)] = stays(agency, revision)
		}
		g.Swap(b.snapshot(sg, &decider{revision: revision, decision: allowed()}, sources))
	}
	swap(0)
	var stop atomic.Bool
	var wait sync.WaitGroup
	for range askers {
		wait.Go(func() {
			for last := false; !last; {
				last = stop.Load() // one more, after the last swap
				checkRevision(t, b, serveQuietly(g))
			}
		})
	}
	for n := range swaps {
		swap(n + 1)
	}
	stop.Store(true)
	wait.Wait()
	if last := b.ledger.all[len(b.ledger.all)-1].PolicyRevision; last != "r"+strconv.Itoa(swaps) {
		t.Errorf("the last answer is of %s", last)
	}
}

func serveQuietly(g http.Handler) []byte {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, post(wards))
	return w.Body.Bytes()
}

func checkRevision(t *testing.T, b *bench, body []byte) {
	var got struct {
		Data struct {
			Stays struct{ Nodes []struct{ Ward string } }
		}
		Extensions struct {
			Concordat struct{ Receipt ledger.Receipt }
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Errorf("%v: %s", err, body)
		return
	}
	b.ledger.mu.Lock()
	revision := b.ledger.all[got.Extensions.Concordat.Receipt.Index].PolicyRevision
	b.ledger.mu.Unlock()
	nodes := got.Data.Stays.Nodes
	for _, n := range nodes {
		if n.Ward != revision {
			t.Errorf("rows of %s under %s", n.Ward, revision)
		}
	}
	if len(nodes) != 4 {
		t.Errorf("%s", body)
	}
}
