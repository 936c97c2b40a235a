package graphql_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/federation/source/graphql"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
	"concordat/privacy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func appendTime(c *privacy.Column, text string) bool { return cell.Append(c, []byte(text)) }

func tables() map[string]graphql.Table {
	return map[string]graphql.Table{"awkward": {Field: "awkwards", Arguments: map[string]graphql.Arguments{
		"id": {In: "ids"}, "tag": {In: "tags"}, "flag": {Eq: "flag"}, "other": {Eq: "other"},
		"day": {Gte: "from", Lte: "to"}, "at": {Gte: "since", Lte: "until"}, "small": {Gte: "least", Lte: "most"},
	}}}
}

// keyed is the same table with the types of its arguments, found with _entities where its key is asked for.
func keyed() map[string]graphql.Table {
	return map[string]graphql.Table{"awkward": {Field: "awkwards", Entity: &graphql.Entity{Type: "Awkward", Key: "id"}, Arguments: map[string]graphql.Arguments{
		"tag": {In: "tags: [Int!]"}, "flag": {Eq: "flag: Boolean"}, "other": {Eq: "other: String"},
		"day": {Gte: "from: String", Lte: "to: String"}, "at": {Gte: "since: String", Lte: "until: String"}, "small": {Gte: "least: Int", Lte: "most: Int"},
	}}}
}

func open(t testing.TB, o graphql.Options) *graphql.Source {
	t.Helper()
	s, err := graphql.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	page := &graphql.Page{Limit: "limit", Offset: "offset", Size: 50}
	for name, o := range map[string]graphql.Options{"one answer": {Tables: tables()}, "in pages": {Tables: tables(), Page: page},
		"entities": {Tables: keyed(), Page: page}} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
				fake := &service{t: t, rel: r, rows: rows}
				o.URL = fake.start()
				return open(t, o)
			})
		})
	}
}

func TestConditionsAndKeysAreSent(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows()}
	s := open(t, graphql.Options{URL: fake.start(), Tables: tables(), Page: &graphql.Page{Limit: "limit", Offset: "offset", Size: 50}})
	q := &source.Query{
		Relation: fake.rel, Select: []string{"id"}, MaxRows: 100,
		Where: predicate.And(predicate.Compare("flag", predicate.Eq, predicate.Bool(true)), predicate.Compare("price", predicate.Gt, predicate.Int(0))),
		Keys:  &source.Keys{Field: "tag", Values: []predicate.Value{predicate.Int(1), predicate.Int(2)}},
	}
	if _, err := s.Fetch(context.Background(), q); err != nil {
		t.Fatal(err)
	}
	if fake.requests != 1 || fake.sent >= 50 {
		t.Errorf("%d requests brought %d rows", fake.requests, fake.sent)
	}
	const want = "{ rows: awkwards(flag: ..., tags: ..., limit: 50, offset: 0) { c0: id c1: flag c2: price c3: tag } }"
	e := s.Explain(q)
	if strings.Replace(e.Statement, "tags: ...)", "tags: ..., limit: 50, offset: 0)", 1) != want {
		t.Errorf("got %s", e.Statement)
	}
}

func TestManyKeysTravelInSeveralDocuments(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows()}
	s := open(t, graphql.Options{URL: fake.start(), Tables: tables()})
	keys := make([]predicate.Value, 12_000)
	for i := range keys {
		keys[i] = predicate.String(fmt.Sprint("row ", i))
	}
	got, err := s.Fetch(context.Background(), &source.Query{Relation: fake.rel, Select: []string{"id"}, MaxRows: 300,
		Where: predicate.Always(), Keys: &source.Keys{Field: "id", Values: keys}})
	if err != nil || got.Rows != fake.rows.Rows || fake.requests != 3 {
		t.Fatalf("got %+v in %d requests, %v", got, fake.requests, err)
	}
}

// answering serves one answer.
func answering(t *testing.T, status int, contentType, body string) *graphql.Source {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return open(t, graphql.Options{URL: server.URL, Tables: tables(), MaxBody: 1 << 20, MaxScan: 5})
}

func ids() *source.Query {
	return &source.Query{Relation: sourcetest.Relation(), Select: []string{"id", "big"}, Where: predicate.Always(), MaxRows: 5}
}

