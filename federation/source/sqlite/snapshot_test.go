package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"concordat/federation/source/sourcetest"
	"concordat/privacy"
)

// A write-ahead log lets a writer commit beside readers.
func TestFetchesOfOneSnapshotSeeOneState(t *testing.T) {
	path := file(t, "PRAGMA journal_mode = WAL", "CREATE TABLE counted (n INTEGER)", "INSERT INTO counted VALUES (1), (2)")
	db, err := sql.Open("sqlite", "file:"+filepath.Dir(path)+"/test%20db%3f.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write := func() {
		if _, err := db.Exec("INSERT INTO counted VALUES (3)"); err != nil {
			t.Fatal(err)
		}
	}
	sourcetest.RunSnapshot(t, open(t, path), relationOf("counted", map[string]privacy.Kind{"n": privacy.Int}), write)
}
