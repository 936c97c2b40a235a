package lite

import (
	"context"
	"time"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Type is the storage class of one cell.
type Type int32

// Storage classes.
const (
	Integer Type = lib.SQLITE_INTEGER
	Real    Type = lib.SQLITE_FLOAT
	Text    Type = lib.SQLITE_TEXT
	Blob    Type = lib.SQLITE_BLOB
	Null    Type = lib.SQLITE_NULL
)

// Stmt is a prepared statement, run any number of times, one run after the other.
type Stmt struct {
	conn  *Conn
	stmt  uintptr
	bound []uintptr // texts that SQLite reads until the run is over
	ctx   context.Context
	stop  func()
	err   error
}

// Prepare compiles one statement for repeated use.
func (c *Conn) Prepare(text string) (*Stmt, error) {
	sql, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, sql)
	rc := lib.Xsqlite3_prepare_v3(c.tls, c.db, sql, int32(len(text))+1, lib.SQLITE_PREPARE_PERSISTENT, c.cell, 0)
	if rc != lib.SQLITE_OK {
		return nil, c.fail(rc)
	}
	return &Stmt{conn: c, stmt: c.returned()}, nil
}

// Close frees the statement.
func (s *Stmt) Close() { lib.Xsqlite3_finalize(s.conn.tls, s.stmt) }

// Start binds arguments and begins a run that ends with Done, also where Start fails.
func (s *Stmt) Start(ctx context.Context, arguments ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, a := range arguments {
		if err := s.bind(int32(i+1), a); err != nil {
			s.release()
			return err
		}
	}
	s.err = nil
	s.ctx, s.stop = ctx, s.watch(ctx)
	return nil
}

// watch interrupts the statement when ctx ends. SQLite forgets an interrupt that arrives before the first step, so
// it is repeated until the run is over.
func (s *Stmt) watch(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	over, left := make(chan struct{}), make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(left)
		for {
			s.conn.interrupt()
			select {
			case <-over:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	return func() {
		close(over)
		if !cancel() {
			<-left // nothing may interrupt the connection's next run
		}
	}
}

// Next steps to the next row.
func (s *Stmt) Next() bool {
	switch rc := lib.Xsqlite3_step(s.conn.tls, s.stmt); rc {
	case lib.SQLITE_ROW:
		return true
	case lib.SQLITE_DONE:
		return false
	default:
		s.err = s.conn.fail(rc)
		return false
	}
}

// Done ends the run and says why it ended: nil, the context's error, or an *Error.
func (s *Stmt) Done() error {
	if s.stop == nil {
		return s.err
	}
	s.stop()
	s.release()
	err, ctx := s.err, s.ctx
	s.stop, s.ctx = nil, nil
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *Stmt) release() {
	lib.Xsqlite3_reset(s.conn.tls, s.stmt)
	if len(s.bound) == 0 {
		return
	}
	lib.Xsqlite3_clear_bindings(s.conn.tls, s.stmt)
	for _, p := range s.bound {
		libc.Xfree(s.conn.tls, p)
	}
	s.bound = s.bound[:0]
}

func (s *Stmt) bind(i int32, argument any) error {
	rc := int32(lib.SQLITE_OK)
	switch a := argument.(type) {
	case int64:
		rc = lib.Xsqlite3_bind_int64(s.conn.tls, s.stmt, i, a)
	case float64:
		rc = lib.Xsqlite3_bind_double(s.conn.tls, s.stmt, i, a)
	case string:
		p, err := s.keep(a)
		if err != nil {
			return err
		}
		rc = lib.Xsqlite3_bind_text(s.conn.tls, s.stmt, i, p, int32(len(a)), 0)
	case []byte:
		p, err := s.keep(string(a))
		if err != nil {
			return err
		}
		rc = lib.Xsqlite3_bind_blob(s.conn.tls, s.stmt, i, p, int32(len(a)), 0)
	default:
		return ErrArgument
	}
	if rc != lib.SQLITE_OK {
		return s.conn.fail(rc)
	}
	return nil
}

func (s *Stmt) keep(text string) (uintptr, error) {
	p, err := libc.CString(text)
	if err == nil {
		s.bound = append(s.bound, p)
	}
	return p, err
}

// Type is the storage class of column i of the current row.
func (s *Stmt) Type(i int) Type {
	return Type(lib.Xsqlite3_column_type(s.conn.tls, s.stmt, int32(i)))
}

// Int is an Integer cell.
func (s *Stmt) Int(i int) int64 {
	return lib.Xsqlite3_column_int64(s.conn.tls, s.stmt, int32(i))
}

// Float is a Real cell.
func (s *Stmt) Float(i int) float64 {
	return lib.Xsqlite3_column_double(s.conn.tls, s.stmt, int32(i))
}

// Bytes is a Text cell as SQLite holds it: valid until the next step, and not to be changed.
func (s *Stmt) Bytes(i int) []byte {
	p := lib.Xsqlite3_column_text(s.conn.tls, s.stmt, int32(i))
	n := lib.Xsqlite3_column_bytes(s.conn.tls, s.stmt, int32(i))
	if p == 0 || n <= 0 {
		return nil
	}
	return libc.GoBytes(p, int(n))
}
