// Package sourcetest is the suite that every source passes: it gives a source rows chosen to be awkward and compares
// each of its answers with package eval's over the same rows.
//
//	func TestConformance(t *testing.T) {
//		sourcetest.Run(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source { ... })
//	}
//
// It does not test what only one kind of source has: files, connections, HTTP.
package sourcetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Make builds a source that holds exactly the given rows. Columns of rows are named by field.
type Make func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source

// suite is one source with the rows it holds.
type suite struct {
	src  source.Source
	rel  *source.Relation
	rows *privacy.Table
}

// Limit is something a source cannot hold, and the suite leaves out of its rows. It is still asked for.
type Limit uint8

// NoNUL: texts without the character U+0000.
const NoNUL Limit = iota

// Run runs the suite.
func Run(t *testing.T, build Make, limits ...Limit) {
	rel, rows := Relation(), Rows(limits...)
	s := &suite{build(t, rel, rows), rel, rows}
	t.Run("every operator on every kind", s.operators)
	t.Run("sets, NULL and negation", s.logic)
	t.Run("order and limit", s.orders)
	t.Run("keys", s.keys)
	t.Run("aggregates", s.aggregates)
	t.Run("totals", s.totals)
	t.Run("grains", s.grains)
	t.Run("prefixes and intervals", s.coarse)
	t.Run("random queries", s.random)
	t.Run("related rows", s.relatedRows)
	t.Run("keys of related rows", s.relatedKeys)
	t.Run("nothing without a predicate", s.never)
	t.Run("too many rows", s.tooMany)
	t.Run("wrong queries are refused", s.refuses)
	t.Run("an ended context stops the fetch", s.ended)
}

// lean is query for as few columns as will do.
func (s *suite) lean(where predicate.Predicate) *source.Query {
	q := s.query(where)
	q.Select = q.Select[:1]
	return q
}

// query is a row query with a total order, so that answers can be compared row by row.
func (s *suite) query(where predicate.Predicate) *source.Query {
	return &source.Query{
		Relation: s.rel, Select: fieldNames(), Where: where, MaxRows: 10_000,
		Order: []source.Order{{Field: "id"}},
	}
}

func (s *suite) sumsFloats(q *source.Query) bool {
	return q.Aggregate != nil && slices.ContainsFunc(q.Aggregate.Measures, func(m source.Measure) bool {
		return m.Func == source.Sum && s.rel.Columns[m.Field].Kind == privacy.Float
	})
}

// agree fetches and compares with the oracle.
func (s *suite) agree(t rapid.TB, q *source.Query) {
	t.Helper()
	want, wantErr := eval.Run(s.rows, q)
	got, gotErr := s.src.Fetch(context.Background(), q)
	switch {
	case (wantErr == nil) != (gotErr == nil) && s.sumsFloats(q) && errors.Is(errors.Join(wantErr, gotErr), source.ErrInvalid):
		// A sum of doubles may overflow on the way to a result that would not; whether it does depends on who adds.
	case (wantErr == nil) != (gotErr == nil):
		t.Fatalf("%s\nwant error %v, got %v", describe(q), wantErr, gotErr)
	case wantErr != nil:
		if !errors.Is(gotErr, source.ErrInvalid) && !errors.Is(gotErr, source.ErrTooLarge) {
			t.Fatalf("%s\nthe error wraps no sentinel: %v", describe(q), gotErr)
		}
	default:
		if difference := diff(want, got); difference != "" {
			t.Fatalf("%s\n%s", describe(q), difference)
		}
	}
}

