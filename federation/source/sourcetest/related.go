package sourcetest

import (
	"context"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// relatedRows asks a source that can about related rows: of the same table, by every pair of fields that it says it
// can relate. The oracle is the set of the related rows' keys, as the gateway would fetch it.
func (s *suite) relatedRows(t *testing.T) {
	src, ok := s.src.(source.Relater)
	if !ok {
		return // never asked
	}
	s.agree(t, s.lean(predicate.Always())) // a table that is not known relates nothing yet
	asked := 0
	for _, pair := range [][2]string{{"id", "id"}, {"tag", "small"}, {"small", "big"}, {"big", "small"}, {"name", "other"}, {"other", "name"}, {"day", "day"},
		{"at", "at"}, {"price", "price"}, {"ratio", "ratio"}, {"flag", "flag"}, {"doc", "doc"}, {"name", "day"}, {"small", "price"}} {
		for _, inner := range []predicate.Predicate{predicate.Always(), predicate.Never(), predicate.Null("name"), predicate.Not(predicate.Null("name")),
			predicate.Compare("small", predicate.Gt, predicate.Int(0)), predicate.Not(predicate.Compare("name", predicate.Eq, predicate.String("a")))} {
			if s.related(t, src, pair, inner) {
				asked++
			}
		}
	}
	if asked == 0 {
		t.Error("it relates no fields at all")
	}
	t.Run("random", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			pair := rapid.SampledFrom([][2]string{{"id", "id"}, {"tag", "small"}, {"small", "big"}, {"name", "other"}, {"at", "at"}}).Draw(t, "pair")
			s.related(t, src, pair, s.predicate(t, 2))
		})
	})
}

// relatedKeys groups rows by what related rows hold, where the source says that it can, and compares with what the
// gateway would make of both: keys counted, each replaced by the least value of its related rows, and added up.
func (s *suite) relatedKeys(t *testing.T) {
	src, ok := s.src.(source.Relater)
	if !ok {
		return // never asked
	}
	s.agree(t, s.lean(predicate.Always())) // a table that is not known relates nothing yet
	asked := 0
	for _, pair := range [][2]string{{"id", "id"}, {"name", "id"}, {"name", "name"}, {"other", "name"}, {"tag", "small"}} {
		for _, g := range []source.Group{{Field: "tag"}, {Field: "small"}, {Field: "name"}, {Field: "other", Prefix: 2}, {Field: "day", Grain: source.Year},
			{Field: "at", Grain: source.Day, Zone: "Europe/Berlin"}, {Field: "big", Edges: []predicate.Value{predicate.Int(0), predicate.Int(1 << 60)}}} {
			for _, seen := range []predicate.Predicate{predicate.Always(), predicate.Never(), predicate.Compare("small", predicate.Gt, predicate.Int(0))} {
				g.As, g.Via, g.Where = "key", "#row", seen
				q := s.aggregate(predicate.Not(predicate.Null("flag")), []source.Group{g, {Field: "tag", As: "tag"}}, []source.Measure{{Func: source.CountRows, As: "n"}})
				q.Related = map[string]*source.Related{"#row": {Relation: s.rel, From: pair[0], To: pair[1]}}
				if !src.Relates(q) {
					continue
				}
				asked++
				got, err := s.src.Fetch(context.Background(), q)
				if err != nil {
					t.Fatalf("%s: %v", describe(q), err)
				}
				if want := s.byRelated(t, q, g, pair); !maps.Equal(want, counted(got)) {
					t.Errorf("%s\n%v, want %v", describe(q), counted(got), want)
				}
			}
		}
	}
	t.Logf("%d questions", asked)
}

// counted is the rows of each pair of keys.
func counted(t *privacy.Table) map[string]int64 {
	out := map[string]int64{}
	for row := range t.Rows {
		out[show(t.Column("key"), row)+" "+show(t.Column("tag"), row)] += t.Column("n").Int(row)
	}
	return out
}

// byRelated is the oracle: nested loops.
func (s *suite) byRelated(t *testing.T, q *source.Query, g source.Group, pair [2]string) map[string]int64 {
	t.Helper()
	g.Via = ""
	keys, err := eval.Key(s.rows, g)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := eval.Run(s.rows, &source.Query{Relation: s.rel, Select: []string{"id"}, Where: g.Where, MaxRows: s.rows.Rows})
	if err != nil {
		t.Fatal(err)
	}
	mayBeSeen := map[string]bool{}
	for row := range seen.Rows {
		mayBeSeen[seen.Columns[0].Text(row)] = true
	}
	from, to, id, flag, tag := s.rows.Column(pair[0]), s.rows.Column(pair[1]), s.rows.Column("id"), s.rows.Column("flag"), s.rows.Column("tag")
	out := map[string]int64{}
	for row := range s.rows.Rows {
		if flag.IsNull(row) {
			continue
		}
		least := -1
		for other := range s.rows.Rows {
			if from.IsNull(row) || to.IsNull(other) || show(from, row) != show(to, other) || !mayBeSeen[id.Text(other)] || keys.IsNull(other) {
				continue
			}
			if least < 0 || keys.Compare(other, least) < 0 {
				least = other
			}
		}
		key := "NULL"
		if least >= 0 {
			key = show(keys, least)
		}
		out[key+" "+show(tag, row)]++
	}
	return out
}

