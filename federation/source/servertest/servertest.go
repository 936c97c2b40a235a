// Package servertest starts private database servers for tests: a PostgreSQL and a MariaDB from the machine's own
// packages, on a free loopback port, in a directory of their own, as a user that is not root.
//
//	var server = servertest.New(servertest.Postgres)
//
//	func TestMain(m *testing.M) { code := m.Run(); server.Stop(); os.Exit(code) }
//	func TestSomething(t *testing.T) { dsn := server.DSN(t) ... }
//
// Where a server is not installed the test is skipped and says so; with CI=true it fails. Their defaults are chosen to
// be awkward: collations that are not those of bytes. Nothing is durable, and passwords there are none.
package servertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ErrMissing says that the server's programs are not installed.
var ErrMissing = errors.New("not installed")

// Kind is a database.
type Kind uint8

const (
	Postgres Kind = iota
	MariaDB
)

// Server is a server that starts when it is first asked for.
type Server struct {
	kind  Kind
	start sync.Once
	run   *running
	err   error
}

// running is a process and its directory.
type running struct {
	dsn    string
	dir    string
	signal os.Signal // how it is asked to stop at once
	cmd    *exec.Cmd
	done   chan error
}

// New is a server that is not started yet.
func New(k Kind) *Server { return &Server{kind: k} }

// Start starts the server where it is not running, outside a test; ErrMissing where it is not installed.
func (s *Server) Start() (dsn string, err error) {
	if s.once(); s.err != nil {
		return "", s.err
	}
	return s.run.dsn, nil
}

func (s *Server) once() {
	s.start.Do(func() {
		if s.kind == Postgres {
			s.run, s.err = startPostgres()
		} else {
			s.run, s.err = startMariaDB()
		}
	})
}

// DSN starts the server where it is not running, and is the address of an empty database.
func (s *Server) DSN(t testing.TB) string {
	t.Helper()
	s.once()
	switch {
	case s.err == nil:
		return s.run.dsn
	case errors.Is(s.err, ErrMissing) && os.Getenv("CI") != "true":
		t.Skip(s.err)
	default:
		t.Fatal(s.err)
	}
	return ""
}

// Stop ends the server and removes its directory.
func (s *Server) Stop() {
	if s.run != nil {
		s.run.stop()
	}
}

func (r *running) stop() {
	_ = r.cmd.Process.Signal(r.signal)
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		_ = r.cmd.Process.Kill()
		<-r.done
	}
	_ = os.RemoveAll(r.dir)
}

// account is whom the server runs as: the caller, or, for root, which servers refuse to be, the package's own user.
func account(name string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("no user %s: %w", name, ErrMissing)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func directory(who *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "db")
	if err == nil && who != nil {
		err = os.Chown(dir, int(who.Uid), int(who.Gid))
	}
	return dir, err
}

// find is a program on the path or in one of the given places; the last in order of names, which is the newest.
func find(name string, places ...string) (string, error) {
	for _, pattern := range places {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return slices.Max(found), nil
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%s: %w", name, ErrMissing)
}

func command(who *syscall.Credential, dir, program string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(program, arguments...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH") + ":/usr/sbin", "LC_ALL=C.UTF-8", "TMPDIR=" + dir}
	return cmd
}

func port() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// launch starts a server and waits until it answers, or ends.
func launch(cmd *exec.Cmd, r *running, answers func() error) (*running, error) {
	log, err := os.Create(filepath.Join(r.dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r.cmd, r.done = cmd, make(chan error, 1)
	go func() { r.done <- cmd.Wait() }()
	late := time.After(60 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.done:
			return nil, fmt.Errorf("the server ended: %s", tail(log.Name()))
		case <-late:
			r.stop()
			return nil, errors.New("the server does not answer")
		case <-tick.C:
			if answers() == nil {
				return r, nil
			}
		}
	}
}

func tail(file string) string {
	text, _ := os.ReadFile(file)
	return string(text[max(0, len(text)-2000):])
}
