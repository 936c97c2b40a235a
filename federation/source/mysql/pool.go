package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A cancelled statement is killed on the server; where that does not end it in time, its connection is given up.
const (
	killEvery  = 15 * time.Millisecond
	stopWithin = 80 * time.Millisecond
)

// pool lends connections. database/sql is not used: it closes a connection whose context ends, and the server goes on
// with the statement.
type pool struct {
	connector  driver.Connector
	setup      []string
	statements int
	slots      chan struct{}

	mu   sync.Mutex
	idle []*connection
}

// connection is a session with the statements prepared on it.
type connection struct {
	driver.Conn
	id       int64 // as KILL names it
	fresh    bool  // never lent before
	prepared *simplelru.LRU[string, driver.Stmt]
}

func newPool(cfg *mysql.Config, size, statements int, timeout time.Duration) (*pool, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	return &pool{connector: connector, statements: statements, slots: make(chan struct{}, size), setup: []string{
		"SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET SESSION time_zone = '+00:00'",
		"SET SESSION max_sort_length = " + strconv.Itoa(sortOctets), "SET SESSION TRANSACTION READ ONLY",
		fmt.Sprintf("SET SESSION max_statement_time = %.3f", timeout.Seconds()),    // MariaDB
		fmt.Sprintf("SET SESSION max_execution_time = %d", timeout.Milliseconds()), // MySQL
	}}, nil
}

// connect opens a session. Of the two time-outs each server knows one.
func (p *pool) connect(ctx context.Context) (*connection, error) {
	raw, err := p.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: raw, fresh: true}
	if c.prepared, err = simplelru.NewLRU(p.statements, func(_ string, s driver.Stmt) { s.Close() }); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	timed := 0
	for _, statement := range p.setup {
		_, err := raw.(driver.ExecerContext).ExecContext(ctx, statement, nil)
		switch timeout := strings.Contains(statement, "max_statement_time") || strings.Contains(statement, "max_execution_time"); {
		case timeout && err == nil:
			timed++
		case err != nil && !timeout:
			return nil, errors.Join(err, raw.Close())
		}
	}
	if timed == 0 {
		return nil, errors.Join(errors.New("a server without a statement time-out"), raw.Close())
	}
	return c, c.identify(ctx)
}

func (c *connection) identify(ctx context.Context) error {
	rows, err := c.query(ctx, "SELECT CONNECTION_ID()", nil)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	defer rows.Close()
	dest := make([]driver.Value, 1)
	if err := rows.Next(dest); err != nil {
		return errors.Join(err, c.Close())
	}
	switch v := dest[0].(type) {
	case int64:
		c.id = v
	case uint64:
		c.id = int64(v)
	default:
		return errors.Join(errors.New("a connection without a number"), c.Close())
	}
	return nil
}

// query runs a prepared statement. The text is the key: values are always bound.
func (c *connection) query(ctx context.Context, text string, arguments []any) (driver.Rows, error) {
	s, ok := c.prepared.Get(text)
	if !ok {
		var err error
		if s, err = c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, text); err != nil {
			return nil, err
		}
		c.prepared.Add(text, s)
	}
	named := make([]driver.NamedValue, len(arguments))
	for i, v := range arguments {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return s.(driver.StmtQueryContext).QueryContext(ctx, named)
}

// take waits for a connection until ctx ends.
func (p *pool) take(ctx context.Context) (*connection, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for c := p.pop(); c != nil; c = p.pop() {
		if c.Conn.(driver.SessionResetter).ResetSession(ctx) == nil && c.Conn.(driver.Validator).IsValid() {
			c.fresh = false
			return c, nil
		}
		c.Close()
	}
	c, err := p.connect(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

func (p *pool) pop() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

func (p *pool) put(c *connection) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.slots
}

func (p *pool) discard(c *connection) {
	c.Close()
	<-p.slots
}

// close takes every slot, so that no connection is lent, and keeps them: later takes wait for their context.
func (p *pool) close() {
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	for c := p.pop(); c != nil; c = p.pop() {
		c.Close()
	}
}

// with runs a statement and hands its rows to read; once more where an idle connection turned out to be dead.
func (p *pool) with(ctx context.Context, text string, arguments []any, read func(next func(dest []any) error) error) error {
	for {
		c, err := p.take(ctx)
		if err != nil {
			return failure(ctx, err)
		}
		usable, err := p.on(ctx, c, text, arguments, read)
		if usable {
			p.put(c)
		} else {
			p.discard(c)
		}
		var my *mysql.MySQLError
		if dead := errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn); !dead || errors.As(err, &my) || c.fresh || ctx.Err() != nil {
			if err != nil {
				return failure(ctx, err)
			}
			return nil
		}
	}
}

// on runs a statement on a connection. The connection is not usable after a statement that was killed: the order might
// arrive late, and end the next one.
func (p *pool) on(ctx context.Context, c *connection, text string, arguments []any, read func(next func(dest []any) error) error) (usable bool, err error) {
	inner, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	done, killed := make(chan struct{}), make(chan bool)
	go func() { killed <- p.watch(ctx, c.id, giveUp, done) }()
	err = c.read(inner, text, arguments, read)
	close(done)
	return !<-killed && c.Conn.(driver.Validator).IsValid(), err
}

func (c *connection) read(ctx context.Context, text string, arguments []any, read func(next func(dest []any) error) error) error {
	rows, err := c.query(ctx, text, arguments)
	if err != nil {
		return err
	}
	var row []driver.Value
	err = read(func(dest []any) error {
		if row == nil {
			row = make([]driver.Value, len(dest))
		}
		if err := rows.Next(row); err != nil {
			return err
		}
		for i, v := range row {
			dest[i] = v
		}
		return nil
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// watch kills the statement where ctx ends before it is done.
func (p *pool) watch(ctx context.Context, id int64, giveUp func(), done <-chan struct{}) (killed bool) {
	select {
	case <-done:
		return false
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	p.kill(bounded, id, done)
	giveUp()
	<-done
	return true
}

// kill ends the statement of a session: again and again, because a server forgets the order where it arrives between
// two statements, such as PREPARE and EXECUTE; and at last the session.
func (p *pool) kill(ctx context.Context, id int64, done <-chan struct{}) {
	c, err := p.connector.Connect(ctx)
	if err != nil {
		return
	}
	defer c.Close()
	order := func(ctx context.Context, what string) {
		_, _ = c.(driver.ExecerContext).ExecContext(ctx, what+strconv.FormatInt(id, 10), nil)
	}
	again := time.NewTicker(killEvery)
	defer again.Stop()
	for {
		order(ctx, "KILL QUERY ")
		select {
		case <-done:
			return
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), killEvery)
			defer cancel()
			order(last, "KILL CONNECTION ")
			return
		case <-again.C:
		}
	}
}
