package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"concordat/federation/source"
	"concordat/federation/source/sqlite"
	"concordat/policy/predicate"
	"concordat/privacy"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

func relationOf(table string, kinds map[string]privacy.Kind) *source.Relation {
	r := &source.Relation{Type: "T", Table: table, Columns: map[string]source.Column{}}
	for name, kind := range kinds {
		r.Columns[name] = source.Column{Coordinate: privacy.Coordinate("T." + name), Physical: name, Kind: kind}
	}
	return r
}

func all(r *source.Relation, fields ...string) *source.Query {
	return &source.Query{Relation: r, Select: fields, Where: predicate.Always(), MaxRows: 1000}
}

const endless = `CREATE VIEW %s AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000000000) %s`

// A view whose first row is there at once and whose second never comes: database/sql with this driver would not
// notice a cancelled context there.
func TestCancellingStopsTheStatementBeforeAndAfterItsFirstRow(t *testing.T) {
	s := open(t, file(t,
		fmt.Sprintf(endless, "no_row", "SELECT x FROM n WHERE x < 0"),
		fmt.Sprintf(endless, "one_row", "SELECT x FROM n WHERE x = 1")))
	for _, table := range []string{"no_row", "one_row"} {
		ctx, cancel := context.WithCancel(context.Background())
		failed := make(chan error)
		go func() {
			_, err := s.Fetch(ctx, all(relationOf(table, map[string]privacy.Kind{"x": privacy.Int}), "x"))
			failed <- err
		}()
		select {
		case err := <-failed:
			t.Fatalf("%s ended by itself: %v", table, err)
		case <-time.After(50 * time.Millisecond): // it is running now
		}
		start := time.Now()
		cancel()
		err := <-failed
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("%s stopped after %v", table, took)
		}
		if !errors.Is(err, source.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", table, err)
		}
	}
}

func TestADeadlineIsATimeoutAndLeavesTheConnectionUsable(t *testing.T) {
	s, err := sqlite.Open(sqlite.Options{Connections: 1, File: file(t, fmt.Sprintf(endless, "no_row", "SELECT x FROM n WHERE x < 0"),
		"CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (1)")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	kinds := map[string]privacy.Kind{"x": privacy.Int}
	for range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		if _, err := s.Fetch(ctx, all(relationOf("no_row", kinds), "x")); !errors.Is(err, source.ErrTimeout) {
			t.Fatalf("got %v", err)
		}
		cancel()
		if got, err := s.Fetch(context.Background(), all(relationOf("t", kinds), "x")); err != nil || got.Rows != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
}

func TestWaitingForAConnectionEndsWithTheContext(t *testing.T) {
	s, err := sqlite.Open(sqlite.Options{Connections: 1, File: file(t, fmt.Sprintf(endless, "no_row", "SELECT x FROM n WHERE x < 0"))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := all(relationOf("no_row", map[string]privacy.Kind{"x": privacy.Int}), "x")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := s.Fetch(ctx, q); !errors.Is(err, source.ErrTimeout) {
				t.Errorf("got %v", err)
			}
		})
	}
	both.Wait()
}

func TestCellsOfAnotherTypeAreRefusedByCoordinateNeverByValue(t *testing.T) {
	for _, c := range []struct {
		name string
		kind privacy.Kind
		sql  string
	}{
		{"text for a number", privacy.Int, "'MARKER'"},
		{"fraction for a number", privacy.Int, "1.5"},
		{"blob for text", privacy.String, "x'4d41524b4552'"},
		{"not UTF-8", privacy.String, "CAST(x'4d41524b4552ff' AS TEXT)"},
		{"two for a truth value", privacy.Bool, "2"},
		{"text for a float", privacy.Float, "'MARKER'"},
		{"inexact for a float", privacy.Float, "9007199254740993"},
		{"text for a decimal", privacy.Decimal, "'MARKER'"},
		{"no such day", privacy.Date, "'2025-02-29'"},
		{"a time for a date", privacy.Date, "'2025-02-01T00:00:00Z'"},
		{"a number for a date", privacy.Date, "20250201"},
		{"a date for a time", privacy.Time, "'2025-02-01'"},
		{"no such hour", privacy.Time, "'2025-02-01T24:00:00Z'"},
		{"a fraction of a second", privacy.Time, "'2025-02-01T23:00:00.5Z'"},
	} {
		s := open(t, file(t, "CREATE TABLE t (v)", "INSERT INTO t VALUES ("+c.sql+")"))
		_, err := s.Fetch(context.Background(), all(relationOf("t", map[string]privacy.Kind{"v": c.kind}), "v"))
		if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "T.v") || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// SQLite orders text after every number: without the guard on types the row would pass.
func TestAMisplacedTextPassesNoComparison(t *testing.T) {
	s := open(t, file(t, "CREATE TABLE t (id TEXT, n INTEGER, r REAL, s)",
		"INSERT INTO t VALUES ('bad', 'x', 'x', 5), ('good', 18, 18.0, 'm')"))
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.String, "n": privacy.Int, "r": privacy.Float, "s": privacy.String})
	for _, p := range []predicate.Predicate{
		predicate.Compare("n", predicate.Gt, predicate.Int(17)), predicate.Compare("r", predicate.Gte, predicate.Int(18)),
		predicate.Compare("s", predicate.Lt, predicate.String("z")), predicate.Compare("n", predicate.Ne, predicate.Int(0)),
	} {
		q := all(r, "id")
		q.Where = p
		if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != 1 || got.Columns[0].Text(0) != "good" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestIdentifiersStoredAsNumbersCompareAsText(t *testing.T) {
	s := open(t, file(t, "CREATE TABLE t (id INTEGER PRIMARY KEY, at UUID)", "INSERT INTO t VALUES (9, '1e2'), (10, 'abc'), (11, NULL)"))
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.String, "at": privacy.String})
	for _, c := range []struct {
		where predicate.Predicate
		rows  int
	}{
		{predicate.Compare("id", predicate.Eq, predicate.String("9")), 1},
		{predicate.Compare("id", predicate.Eq, predicate.String("09")), 0},
		{predicate.In("id", predicate.String("9"), predicate.String("10.0"), predicate.String("11")), 2},
		{predicate.Compare("id", predicate.Gt, predicate.String("2")), 1},
		{predicate.Compare("id", predicate.HasPrefix, predicate.String("1")), 2},
		{predicate.Compare("at", predicate.Eq, predicate.String("abc")), 1},
	} {
		q := all(r, "id")
		q.Where = c.where
		if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != c.rows {
			t.Errorf("want %d rows, got %+v, %v", c.rows, got, err)
		}
	}
}

