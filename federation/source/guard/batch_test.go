package guard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/guard"
	"concordat/federation/source/memory"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// A source that takes two keys at once answers everything as one that takes all.
func TestBatchesConform(t *testing.T) {
	sourcetest.Run(t, func(_ *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
		return fetching{guard.New(memory.New(map[string]*privacy.Table{r.Type: rows}), guard.Options{Keys: 2})}
	})
}

// fetching has no more powers than tables in memory have.
type fetching struct{ source.Source }

var people = &source.Relation{Type: "Person", Table: "people", Columns: map[string]source.Column{
	"id":   {Coordinate: "Person.id", Physical: "id", Kind: privacy.String},
	"name": {Coordinate: "Person.name", Physical: "name", Kind: privacy.String},
}}

// ledgered notes the keys of each statement, and which state it was of.
type ledgered struct {
	source.Source
	asked      []string
	state      string
	spare      bool
	held, open int
}

func (l *ledgered) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	keys := l.state
	for _, v := range q.Keys.Values {
		keys += " " + v.Text
	}
	l.asked = append(l.asked, fmt.Sprintf("%s of %d", keys, q.MaxRows))
	return l.Source.Fetch(ctx, q)
}

func (l *ledgered) Snapshot(context.Context) source.Snapshot {
	if !l.spare {
		return nil
	}
	l.held, l.open, l.state = l.held+1, l.open+1, fmt.Sprintf("state %d:", l.held+1)
	return l
}

func (l *ledgered) Close() { l.open, l.state = l.open-1, "" }

// fivePeople are p0 to p4, one row each.
func fivePeople() *ledgered {
	t := &privacy.Table{Rows: 5}
	for name, c := range people.Columns {
		column := privacy.NewColumn(name, c.Coordinate, c.Kind, 5)
		for i := range 5 {
			column.AppendText(fmt.Sprintf("p%d", i))
		}
		t.Columns = append(t.Columns, column)
	}
	return &ledgered{Source: memory.New(map[string]*privacy.Table{"Person": t})}
}

func byKeys(most int, ids ...string) *source.Query {
	q := &source.Query{Relation: people, Select: []string{"id", "name"}, Where: predicate.Always(), Keys: &source.Keys{Field: "id"}, MaxRows: most}
	for _, id := range ids {
		q.Keys.Values = append(q.Keys.Values, predicate.String(id))
	}
	return q
}

var five = []string{"p0", "p1", "p2", "p3", "p4"}

func TestKeysBeyondTheCapAreStatementsOfOneState(t *testing.T) {
	inner := fivePeople()
	inner.spare = true
	g := guard.New(inner, guard.Options{Keys: 2})
	rows, err := g.Fetch(context.Background(), byKeys(10, five...))
	if err != nil || rows.Rows != 5 || rows.Column("name").Text(4) != "p4" {
		t.Fatalf("%v, %v", rows, err)
	}
	want := []string{"state 1: p0 p1 of 10", "state 1: p2 p3 of 8", "state 1: p4 of 6"}
	if !slices.Equal(inner.asked, want) || inner.open != 0 {
		t.Errorf("asked %q, %d states left open", inner.asked, inner.open)
	}
	if x := g.Explain(byKeys(10, five...)); x.Statements != 0 { // a source that explains nothing
		t.Errorf("%+v", x)
	}
}

func TestKeysWithinTheCapAreOneStatementWithoutAState(t *testing.T) {
	inner := fivePeople()
	inner.spare = true
	if _, err := guard.New(inner, guard.Options{Keys: 5}).Fetch(context.Background(), byKeys(10, five...)); err != nil {
		t.Fatal(err)
	}
	if len(inner.asked) != 1 || inner.held != 0 {
		t.Errorf("asked %q of %d states", inner.asked, inner.held)
	}
}

func TestBatchesWithoutASpareStateAreAnswered(t *testing.T) {
	inner := fivePeople()
	rows, err := guard.New(inner, guard.Options{Keys: 2}).Fetch(context.Background(), byKeys(10, five...))
	if err != nil || rows.Rows != 5 || len(inner.asked) != 3 {
		t.Errorf("%v, %v, asked %q", rows, err, inner.asked)
	}
}

func TestBatchesOfAStateAreOfThatState(t *testing.T) {
	inner := fivePeople()
	inner.spare = true
	held := guard.New(inner, guard.Options{Keys: 2}).Snapshot(context.Background())
	rows, err := held.Fetch(context.Background(), byKeys(10, five...))
	held.Close()
	if err != nil || rows.Rows != 5 || inner.held != 1 || len(inner.asked) != 3 {
		t.Errorf("%v, %v, asked %q of %d states", rows, err, inner.asked, inner.held)
	}
}

func TestBoundsHoldOverAllBatches(t *testing.T) {
	for name, c := range map[string]struct {
		options guard.Options
		rows    int
		asked   int
	}{
		"rows":            {guard.Options{Keys: 2}, 4, 3},
		"rows in passing": {guard.Options{Keys: 2}, 3, 2},
		"bytes":           {guard.Options{Keys: 2, MaxBytes: 150}, 10, 2},
	} {
		inner := fivePeople()
		_, err := guard.New(inner, c.options).Fetch(context.Background(), byKeys(c.rows, five...))
		if !errors.Is(err, source.ErrTooLarge) || len(inner.asked) != c.asked {
			t.Errorf("%s: %v, asked %q", name, err, inner.asked)
		}
	}
}

func TestEndedRequestSendsNoFurtherBatch(t *testing.T) {
	inner := fivePeople()
	ctx, cancel := context.WithCancel(context.Background())
	g := guard.New(ending{inner, cancel}, guard.Options{Keys: 2})
	if _, err := g.Fetch(ctx, byKeys(10, five...)); err == nil || len(inner.asked) > 2 {
		t.Errorf("%v, asked %q", err, inner.asked)
	}
}

// ending ends its request with the first answer.
type ending struct {
	inner source.Source
	end   context.CancelFunc
}

func (e ending) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	defer e.end()
	return e.inner.Fetch(ctx, q)
}

func TestWrongQueriesAreNotSplitIntoRightOnes(t *testing.T) {
	inner := fivePeople()
	_, err := guard.New(inner, guard.Options{Keys: 2}).Fetch(context.Background(), byKeys(0, five...))
	if !errors.Is(err, source.ErrInvalid) || len(inner.asked) > 0 {
		t.Errorf("%v, asked %q", err, inner.asked)
	}
}

func TestRepeatedKeysBringTheirRowsOnce(t *testing.T) {
	rows, err := guard.New(fivePeople(), guard.Options{Keys: 1}).Fetch(context.Background(), byKeys(10, "p0", "p1", "p0"))
	if err != nil || rows.Rows != 2 {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestASourcesOwnTableStaysAsItIs(t *testing.T) {
	own := &privacy.Table{Rows: 1}
	for _, name := range []string{"id", "name"} {
		c := privacy.NewColumn(name, people.Columns[name].Coordinate, privacy.String, 1)
		c.AppendText("p0")
		own.Columns = append(own.Columns, c)
	}
	rows, err := guard.New(same{own}, guard.Options{Keys: 1}).Fetch(context.Background(), byKeys(10, "p0", "p1"))
	if err != nil || rows.Rows != 2 || own.Rows != 1 || own.Columns[0].Len() != 1 {
		t.Errorf("%v, %v, left as %d rows", rows, err, own.Columns[0].Len())
	}
}

// same gives everybody the same table.
type same struct{ table *privacy.Table }

func (s same) Fetch(context.Context, *source.Query) (*privacy.Table, error) { return s.table, nil }
