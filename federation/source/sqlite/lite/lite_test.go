package lite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"concordat/federation/source/sqlite/lite"
)

func open(t *testing.T) *lite.Conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a file.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE t (v)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := lite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestValuesComeBackAsTheyWereBound(t *testing.T) {
	c := open(t)
	s, err := c.Prepare("SELECT ?, ?, ?, ?, NULL")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, text := range []string{"", "a\x00b", "漢字", string(make([]byte, 100_000))} {
		if err := s.Start(context.Background(), int64(-1<<63), 0.1, text, []byte("\xff\x00")); err != nil {
			t.Fatal(err)
		}
		if !s.Next() || s.Int(0) != -1<<63 || s.Float(1) != 0.1 || string(s.Bytes(2)) != text {
			t.Errorf("%d bytes of text came back otherwise", len(text))
		}
		if s.Type(0) != lite.Integer || s.Type(1) != lite.Real || s.Type(2) != lite.Text || s.Type(3) != lite.Blob || s.Type(4) != lite.Null {
			t.Error("a type came back otherwise")
		}
		if s.Next() || s.Done() != nil {
			t.Error("more than one row")
		}
	}
}

func TestWritesAreRefused(t *testing.T) {
	c := open(t)
	for _, text := range []string{"INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (v)", "PRAGMA user_version = 7"} {
		s, err := c.Prepare(text)
		if err != nil {
			continue
		}
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		for s.Next() {
		}
		if err := s.Done(); err == nil {
			t.Errorf("%s was done", text)
		}
		s.Close()
	}
}

func TestErrorsAreTheLibrarysAndLeaveTheConnectionUsable(t *testing.T) {
	c := open(t)
	var e *lite.Error
	if _, err := c.Prepare("SELECT nothing FROM t"); !errors.As(err, &e) || e.Code != lite.CodeGeneric {
		t.Errorf("got %v", err)
	}
	s, err := c.Prepare("SELECT sum(value) FROM json_each(?)")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for set, fails := range map[string]bool{"[9223372036854775807, 1]": true, "[1, 2]": false, "[": true} {
		if err := s.Start(context.Background(), set); err != nil {
			t.Fatal(err)
		}
		for s.Next() {
		}
		if err := s.Done(); (err != nil) != fails {
			t.Errorf("%s: got %v", set, err)
		}
	}
	if err := s.Start(context.Background(), struct{}{}); !errors.Is(err, lite.ErrArgument) {
		t.Errorf("got %v", err)
	}
}

func TestAnEndedContextStartsNothing(t *testing.T) {
	c := open(t)
	s, err := c.Prepare("SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
