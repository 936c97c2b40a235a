package mysql

import (
	"context"
	"database/sql/driver"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

const (
	begin      = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
	endedAfter = 2 * time.Second // how long the end of a transaction may take
)

// runner runs one statement and reads its rows into columns.
type runner func(ctx context.Context, st *sql.Statement) (*privacy.Table, error)

// Snapshot implements source.Snapshotter: one transaction on one connection, of tables whose engine has transactions.
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
	over bool // a statement failed, and the transaction is given up
}

// Fetch implements source.Source.
func (s *snapshot) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return s.fetch(ctx, q, s.run)
}

func (s *snapshot) run(ctx context.Context, st *sql.Statement) (answer *privacy.Table, err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, source.Ended(ctx.Err())
	}
	defer func() { <-s.turn }()
	if s.conn == nil && !s.over {
		if s.conn, err = s.begin(ctx); err != nil {
			s.over = true
		}
	}
	if s.over { // of a later state
		return s.Source.run(ctx, st)
	}
	usable, err := s.pool.on(ctx, s.conn, st.Text, st.Arguments, func(next func(dest []any) error) error {
		answer, err = scan(next, st)
		return err
	})
	if err == nil && usable {
		return answer, nil
	}
	s.over = true
	s.pool.discard(s.conn)
	s.conn = nil
	if err != nil {
		return nil, failure(ctx, err)
	}
	return answer, nil
}

// begin takes a connection; an idle one that turned out to be dead is another's turn.
func (s *snapshot) begin(ctx context.Context) (*connection, error) {
	c, err := s.pool.take(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, begin, nil); err != nil {
		s.pool.discard(c)
		return nil, err
	}
	return c, nil
}

// Close implements source.Snapshot. The transaction ends while the answer is already on its way.
func (s *snapshot) Close() {
	s.closing.Go(func() {
		defer s.lent.Give()
		s.turn <- struct{}{}
		if s.conn == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), endedAfter)
		defer cancel()
		if _, err := s.conn.Conn.(driver.ExecerContext).ExecContext(ctx, "COMMIT", nil); err != nil {
			s.pool.discard(s.conn)
			return
		}
		s.pool.put(s.conn)
	})
}
