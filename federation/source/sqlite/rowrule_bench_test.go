package sqlite_test

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/policy/predicate"
)

// BenchmarkRowRuleInlined gives the same rows by the statement that a source prints for a row rule, and by one written
// by hand, in pairs, through the same driver and with the same values bound. overhead-% is the median of the pairs.
func BenchmarkRowRuleInlined(b *testing.B) {
	path := people(b)
	s, r := checked(b, path)
	text := predicate.String
	for _, c := range []struct {
		name      string
		rule      predicate.Predicate
		arguments []any  // of the printed statement, in its order
		hand      string // with its own arguments
		bound     []any
	}{
		{"region", predicate.Compare("district", predicate.Eq, text("D3")), []any{"D3", 100_001}, "district = ?", []any{"D3"}},
		{"regions, nobody's own row", predicate.And(predicate.In("district", text("D3"), text("D4")), predicate.Not(predicate.Compare("id", predicate.Eq, text("P-000003")))),
			[]any{"P-000003", `["D3","D4"]`, 100_001}, "district IN (?, ?) AND id <> ?", []any{"D3", "D4", "P-000003"}},
		{"a range", predicate.And(predicate.Compare("income", predicate.Gte, predicate.Int(70_000)), predicate.Compare("income", predicate.Lt, predicate.Int(170_000))),
			[]any{70_000, 170_000, 100_001}, "income >= ? AND income < ?", []any{70_000, 170_000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			q := &source.Query{Relation: r, Select: []string{"id", "name", "district", "income"}, Where: c.rule, MaxRows: 100_000}
			e := s.Explain(q)
			printed := prepared(b, path, e.Statement)
			hand := prepared(b, path, "SELECT id, name, district, income FROM people WHERE "+c.hand)
			var overheads []float64
			for i := 0; b.Loop(); i++ {
				var took [2]time.Duration
				for n := range 2 { // who is first changes from pair to pair
					which := (n + i) % 2
					began := time.Now()
					var rows int
					if which == 0 {
						rows = drained(b, printed, c.arguments)
					} else {
						rows = drained(b, hand, c.bound)
					}
					took[which] = time.Since(began)
					if rows == 0 {
						b.Fatal("no rows")
					}
				}
				overheads = append(overheads, 100*(float64(took[0])/float64(took[1])-1))
			}
			slices.Sort(overheads)
			b.ReportMetric(overheads[len(overheads)/2], "overhead-%")
		})
	}
}

func drained(b *testing.B, s *sql.Stmt, arguments []any) (count int) {
	b.Helper()
	rows, err := s.QueryContext(b.Context(), arguments...)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		count++
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return count
}
