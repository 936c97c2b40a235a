package mysql_test

import (
	"context"
	databasesql "database/sql"
	"os"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"concordat/federation/source"
	"concordat/federation/source/mysql"
	"concordat/federation/source/servertest"
	"concordat/federation/source/sourcetest"
	"concordat/privacy"
)

var server = servertest.New(servertest.MariaDB)

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

var types = map[privacy.Kind]string{privacy.String: "varchar(200)", privacy.Bool: "boolean", privacy.Int: "integer", privacy.BigInt: "bigint",
	privacy.Float: "double", privacy.Decimal: "decimal(65,27)", privacy.Date: "date", privacy.Time: "datetime", privacy.JSON: "json"}

// The oracle is package eval, and what is asked is answered by MariaDB's own engine.
func TestConformance(t *testing.T) {
	for name, change := range map[string]map[privacy.Kind]string{
		"usual types":       {},
		"long texts":        {privacy.String: "text", privacy.Time: "datetime(6)", privacy.Bool: "bit(1)"},
		"collated by bytes": {privacy.String: "varchar(100) COLLATE utf8mb4_bin", privacy.Int: "bigint", privacy.JSON: "varchar(100)"},
		"another alphabet":  {privacy.String: "varchar(100) CHARACTER SET utf16 COLLATE utf16_general_ci"},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
				db := connect(t)
				fill(db, r, rows, change)
				db.exec("CREATE INDEX by_name ON awkward (name(50))")
				db.exec("CREATE INDEX by_small ON awkward (small)")
				db.exec("UPDATE awkward SET day = '0000-00-00' WHERE day IS NULL AND length(id) % 2 = 0")
				db.exec("UPDATE awkward SET at = '0000-00-00' WHERE at IS NULL AND length(id) % 2 = 0")
				return db.open(r)
			})
		})
	}
}

func TestConformanceOfManyRows(t *testing.T) {
	sourcetest.RunLarge(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
		db := connect(t)
		fill(db, r, rows, nil)
		db.exec("CREATE INDEX by_id ON large (id)")
		db.exec("ANALYZE TABLE large")
		return db.open(r)
	})
}

// database is one of a test's own.
type database struct {
	t    testing.TB
	conn *databasesql.DB
	dsn  string
}

func connect(t testing.TB) *database {
	t.Helper()
	cfg, err := driver.ParseDSN(server.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(strings.NewReplacer("/", "_", " ", "_", "#", "_", ",", "_").Replace(t.Name()))
	cfg.Params = map[string]string{"sql_mode": "''", "time_zone": "'+00:00'"}
	cfg.MaxAllowedPacket = 0
	cfg.DBName = ""
	db := &database{t: t, dsn: "mysql://root@" + cfg.Addr + "/" + name[max(0, len(name)-60):]}
	admin, err := databasesql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	cfg.DBName = name[max(0, len(name)-60):]
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + cfg.DBName, "CREATE DATABASE " + cfg.DBName} {
		if _, err := admin.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if db.conn, err = databasesql.Open("mysql", cfg.FormatDSN()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.conn.Close() })
	return db
}

func (db *database) exec(sql string, arguments ...any) {
	db.t.Helper()
	if _, err := db.conn.Exec(sql, arguments...); err != nil {
		db.t.Fatal(sql, err)
	}
}

func (db *database) open(relations ...*source.Relation) *mysql.Source {
	db.t.Helper()
	s, err := mysql.Open(context.Background(), mysql.Options{DSN: db.dsn})
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

// fill inserts a thousand rows at a time.
func fill(db *database, r *source.Relation, rows *privacy.Table, change map[privacy.Kind]string) {
	var columns []string
	for _, c := range rows.Columns {
		kind := types[c.Kind]
		if other, ok := change[c.Kind]; ok {
			kind = other
		}
		columns = append(columns, c.Name+" "+kind)
	}
	db.exec("CREATE TABLE " + r.Table + " (" + strings.Join(columns, ", ") + ")")
	mark := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	for start := 0; start < rows.Rows; start += 1000 {
		end := min(start+1000, rows.Rows)
		var values []any
		for row := start; row < end; row++ {
			for _, c := range rows.Columns {
				values = append(values, stored(c, row))
			}
		}
		db.exec("INSERT INTO "+r.Table+" VALUES "+mark+strings.Repeat(", "+mark, end-start-1), values...)
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
		return time.UnixMicro(c.Int(row)).UTC().Format("2006-01-02 15:04:05.999999")
	case c.Kind.Text():
		return c.Text(row)
	}
	return c.Int(row)
}