func (s *suite) operators(t *testing.T) {
	for _, f := range []string{"name", "flag", "small", "big", "ratio", "price", "day", "at", "doc"} { // each kind
		for _, v := range constants(s.rel.Columns[f].Kind) {
			for op := predicate.Eq; op <= predicate.Like; op++ {
				p := predicate.Compare(f, op, v)
				s.agree(t, s.lean(p))
				s.agree(t, s.lean(predicate.Not(p)))
			}
		}
	}
	for _, pair := range [][2]string{{"name", "other"}, {"small", "big"}, {"big", "ratio"}, {"small", "price"}, {"day", "other"}, {"flag", "flag"}} {
		for op := predicate.Eq; op <= predicate.Like; op++ {
			s.agree(t, s.lean(predicate.Fields(pair[0], op, pair[1])))
			s.agree(t, s.lean(predicate.Not(predicate.Fields(pair[1], op, pair[0]))))
		}
	}
}

func (s *suite) logic(t *testing.T) {
	for _, f := range fieldNames() {
		all := constants(s.rel.Columns[f].Kind)
		s.agree(t, s.lean(predicate.Null(f)))
		s.agree(t, s.lean(predicate.Not(predicate.Null(f))))
		s.agree(t, s.lean(predicate.In(f, all...)))
		s.agree(t, s.lean(predicate.Not(predicate.In(f, all...))))
		s.agree(t, s.lean(predicate.In(f, all[0], predicate.Value{})))
		s.agree(t, s.lean(predicate.Not(predicate.Or(predicate.Null(f), predicate.In(f, all[:len(all)/2]...)))))
	}
	s.agree(t, s.query(predicate.Always()))
	many := make([]predicate.Value, 400)
	for i := range many {
		many[i] = predicate.Int(int64(i))
	}
	s.agree(t, s.lean(predicate.In("small", many...)))
}

func (s *suite) orders(t *testing.T) {
	for _, f := range fieldNames() {
		for _, descending := range []bool{false, true} {
			for _, limit := range []int{0, 1, 7, 1000} {
				q := s.query(predicate.Always())
				q.Order = []source.Order{{Field: f, Descending: descending}, {Field: "id", Descending: !descending}}
				q.Limit = limit
				s.agree(t, q)
			}
		}
	}
	q := s.query(predicate.Always())
	q.Select = []string{"ratio", "id"}
	s.agree(t, q)
}

func (s *suite) keys(t *testing.T) {
	for _, f := range fieldNames() {
		values := constants(s.rel.Columns[f].Kind)
		for _, perKey := range []bool{false, true} {
			for _, limit := range []int{0, 1, 2} {
				q := s.query(predicate.Not(predicate.Null("id")))
				q.Keys = &source.Keys{Field: f, Values: values, PerKey: perKey}
				q.Limit = limit
				if perKey && limit > 0 {
					s.perKey(t, q)
					continue
				}
				s.agree(t, q)
			}
		}
	}
	q := s.query(predicate.Always())
	q.Keys = &source.Keys{Field: "id"}
	s.agree(t, q)
}

// perKey compares rows of each key in order; how the keys follow each other is not promised.
func (s *suite) perKey(t *testing.T, q *source.Query) {
	t.Helper()
	want, err := eval.Run(s.rows, q)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.src.Fetch(context.Background(), q)
	if err != nil {
		t.Fatalf("%s\n%v", describe(q), err)
	}
	by := []source.Order{{Field: q.Keys.Field}}
	if difference := diff(stable(t, want, by), stable(t, got, by)); difference != "" {
		t.Fatalf("%s\n%s", describe(q), difference)
	}
}

// stable sorts rows by a field and keeps the order within equal values.
func stable(t *testing.T, in *privacy.Table, by []source.Order) *privacy.Table {
	t.Helper()
	names := make([]string, len(in.Columns))
	for i, c := range in.Columns {
		names[i] = c.Name
	}
	out, err := eval.Run(in, &source.Query{Where: predicate.Always(), Select: names, Order: by, MaxRows: in.Rows + 1})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *suite) aggregates(t *testing.T) {
	groupings := [][]source.Group{nil, {{Field: "flag", As: "g0"}, {Field: "tag", As: "g1"}}}
	for _, f := range fieldNames() {
		groupings = append(groupings, []source.Group{{Field: f, As: "g"}})
	}
	for _, g := range groupings {
		for _, where := range []predicate.Predicate{predicate.Always(), predicate.Null("name"), predicate.Compare("small", predicate.Gt, predicate.Int(1_000_000))} {
			s.agree(t, s.aggregate(where, g, s.measures()))
		}
	}
	overflow := source.Measure{Func: source.Sum, Field: "big", As: "sum"}
	s.agree(t, s.aggregate(predicate.Compare("big", predicate.Gt, predicate.Int(1<<62)), nil, []source.Measure{overflow}))
	keyed := s.aggregate(predicate.Always(), []source.Group{{Field: "tag", As: "tag"}}, s.measures())
	keyed.Keys = &source.Keys{Field: "tag", Values: []predicate.Value{predicate.Int(1), predicate.Int(2), predicate.Int(99)}}
	s.agree(t, keyed)
}