func TestBadAnswersAreRefusedAndNeverEchoed(t *testing.T) {
	rows := func(s string) string { return `{"data":{"rows":[` + s + `]}}` }
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"wrong type":       {rows(`{"c0":"MARKER","c1":"MARKER"}`), source.ErrInvalid},
		"missing field":    {rows(`{"c0":"MARKER"}`), source.ErrInvalid},
		"field twice":      {rows(`{"c0":"MARKER","c0":"MARKER","c1":1}`), source.ErrInvalid},
		"unknown field":    {rows(`{"c0":"MARKER","c1":1,"c2":1}`), source.ErrInvalid},
		"null row":         {rows(`null`), source.ErrInvalid},
		"rows null":        {`{"data":{"rows":null}}`, source.ErrInvalid},
		"data null":        {`{"data":null}`, source.ErrInvalid},
		"no data":          {`{}`, source.ErrInvalid},
		"rows twice":       {`{"data":{"rows":[],"rows":[]}}`, source.ErrInvalid},
		"errors":           {`{"data":{"rows":[]},"errors":[{"message":"MARKER"}]}`, source.ErrUnavailable},
		"errors first":     {`{"errors":[{"message":"MARKER"}],"data":{"rows":[]}}`, source.ErrUnavailable},
		"too many rows":    {rows(strings.Repeat(`{"c0":"a","c1":1},`, 5) + `{"c0":"a","c1":1}`), source.ErrTooLarge},
		"too many bytes":   {`{"x":"` + strings.Repeat("x", 1<<20) + `"}`, source.ErrTooLarge},
		"trailing bytes":   {rows(``) + `x`, source.ErrInvalid},
		"cut off":          {`{"data":{"rows":[{"c0":"MARKER`, source.ErrInvalid},
		"not UTF-8":        {rows("{\"c0\":\"\xff\",\"c1\":1}"), source.ErrInvalid},
		"lone surrogate":   {rows(`{"c0":"\ud800","c1":1}`), source.ErrInvalid},
		"number too large": {rows(`{"c0":"a","c1":9223372036854775808}`), source.ErrInvalid},
		"deep":             {`{"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, source.ErrInvalid},
		"deep in a row":    {rows(`{"c0":` + strings.Repeat(`{"a":`, 100_000) + `1`), source.ErrInvalid},
	} {
		_, err := answering(t, http.StatusOK, "application/json", c.body).Fetch(context.Background(), ids())
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStatusesRedirectsAndOtherTypesAreRefused(t *testing.T) {
	const body = `{"data":{"rows":[]}}`
	for _, status := range []int{301, 307, 400, 401, 404, 429, 500, 503} {
		_, err := answering(t, status, "application/json", body).Fetch(context.Background(), ids())
		if !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("%d: got %v", status, err)
		}
	}
	if _, err := answering(t, 200, "text/html", body).Fetch(context.Background(), ids()); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("HTML: got %v", err)
	}
	s := answering(t, 200, "application/graphql-response+json; charset=utf-8", body)
	if got, err := s.Fetch(context.Background(), ids()); err != nil || got.Rows != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNobodyThereIsUnavailable(t *testing.T) {
	s := open(t, graphql.Options{URL: "http://127.0.0.1:1/graphql", Tables: tables()})
	if _, err := s.Fetch(context.Background(), ids()); !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestCancellingClosesTheRequest(t *testing.T) {
	arrived, closed := make(chan struct{}), make(chan time.Time, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any
		json.NewDecoder(r.Body).Decode(&body)
		close(arrived)
		<-r.Context().Done()
		closed <- time.Now()
	}))
	t.Cleanup(server.Close)
	s := open(t, graphql.Options{URL: server.URL, Tables: tables()})
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error)
	go func() {
		_, err := s.Fetch(ctx, ids())
		failed <- err
	}()
	<-arrived
	start := time.Now()
	cancel()
	if err := <-failed; !errors.Is(err, source.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := (<-closed).Sub(start); took > 100*time.Millisecond {
		t.Errorf("the service noticed after %v", took)
	}
}

func TestItsOwnTimeoutIsATimeout(t *testing.T) {
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(done) })
	s := open(t, graphql.Options{URL: server.URL, Tables: tables(), Timeout: 20 * time.Millisecond})
	if _, err := s.Fetch(context.Background(), ids()); !errors.Is(err, source.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func TestAServiceThatIgnoresItsLimitIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"data":{"rows":[{"c0":"a","c1":1},{"c0":"b","c1":1},{"c0":"c","c1":1}]}}`))
	}))
	t.Cleanup(server.Close)
	for size, want := range map[int]error{2: source.ErrInvalid, 3: source.ErrTooLarge} { // 3: the same page for ever
		s := open(t, graphql.Options{URL: server.URL, Tables: tables(), MaxScan: 100, Page: &graphql.Page{Limit: "l", Offset: "o", Size: size}})
		if _, err := s.Fetch(context.Background(), ids()); !errors.Is(err, want) {
			t.Errorf("pages of %d: got %v", size, err)
		}
	}
}

func TestAddressesThatAreNotHTTPAreRefused(t *testing.T) {
	for _, url := range []string{"", "ftp://x/", "file:///etc/passwd", "http://", "http://user:secret@x/", "::"} {
		if _, err := graphql.Open(graphql.Options{URL: url}); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%q: got %v", url, err)
		}
	}
}

// A length that is only claimed costs the gateway nothing.
func TestClaimedLengthSetsNoMemoryAside(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "60000000")
		w.Write([]byte(`{"data":{"rows":[`))
	}))
	defer server.Close()
	s := open(t, graphql.Options{URL: server.URL, Tables: tables()})
	q := &source.Query{Relation: sourcetest.Relation(), Select: []string{"id"}, Where: predicate.Always(), MaxRows: 10}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.Fetch(t.Context(), q)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("half an answer: %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 10_000_000 {
		t.Errorf("%d bytes for an answer of 17", used)
	}
}
