package mysql

import (
	"context"

	"concordat/federation/source"
	"concordat/federation/source/sql"
)

// Relates implements source.Relater, of tables that Check or a fetch has looked at.
func (s *Source) Relates(q *source.Query) bool {
	t, ok := s.tables.Load(q.Relation.Table)
	return ok && sql.Relates(dialect{}, t.(*sql.Table), q, s.known(q.Related, nil))
}

// Totals implements source.Totaler, of tables that Check or a fetch has looked at.
func (s *Source) Totals(q *source.Query) bool {
	t, ok := s.tables.Load(q.Relation.Table)
	return ok && sql.Totals(dialect{}, t.(*sql.Table), q, s.known(q.Related, nil))
}

// known collects the tables of related rows that were looked at before.
func (s *Source) known(related map[string]*source.Related, into sql.Tables) sql.Tables {
	for _, r := range related {
		if into == nil {
			into = sql.Tables{}
		}
		if t, ok := s.tables.Load(r.Relation.Table); ok {
			into[r.Relation.Table] = t.(*sql.Table)
		}
		s.known(r.Related, into)
	}
	return into
}

// others looks at the tables of related rows.
func (s *Source) others(ctx context.Context, related map[string]*source.Related) (sql.Tables, error) {
	if len(related) == 0 {
		return nil, nil
	}
	for _, r := range related {
		if _, err := s.table(ctx, r.Relation.Table); err != nil {
			return nil, err
		}
		if _, err := s.others(ctx, r.Related); err != nil {
			return nil, err
		}
	}
	return s.known(related, nil), nil
}

// forget makes the next fetch look at the tables of q again: perhaps their columns changed under us.
func (s *Source) forget(q *source.Query) {
	s.tables.Delete(q.Relation.Table)
	for name := range s.known(q.Related, nil) {
		s.tables.Delete(name)
	}
}
