package sqlite

import (
	"context"

	"concordat/federation/source"
	"concordat/privacy"
)

// runner runs one statement and reads its rows into columns.
type runner func(ctx context.Context, st *statement) (*privacy.Table, error)

// Snapshot implements source.Snapshotter: one read transaction on one connection. A file that is no write-ahead log
// takes no write meanwhile.
func (s *Source) Snapshot(ctx context.Context) source.Snapshot {
	if !s.lent.Take(ctx) {
		return nil
	}
	return &snapshot{Source: s, turn: make(chan struct{}, 1)}
}

type snapshot struct {
	*Source
	turn chan struct{} // holds one while a statement runs
	conn *connection
}

// Fetch implements source.Source.
func (s *snapshot) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return s.fetch(ctx, q, s.run)
}

func (s *snapshot) run(ctx context.Context, st *statement) (*privacy.Table, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, source.Ended(ctx.Err())
	}
	defer func() { <-s.turn }()
	if s.conn == nil {
		c, err := s.pool.take(ctx)
		if err != nil {
			return nil, source.Ended(err)
		}
		if err := c.exec(ctx, "BEGIN"); err != nil {
			s.pool.discard(c)
			return nil, failure(err)
		}
		s.conn = c
	}
	return s.conn.run(ctx, st)
}

// Close implements source.Snapshot.
func (s *snapshot) Close() {
	defer s.lent.Give()
	s.turn <- struct{}{}
	switch {
	case s.conn == nil:
	case s.conn.exec(context.Background(), "COMMIT") != nil:
		s.pool.discard(s.conn)
	default:
		s.pool.put(s.conn)
	}
}

// exec runs a statement that has no rows.
func (c *connection) exec(ctx context.Context, text string) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	for s.Next() {
	}
	return s.Done()
}
