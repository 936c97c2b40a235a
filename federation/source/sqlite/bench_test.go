package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/sqlite"
	"concordat/policy/predicate"
	"concordat/privacy"
)

func people(b *testing.B) string {
	return file(b, "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, born DATE, district TEXT, income INTEGER, rate REAL)",
		`INSERT INTO people WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 50000)
		 SELECT printf('P-%06d', x), 'Person ' || x, date('1950-01-01', x || ' days'), 'D' || (x % 12), x * 7, x / 3.0 FROM c`,
		"CREATE INDEX people_district ON people (district)")
}

// checked opens the file as the gateway does.
func checked(b *testing.B, path string) (*sqlite.Source, *source.Relation) {
	s, r := open(b, path), peopleRelation()
	if err := s.Check(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	return s, r
}

func peopleRelation() *source.Relation {
	return relationOf("people", map[string]privacy.Kind{"id": privacy.String, "name": privacy.String, "born": privacy.Date,
		"district": privacy.String, "income": privacy.Int, "rate": privacy.Float})
}

type person struct {
	id, name, born, district string
	income                   int64
	rate                     float64
}

// readAll is the hand-written peer: prepared statement, typed Scan.
func readAll(b *testing.B, s *sql.Stmt, arguments ...any) int {
	rows, err := s.QueryContext(b.Context(), arguments...)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var all []person
	for rows.Next() {
		var p person
		if err := rows.Scan(&p.id, &p.name, &p.born, &p.district, &p.income, &p.rate); err != nil {
			b.Fatal(err)
		}
		all = append(all, p)
	}
	return len(all)
}

func prepared(b *testing.B, path, text string) *sql.Stmt {
	b.Helper()
	db, err := sql.Open("sqlite", strings.ReplaceAll("file:"+path, "test db?", "test%20db%3f"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	s, err := db.Prepare(text)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

const peopleColumns = "SELECT id, name, CAST(born AS TEXT), district, income, rate FROM people WHERE "

func BenchmarkRows(b *testing.B) {
	path := people(b)
	b.Run("concordat", func(b *testing.B) {
		s, r := checked(b, path)
		q := all(r, "id", "name", "born", "district", "income", "rate")
		q.Where = predicate.Compare("district", predicate.Eq, predicate.String("D3"))
		q.MaxRows = 10_000
		b.ReportAllocs()
		for b.Loop() {
			if got, err := s.Fetch(b.Context(), q); err != nil || got.Rows != 4167 {
				b.Fatal(got, err)
			}
		}
	})
	b.Run("database_sql", func(b *testing.B) {
		s := prepared(b, path, peopleColumns+"district = ?")
		b.ReportAllocs()
		for b.Loop() {
			if n := readAll(b, s, "D3"); n != 4167 {
				b.Fatal(n)
			}
		}
	})
}

func BenchmarkKeys20(b *testing.B) {
	path := people(b)
	var values []predicate.Value
	var arguments []any
	for i := range 20 {
		id := fmt.Sprintf("P-%06d", i*997+1)
		values = append(values, predicate.String(id))
		arguments = append(arguments, id)
	}
	b.Run("concordat", func(b *testing.B) {
		s, r := checked(b, path)
		q := all(r, "id", "name", "born", "district", "income", "rate")
		q.Keys = &source.Keys{Field: "id", Values: values}
		b.ReportAllocs()
		for b.Loop() {
			if got, err := s.Fetch(b.Context(), q); err != nil || got.Rows != 20 {
				b.Fatal(got, err)
			}
		}
	})
	b.Run("database_sql", func(b *testing.B) {
		s := prepared(b, path, peopleColumns+"id IN (?"+strings.Repeat(", ?", 19)+")")
		b.ReportAllocs()
		for b.Loop() {
			if n := readAll(b, s, arguments...); n != 20 {
				b.Fatal(n)
			}
		}
	})
}

func BenchmarkOneByKey(b *testing.B) {
	path := people(b)
	b.Run("concordat", func(b *testing.B) {
		s, r := checked(b, path)
		q := all(r, "id", "name", "born", "district", "income", "rate")
		q.Where = predicate.Compare("id", predicate.Eq, predicate.String("P-004242"))
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			if got, err := s.Fetch(ctx, q); err != nil || got.Rows != 1 {
				b.Fatal(got, err)
			}
		}
	})
	b.Run("database_sql", func(b *testing.B) {
		s := prepared(b, path, peopleColumns+"id = ?")
		b.ReportAllocs()
		for b.Loop() {
			if n := readAll(b, s, "P-004242"); n != 1 {
				b.Fatal(n)
			}
		}
	})
}
