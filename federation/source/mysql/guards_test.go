package mysql_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/mysql"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
	"concordat/privacy"
)

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

// slow takes longer than any test: a join of a table with itself, over and over.
func slow(db *database) *source.Relation {
	db.exec("CREATE TABLE numbers (n bigint)")
	db.exec("INSERT INTO numbers SELECT seq FROM seq_1_to_2000")
	db.exec("CREATE VIEW slow AS SELECT count(*) AS n FROM numbers a, numbers b, numbers c, numbers d WHERE a.n * b.n = c.n * d.n + 7")
	return relationOf("slow", map[string]privacy.Kind{"n": privacy.BigInt})
}

func (db *database) running() (n int) {
	db.t.Helper()
	if err := db.conn.QueryRow("SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%`slow`%' AND id <> connection_id()").Scan(&n); err != nil {
		db.t.Fatal(err)
	}
	return n
}

func (db *database) await(n int) {
	db.t.Helper()
	for end := time.Now().Add(20 * time.Second); db.running() != n; {
		if time.Now().After(end) {
			db.t.Fatalf("the server runs %d statements, not %d", db.running(), n)
		}
	}
}

func TestACancelledStatementEndsOnTheServer(t *testing.T) {
	db := connect(t)
	r := slow(db)
	s := db.open(r)
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() { _, err := s.Fetch(ctx, all(r, "n")); failed <- err }()
	db.await(1)
	cancel()
	if err := <-failed; !errors.Is(err, source.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	db.await(0)
	numbers := relationOf("numbers", map[string]privacy.Kind{"n": privacy.BigInt})
	if got, err := s.Fetch(context.Background(), &source.Query{Relation: numbers, Select: []string{"n"}, Where: predicate.Always(), Limit: 1, MaxRows: 9}); err != nil || got.Rows != 1 {
		t.Errorf("after it: %+v, %v", got, err)
	}
}

func TestTheServerEndsAStatementThatTakesTooLong(t *testing.T) {
	db := connect(t)
	r := slow(db)
	s, err := mysql.Open(context.Background(), mysql.Options{DSN: db.dsn, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Fetch(context.Background(), all(r, "n")); !errors.Is(err, source.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	db.await(0)
}

func TestCellsOfAnotherTypeAreRefusedByCoordinateNeverByValue(t *testing.T) {
	db := connect(t)
	for i, c := range []struct {
		column, value string
		kind          privacy.Kind
	}{
		{"bigint unsigned", "9223372036854775808", privacy.BigInt},
		{"tinyint", "2", privacy.Bool},
		{"date", "'0000-01-01'", privacy.Date},
		{"datetime", "'0000-05-01 00:00:00'", privacy.Time},
	} {
		table := fmt.Sprint("t", i)
		db.exec("CREATE TABLE " + table + " (v " + c.column + ")")
		db.exec("INSERT INTO " + table + " VALUES (" + c.value + ")")
		r := relationOf(table, map[string]privacy.Kind{"v": c.kind})
		if _, err := db.open(r).Fetch(context.Background(), all(r, "v")); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "T.v") {
			t.Errorf("%s: got %v", c.column, err)
		}
	}
}

func TestColumnsThatCannotHoldTheirKindAreRefused(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE t (a varchar(9), b blob, d double)")
	s := db.open()
	for name, r := range map[string]*source.Relation{
		"no table":  relationOf("nothing", map[string]privacy.Kind{"a": privacy.String}),
		"no column": relationOf("t", map[string]privacy.Kind{"x": privacy.String}),
		"text":      relationOf("t", map[string]privacy.Kind{"a": privacy.Int}),
		"bytes":     relationOf("t", map[string]privacy.Kind{"b": privacy.String}),
		"rounded":   relationOf("t", map[string]privacy.Kind{"d": privacy.Decimal}),
	} {
		if err := s.Check(context.Background(), r); !errors.Is(err, source.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// In the column's own collation these are all one; a padded comparison would make two of them equal.
func TestTextsAreComparedByTheirBytes(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE t (id varchar(20) PRIMARY KEY COLLATE utf8mb4_bin, c varchar(20) COLLATE utf8mb4_unicode_ci, l varchar(20) CHARACTER SET latin1, KEY (c), KEY (l))")
	db.exec("INSERT INTO t VALUES ('1', 'a', 'é'), ('2', 'A', 'E'), ('3', 'a ', 'e'), ('4', 'á', 'e '), ('5', NULL, '?')")
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.String, "c": privacy.String, "l": privacy.String})
	s := db.open(r)
	many := []predicate.Value{predicate.String("a")}
	for i := range 2000 {
		many = append(many, predicate.String(fmt.Sprint("漢", i)))
	}
	for _, c := range []struct {
		where predicate.Predicate
		rows  int
	}{
		{predicate.Compare("c", predicate.Eq, predicate.String("a")), 1},
		{predicate.Compare("c", predicate.Ne, predicate.String("a")), 3},
		{predicate.In("c", predicate.String("a"), predicate.String("A")), 2},
		{predicate.In("c", many...), 1},
		{predicate.Not(predicate.In("c", many...)), 4},
		{predicate.Compare("l", predicate.Eq, predicate.String("漢")), 0},
		{predicate.Compare("l", predicate.Eq, predicate.String("é")), 1},
		{predicate.In("l", many...), 0},
	} {
		q := all(r, "id")
		q.Where = c.where
		if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != c.rows {
			t.Errorf("want %d rows, got %+v, %v", c.rows, got, err)
		}
	}
	groups := &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 9, Aggregate: &source.Aggregate{Group: []source.Group{{Field: "c", As: "c"}}}}
	if got, err := s.Fetch(context.Background(), groups); err != nil || got.Rows != 5 {
		t.Errorf("groups: %+v, %v", got, err)
	}
}

func TestNamesAreQuoted(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE `select ``.\" 表` (`a ``b` varchar(9), `order` int, `Größe` int)")
	db.exec("INSERT INTO `select ``.\" 表` VALUES ('x', 1, 2)")
	r := &source.Relation{Type: "T", Table: "select `.\" 表", Columns: map[string]source.Column{
		"a": {Physical: "a `b"}, "o": {Physical: "order", Kind: privacy.Int}, "g": {Physical: "Größe", Kind: privacy.Int}}}
	r.Columns["a"] = source.Column{Physical: "a `b", Kind: privacy.String}
	q := all(r, "a", "o", "g")
	q.Order = []source.Order{{Field: "o", Descending: true}}
	if got, err := db.open(r).Fetch(context.Background(), q); err != nil || got.Rows != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE t (a varchar(50)) ENGINE=InnoDB")
	db.exec("INSERT INTO t VALUES ('x')")
	session := relationOf("information_schema.SESSION_VARIABLES", map[string]privacy.Kind{"VARIABLE_NAME": privacy.String, "VARIABLE_VALUE": privacy.String})
	setting := all(session, "VARIABLE_VALUE")
	setting.Where = predicate.Compare("VARIABLE_NAME", predicate.Eq, predicate.String("TX_READ_ONLY"))
	if got, err := db.open(session).Fetch(context.Background(), setting); err != nil || got.Rows != 1 || got.Columns[0].Text(0) != "ON" {
		t.Errorf("the session may write: %+v, %v", got, err)
	}
	r := relationOf("t", map[string]privacy.Kind{"a": privacy.String})
	q := all(r, "a")
	q.Where = predicate.Compare("a", predicate.Ne, predicate.String(`'; DELETE FROM t; -- \`))
	if got, err := db.open(r).Fetch(context.Background(), q); err != nil || got.Rows != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestErrorsNameNeitherHostNorUserNorStatement(t *testing.T) {
	for _, dsn := range []string{"mysql://MARKER:SECRET@127.0.0.1:1/MARKER", "not an address MARKER", "mysql://%zz"} {
		_, err := mysql.Open(context.Background(), mysql.Options{DSN: dsn})
		if !errors.Is(err, source.ErrUnavailable) || strings.Contains(err.Error(), "MARKER") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("got %v", err)
		}
	}
	db := connect(t)
	db.exec("CREATE TABLE t (a int)")
	r := relationOf("t", map[string]privacy.Kind{"a": privacy.Int})
	s := db.open(r)
	if _, err := s.Fetch(context.Background(), all(r, "a")); err != nil {
		t.Fatal(err)
	}
	db.exec("ALTER TABLE t MODIFY a varchar(10)")
	db.exec("INSERT INTO t VALUES ('MARKER')")
	if _, err := s.Fetch(context.Background(), all(r, "a")); !errors.Is(err, source.ErrInvalid) || strings.Contains(err.Error(), "MARKER") || !strings.Contains(err.Error(), "T.a") {
		t.Errorf("a column that changed under us: %v", err)
	}
	db.exec("DROP TABLE t")
	if _, err := s.Fetch(context.Background(), all(r, "a")); !errors.Is(err, source.ErrInvalid) || strings.Contains(err.Error(), "SELECT") || strings.Contains(err.Error(), "exist") {
		t.Errorf("a table dropped under us: %v", err)
	}
}

func TestWhatIsAskedIsPushedDown(t *testing.T) {
	db := connect(t)
	r := sourcetest.Relation()
	fill(db, r, sourcetest.Rows(), nil)
	q := all(r, "id")
	q.Where = predicate.And(predicate.Compare("name", predicate.Like, predicate.String("a%")), predicate.Not(predicate.Compare("price", predicate.Gt, predicate.Decimal("1.5"))),
		predicate.In("big", predicate.Int(1), predicate.Int(2)))
	q.Order, q.Limit = []source.Order{{Field: "name", Descending: true}, {Field: "at"}}, 5
	e := db.open(r).Explain(q)
	if len(e.Local) > 0 || strings.Contains(e.Statement, "1.5") || !strings.Contains(e.Statement, "LIMIT ?") {
		t.Errorf("got %+v", e)
	}
}