func (s *suite) aggregate(where predicate.Predicate, g []source.Group, m []source.Measure) *source.Query {
	return &source.Query{Relation: s.rel, Where: where, MaxRows: 10_000, Aggregate: &source.Aggregate{Group: g, Measures: m}}
}

// measures is every measure that does not overflow over all rows.
func (s *suite) measures() []source.Measure {
	all := []source.Measure{{Func: source.CountRows, As: "n"}}
	for _, f := range fieldNames() {
		for fn := source.CountValues; fn <= source.CountDistinct; fn++ {
			m := source.Measure{Func: fn, Field: f, As: f + string('0'+rune(fn))}
			if m.Result(s.rel.Columns[f].Kind) != 0 && !(fn == source.Sum && f == "big") {
				all = append(all, m)
			}
		}
	}
	return all
}

func (s *suite) grains(t *testing.T) {
	count := []source.Measure{{Func: source.CountRows, As: "n"}, {Func: source.Min, Field: "day", As: "first"}}
	for g := source.Hour; g <= source.Year; g++ {
		for _, f := range []string{"day", "at"} {
			s.agree(t, s.aggregate(predicate.Always(), []source.Group{{Field: f, Grain: g, As: "start"}}, count))
		}
	}
	for _, zone := range zones {
		for g := source.Hour; g <= source.Year; g++ {
			s.agree(t, s.aggregate(predicate.Always(), []source.Group{{Field: "at", Grain: g, Zone: zone, As: "start"}}, count))
		}
	}
}

// zones with whole, half and quarter hours, changes at midnight, a day that was left out, and clocks that go back.
var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe",
	"Pacific/Apia", "Asia/Shanghai", "Africa/Casablanca"}

// prefixes and intervals.
func (s *suite) coarse(t *testing.T) {
	count := []source.Measure{{Func: source.CountRows, As: "n"}, {Func: source.CountDistinct, Field: "name", As: "d"}}
	for _, n := range []int{1, 2, 3, 100} {
		for _, f := range []string{"id", "name", "other"} {
			s.agree(t, s.aggregate(predicate.Always(), []source.Group{{Field: f, Prefix: n, As: "start"}}, count))
		}
	}
	for f, edges := range map[string][]predicate.Value{
		"small": {predicate.Float(-7), predicate.Float(0), predicate.Float(1.5), predicate.Float(1e300)},
		"big":   {predicate.Float(-1e19), predicate.Int(9007199254740993), predicate.Float(9223372036854775808)},
		"ratio": {predicate.Float(-0.1), predicate.Float(0), predicate.Float(0.1), predicate.Float(1)},
		"price": {predicate.Decimal("-2"), predicate.Decimal("0.10"), predicate.Decimal("10"), predicate.Decimal("10.000000000000000000001")},
	} {
		s.agree(t, s.aggregate(predicate.Always(), []source.Group{{Field: f, Edges: edges, As: "reached"}}, count))
		s.agree(t, s.aggregate(predicate.Not(predicate.Null("name")), []source.Group{{Field: "tag", As: "tag"}, {Field: f, Edges: edges, As: "reached"}}, count))
	}
}

