package sourcetest

import (
	"context"
	"testing"

	"concordat/federation/source"
	"concordat/policy/predicate"
)

// RunSnapshot has write commit a row to the relation's table between two fetches of one snapshot, and after it. The
// source has at least two connections.
func RunSnapshot(t *testing.T, src source.Source, r *source.Relation, write func()) {
	t.Helper()
	ctx := context.Background()
	count := func(s source.Source) int64 {
		t.Helper()
		rows, err := s.Fetch(ctx, &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 10,
			Aggregate: &source.Aggregate{Measures: []source.Measure{{Func: source.CountRows, As: "n"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return rows.Column("n").Int(0)
	}
	before := count(src)
	one := snapshotOf(t, src)
	for n := range int64(3) {
		if got := count(one); got != before {
			t.Errorf("after %d writes: %d rows, want %d", n, got, before)
		}
		write()
		if got := count(src); got != before+n+1 {
			t.Errorf("beside the snapshot: %d rows, want %d", got, before+n+1)
		}
	}
	one.Close()
	next := snapshotOf(t, src)
	if got := count(next); got != before+3 {
		t.Errorf("in the next snapshot: %d rows, want %d", got, before+3)
	}
	wrong := &source.Query{Relation: r, Where: predicate.Compare("nothing", predicate.Eq, predicate.Int(1)), MaxRows: 1}
	if _, err := next.Fetch(ctx, wrong); err == nil {
		t.Error("a wrong query was answered")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := next.Fetch(cancelled, &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 10}); err == nil {
		t.Error("a cancelled query was answered")
	}
	if got := count(next); got != before+3 {
		t.Errorf("after a failure: %d rows, want %d", got, before+3)
	}
	next.Close()
	for range 50 { // what was lent comes back
		s := snapshotOf(t, src)
		count(s)
		s.Close()
	}
}

func snapshotOf(t *testing.T, src source.Source) source.Snapshot {
	t.Helper()
	s := src.(source.Snapshotter).Snapshot(context.Background())
	if s == nil {
		t.Fatal("no connection to spare")
	}
	return s
}
