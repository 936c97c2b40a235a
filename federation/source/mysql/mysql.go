// Package mysql answers queries from a MySQL (8.0.17 or later) or MariaDB (10.6 or later) database, read-only.
//
//	s, err := mysql.Open(ctx, mysql.Options{DSN: "mysql://reader:secret@db:3306/registry?tls=true"})
//	err = s.Check(ctx, relation)
//	rows, err := s.Fetch(ctx, query)
//
// Filter, keys, order, limits, grains and aggregates are pushed down as one prepared statement with bound parameters.
// Texts compare by their bytes whatever the column's collation and character set, without the padding that MySQL
// gives texts of unequal length; zero dates are NULL. What is left to package eval: sums of floating point, order and
// groups of texts longer than 4,096 bytes, periods of time zones, patterns taken from another column, most transforms.
//
// Every session is read-only, in UTC, with a statement time-out; a fetch whose context ends has its statement killed on
// the server. Snapshot is a transaction over several fetches. The package offers no columns of bytes.
package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

// Options of a Source; DSN is required.
type Options struct {
	DSN         string        // mysql://user:password@host:port/database?tls=true, or as the Go driver writes it
	Connections int           // 10 where zero
	Statements  int           // prepared statements kept by each connection; 128 where zero
	Timeout     time.Duration // of one statement, kept by the server; 30 s where zero
	MaxScan     int           // rows read at most where part of a query is left to the gateway; 1,000,000 where zero
}

// Source is one database. It is safe for concurrent use.
type Source struct {
	pool    *pool
	tables  sql.Catalog
	maxScan int

	lent    source.Places  // connections that requests have to themselves
	closing sync.WaitGroup // transactions that end
}

// Open connects. Its error names neither host nor user.
func Open(ctx context.Context, o Options) (*Source, error) {
	cfg, err := configOf(o.DSN)
	if err != nil {
		return nil, fmt.Errorf("open mysql: not an address of a MySQL database: %w", source.ErrUnavailable)
	}
	p, err := newPool(cfg, orElse(o.Connections, 10), orElse(o.Statements, 128), o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("open mysql: %w", source.ErrUnavailable)
	}
	c, err := p.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("open mysql: %w", failure(ctx, err))
	}
	p.put(c)
	return &Source{pool: p, maxScan: orElse(o.MaxScan, 1_000_000), lent: source.NewPlaces(orElse(o.Connections, 10))}, nil
}

func orElse(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// configOf reads a URL or the driver's own form.
func configOf(dsn string) (*mysql.Config, error) {
	rest, isURL := strings.CutPrefix(dsn, "mysql://")
	if !isURL {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			return nil, err
		}
		return settled(cfg), nil
	}
	u, err := url.Parse("mysql://" + rest)
	if err != nil {
		return nil, err
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = u.User.Username(), "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	cfg.Passwd, _ = u.User.Password()
	cfg.TLSConfig = u.Query().Get("tls")
	if u.Port() == "" {
		cfg.Addr += ":3306"
	}
	return settled(cfg), nil
}

// settled sets what the statements rely on, whatever the address says.
func settled(cfg *mysql.Config) *mysql.Config {
	cfg.ParseTime, cfg.InterpolateParams, cfg.MultiStatements, cfg.AllowAllFiles = false, false, false, false
	cfg.Collation, cfg.Logger = "utf8mb4_bin", silent{}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	return cfg
}

// silent keeps the driver's remarks, which name hosts, out of everybody's logs.
type silent struct{}

func (silent) Print(...any) {}

// Close waits for running fetches and closes the connections.
func (s *Source) Close() error {
	s.closing.Wait()
	s.pool.close()
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
	st, err := sql.Plan(dialect{}, t, q, s.maxScan, others)
	if err != nil {
		return nil, err
	}
	answer, err := run(ctx, st)
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

// run executes one statement and reads its rows into columns.
func (s *Source) run(ctx context.Context, st *sql.Statement) (answer *privacy.Table, err error) {
	err = s.pool.with(ctx, st.Text, st.Arguments, func(next func(dest []any) error) error {
		answer, err = scan(next, st)
		return err
	})
	return answer, err
}

// failure maps an error to a sentinel. Of the server's own words only the number is kept: messages quote values, and
// those of the driver name hosts.
func failure(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return source.Ended(ended)
	}
	for _, ours := range []error{source.ErrInvalid, source.ErrTooLarge} {
		if errors.Is(err, ours) {
			return err
		}
	}
	var my *mysql.MySQLError
	if !errors.As(err, &my) || errors.Is(err, io.EOF) {
		return fmt.Errorf("connection: %w", source.ErrUnavailable)
	}
	sentinel := source.ErrInvalid // a value, a name, a feature: the same again tomorrow
	switch my.Number {
	case 1317, 1969, 3024: // interrupted, and each server's time-out
		sentinel = source.ErrTimeout
	case 1040, 1041, 1044, 1045, 1049, 1053, 1129, 1130, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1927:
		sentinel = source.ErrUnavailable
	}
	return fmt.Errorf("error %d: %w", my.Number, sentinel)
}
