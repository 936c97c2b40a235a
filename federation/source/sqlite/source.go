// Package sqlite answers queries from an SQLite file, read-only.
//
//	s, err := sqlite.Open(sqlite.Options{File: "registry.db"})
//	err = s.Check(ctx, relation)
//	rows, err := s.Fetch(ctx, query)
//
// Filter, keys, order, limits, grains and aggregates are pushed down as one statement with bound parameters; what
// SQLite would answer differently (anything over decimals, LIKE over texts with NUL, groups by prefixes and by periods
// of time zones, most transforms) is left to package eval.
// Columns are read by their declared kind: dates as text YYYY-MM-DD, times as text YYYY-MM-DDTHH:MM:SSZ, truth
// values as 0 and 1. A selected cell of another type is source.ErrInvalid; in a condition on a column that is not
// selected it reads as NULL.
//
// The package does not see changes of a table's columns after Check. Snapshot is a transaction over several fetches.
package sqlite

import (
	"context"
	"errors"
	"fmt"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/federation/source/sqlite/lite"
	"concordat/privacy"
)

// Options of a Source; File is required.
type Options struct {
	File        string
	Connections int // statements that run at once; 4 where zero
	Statements  int // prepared statements kept by each connection; 128 where zero
	MaxScan     int // rows read at most where part of a query is left to the gateway; 1,000,000 where zero
}

// Source is one file. It is safe for concurrent use.
type Source struct {
	pool    *pool
	tables  *catalog
	maxScan int
	lent    source.Places // connections that requests have to themselves
}

// Open opens an existing file.
func Open(o Options) (*Source, error) {
	p, err := newPool(o.File, orElse(o.Connections, 4), orElse(o.Statements, 128))
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", failure(err))
	}
	s := &Source{pool: p, tables: newCatalog(p), maxScan: orElse(o.MaxScan, 1_000_000),
		lent: source.NewPlaces(orElse(o.Connections, 4))}
	if err := s.tables.checkEncoding(context.Background()); err != nil {
		p.close()
		return nil, err
	}
	return s, nil
}

func orElse(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// Close waits for running fetches and closes the file.
func (s *Source) Close() error {
	s.pool.close()
	return nil
}

// Check reports whether the file can serve the relation: its table and columns exist and can hold their kinds.
func (s *Source) Check(ctx context.Context, r *source.Relation) error {
	t, err := s.tables.table(ctx, r.Table)
	if err != nil {
		return err
	}
	return s.tables.admit(t, r)
}

// Fetch implements source.Source.
func (s *Source) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return s.fetch(ctx, q, s.run)
}

func (s *Source) fetch(ctx context.Context, q *source.Query, run runner) (*privacy.Table, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if q.Empty() {
		return eval.Run(&privacy.Table{Columns: columns(q.Relation, q.Needed())}, q)
	}
	t, err := s.tables.table(ctx, q.Relation.Table)
	if err != nil {
		return nil, err
	}
	others, err := s.tables.others(ctx, q.Related)
	if err != nil {
		return nil, err
	}
	if answer, done, err := s.perKey(ctx, t, q, others, run); done || err != nil {
		return answer, err
	}
	st, err := s.statement(t, q, others)
	if err != nil {
		return nil, err
	}
	answer, err := run(ctx, st)
	if err != nil || !st.local {
		return answer, err
	}
	if err := q.Compute(answer); err != nil {
		return nil, err
	}
	return eval.Run(answer, st.rest)
}

// run executes one statement and reads its rows into columns.
func (s *Source) run(ctx context.Context, st *statement) (*privacy.Table, error) {
	c, err := s.pool.take(ctx)
	if err != nil {
		return nil, source.Ended(err)
	}
	defer s.pool.put(c)
	return c.run(ctx, st)
}

func (c *connection) run(ctx context.Context, st *statement) (*privacy.Table, error) {
	prepared, err := c.prepare(st.text)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", failure(err))
	}
	c.SetHashes(slots(st.hashes))
	if err := prepared.Start(ctx, st.arguments...); err != nil {
		return nil, failure(err)
	}
	answer, scanErr := scan(prepared, st)
	if err := prepared.Done(); err != nil {
		return nil, failure(err)
	}
	return answer, scanErr
}

// failure maps an error of the library or of the context to a sentinel.
func failure(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return source.Ended(err)
	}
	var e *lite.Error
	if errors.As(err, &e) && (e.Code == lite.CodeGeneric || e.Code == lite.CodeMismatch) {
		return fmt.Errorf("%w: %w", source.ErrInvalid, err)
	}
	return fmt.Errorf("%w: %w", source.ErrUnavailable, err)
}

func columns(r *source.Relation, fields []string) []*privacy.Column {
	out := make([]*privacy.Column, len(fields))
	for i, f := range fields {
		out[i] = source.NewColumn(r, f, 0)
	}
	return out
}
