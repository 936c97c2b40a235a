package sqlite

import (
	"context"
	"strconv"
	"strings"

	"concordat/federation/source"
)

// Estimate implements source.Estimator with the rows that the table had when somebody last ran ANALYZE: SQLite keeps no
// other statistics, and says nothing of what a filter leaves.
func (s *Source) Estimate(ctx context.Context, q *source.Query) (int64, bool) {
	stats, err := s.tables.texts(ctx, "SELECT stat FROM sqlite_stat1 WHERE tbl = ?", q.Relation.Table)
	if err != nil {
		return 0, false // never analysed
	}
	most, known := int64(0), false
	for _, stat := range stats { // the first number is the rows of an index: all of the table's, or those it covers
		first, _, _ := strings.Cut(stat, " ")
		if n, err := strconv.ParseInt(first, 10, 64); err == nil && n >= most {
			most, known = n, true
		}
	}
	return most, known
}
