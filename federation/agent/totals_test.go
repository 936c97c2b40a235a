package agent_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	_ "modernc.org/sqlite"

	"concordat/federation/agent"
	"concordat/federation/source"
	"concordat/federation/source/open"
	"concordat/federation/source/sqlite"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/secagg"
)

// hospital is an SQLite file with what makes sums go wrong: numbers at and beyond every bound, NULL, texts outside the
// domain, of other case, with quotes and with accents.
func hospital(t testing.TB, seed uint64, rows int, more ...string) *agent.Rows {
	t.Helper()
	r, _ := hospitalAt(t, seed, rows, more...)
	return r
}

func hospitalAt(t testing.TB, seed uint64, rows int, more ...string) (*agent.Rows, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hospital.db")
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec("CREATE TABLE stays (patient TEXT, ward TEXT COLLATE NOCASE, sex TEXT, days INTEGER, cost INTEGER, died, home BOOLEAN, weight REAL)")
	must(t, err)
	draw := rand.New(rand.NewPCG(seed, 1))
	tx, err := db.Begin()
	must(t, err)
	for range rows {
		_, err := tx.Exec("INSERT INTO stays VALUES (?, ?, ?, ?, ?, ?, ?, ?)", one(draw, "p1", "p2", "p3", "O'Neil", nil), one(draw, "icu", "ICU", "Süd", "it's", "", nil),
			one(draw, "f", "m", "x", nil), one(draw, -7, -1, 0, 1, 2, 3, 59, 60, 61, 1<<40, math.MaxInt64, math.MinInt64, nil),
			one(draw, -100000, -99, 0, 7, 12345, 1<<33, math.MinInt64, nil), one(draw, 0, 1, 2, -1, nil), one(draw, 0, 1, nil), one(draw, 0.5, -2.25, 1e300, nil))
		must(t, err)
	}
	must(t, tx.Commit())
	for _, statement := range more {
		_, err := db.Exec(statement)
		must(t, err)
	}
	must(t, db.Close())
	return staysOf(t, path), path
}

func one(draw *rand.Rand, of ...any) any { return of[draw.IntN(len(of))] }

func staysOf(t testing.TB, path string) *agent.Rows {
	t.Helper()
	s, err := sqlite.Open(sqlite.Options{File: path})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	r := &source.Relation{Type: "Stay", Table: "stays", Columns: map[string]source.Column{}}
	for name, kind := range map[string]privacy.Kind{"patient": privacy.String, "ward": privacy.String, "sex": privacy.String, "days": privacy.BigInt,
		"cost": privacy.BigInt, "died": privacy.Int, "home": privacy.Bool, "weight": privacy.Float} {
		r.Columns[name] = source.Column{Coordinate: privacy.Coordinate("Stay." + name), Physical: name, Kind: kind}
	}
	must(t, s.Check(t.Context(), r))
	return &agent.Rows{Source: s, Relation: r, Where: predicate.Always(), MaxRows: 1_000_000}
}

// everything is a question with every function, of which some measures are kept.
func everything(draw *rand.Rand) *secagg.Question {
	q := &secagg.Question{Session: "s", Fields: []secagg.Field{
		{Name: "ward", Kind: secagg.Text, Domain: []string{"icu", "Süd", "it's", "never"}}, {Name: "sex", Kind: secagg.Text, Domain: []string{"m", "f"}},
		{Name: "patient", Kind: secagg.Identifier}, {Name: "days", Kind: secagg.Integer, Lower: -2, Upper: 60},
		{Name: "cost", Kind: secagg.Integer, Scale: 2, Lower: -9901, Upper: 1_234_599}, {Name: "died", Kind: secagg.Integer, Upper: 1}}}
	by := []string{"", "ward", "sex"}[draw.IntN(3)]
	edges := []int64{-1, 0, 2, 60, 61}
	if draw.IntN(2) == 0 {
		edges = nil
		for e := range int64(80) {
			edges = append(edges, e-10)
		}
	}
	all := []secagg.Measure{{Fn: secagg.Count, By: by}, {Fn: secagg.Sum, Field: "cost", By: by}, {Fn: secagg.Mean, Field: "days", By: by}, {Fn: secagg.Variance, Field: "cost", By: by},
		{Fn: secagg.Histogram, Field: "days", Edges: edges, By: by}, {Fn: secagg.Quantile, Field: "cost", Edges: []int64{-9901, -150, 0, 700, 1_234_599}, Permille: 500},
		{Fn: secagg.Min, Field: "days", Edges: edges}, {Fn: secagg.Contingency, Field: "sex", With: "ward"},
		{Fn: secagg.Regression, Field: "cost", Features: []string{"days", "died"}}, {Fn: secagg.Survival, Field: "days", Event: "died", Edges: edges, By: by},
		{Fn: secagg.Distinct, Field: "patient", Buckets: 64}}
	for _, m := range all {
		if draw.IntN(3) == 0 {
			q.Measures = append(q.Measures, m)
		}
	}
	if len(q.Measures) == 0 {
		q.Measures = all[:1]
	}
	q.Where = conditions()[draw.IntN(len(conditions()))]
	return q
}

