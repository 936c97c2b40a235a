package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/sqlite"
	"concordat/privacy"
)

// Errors have a code and name the field; they hold no value, no statement and no path.
func TestTablesThatChangeUnderUsAreCodedErrors(t *testing.T) {
	path := file(t, "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1)")
	db, err := sql.Open("sqlite", "file:"+filepath.Dir(path)+"/test%20db%3f.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := relationOf("t", map[string]privacy.Kind{"a": privacy.Int})
	s := open(t, path)
	for _, change := range []struct{ statement, names string }{
		{"UPDATE t SET a = 1", ""}, {"UPDATE t SET a = 'MARKER'", "T.a"}, {"DROP TABLE t", ""},
	} {
		if _, err := db.Exec(change.statement); err != nil {
			t.Fatal(err)
		}
		_, err := s.Fetch(context.Background(), all(r, "a"))
		if change.statement == "UPDATE t SET a = 1" {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), change.names) || strings.Contains(err.Error(), "MARKER") || strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", change.statement, err)
		}
	}
	if _, err := sqlite.Open(sqlite.Options{File: path + " MARKER"}); !errors.Is(err, source.ErrUnavailable) || strings.Contains(err.Error(), "MARKER") {
		t.Errorf("a file that is not there: %v", err)
	}
}
