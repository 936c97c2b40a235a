package postgres_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"concordat/federation/source"
	"concordat/federation/source/postgres"
	"concordat/federation/source/servertest"
	"concordat/federation/source/sourcetest"
	"concordat/privacy"
)

var server = servertest.New(servertest.Postgres)

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

var types = map[privacy.Kind]string{privacy.String: "text", privacy.Bool: "boolean", privacy.Int: "integer", privacy.BigInt: "bigint",
	privacy.Float: "double precision", privacy.Decimal: "numeric", privacy.Date: "date", privacy.Time: "timestamptz", privacy.JSON: "json"}

// The oracle is package eval, and what is asked is answered by PostgreSQL's own engine.
func TestConformance(t *testing.T) {
	for name, change := range map[string]map[privacy.Kind]string{
		"usual types":           {},
		"collated by language":  {privacy.String: `text COLLATE "en-x-icu"`, privacy.Time: "timestamp"},
		"collated by bytes":     {privacy.String: `text COLLATE "C"`, privacy.JSON: "text", privacy.Int: "bigint"},
		"collated without case": {privacy.String: "text COLLATE nocase"},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
				db := connect(t)
				db.exec(`CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
				fill(db, r, rows, change)
				db.exec("CREATE INDEX ON awkward (id)")
				db.exec("CREATE INDEX ON awkward (name)")
				db.exec("CREATE INDEX ON awkward (small)")
				db.exec(`UPDATE awkward SET ratio = 'NaN' WHERE ratio IS NULL AND length(id) % 2 = 0`)
				db.exec(`UPDATE awkward SET ratio = 'Infinity' WHERE ratio IS NULL AND id < 'row 4'`)
				db.exec(`UPDATE awkward SET price = 'NaN' WHERE price IS NULL AND length(id) % 2 = 0`)
				db.exec(`UPDATE awkward SET price = '-Infinity' WHERE price IS NULL`)
				db.exec(`UPDATE awkward SET day = 'infinity' WHERE day IS NULL AND length(id) % 2 = 0`)
				db.exec(`UPDATE awkward SET at = '-infinity' WHERE at IS NULL AND length(id) % 2 = 0`)
				return db.open(r)
			}, sourcetest.NoNUL)
		})
	}
}

func TestConformanceOfManyRows(t *testing.T) {
	sourcetest.RunLarge(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
		db := connect(t)
		fill(db, r, rows, nil)
		db.exec("CREATE INDEX ON large (id)")
		db.exec("ANALYZE large")
		return db.open(r)
	})
}

// database is a schema of a test's own.
type database struct {
	t    testing.TB
	conn *pgx.Conn
	dsn  string
}

func connect(t testing.TB) *database {
	t.Helper()
	dsn := server.DSN(t)
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(strings.NewReplacer("/", "_", " ", "_", "#", "_").Replace(t.Name()))
	name = name[max(0, len(name)-60):]
	db := &database{t, conn, dsn + "&search_path=" + name}
	t.Cleanup(func() { conn.Close(context.Background()) })
	db.exec("DROP SCHEMA IF EXISTS " + name + " CASCADE")
	db.exec("CREATE SCHEMA " + name)
	db.exec("SET search_path = " + name + ", pg_catalog")
	return db
}

func (db *database) exec(sql string, arguments ...any) {
	db.t.Helper()
	if _, err := db.conn.Exec(context.Background(), sql, arguments...); err != nil {
		db.t.Fatal(sql, err)
	}
}

func (db *database) open(relations ...*source.Relation) *postgres.Source {
	db.t.Helper()
	s, err := postgres.Open(context.Background(), postgres.Options{DSN: db.dsn})
	if err != nil {
		db.t.Fatal(err)
	}
	db.t.Cleanup(func() { s.Close() })
	for _, r := range relations {
		if err := s.Check(context.Background(), r); err != nil {
			db.t.Fatal(err)
		}
	}
	return s
}

func fill(db *database, r *source.Relation, rows *privacy.Table, change map[privacy.Kind]string) {
	var columns, names []string
	for _, c := range rows.Columns {
		kind := types[c.Kind]
		if other, ok := change[c.Kind]; ok {
			kind = other
		}
		columns, names = append(columns, c.Name+" "+kind), append(names, c.Name)
	}
	db.exec("CREATE TABLE " + r.Table + " (" + strings.Join(columns, ", ") + ")")
	var records [][]any
	for row := range rows.Rows {
		var values []any
		for _, c := range rows.Columns {
			values = append(values, stored(c, row))
		}
		records = append(records, values)
	}
	if _, err := db.conn.CopyFrom(context.Background(), pgx.Identifier{r.Table}, names, pgx.CopyFromRows(records)); err != nil {
		db.t.Fatal(err)
	}
}

func stored(c *privacy.Column, row int) any {
	switch {
	case c.IsNull(row):
		return nil
	case c.Kind == privacy.Float:
		return c.Float(row)
	case c.Kind == privacy.Bool:
		return c.Bool(row)
	case c.Kind == privacy.Time:
		return time.UnixMicro(c.Int(row)).UTC()
	case c.Kind == privacy.Date:
		day, _ := time.Parse(time.DateOnly, c.Text(row))
		return day
	case c.Kind == privacy.Decimal:
		return decimal(c.Text(row))
	case c.Kind.Text():
		return c.Text(row)
	}
	return c.Int(row)
}