func TestMissingFilesTablesAndColumnsAreNamed(t *testing.T) {
	if _, err := sqlite.Open(sqlite.Options{File: t.TempDir() + "/none.db"}); !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("missing file: got %v", err)
	}
	s := open(t, file(t, "CREATE TABLE t (a TEXT)"))
	for table, columns := range map[string]map[string]privacy.Kind{
		"u": {"a": privacy.String}, "t": {"b": privacy.String}, `t" --`: {"a": privacy.String},
	} {
		r := relationOf(table, columns)
		if err := s.Check(context.Background(), r); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%s: got %v", table, err)
		}
		if _, err := s.Fetch(context.Background(), all(r, "a")); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%s: got %v", table, err)
		}
	}
	if err := s.Check(context.Background(), relationOf("t", map[string]privacy.Kind{"a": privacy.Int})); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("a text column for a number: got %v", err)
	}
}

func TestAFileThatIsNoDatabaseOrNotUTF8IsRefused(t *testing.T) {
	s, err := sqlite.Open(sqlite.Options{File: file(t, "PRAGMA encoding = 'UTF-16'", "CREATE TABLE t (a TEXT)")})
	if !errors.Is(err, source.ErrInvalid) {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := sqlite.Open(sqlite.Options{File: "guards_test.go"}); !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	s := open(t, file(t, "CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES ('x')"))
	r := relationOf(`t`, map[string]privacy.Kind{"a": privacy.String})
	q := all(r, "a")
	q.Where = predicate.Compare("a", predicate.Ne, predicate.String(`'; DELETE FROM t; --`))
	for range 2 {
		if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
}

func TestNamesAreQuoted(t *testing.T) {
	s := open(t, file(t, `CREATE TABLE "select "" from" ("a ""b" TEXT, "order" INTEGER)`, `INSERT INTO "select "" from" VALUES ('x', 1)`))
	r := &source.Relation{Type: "T", Table: `select " from`, Columns: map[string]source.Column{
		"a": {Coordinate: "T.a", Physical: `a "b`, Kind: privacy.String}, "o": {Coordinate: "T.o", Physical: "order", Kind: privacy.Int}}}
	q := all(r, "a", "o")
	q.Order = []source.Order{{Field: "o", Descending: true}}
	if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestSumsThatOverflowAreRefused(t *testing.T) {
	s := open(t, file(t, "CREATE TABLE t (n INTEGER, r REAL)", "INSERT INTO t VALUES (9223372036854775807, 1.5e308), (1, 1.5e308)"))
	r := relationOf("t", map[string]privacy.Kind{"n": privacy.BigInt, "r": privacy.Float})
	for _, f := range []string{"n", "r"} {
		q := &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 1,
			Aggregate: &source.Aggregate{Measures: []source.Measure{{Func: source.Sum, Field: f, As: "s"}}}}
		if _, err := s.Fetch(context.Background(), q); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%s: got %v", f, err)
		}
	}
}

func TestManyFetchesAtOnce(t *testing.T) {
	s := open(t, file(t, "CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT)",
		"INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 500) SELECT x, 'text ' || x FROM c"))
	r := relationOf("t", map[string]privacy.Kind{"n": privacy.Int, "s": privacy.String})
	var workers sync.WaitGroup
	for w := range 16 {
		workers.Go(func() {
			for i := range 20 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%5 == 4 {
					cancel()
				}
				q := all(r, "n", "s")
				q.Where = predicate.Compare("n", predicate.Lte, predicate.Int(int64(w*10+i)))
				got, err := s.Fetch(ctx, q)
				if ctx.Err() == nil && (err != nil || got.Rows != w*10+i) {
					t.Errorf("got %+v, %v", got, err)
				}
				cancel()
			}
		})
	}
	workers.Wait()
}
