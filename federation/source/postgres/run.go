package postgres

import (
	"context"
	"errors"
	"strconv"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/jackc/pgx/v5/pgconn"

	"concordat/federation/source"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

// runner runs one statement and reads its rows into columns.
type runner func(ctx context.Context, st *sql.Statement) (*privacy.Table, error)

// run is the runner on any free connection.
func (s *Source) run(ctx context.Context, st *sql.Statement) (*privacy.Table, error) {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, failure(ctx, err)
	}
	defer c.Release()
	return on(ctx, c.Conn().PgConn(), st)
}

func on(ctx context.Context, c *pgconn.PgConn, st *sql.Statement) (*privacy.Table, error) {
	name, err := prepare(ctx, c, st.Text)
	if err != nil {
		return nil, failure(ctx, err)
	}
	values, err := parameters(st)
	if err != nil {
		return nil, err
	}
	answer, err := read(c.ExecPrepared(ctx, name, values, nil, formats(st)), st)
	return answer, ended(ctx, c, st, err)
}

// read takes the rows of one statement. Of a failure on either side the server's is the one that is told.
func read(rows *pgconn.ResultReader, st *sql.Statement) (*privacy.Table, error) {
	answer, err := scan(rows, st)
	if _, failed := rows.Close(); failed != nil {
		return nil, &refused{failed}
	}
	return answer, err
}

// refused is an error of the server or the connection.
type refused struct{ error }

// ended maps the error of a statement. One that failed is prepared anew: what it was prepared over may have changed.
func ended(ctx context.Context, c *pgconn.PgConn, st *sql.Statement, err error) error {
	var theirs *refused
	if !errors.As(err, &theirs) {
		return err
	}
	statementsOf(c).Remove(st.Text)
	return failure(ctx, theirs.error)
}

var errParameter = errors.New("a parameter that is no text")

// parameters are texts: the statement casts each to its column's own type.
func parameters(st *sql.Statement) ([][]byte, error) {
	out := make([][]byte, len(st.Arguments))
	for i, a := range st.Arguments {
		text, ok := a.(string)
		if !ok {
			return nil, errors.Join(errParameter, source.ErrInvalid)
		}
		out[i] = []byte(text)
	}
	return out, nil
}

// kept is how many statements each connection keeps prepared.
const kept = 256

const statementsKey = "concordat.statements"

// statements are those prepared on a connection: the server's name of each, by its text.
type statements struct {
	*simplelru.LRU[string, string]
	made    int
	dropped []string // names that the server still holds
}

func statementsOf(c *pgconn.PgConn) *statements {
	if s, ok := c.CustomData()[statementsKey].(*statements); ok {
		return s
	}
	s := &statements{}
	s.LRU, _ = simplelru.NewLRU(kept, func(_, name string) { s.dropped = append(s.dropped, name) }) // errs for a size below 1 alone
	c.CustomData()[statementsKey] = s
	return s
}

// prepare finds or compiles a statement. The text is the key: values are always bound.
func prepare(ctx context.Context, c *pgconn.PgConn, text string) (string, error) {
	s := statementsOf(c)
	if name, ok := s.Get(text); ok {
		return name, nil
	}
	for _, name := range s.dropped {
		if err := c.Deallocate(ctx, name); err != nil {
			return "", err
		}
	}
	s.dropped = s.dropped[:0]
	s.made++
	name := "c" + strconv.Itoa(s.made)
	if _, err := c.Prepare(ctx, name, text, nil); err != nil {
		return "", err
	}
	s.Add(text, name)
	return name, nil
}
