// Package lite is a read-only binding to the SQLite library, for one connection and its prepared statements.
//
// It stands beside database/sql because of two things that interface cannot give: a statement can be interrupted
// while it looks for its next row, not only for its first one, and a cell is read where SQLite holds it instead of
// through an allocated interface value per cell.
//
//	c, err := lite.Open("registry.db")
//	s, err := c.Prepare(`SELECT id FROM t WHERE n > ?`)
//	err = s.Start(ctx, int64(3))
//	for s.Next() { use(s.Int(0)) }
//	err = s.Done()
//
// A Conn belongs to one goroutine at a time. The package does not pool, convert types or write.
package lite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Error is a result code of SQLite with its message. The message may quote names, never cell values.
type Error struct {
	Code    int // primary result code
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("sqlite: %s (%d)", e.Message, e.Code) }

// Codes callers branch on.
const (
	CodeGeneric   = lib.SQLITE_ERROR
	CodeBusy      = lib.SQLITE_BUSY
	CodeInterrupt = lib.SQLITE_INTERRUPT
	CodeSchema    = lib.SQLITE_SCHEMA
	CodeMismatch  = lib.SQLITE_MISMATCH
	CodeNotDB     = lib.SQLITE_NOTADB
	CodeCorrupt   = lib.SQLITE_CORRUPT
)

// ErrArgument is a bound value of a type that SQLite does not know.
var ErrArgument = errors.New("sqlite: argument is neither int64, float64, string nor []byte")

// Conn is one open database.
type Conn struct {
	tls  *libc.TLS
	db   uintptr
	cell uintptr // eight bytes for what the library returns by pointer

	hashed *hashed
}

// Open opens an existing file read-only.
func Open(path string) (*Conn, error) {
	c := &Conn{tls: libc.NewTLS()}
	c.cell = libc.Xcalloc(c.tls, 1, 8)
	if c.cell == 0 {
		c.tls.Close()
		return nil, &Error{Code: lib.SQLITE_NOMEM, Message: "out of memory"}
	}
	if err := c.open(path); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) open(path string) error {
	path, err := filepath.Abs(path) // a relative path would read as the authority of the URI
	if err != nil {
		return err
	}
	name, err := libc.CString((&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro"}).String())
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	const flags = lib.SQLITE_OPEN_READONLY | lib.SQLITE_OPEN_URI | lib.SQLITE_OPEN_NOMUTEX
	rc := lib.Xsqlite3_open_v2(c.tls, name, c.cell, flags, 0)
	c.db = c.returned()
	if rc != lib.SQLITE_OK {
		return c.fail(rc)
	}
	lib.Xsqlite3_busy_timeout(c.tls, c.db, 50)
	return c.configure()
}

// configure sets what every statement relies on. Plans do not look at bound values (the query planner stability
// guarantee): else a statement with a bound LIMIT is compiled again by each run, which costs more than the run.
func (c *Conn) configure() error {
	if rc := c.config(lib.SQLITE_DBCONFIG_ENABLE_QPSG, 1); rc != lib.SQLITE_OK {
		return c.fail(rc)
	}
	for _, pragma := range []string{
		"query_only = 1",
		"trusted_schema = 0", // the file's views may call no function with side effects
		"cache_size = -8000", // KiB; the default of 2,000 rereads a registry's index from the file
	} {
		if err := c.run("PRAGMA " + pragma); err != nil {
			return err
		}
	}
	return c.define()
}

// config calls the library's function of variable arguments.
func (c *Conn) config(option, value int32) int32 {
	arguments := libc.Xmalloc(c.tls, 16)
	if arguments == 0 {
		return lib.SQLITE_NOMEM
	}
	defer libc.Xfree(c.tls, arguments)
	return lib.Xsqlite3_db_config(c.tls, c.db, option, libc.VaList(arguments, value, uintptr(0)))
}

// run executes a statement that has no rows of interest.
func (c *Conn) run(text string) error {
	s, err := c.Prepare(text)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Start(context.Background()); err != nil {
		return err
	}
	for s.Next() {
	}
	return s.Done()
}

// Close closes the connection; its statements must be closed before.
func (c *Conn) Close() {
	if c.db != 0 {
		lib.Xsqlite3_close_v2(c.tls, c.db)
	}
	libc.Xfree(c.tls, c.cell)
	c.tls.Close()
}

// returned reads what the library stored in c.cell.
func (c *Conn) returned() uintptr {
	return uintptr(binary.NativeEndian.Uint64(libc.GoBytes(c.cell, 8)))
}

func (c *Conn) fail(rc int32) error {
	message := libc.GoString(lib.Xsqlite3_errstr(c.tls, rc))
	if c.db != 0 && lib.Xsqlite3_extended_errcode(c.tls, c.db)&0xff == rc&0xff {
		message = libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))
	}
	return &Error{Code: int(rc & 0xff), Message: message}
}

// interrupt stops the running statement. It is the one call that may come from another goroutine, which is why it
// does not use the connection's thread-local state.
func (c *Conn) interrupt() {
	tls := libc.NewTLS()
	lib.Xsqlite3_interrupt(tls, c.db)
	tls.Close()
}
