package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// The oracle is SQLite's own answer for one parent after the other. 40 rows of a key are read at once, 700 are left
// to the window; every tenth v is NULL.
func TestFirstRowsOfEachKeyAreThoseOfOneKeyAtATime(t *testing.T) {
	for _, rowsOfAKey := range []int{40, 700} {
		path := file(t, "CREATE TABLE t (id INTEGER PRIMARY KEY, parent TEXT NOT NULL, v INTEGER)", "CREATE INDEX by_parent ON t (parent)",
			fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "+
				"INSERT INTO t SELECT i, 'p' || (i %% 7), CASE WHEN i %% 10 <> 3 THEN i * 7919 %% 101 END FROM n", 7*rowsOfAKey-1))
		s := open(t, path)
		r := relationOf("t", map[string]privacy.Kind{"id": privacy.Int, "parent": privacy.String, "v": privacy.Int})
		for _, descending := range []bool{false, true} { // a reversed page has its NULLs first
			for _, chosen := range [][]string{{"parent", "id"}, {"id"}} {
				q := &source.Query{Relation: r, Select: chosen, Where: predicate.Compare("v", predicate.Ne, predicate.Int(50)), MaxRows: 50_000, Limit: 5,
					Keys:  &source.Keys{Field: "parent", Values: []predicate.Value{predicate.String("p1"), predicate.String("p4"), predicate.String("none")}, PerKey: true},
					Order: []source.Order{{Field: "v", Descending: descending, NullsFirst: descending}, {Field: "id"}}}
				q.Where = predicate.Or(q.Where, predicate.Null("v"))
				got, err := s.Fetch(context.Background(), q)
				if err != nil {
					t.Fatal(err)
				}
				var ids []int64
				for row := range got.Rows {
					ids = append(ids, got.Column("id").Int(row))
				}
				slices.Sort(ids)
				if want := oneAtATime(t, path, descending); !slices.Equal(ids, want) {
					t.Errorf("%d rows of a key, select %v, descending %v: got %v, want %v", rowsOfAKey, chosen, descending, ids, want)
				}
			}
		}
	}
}

func oneAtATime(t *testing.T, path string, descending bool) []int64 {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Dir(path)+"/test%20db%3f.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	order := "v IS NULL, v, id"
	if descending {
		order = "v IS NOT NULL, v DESC, id"
	}
	var ids []int64
	for _, parent := range []string{"p1", "p4"} {
		rows, err := db.Query("SELECT id FROM t WHERE parent = ? AND v IS NOT 50 ORDER BY "+order+" LIMIT 5", parent)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(ids)
	return ids
}
