package main

import (
	"bytes"
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"concordat/demo/transport"
	"concordat/federation/source"
	"concordat/privacy"

	_ "modernc.org/sqlite" // to put a view that never ends into a private database
)

// watched tells when a source begins to answer, and when it has ended.
type watched struct {
	began chan struct{}
	ended chan error
}

func (w watched) wrap(name string) func(string, source.Source) source.Source {
	return func(n string, s source.Source) source.Source {
		if n != name {
			return s
		}
		return fetcher(func(ctx context.Context, q *source.Query) (*privacy.Table, error) {
			w.began <- struct{}{}
			table, err := s.Fetch(ctx, q)
			w.ended <- err
			return table, err
		})
	}
}

// leave asks, waits until the source has begun, and leaves. It returns when that was.
func leave(t *testing.T, h *house, began <-chan struct{}, document string) time.Time {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := make(chan error, 1)
	go func() {
		_, err := send(ctx, h.client, h.url, h.tokens["analyst"], operation(document, nil))
		left <- err
	}()
	receive(t, "the source begins", began)
	select {
	case err := <-left:
		t.Fatal("the answer came before the client left:", err)
	default:
	}
	at := time.Now()
	cancel()
	if err := <-left; err == nil {
		t.Fatal("the client was answered")
	}
	return at
}

func receive[T any](t testing.TB, what string, from <-chan T) (out T) {
	t.Helper()
	select {
	case out = <-from:
	case <-time.After(patience):
		t.Fatal("it did not happen: " + what)
	}
	return out
}

// endless makes counting wards of hospital A a statement that never ends by itself.
func endless(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "hospital_a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"ALTER TABLE admissions RENAME TO stays",
		`CREATE VIEW admissions AS SELECT * FROM stays WHERE
			(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n) > 0`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing but its client's leaving can end the statement: the request's own deadline is an hour away.
func TestLeavingClientStopsTheStatement(t *testing.T) {
	dir := demoDir(t)
	endless(t, dir)
	w := watched{began: make(chan struct{}, 1), ended: make(chan error, 1)}
	h := build(t, dir, houseOptions{wrap: w.wrap("hospital_a")})
	at := leave(t, h, w.began, `{ admissionsAggregate(groupBy: [{field: ward}]) { groups { count } } }`)
	if err := receive(t, "the statement ends", w.ended); err == nil {
		t.Error("an endless statement was answered")
	}
	t.Log("the statement ended after", time.Since(at))
}

// The transport agency answers after an hour, and sees its own client leave.
func TestLeavingClientClosesTheRequestToTheAgency(t *testing.T) {
	asked, gone := make(chan struct{}, 1), make(chan struct{}, 1)
	h := build(t, demoDir(t), houseOptions{transport: transport.Options{Delay: time.Hour,
		OnRequest: func() { asked <- struct{}{} }, OnCancel: func() { gone <- struct{}{} }}})
	at := leave(t, h, asked, `{ roadSensors { nodes { kind } } }`)
	receive(t, "the agency sees the request closed", gone)
	t.Log("the agency saw it after", time.Since(at))
}

// A caller who left has a line in the ledger all the same: the decision was made.
func TestLeavingClientIsRecorded(t *testing.T) {
	asked, gone := make(chan struct{}, 1), make(chan struct{}, 1)
	h := build(t, demoDir(t), houseOptions{transport: transport.Options{Delay: time.Hour,
		OnRequest: func() { asked <- struct{}{} }, OnCancel: func() { gone <- struct{}{} }}})
	leave(t, h, asked, `{ roadSensors { nodes { kind } } }`)
	receive(t, "the agency sees the request closed", gone)
	eventually(t, "an entry of the caller who left", func() bool {
		a := h.ask(t, "analyst", `{ receipts(first: 10) { kind errors coordinates } }`, nil)
		return bytes.Contains(a.body, []byte("RoadSensor.kind"))
	})
}

// One slow source does not hold the others' answer beyond the deadline: its part is null with a code of its own.
func TestSlowSourceTimesOutAlone(t *testing.T) {
	h := build(t, demoDir(t), houseOptions{deadline: 500 * time.Millisecond, transport: transport.Options{Delay: time.Hour}})
	a := h.ask(t, "analyst", `{ district(id: "D02") { name roadSensors { nodes { kind } } } }`, nil)
	if a.status != 200 || a.code() != "SOURCE_TIMEOUT" || !bytes.Contains(a.Data, []byte("Hollin Cross")) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
