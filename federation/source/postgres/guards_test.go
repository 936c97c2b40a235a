package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/postgres"
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

// slow is a view that takes longer than any test.
func slow(db *database) *source.Relation {
	db.exec("CREATE VIEW slow AS SELECT 1 AS n FROM pg_sleep(3600)")
	return relationOf("slow", map[string]privacy.Kind{"n": privacy.Int})
}

func (db *database) running() (n int) {
	db.t.Helper()
	row := db.conn.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%"slow"%' AND pid <> pg_backend_pid()`)
	if err := row.Scan(&n); err != nil {
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
}

func TestTheServerEndsAStatementThatTakesTooLong(t *testing.T) {
	db := connect(t)
	r := slow(db)
	s, err := postgres.Open(context.Background(), postgres.Options{DSN: db.dsn, Timeout: 50 * time.Millisecond})
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
		{"date", "'0001-12-31 BC'", privacy.Date},
		{"date", "'12345-01-01'", privacy.Date},
		{"timestamptz", "'0044-03-15 12:00:00+00 BC'", privacy.Time},
		{"timestamp", "'10000-01-01 00:00:00'", privacy.Time},
		{"numeric", "('1' || repeat('0', 2000))::numeric", privacy.Decimal},
	} {
		table := fmt.Sprint("t", i)
		db.exec("CREATE TABLE " + table + " (v " + c.column + ")")
		db.exec("INSERT INTO " + table + " VALUES (" + c.value + ")")
		r := relationOf(table, map[string]privacy.Kind{"v": c.kind})
		s := db.open(r)
		if _, err := s.Fetch(context.Background(), all(r, "v")); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "T.v") {
			t.Errorf("%s: got %v", c.value, err)
		}
		if c.kind == privacy.Decimal {
			continue
		}
		unseen := all(r)
		if unseen.Where = predicate.Null("v"); true {
			if got, err := s.Fetch(context.Background(), unseen); err != nil || got.Rows != 1 {
				t.Errorf("%s in a condition is not NULL: %+v, %v", c.value, got, err)
			}
		}
	}
}

