package postgres

import "concordat/federation/source"

// Relates implements source.Relater, of tables that Check or a fetch has looked at.
func (s *Source) Relates(q *source.Query) bool { return s.tables.Relates(dialect{}, q) }

// Totals implements source.Totaler, of tables that Check or a fetch has looked at.
func (s *Source) Totals(q *source.Query) bool { return s.tables.Totals(dialect{}, q) }
