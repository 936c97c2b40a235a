package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// The oracle is PostgreSQL's own answer with LATERAL. 40 rows of a key are read at once, 700 are left to the window;
// every tenth v is NULL.
func TestFirstRowsOfEachKeyAreThoseOfOneKeyAtATime(t *testing.T) {
	for _, rowsOfAKey := range []int{40, 700} {
		db := connect(t)
		db.exec("CREATE TABLE t (id integer PRIMARY KEY, parent text NOT NULL, v integer)")
		db.exec(fmt.Sprintf("INSERT INTO t SELECT i, 'p' || (i %% 7), CASE WHEN i %% 10 <> 3 THEN i * 7919 %% 101 END FROM generate_series(0, %d) i", 7*rowsOfAKey-1))
		r := relationOf("t", map[string]privacy.Kind{"id": privacy.Int, "parent": privacy.String, "v": privacy.Int})
		s := db.open(r)
		for _, descending := range []bool{false, true} {
			q := &source.Query{Relation: r, Select: []string{"id"}, MaxRows: 50_000, Limit: 5,
				Where: predicate.Or(predicate.Compare("v", predicate.Ne, predicate.Int(50)), predicate.Null("v")),
				Keys:  &source.Keys{Field: "parent", Values: []predicate.Value{predicate.String("p1"), predicate.String("p4"), predicate.String("none")}, PerKey: true},
				Order: []source.Order{{Field: "v", Descending: descending, NullsFirst: descending}, {Field: "id"}}}
			got, err := s.Fetch(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			var ids []int64
			for row := range got.Rows {
				ids = append(ids, got.Column("id").Int(row))
			}
			slices.Sort(ids)
			if want := db.oneAtATime(descending); !slices.Equal(ids, want) {
				t.Errorf("%d rows of a key, descending %v: got %v, want %v", rowsOfAKey, descending, ids, want)
			}
		}
	}
}

func (db *database) oneAtATime(descending bool) (ids []int64) {
	order := "v ASC NULLS LAST, id"
	if descending {
		order = "v DESC NULLS FIRST, id"
	}
	err := db.conn.QueryRow(context.Background(), `SELECT array_agg(f.id::bigint ORDER BY f.id) FROM (VALUES ('p1'), ('p4')) AS k (parent),
		LATERAL (SELECT id FROM t WHERE t.parent = k.parent AND v IS DISTINCT FROM 50 ORDER BY `+order+` LIMIT 5) AS f`).Scan(&ids)
	if err != nil {
		db.t.Fatal(err)
	}
	return ids
}
