package mysql

import (
	"context"
	"encoding/json"

	"concordat/federation/source"
	"concordat/federation/source/sql"
)

// Estimate implements source.Estimator with what EXPLAIN says: the rows that the statement would read of the table that
// it reads most of.
func (s *Source) Estimate(ctx context.Context, q *source.Query) (int64, bool) {
	if q.Check() != nil || q.Empty() {
		return 0, false
	}
	t, others, err := s.tables.Tables(ctx, q, s.look)
	if err != nil {
		return 0, false
	}
	st, err := sql.Plan(dialect{}, t, q, s.maxScan, others)
	if err != nil {
		return 0, false
	}
	var text []byte
	err = s.pool.with(ctx, "EXPLAIN FORMAT=JSON "+st.Text, st.Arguments, func(next func([]any) error) error {
		row := make([]any, 1)
		if err := next(row); err != nil {
			return err
		}
		switch v := row[0].(type) {
		case []byte:
			text = append(text[:0], v...)
		case string:
			text = []byte(v)
		}
		return nil
	})
	var plan any
	if err != nil || json.Unmarshal(text, &plan) != nil {
		return 0, false
	}
	rows := most(plan)
	return rows, rows >= 0
}

// most is the greatest number of rows in a plan; -1 where there is none. MySQL and MariaDB spell it differently.
func most(plan any) int64 {
	rows := int64(-1)
	switch p := plan.(type) {
	case map[string]any:
		for name, v := range p {
			if n, ok := v.(float64); ok && (name == "rows" || name == "rows_examined_per_scan") {
				rows = max(rows, int64(n))
			}
			rows = max(rows, most(v))
		}
	case []any:
		for _, v := range p {
			rows = max(rows, most(v))
		}
	}
	return rows
}
