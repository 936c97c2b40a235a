// Package postgres answers queries from a PostgreSQL database (14 or later), read-only.
//
//	s, err := postgres.Open(ctx, postgres.Options{DSN: "postgres://reader@db/registry?sslmode=verify-full"})
//	err = s.Check(ctx, relation)
//	rows, err := s.Fetch(ctx, query)
//
// Filter, keys, order, limits, grains, aggregates and most transforms are pushed down as one prepared statement with
// bound parameters. Texts compare by their bytes whatever the database's collation, NaN and infinities are NULL, and
// what no kind fits (arrays, enumerations, ranges) is read as PostgreSQL prints it. A day before the year 1 or after
// 9999 is source.ErrInvalid where it is selected, and reads as NULL in a condition.
//
// Every session is read-only, in UTC, with a statement time-out; a fetch whose context ends cancels its statement on
// the server. Snapshot is a transaction over several fetches. The package offers
// no columns of type bytea.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

// Options of a Source; DSN is required.
type Options struct {
	DSN         string        // URL or keyword/value string of libpq
	Connections int           // 10 where zero
	Timeout     time.Duration // of one statement, kept by the server; 30 s where zero
	MaxScan     int           // rows read at most where part of a query is left to the gateway; 1,000,000 where zero
}

// Source is one database. It is safe for concurrent use.
type Source struct {
	pool    *pgxpool.Pool
	tables  sql.Catalog
	maxScan int

	lent    source.Places  // connections that requests have to themselves
	closing sync.WaitGroup // transactions that end
}

// Open connects. Its error names neither host nor user.
func Open(ctx context.Context, o Options) (*Source, error) {
	cfg, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return nil, fmt.Errorf("open postgres: not an address of a PostgreSQL database: %w", source.ErrUnavailable)
	}
	if cfg.MaxConns = int32(o.Connections); o.Connections <= 0 {
		cfg.MaxConns = 10
	}
	configure(cfg.ConnConfig, o.Timeout)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", source.ErrUnavailable)
	}
	s := &Source{pool: pool, maxScan: o.MaxScan, lent: source.NewPlaces(int(cfg.MaxConns))}
	if s.maxScan <= 0 {
		s.maxScan = 1_000_000
	}
	if err := s.admit(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	return s, nil
}

// stopWithin is how long a cancelled statement may take to stop before its connection is given up.
const stopWithin = 90 * time.Millisecond

func configure(c *pgx.ConnConfig, timeout time.Duration) {
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	for name, value := range map[string]string{
		"application_name": "concordat", "client_encoding": "UTF8", "TimeZone": "UTC", "DateStyle": "ISO, YMD",
		"default_transaction_read_only": "on", "statement_timeout": strconv.FormatInt(timeout.Milliseconds(), 10),
	} {
		c.RuntimeParams[name] = value
	}
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: stopWithin}
	}
}

// admit refuses a server whose texts are not UTF-8 or that is older than what the statements are written for.
func (s *Source) admit(ctx context.Context) error {
	var version int
	var encoding string
	row := s.pool.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
	if err := row.Scan(&version, &encoding); err != nil {
		return failure(ctx, err)
	}
	if version < 140000 || encoding != "UTF8" {
		return fmt.Errorf("the server is older than PostgreSQL 14, or does not store UTF-8: %w", source.ErrInvalid)
	}
	return nil
}

// Close waits for running fetches and closes the connections.
func (s *Source) Close() error {
	s.closing.Wait()
	s.pool.Close()
	return nil
}

// Check reports whether the database can serve the relation: its table and columns exist and can hold their kinds.
func (s *Source) Check(ctx context.Context, r *source.Relation) error {
	s.tables.Forget(r.Table)
	t, err := s.tables.Table(ctx, r.Table, s.look)
	if err != nil {
		return err
	}
	return t.Fits(r)
}

// Derives implements source.Deriver: what is not pushed down is computed here, over the rows that the rest of the
// filter leaves, up to MaxScan.
func (s *Source) Derives(*source.Query) bool { return true }

// Fetch implements source.Source.
func (s *Source) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return s.fetch(ctx, q, s.run)
}

func (s *Source) fetch(ctx context.Context, q *source.Query, run runner) (*privacy.Table, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, source.Ended(err)
	}
	if q.Empty() {
		return eval.Run(&privacy.Table{Columns: empty(q)}, q)
	}
	t, others, err := s.tables.Tables(ctx, q, s.look)
	if err != nil {
		return nil, err
	}
	if answer, ok, err := s.perKey(ctx, t, q, others, run); ok || err != nil {
		return answer, err
	}
	st, err := sql.Plan(dialect{}, t, q, s.maxScan, others)
	if err != nil {
		return nil, err
	}
	answer, err := run(ctx, st)
	if errors.Is(err, errCancelled) {
		if st, err = sql.Superset(dialect{}, t, q, s.maxScan, others); err != nil {
			return nil, err
		}
		answer, err = run(ctx, st)
	}
	if errors.Is(err, source.ErrInvalid) {
		s.tables.ForgetAll(q)
	}
	if err != nil || !st.Local {
		return answer, err
	}
	if err := q.Compute(answer); err != nil {
		return nil, err
	}
	return eval.Run(answer, st.Rest)
}

func empty(q *source.Query) []*privacy.Column {
	var out []*privacy.Column
	for _, f := range q.Needed() {
		out = append(out, source.NewColumn(q.Relation, f, 0))
	}
	return out
}

// Explain implements source.Explainer.
func (s *Source) Explain(q *source.Query) source.Explanation {
	t := s.tables.Known(q.Relation.Table)
	if t == nil {
		return source.Explanation{Statement: "table not checked"}
	}
	st, err := sql.Plan(dialect{}, t, q, s.maxScan, s.tables.Seen(q.Related))
	if err != nil {
		return source.Explanation{Statement: "refused"}
	}
	return st.Explain(q)
}

// failure maps an error to a sentinel. Of the server's own words only the five characters of the code are kept:
// messages quote values, and those of the driver name hosts.
func failure(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return source.Ended(ended)
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		return fmt.Errorf("connection: %w", source.ErrUnavailable)
	}
	sentinel := source.ErrUnavailable
	switch pg.Code[:2] {
	case "22", "42", "0A", "XX", "21": // a value, a name, a feature: the same again tomorrow
		sentinel = source.ErrInvalid
	case "57":
		if pg.Code == "57014" {
			sentinel = source.ErrTimeout
		}
	}
	return fmt.Errorf("SQLSTATE %s: %w", pg.Code, sentinel)
}