func conditions() []*secagg.Condition {
	days := secagg.Condition{Op: secagg.Greater, Field: "days", Integers: []int64{1}}
	ward := secagg.Condition{Op: secagg.OneOf, Field: "ward", Texts: []string{"icu", "it's"}}
	return []*secagg.Condition{nil, &days, {Op: secagg.None, Of: []secagg.Condition{days}}, {Op: secagg.Any, Of: []secagg.Condition{ward, {Op: secagg.IsNull, Field: "cost"}}},
		{Op: secagg.All, Of: []secagg.Condition{{Op: secagg.None, Of: []secagg.Condition{ward}}, {Op: secagg.AtMost, Field: "cost", Integers: []int64{1_234_550}}}},
		{Op: secagg.Equal, Field: "cost", Integers: []int64{1_234_500}}, {Op: secagg.Contains, Field: "ward", Texts: []string{"ü"}}, {Op: secagg.Nothing},
		{Op: secagg.Prefix, Field: "patient", Texts: []string{"p"}}}
}

// onlyRows hides that a database can add up: the oracle.
type onlyRows struct{ rows *agent.Rows }

func (o onlyRows) Table(ctx context.Context, q *secagg.Question) (*secagg.Table, error) {
	return o.rows.Table(ctx, q)
}

func TestDatabaseAddsUpWhatRowsWouldGive(t *testing.T) {
	draw := rand.New(rand.NewPCG(7, 7))
	pushed := 0
	for seed := range uint64(6) {
		r := hospital(t, seed, 400)
		for range 60 {
			q := everything(draw)
			want, err := agent.Values(t.Context(), onlyRows{r}, q, 3)
			must(t, err)
			got, err := agent.Values(t.Context(), r, q, 3)
			must(t, err)
			if !slices.Equal(got, want) {
				t.Fatalf("%+v where %+v\n got %v\nwant %v", q.Measures, q.Where, got, want)
			}
			if totals, ok := q.Totals(); ok {
				if _, err := r.Totals(t.Context(), q, totals); err == nil {
					pushed++
				}
			}
		}
	}
	if pushed < 300 {
		t.Fatalf("only %d of 360 questions were added up by the database", pushed)
	}
}

// TestCellThatIsNoNumberIsRefusedEitherWay: SQLite keeps a text in a column of numbers, above all of them.
func TestCellThatIsNoNumberIsRefusedEitherWay(t *testing.T) {
	for _, cell := range []string{"'x'", "x'00ff'", "2.5", "1e300", "-1e300"} {
		r := hospital(t, 1, 50, "INSERT INTO stays (ward, days, cost, died) VALUES ('icu', "+cell+", 1, 1)")
		for _, m := range []secagg.Measure{{Fn: secagg.Sum, Field: "days"}, {Fn: secagg.Variance, Field: "days", By: "ward"}, {Fn: secagg.Histogram, Field: "days", Edges: []int64{3}},
			{Fn: secagg.Regression, Field: "cost", Features: []string{"days"}}} {
			q := everything(rand.New(rand.NewPCG(1, 1)))
			q.Measures, q.Where = []secagg.Measure{m}, nil
			if _, err := agent.Values(t.Context(), onlyRows{r}, q, 3); err == nil {
				t.Fatal("rows were taken")
			}
			if v, err := agent.Values(t.Context(), r, q, 3); err == nil {
				t.Errorf("%s of %s: %v", m.Fn, cell, v)
			}
		}
	}
}

