package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"concordat/federation/source"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

const (
	begin      = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	endedAfter = 2 * time.Second // how long the end of a transaction may take
)

// Snapshot implements source.Snapshotter: one transaction on one connection, begun together with its first statement.
func (s *Source) Snapshot(ctx context.Context) source.Snapshot {
	if !s.lent.Take(ctx) {
		return nil
	}
	return &snapshot{Source: s, turn: make(chan struct{}, 1)}
}

type snapshot struct {
	*Source
	turn  chan struct{} // holds one while a statement runs
	conn  *pgxpool.Conn
	begun bool
	over  bool // a statement failed, and the transaction with it
}

// Fetch implements source.Source.
func (s *snapshot) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return s.fetch(ctx, q, s.run)
}

func (s *snapshot) run(ctx context.Context, st *sql.Statement) (*privacy.Table, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, source.Ended(ctx.Err())
	}
	defer func() { <-s.turn }()
	if s.over {
		return s.Source.run(ctx, st)
	}
	answer, err := s.next(ctx, st)
	if err != nil && (s.conn == nil || s.conn.Conn().PgConn().TxStatus() != 'T') {
		s.over = true
		s.release()
	}
	return answer, err
}

func (s *snapshot) next(ctx context.Context, st *sql.Statement) (*privacy.Table, error) {
	if s.conn == nil {
		c, err := s.pool.Acquire(ctx)
		if err != nil {
			return nil, failure(ctx, err)
		}
		s.conn = c
	}
	c := s.conn.Conn().PgConn()
	if s.begun {
		return on(ctx, c, st)
	}
	s.begun = true
	return first(ctx, c, st)
}

// first begins the transaction and runs its first statement in one message.
func first(ctx context.Context, c *pgconn.PgConn, st *sql.Statement) (*privacy.Table, error) {
	name, err := prepare(ctx, c, st.Text)
	if err != nil {
		return nil, failure(ctx, err)
	}
	values, err := parameters(st)
	if err != nil {
		return nil, err
	}
	p := c.StartPipeline(ctx)
	p.SendQueryParams(begin, nil, nil, nil, nil)
	p.SendQueryPrepared(name, values, nil, formats(st))
	answer, err := second(p, st)
	if failed := p.Close(); failed != nil && err == nil {
		err = &refused{failed}
	}
	return answer, ended(ctx, c, st, err)
}

// second reads what the statement after BEGIN gave.
func second(p *pgconn.Pipeline, st *sql.Statement) (*privacy.Table, error) {
	if err := p.Sync(); err != nil {
		return nil, &refused{err}
	}
	begun, err := results(p)
	if err == nil {
		_, err = begun.Close()
	}
	if err != nil {
		return nil, &refused{err}
	}
	rows, err := results(p)
	if err != nil {
		return nil, &refused{err}
	}
	return read(rows, st)
}

var errProtocol = errors.New("an answer out of turn")

func results(p *pgconn.Pipeline) (*pgconn.ResultReader, error) {
	r, err := p.GetResults()
	if err != nil {
		return nil, err
	}
	rows, ok := r.(*pgconn.ResultReader)
	if !ok {
		return nil, errProtocol
	}
	return rows, nil
}

// release gives the connection back; the pool closes one whose transaction is not over.
func (s *snapshot) release() {
	if s.conn != nil {
		s.conn.Release()
		s.conn = nil
	}
}

// Close ends the transaction while the answer is already on its way.
func (s *snapshot) Close() {
	s.closing.Go(func() {
		defer s.lent.Give()
		s.turn <- struct{}{}
		defer s.release()
		if s.conn == nil || !s.begun {
			return
		}
		c := s.conn.Conn().PgConn()
		if c.Conn().SetDeadline(time.Now().Add(endedAfter)) == nil { // a deadline costs no goroutine, as a context does here
			_ = c.Exec(context.Background(), "COMMIT").Close() // where it fails the pool closes the connection
			_ = c.Conn().SetDeadline(time.Time{})
		}
	})
}
