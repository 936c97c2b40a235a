package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/sourcetest"
	"concordat/privacy"
)

// The oracle here is not only package eval: what is pushed down is answered by SQLite's own engine.
func TestConformance(t *testing.T) {
	for name, types := range map[string]map[privacy.Kind]string{
		"declared as it should be": {privacy.String: "TEXT", privacy.Bool: "BOOLEAN", privacy.Int: "INTEGER", privacy.BigInt: "BIGINT",
			privacy.Float: "REAL", privacy.Decimal: "TEXT", privacy.Date: "DATE", privacy.Time: "DATETIME", privacy.JSON: "JSON"},
		"without types":         {},
		"collated without case": {privacy.String: "TEXT COLLATE NOCASE", privacy.Date: "TEXT COLLATE RTRIM", privacy.Time: "TIMESTAMP", privacy.Float: "DOUBLE"},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
				path := filepath.Join(t.TempDir(), "awkward.db")
				fill(t, path, rows, types)
				s := open(t, path)
				if err := s.Check(context.Background(), r); err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

func fill(t *testing.T, path string, rows *privacy.Table, types map[privacy.Kind]string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var columns, marks []string
	for _, c := range rows.Columns {
		columns = append(columns, c.Name+" "+types[c.Kind])
		marks = append(marks, "?")
	}
	exec(t, db, "CREATE TABLE awkward ("+strings.Join(columns, ", ")+")")
	exec(t, db, "CREATE INDEX by_name ON awkward (name)")
	exec(t, db, "CREATE INDEX by_day ON awkward (day)")
	exec(t, db, "CREATE INDEX by_id ON awkward (id)")
	exec(t, db, "CREATE INDEX by_small ON awkward (small)")
	exec(t, db, "BEGIN")
	defer exec(t, db, "COMMIT")
	for row := range rows.Rows {
		var values []any
		for _, c := range rows.Columns {
			values = append(values, stored(c, row))
		}
		exec(t, db, "INSERT INTO awkward VALUES ("+strings.Join(marks, ", ")+")", values...)
	}
	exec(t, db, "UPDATE awkward SET ratio = 9e999 WHERE ratio IS NULL AND rowid % 3 = 1")
	exec(t, db, "UPDATE awkward SET ratio = -9e999 WHERE ratio IS NULL AND rowid % 3 = 2")
}

func exec(t *testing.T, db *sql.DB, statement string, values ...any) {
	t.Helper()
	if _, err := db.Exec(statement, values...); err != nil {
		t.Fatal(err)
	}
}

func stored(c *privacy.Column, row int) any {
	switch {
	case c.IsNull(row):
		return nil
	case c.Kind == privacy.Float:
		return c.Float(row)
	case c.Kind == privacy.Time:
		return time.UnixMicro(c.Int(row)).UTC().Format("2006-01-02T15:04:05Z")
	case c.Kind.Text():
		return c.Text(row)
	}
	return c.Int(row)
}
