package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// The plan is SQLite's own word for it.
func TestIndexesServeKeysPrefixesRangesAndOrders(t *testing.T) {
	path := file(t, "CREATE TABLE t (id TEXT PRIMARY KEY, district TEXT, day DATE, n INTEGER, number INTEGER)",
		"CREATE INDEX by_district ON t (district)", "CREATE INDEX by_day ON t (day)", "CREATE INDEX by_n ON t (n)",
		"CREATE INDEX by_number ON t (number)")
	s := open(t, path)
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.String, "district": privacy.String, "day": privacy.Date,
		"n": privacy.Int, "number": privacy.String})
	if err := s.Check(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	two := func(a, b string) []predicate.Value {
		return []predicate.Value{predicate.String(a), predicate.String(b)}
	}
	for name, q := range map[string]*source.Query{
		"key":            {Keys: &source.Keys{Field: "id", Values: two("a", "b")[:1]}},
		"keys":           {Keys: &source.Keys{Field: "district", Values: two("a", "b")}},
		"keys per key":   {Keys: &source.Keys{Field: "district", Values: two("a", "b"), PerKey: true}, Limit: 3},
		"numbers as ids": {Keys: &source.Keys{Field: "number", Values: two("1", "2")}},
		"equality":       {Where: predicate.Compare("n", predicate.Eq, predicate.Int(1))},
		"range":          {Where: predicate.Compare("n", predicate.Gt, predicate.Int(1))},
		"days":           {Where: predicate.Compare("day", predicate.Gte, predicate.String("2025-01-01"))},
		"prefix":         {Where: predicate.Compare("district", predicate.HasPrefix, predicate.String("a"))},
		"order":          {Where: predicate.Always(), Order: []source.Order{{Field: "day"}}, Limit: 5},
		"order down":     {Where: predicate.Always(), Order: []source.Order{{Field: "day", Descending: true}}, Limit: 5},
	} {
		q.Relation, q.Select, q.MaxRows = r, []string{"id"}, 100
		if q.Keys != nil {
			q.Where = predicate.Always()
		}
		e := s.Explain(q)
		plan := queryPlan(t, path, e.Statement)
		if !strings.Contains(plan, "USING") || strings.Contains(plan, "SCAN t\n") || strings.Contains(plan, "TEMP B-TREE FOR ORDER BY") && q.Keys == nil {
			t.Errorf("%s: %s\n%s", name, e.Statement, plan)
		}
	}
}

func queryPlan(t *testing.T, path, statement string) string {
	t.Helper()
	db, err := sql.Open("sqlite", strings.ReplaceAll("file:"+path, "test db?", "test%20db%3f"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "?"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, detail)
	}
	return b.String()
}

func TestExplainSaysWhatIsLeftToTheGateway(t *testing.T) {
	s := open(t, file(t, "CREATE TABLE t (id TEXT, price TEXT)"))
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.String, "price": privacy.Decimal})
	if err := s.Check(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	q := &source.Query{Relation: r, Select: []string{"id"}, MaxRows: 10, Limit: 5, Where: predicate.And(
		predicate.Compare("price", predicate.Gt, predicate.Decimal("9.90")), predicate.Compare("id", predicate.Ne, predicate.String("x")))}
	e := s.Explain(q)
	if strings.Join(e.Local, " ") != "filter limit" || !strings.Contains(e.Statement, `WHERE (t."id" COLLATE BINARY <> ? AND typeof(t."id") = 'text')`) {
		t.Errorf("got %+v", e)
	}
	q.Where = predicate.Always()
	if e := s.Explain(q); len(e.Local) != 0 || e.Statement != `SELECT t."id" FROM "t" AS t LIMIT ?` {
		t.Errorf("got %+v", e)
	}
}

// Without statistics SQLite takes the row rule's set for as selective as the keys, and may read a whole district.
func TestKeysChooseTheIndexNotTheRowRule(t *testing.T) {
	path := file(t, "CREATE TABLE t (id TEXT NOT NULL, district TEXT NOT NULL)",
		"CREATE INDEX by_id ON t (id)", "CREATE INDEX by_district ON t (district)")
	s := open(t, path)
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.String, "district": privacy.String})
	if err := s.Check(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	set := []predicate.Value{predicate.String("a"), predicate.String("b")}
	for _, names := range [][2]string{{"id", "district"}, {"district", "id"}} {
		q := &source.Query{Relation: r, Select: []string{"id"}, MaxRows: 100, Keys: &source.Keys{Field: names[0], Values: set},
			Where: predicate.And(predicate.In(names[1], set...), predicate.Not(predicate.In(names[0], set...)))}
		plan := queryPlan(t, path, s.Explain(q).Statement)
		if !strings.Contains(plan, "INDEX by_"+names[0]) {
			t.Errorf("keys %s:\n%s", names[0], plan)
		}
	}
}