// TestWhatDatabasesRoundIsComputedOverRows: floats, bounds of units and too many groups.
func TestWhatDatabasesRoundIsComputedOverRows(t *testing.T) {
	r := hospital(t, 2, 200)
	weight := secagg.Field{Name: "weight", Kind: secagg.Integer, Scale: 1, Lower: -100, Upper: 100}
	home := secagg.Field{Name: "home", Kind: secagg.Integer, Upper: 1}
	for name, change := range map[string]func(q *secagg.Question){
		"a float":       func(q *secagg.Question) { q.Measures = []secagg.Measure{{Fn: secagg.Sum, Field: "weight"}} },
		"a truth value": func(q *secagg.Question) { q.Measures = []secagg.Measure{{Fn: secagg.Sum, Field: "home"}} },
		"a condition on floats": func(q *secagg.Question) {
			q.Where = &secagg.Condition{Op: secagg.Less, Field: "weight", Integers: []int64{5}}
		},
		"rows of a unit": func(q *secagg.Question) { q.PerUnit = 1 },
	} {
		q := everything(rand.New(rand.NewPCG(1, 1)))
		q.Fields, q.Measures, q.Where = append(q.Fields, weight, home), []secagg.Measure{{Fn: secagg.Count}}, nil
		r.Unit = "patient"
		change(q)
		want, err := agent.Values(t.Context(), onlyRows{r}, q, 3)
		must(t, err)
		if totals, ok := q.Totals(); ok {
			if _, err := r.Totals(t.Context(), q, totals); !errors.Is(err, agent.ErrRows) {
				t.Errorf("%s: the database added up: %v", name, err)
			}
		}
		if got, err := agent.Values(t.Context(), r, q, 3); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, want, err)
		}
	}
}

func TestSumBeyondASlotIsRefusedByTheDatabasesTotalsToo(t *testing.T) {
	r := hospital(t, 3, 0, "INSERT INTO stays (days) VALUES (9223372036854775807), (9223372036854775807), (-9223372036854775807)")
	q := everything(rand.New(rand.NewPCG(1, 1)))
	q.Measures, q.Where = []secagg.Measure{{Fn: secagg.Sum, Field: "days"}}, nil
	for upper, fits := range map[int64]bool{1 << 54: true, 1 << 56: false, math.MaxInt64: false} {
		q.Fields[3].Lower, q.Fields[3].Upper = -1, upper
		v, err := agent.Values(t.Context(), r, q, 3)
		if fits != (err == nil) || fits && v[0] != 2*upper-1 || !fits && !errors.Is(err, secagg.ErrOverflow) {
			t.Errorf("%s: %v %v", fmt.Sprint(upper), v, err)
		}
	}
}

// TestConfiguredSourceAddsUp: what stands before a source (limits, circuit) hides nothing of what it can do.
func TestConfiguredSourceAddsUp(t *testing.T) {
	r, path := hospitalAt(t, 4, 100)
	config, err := open.Parse("sources.yaml", []byte("sources:\n  hospital: {kind: sqlite, file: "+path+"}\n"))
	must(t, err)
	sources, closer, err := open.Open(t.Context(), config, open.Options{Dir: filepath.Dir(path),
		Relations: func(string) []*source.Relation { return []*source.Relation{r.Relation} }, Getenv: func(string) string { return "" }})
	must(t, err)
	t.Cleanup(func() { closer.Close() })
	opened := &agent.Rows{Source: sources["hospital"], Relation: r.Relation, Where: predicate.Always(), MaxRows: 10}
	q := everything(rand.New(rand.NewPCG(1, 1)))
	q.Measures, q.Where = []secagg.Measure{{Fn: secagg.Variance, Field: "cost", By: "ward"}}, nil
	want, err := agent.Values(t.Context(), onlyRows{r}, q, 3)
	must(t, err)
	got, err := agent.Values(t.Context(), opened, q, 3) // ten rows at most are given, and a hundred added up
	if err != nil || !slices.Equal(got, want) {
		t.Fatal(got, want, err)
	}
}