func (s *suite) never(t *testing.T) {
	q := s.query(predicate.Predicate{})
	got, err := s.src.Fetch(context.Background(), q)
	if err != nil || got.Rows != 0 || len(got.Columns) != len(q.Select) {
		t.Fatalf("got %+v, %v", got, err)
	}
	s.agree(t, s.aggregate(predicate.Never(), nil, s.measures()))
	s.agree(t, s.aggregate(predicate.Never(), []source.Group{{Field: "tag", As: "g"}}, s.measures()))
}

func (s *suite) tooMany(t *testing.T) {
	q := s.query(predicate.Always())
	q.MaxRows = s.rows.Rows
	s.agree(t, q)
	q.MaxRows--
	if _, err := s.src.Fetch(context.Background(), q); !errors.Is(err, source.ErrTooLarge) {
		t.Fatalf("rows: got %v", err)
	}
	q.Limit = q.MaxRows
	s.agree(t, q)
	groups := s.aggregate(predicate.Always(), []source.Group{{Field: "id", As: "g"}}, nil)
	groups.MaxRows = 3
	if _, err := s.src.Fetch(context.Background(), groups); !errors.Is(err, source.ErrTooLarge) {
		t.Fatalf("groups: got %v", err)
	}
}

func (s *suite) refuses(t *testing.T) {
	unknown := s.query(predicate.Always())
	unknown.Select = []string{"nothing"}
	unbounded := s.query(predicate.Always())
	unbounded.MaxRows = 0
	for name, q := range map[string]*source.Query{
		"unknown column": unknown, "no bound": unbounded,
		"unknown field":    s.query(predicate.Compare("nothing", predicate.Eq, predicate.Int(1))),
		"kinds":            s.query(predicate.Not(predicate.Compare("small", predicate.Eq, predicate.String("1")))),
		"set of kinds":     s.query(predicate.Not(predicate.In("name", predicate.Int(1), predicate.String("x")))),
		"pattern":          s.query(predicate.Compare("small", predicate.HasPrefix, predicate.Int(1))),
		"fields of kinds":  s.query(predicate.Not(predicate.Fields("name", predicate.Eq, "small"))),
		"related rows":     s.query(predicate.Not(predicate.Exists("name", predicate.Always()))),
		"sum of texts":     s.aggregate(predicate.Always(), nil, []source.Measure{{Func: source.Sum, Field: "name", As: "s"}}),
		"hours of a date":  s.aggregate(predicate.Always(), []source.Group{{Field: "day", Grain: source.Hour, As: "h"}}, nil),
		"grain of a text":  s.aggregate(predicate.Always(), []source.Group{{Field: "name", Grain: source.Day, As: "h"}}, nil),
		"zone of a date":   s.aggregate(predicate.Always(), []source.Group{{Field: "day", Grain: source.Day, Zone: "Europe/Berlin", As: "h"}}, nil),
		"no such zone":     s.aggregate(predicate.Always(), []source.Group{{Field: "at", Grain: source.Day, Zone: "Nowhere/Atall", As: "h"}}, nil),
		"prefix of a date": s.aggregate(predicate.Always(), []source.Group{{Field: "day", Prefix: 4, As: "h"}}, nil),
		"edges of a text":  s.aggregate(predicate.Always(), []source.Group{{Field: "name", Edges: []predicate.Value{predicate.Float(1)}, As: "h"}}, nil),
		"no edges":         s.aggregate(predicate.Always(), []source.Group{{Field: "small", Edges: []predicate.Value{}, As: "h"}}, nil),
		"unknown relation": {Select: []string{"id"}, Where: predicate.Always(), MaxRows: 1},
	} {
		if _, err := s.src.Fetch(context.Background(), q); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func (s *suite) ended(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.src.Fetch(cancelled, s.query(predicate.Always())); !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("cancelled: got %v", err)
	}
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	if _, err := s.src.Fetch(late, s.query(predicate.Always())); !errors.Is(err, source.ErrTimeout) {
		t.Errorf("deadline: got %v", err)
	}
}
