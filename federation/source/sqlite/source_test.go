package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"concordat/federation/source"
	"concordat/federation/source/sqlite"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// file makes a database with the given statements.
func file(t testing.TB, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test db?.sqlite")
	db, err := sql.Open("sqlite", "file:"+filepath.Dir(path)+"/test%20db%3f.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func open(t testing.TB, path string) *sqlite.Source {
	t.Helper()
	s, err := sqlite.Open(sqlite.Options{File: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRowsOfARegionInOrder(t *testing.T) {
	s := open(t, file(t, `CREATE TABLE people (id TEXT PRIMARY KEY, region TEXT, age INTEGER)`,
		`INSERT INTO people VALUES ('a', 'north', 40), ('b', 'south', 30), ('c', 'north', NULL), ('d', 'north', 7)`))
	r := &source.Relation{Type: "Person", Table: "people", Columns: map[string]source.Column{
		"id":     {Coordinate: "Person.id", Physical: "id", Kind: privacy.String},
		"region": {Coordinate: "Person.region", Physical: "region", Kind: privacy.String},
		"age":    {Coordinate: "Person.age", Physical: "age", Kind: privacy.Int},
	}}
	if err := s.Check(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	got, err := s.Fetch(context.Background(), &source.Query{
		Relation: r, Select: []string{"id", "age"}, MaxRows: 10,
		Where: predicate.Compare("region", predicate.Eq, predicate.String("north")),
		Order: []source.Order{{Field: "age"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 3 || got.Columns[0].Text(0) != "d" || got.Columns[0].Text(2) != "c" || !got.Columns[1].IsNull(2) {
		t.Fatalf("got %+v", got)
	}
}