// One instant, written in three zones and in the hour that the clocks of Berlin skip; days begin in UTC.
func TestTimesAreInstants(t *testing.T) {
	db := connect(t)
	db.exec("SET TimeZone = 'Europe/Berlin'")
	db.exec("CREATE TABLE t (id text, at timestamptz)")
	db.exec(`INSERT INTO t VALUES ('skipped', '2025-03-30 02:30:00'), ('utc', '2025-03-30 01:30:00Z'), ('kathmandu', '2025-03-30 07:15:00+05:45'),
		('twice', '2025-10-26 02:30:00+02'), ('again', '2025-10-26 02:30:00+01')`)
	db.exec("ALTER ROLE postgres SET TimeZone = 'Asia/Shanghai'")
	defer db.exec("ALTER ROLE postgres RESET TimeZone")
	r := relationOf("t", map[string]privacy.Kind{"id": privacy.String, "at": privacy.Time})
	s := db.open(r)
	q := all(r, "id")
	q.Where = predicate.Compare("at", predicate.Eq, predicate.Micros(time.Date(2025, 3, 30, 1, 30, 0, 0, time.UTC).UnixMicro()))
	if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	days := &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 9, Aggregate: &source.Aggregate{
		Group: []source.Group{{Field: "at", Grain: source.Hour, As: "hour"}}, Measures: []source.Measure{{Func: source.CountRows, As: "n"}}}}
	got, err := s.Fetch(context.Background(), days)
	if err != nil || got.Rows != 3 || got.Columns[0].Int(1) != time.Date(2025, 10, 26, 0, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatNoKindFitsIsReadAsPostgreSQLPrintsIt(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TYPE mood AS ENUM ('sad', 'glad')")
	db.exec("CREATE DOMAIN code AS varchar(5)")
	db.exec(`CREATE TABLE t (id uuid, tags text[], mood mood, code code, span int4range, net inet, fixed char(4), n integer, doc jsonb)`)
	db.exec(`INSERT INTO t VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{a,"b c"}', 'glad', 'x', '[1,5)', '10.0.0.1', 'ab', 7, '{"b": 1, "a": [2]}')`)
	kinds := map[string]privacy.Kind{"doc": privacy.JSON}
	for _, f := range []string{"id", "tags", "mood", "code", "span", "net", "fixed", "n"} {
		kinds[f] = privacy.String
	}
	r := relationOf("t", kinds)
	s := db.open(r)
	for field, text := range map[string]string{"id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "tags": `{a,"b c"}`, "mood": "glad", "code": "x",
		"span": "[1,5)", "net": "10.0.0.1/32", "fixed": "ab", "n": "7", "doc": `{"a": [2], "b": 1}`} {
		for _, where := range []predicate.Predicate{predicate.Compare(field, predicate.Eq, predicate.String(text)),
			predicate.In(field, predicate.String(text), predicate.String("07"), predicate.String("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), predicate.String("other")),
			predicate.Compare(field, predicate.Gte, predicate.String(text)), predicate.Compare(field, predicate.HasPrefix, predicate.String(text[:1]))} {
			q := all(r, field)
			q.Where = where
			if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != 1 || got.Columns[0].Text(0) != text {
				t.Errorf("%s %+v: got %+v, %v", field, where.Node(), got, err)
			}
		}
		q := all(r, field)
		q.Where = predicate.Compare(field, predicate.Eq, predicate.String("0"+text))
		if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != 0 {
			t.Errorf("%s: 0 in front makes no difference: %+v, %v", field, got, err)
		}
	}
}

func TestColumnsThatCannotHoldTheirKindAreRefused(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE t (a text, b bytea, d float8)")
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

func TestNamesAreQuoted(t *testing.T) {
	db := connect(t)
	db.exec(`CREATE TABLE "select "".表" ("a ""b" text, "order" int, "Größe" int)`)
	db.exec(`INSERT INTO "select "".表" VALUES ('x', 1, 2)`)
	r := &source.Relation{Type: "T", Table: `select ".表`, Columns: map[string]source.Column{
		"a": {Physical: `a "b`, Kind: privacy.String}, "o": {Physical: "order", Kind: privacy.Int}, "g": {Physical: "Größe", Kind: privacy.Int}}}
	q := all(r, "a", "o", "g")
	q.Order = []source.Order{{Field: "o", Descending: true}}
	if got, err := db.open(r).Fetch(context.Background(), q); err != nil || got.Rows != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	catalog := relationOf("pg_catalog.pg_class", map[string]privacy.Kind{"relname": privacy.String})
	if err := db.open().Check(context.Background(), catalog); err != nil {
		t.Errorf("a name with its schema: %v", err)
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE t (a text)")
	db.exec("INSERT INTO t VALUES ('x')")
	db.exec("CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN 1; END $$")
	db.exec("CREATE VIEW v AS SELECT writes() AS n")
	r := relationOf("v", map[string]privacy.Kind{"n": privacy.Int})
	if _, err := db.open(r).Fetch(context.Background(), all(r, "n")); err == nil {
		t.Error("a function wrote")
	}
	r = relationOf("t", map[string]privacy.Kind{"a": privacy.String})
	q := all(r, "a")
	q.Where = predicate.Compare("a", predicate.Ne, predicate.String(`'; DELETE FROM t; -- \`))
	if got, err := db.open(r).Fetch(context.Background(), q); err != nil || got.Rows != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestErrorsNameNeitherHostNorUserNorStatement(t *testing.T) {
	for _, dsn := range []string{"postgres://MARKER:SECRET@127.0.0.1:1/MARKER", "not an address MARKER", "postgres://%zz"} {
		_, err := postgres.Open(context.Background(), postgres.Options{DSN: dsn})
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
	db.exec("ALTER TABLE t ALTER COLUMN a TYPE text")
	if _, err := s.Fetch(context.Background(), all(r, "a")); !errors.Is(err, source.ErrInvalid) {
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
	fill(db, r, sourcetest.Rows(sourcetest.NoNUL), nil)
	q := all(r, "id")
	q.Where = predicate.And(predicate.Compare("name", predicate.Like, predicate.String("a%")), predicate.Not(predicate.Compare("price", predicate.Gt, predicate.Decimal("1.5"))),
		predicate.In("big", predicate.Int(1), predicate.Int(2)))
	q.Order, q.Limit = []source.Order{{Field: "name", Descending: true}, {Field: "at"}, {Field: "price"}}, 5
	e := db.open(r).Explain(q)
	if len(e.Local) > 0 || strings.Contains(e.Statement, "1.5") {
		t.Errorf("got %+v", e)
	}
}

// In doubles 0.1 + 0.2 - 0.3 is 2.8e-17; of their shortest decimals the sum is 0.
func TestTermsThatCancelOutAreAddedByTheGateway(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE t (v float8)")
	db.exec("INSERT INTO t VALUES (0.1), (0.2), (-0.3)")
	r := relationOf("t", map[string]privacy.Kind{"v": privacy.Float})
	q := &source.Query{Relation: r, Where: predicate.Always(), MaxRows: 9, Aggregate: &source.Aggregate{Measures: []source.Measure{{Func: source.Sum, Field: "v", As: "s"}}}}
	got, err := db.open(r).Fetch(context.Background(), q)
	if err != nil || math.Abs(got.Columns[0].Float(0)-2.7755575615628914e-17) > 1e-30 {
		t.Errorf("got %+v, %v", got, err)
	}
}