// related compares an Exists, its negation, each beside another condition, and one within another, with sets of keys.
func (s *suite) related(t rapid.TB, src source.Relater, pair [2]string, inner predicate.Predicate) bool {
	t.Helper()
	one := &source.Related{Relation: s.rel, From: pair[0], To: pair[1]}
	exists := predicate.Exists("#it", inner)
	q := s.query(exists)
	q.Related = map[string]*source.Related{"#it": one}
	if !src.Relates(q) {
		return false
	}
	keys, err := s.keysOf(pair, inner)
	if err != nil {
		return false // wrong in itself
	}
	all := predicate.Exists("#it", predicate.Always())
	beside := predicate.Compare("id", predicate.Ne, predicate.String("7"))
	for _, c := range [][2]predicate.Predicate{{exists, keys}, {predicate.Not(exists), predicate.Not(keys)},
		{predicate.And(exists, all), keys}, {predicate.Or(predicate.Not(exists), predicate.Not(all)), predicate.Not(keys)},
		{predicate.Or(exists, beside), predicate.Or(keys, beside)}, {predicate.And(predicate.Not(exists), beside), predicate.And(predicate.Not(keys), beside)}} {
		s.same(t, s.query(c[1]), c[0], one)
		aggregate := s.aggregate(c[1], []source.Group{{Field: "tag", As: "g"}}, []source.Measure{{Func: source.CountRows, As: "n"}})
		s.same(t, aggregate, c[0], one)
	}
	s.nested(t, src, pair, inner, keys)
	return true
}

// nested asks for related rows of related rows, where the source can.
func (s *suite) nested(t rapid.TB, src source.Relater, pair [2]string, inner, keys predicate.Predicate) {
	t.Helper()
	one := &source.Related{Relation: s.rel, From: pair[0], To: pair[1]}
	two := &source.Related{Relation: s.rel, From: pair[0], To: pair[1], Related: map[string]*source.Related{"#inner": one}}
	q := s.query(predicate.Exists("#it", predicate.Exists("#inner", inner)))
	q.Related = map[string]*source.Related{"#it": two}
	nested, err := s.keysOf(pair, keys)
	if err == nil && src.Relates(q) {
		s.same(t, s.query(nested), q.Where, two)
	}
}

// same compares the source's answer to want's question, with another filter, with the oracle's answer.
func (s *suite) same(t rapid.TB, want *source.Query, where predicate.Predicate, r *source.Related) {
	t.Helper()
	expected, err := eval.Run(s.rows, want)
	if err != nil {
		t.Fatal(err)
	}
	q := *want
	q.Where, q.Related = where, map[string]*source.Related{"#it": r}
	got, err := s.src.Fetch(context.Background(), &q)
	if err != nil {
		t.Fatalf("%s related by %s = %s\n%v", describe(&q), r.From, r.To, err)
	}
	if difference := diff(expected, got); difference != "" {
		t.Fatalf("%s related by %s = %s, where %v\n%s", describe(&q), r.From, r.To, inner(where), difference)
	}
}

// keysOf is that a field is among the values that another has in rows of the table.
func (s *suite) keysOf(pair [2]string, where predicate.Predicate) (predicate.Predicate, error) {
	rows, err := eval.Run(s.rows, &source.Query{Relation: s.rel, Where: where, MaxRows: 10_000,
		Aggregate: &source.Aggregate{Group: []source.Group{{Field: pair[1], As: "key"}}}})
	if err != nil {
		return predicate.Never(), err
	}
	var keys []predicate.Value
	c := rows.Column("key")
	for row := range rows.Rows {
		if v := constantAt(c, row); v.Kind != predicate.NullValue {
			keys = append(keys, v)
		}
	}
	return predicate.In(pair[0], keys...), nil
}

// constantAt is a cell as a value of a predicate; NULL for a cell that holds none.
func constantAt(c *privacy.Column, row int) predicate.Value {
	switch {
	case c.IsNull(row):
		return predicate.Value{}
	case c.Kind == privacy.Bool:
		return predicate.Bool(c.Bool(row))
	case c.Kind == privacy.Float:
		return predicate.Float(c.Float(row))
	case c.Kind == privacy.Decimal:
		return predicate.Decimal(c.Text(row))
	case c.Kind == privacy.Time:
		return predicate.Micros(c.Int(row))
	case c.Kind.Text():
		return predicate.String(c.Text(row))
	}
	return predicate.Int(c.Int(row))
}

// inner is what is asked of the related rows.
func inner(p predicate.Predicate) predicate.Node {
	n := *p.Node()
	for len(n.Kids) > 0 && n.Kind != predicate.KindAnd && n.Kind != predicate.KindOr {
		n = *n.Kids[0].Node()
	}
	return n
}
