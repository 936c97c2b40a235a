package source_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// plain is a source that computes nothing: it fails a test that asks it for a derived column.
type plain struct {
	t     *testing.T
	rows  *privacy.Table
	asked *source.Query
}

func (p *plain) Fetch(_ context.Context, q *source.Query) (*privacy.Table, error) {
	p.asked = q
	if q.ReadsDerived() {
		p.t.Error("a derived column is asked of a source that computes none")
	}
	return eval.Run(p.rows, q)
}

// willing is a source that computes what it is asked.
type willing struct{ plain }

func (w *willing) Derives(*source.Query) bool { return true }
func (w *willing) Fetch(_ context.Context, q *source.Query) (*privacy.Table, error) {
	w.asked = q
	return source.None(q), nil
}

var upper = privacy.Obligation{Method: "upper"}

func shouted(in *privacy.Column) (*privacy.Column, error) {
	out := *in
	out.Domain, out.Dict = upper.Domain(), slices.Clone(in.Dict)
	for i, text := range out.Dict {
		out.Dict[i] = strings.ToUpper(text)
	}
	return &out, nil
}

func people() (*source.Relation, *privacy.Table) {
	r := &source.Relation{Type: "P", Table: "p", Columns: map[string]source.Column{
		"id": {Coordinate: "P.id", Kind: privacy.String}, "name": {Coordinate: "P.name", Kind: privacy.String},
		"loud": {Coordinate: "P.name", Kind: privacy.String, Derived: &source.Derived{From: "name", Is: upper, Do: shouted}}}}
	t := &privacy.Table{}
	for _, f := range []string{"id", "name"} {
		t.Columns = append(t.Columns, source.NewColumn(r, f, 4))
	}
	for _, row := range [][2]string{{"1", "ann"}, {"2", "Ann"}, {"3", ""}, {"4", "Bob"}} {
		t.Columns[0].AppendText(row[0])
		if row[1] == "" {
			t.Columns[1].AppendNull()
		} else {
			t.Columns[1].AppendText(row[1])
		}
		t.Rows++
	}
	return r, t
}

func TestWhatASourceDoesNotComputeTheGatewayDoes(t *testing.T) {
	r, rows := people()
	src := &plain{t: t, rows: rows}
	q := &source.Query{Relation: r, Select: []string{"id", "loud"}, MaxRows: 10, Limit: 1, Order: []source.Order{{Field: "loud", Descending: true}, {Field: "id", Descending: true}},
		Where: predicate.And(predicate.Compare("id", predicate.Ne, predicate.String("4")), predicate.Or(predicate.Compare("loud", predicate.Eq, predicate.String("ANN")), predicate.Null("loud")))}
	got, err := source.Fetch(context.Background(), src, q, eval.Run)
	if err != nil || got.Rows != 1 || got.Column("id").Text(0) != "2" || got.Column("loud").Text(0) != "ANN" || got.Column("loud").Domain != upper.Domain() {
		t.Fatal(got, err)
	}
	if n := src.asked.Where.Node(); n.Kind != predicate.KindCompare || n.Field != "id" || src.asked.Limit != 0 || len(src.asked.Order) != 0 {
		t.Errorf("asked for %+v", src.asked)
	}
	if rows.Column("loud") != nil {
		t.Error("the source's own table was changed")
	}
}

// The rows that the gateway computes over are bounded as the rows of any answer are.
func TestTooManyRowsToComputeOverAreRefused(t *testing.T) {
	r, rows := people()
	q := &source.Query{Relation: r, Select: []string{"id"}, MaxRows: 3, Limit: 1, Where: predicate.Compare("loud", predicate.Eq, predicate.String("ANN"))}
	if _, err := source.Fetch(context.Background(), &plain{t: t, rows: rows}, q, eval.Run); !errors.Is(err, source.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestWhatASourceComputesIsAskedOfIt(t *testing.T) {
	r, _ := people()
	src := &willing{}
	q := &source.Query{Relation: r, Select: []string{"loud"}, MaxRows: 3, Where: predicate.Always()}
	if _, err := source.Fetch(context.Background(), src, q, eval.Run); err != nil || src.asked != q {
		t.Errorf("asked for %+v, %v", src.asked, err)
	}
}

func TestATransformThatFailsFailsTheFetch(t *testing.T) {
	r, rows := people()
	failure := errors.New("no key")
	c := r.Columns["loud"]
	c.Derived = &source.Derived{From: "name", Is: upper, Do: func(*privacy.Column) (*privacy.Column, error) { return nil, failure }}
	r.Columns["loud"] = c
	q := &source.Query{Relation: r, Select: []string{"id"}, MaxRows: 9, Where: predicate.Null("loud")}
	if _, err := source.Fetch(context.Background(), &plain{t: t, rows: rows}, q, eval.Run); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}
