package postgres

import (
	"context"
	"encoding/json"

	"concordat/federation/source"
	"concordat/federation/source/sql"
)

// Estimate implements source.Estimator with what EXPLAIN says of the whole statement: the rows that it would return.
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
	text, err := s.explained(ctx, st)
	if err != nil {
		return 0, false
	}
	return planRows(text)
}

func (s *Source) explained(ctx context.Context, st *sql.Statement) ([]byte, error) {
	values, err := parameters(st)
	if err != nil {
		return nil, err
	}
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, failure(ctx, err)
	}
	defer c.Release()
	answer := c.Conn().PgConn().ExecParams(ctx, "EXPLAIN (FORMAT JSON) "+st.Text, values, nil, nil, nil).Read()
	if answer.Err != nil || len(answer.Rows) != 1 || len(answer.Rows[0]) != 1 {
		return nil, source.ErrUnavailable
	}
	return answer.Rows[0][0], nil
}

func planRows(text []byte) (int64, bool) {
	var plans []struct {
		Plan struct {
			Rows int64 `json:"Plan Rows"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
		return 0, false
	}
	return plans[0].Plan.Rows, true
}
