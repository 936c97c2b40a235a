package policy_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"concordat/federation/source"
	"concordat/federation/source/mysql"
	"concordat/federation/source/postgres"
	"concordat/federation/source/servertest"
	"concordat/federation/source/sqlite"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// A database that holds the records, and the types that it declares columns with.
type held struct {
	name   string
	source interface {
		source.Source
		Check(ctx context.Context, r *source.Relation) error
	}
}

// Each rule, written at random, decides each row as OPA's own evaluator does: in the gateway, in SQLite, in PostgreSQL and
// in MariaDB.
func TestRowPredicatesAgreeWithOPAOnEveryDatabase(t *testing.T) {
	ctx := context.Background()
	records := make([]record, 120)
	for i := range records {
		records[i] = rapid.Custom(drawRecord).Example(i)
		records[i]["id"] = predicate.String(fmt.Sprint(i))
	}
	r := admissions()
	databases := hold(t, r, records)
	rapid.Check(t, func(t *rapid.T) {
		text := helpers + drawRules(t, "include") + "exclude.Admission if input.subject.id == \"u2\"\n"
		var fault error
		e := loadRapid(t, rules{"north": text, "north/data.json": `{"sets": {"switch": {"on": true}}}`}.options(), &fault)
		if e == nil {
			t.Skip("not compiled")
		}
		p := rowRapid(t, e)
		oracle := oracle(t, ctx, worldData(), "package concordat.access.north\n"+text)
		var want []string
		for i, record := range records {
			holds := oracle(record)
			if p.Holds(record) != holds {
				t.Fatalf("%s\nrow %v: the predicate says %v", text, record.input(), !holds)
			}
			if holds {
				want = append(want, fmt.Sprint(i))
			}
		}
		for _, d := range databases {
			got, err := d.source.Fetch(ctx, &source.Query{Relation: r, Select: []string{"id"}, Where: p, MaxRows: 1000})
			if err != nil {
				t.Fatalf("%s: %s\n%v", d.name, text, err)
			}
			compareRows(t, d.name, text, records, got, want)
		}
	})
}

func compareRows(t *rapid.T, name, text string, records []record, got *privacy.Table, want []string) {
	seen := map[string]bool{}
	for row := range got.Rows {
		seen[got.Columns[0].Text(row)] = true
	}
	for i, record := range records {
		id := fmt.Sprint(i)
		holds := false
		for _, w := range want {
			holds = holds || w == id
		}
		if seen[id] != holds {
			t.Fatalf("%s\nrow %v: OPA says %v, %s %v", text, record.input(), holds, name, seen[id])
		}
	}
}

// admissions is the type that the rules are about, and an identifier.
func admissions() *source.Relation {
	r := &source.Relation{Type: "Admission", Table: "admissions", Columns: map[string]source.Column{"id": {Coordinate: "Admission.id", Physical: "id", Kind: privacy.String}}}
	for kind, all := range pools() {
		for _, p := range all {
			r.Columns[p.name] = source.Column{Coordinate: privacy.Coordinate("Admission." + p.name), Physical: p.name, Kind: kind}
		}
	}
	return r
}

func hold(t *testing.T, r *source.Relation, records []record) []held {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rows.db")
	pg, my := servertest.New(servertest.Postgres), servertest.New(servertest.MariaDB)
	t.Cleanup(func() { pg.Stop(); my.Stop() })
	pgDSN, myDSN := pg.DSN(t), my.DSN(t)
	common := map[privacy.Kind]string{privacy.String: "text", privacy.Bool: "boolean", privacy.Int: "integer", privacy.BigInt: "bigint", privacy.Float: "double precision", privacy.Date: "date"}
	with := func(decimal, instant, text string) map[privacy.Kind]string {
		types := map[privacy.Kind]string{privacy.Decimal: decimal, privacy.Time: instant}
		for k, v := range common {
			types[k] = v
		}
		types[privacy.String] = text
		return types
	}
	insert(t, "sqlite", "file:"+file, "?", with("text", "text", "text"), r, records, "2006-01-02T15:04:05Z")
	insert(t, "pgx", pgDSN, "$", with("numeric", "timestamptz", "text"), r, records, "2006-01-02T15:04:05Z")
	insert(t, "mysql", myDSN, "?", with("decimal(65,20)", "datetime(6)", "varchar(50)"), r, records, "2006-01-02 15:04:05")
	s, errS := sqlite.Open(sqlite.Options{File: file})
	p, errP := postgres.Open(context.Background(), postgres.Options{DSN: pgDSN})
	m, errM := mysql.Open(context.Background(), mysql.Options{DSN: myDSN})
	if errS != nil || errP != nil || errM != nil {
		t.Fatal(errS, errP, errM)
	}
	all := []held{{"SQLite", s}, {"PostgreSQL", p}, {"MariaDB", m}}
	t.Cleanup(func() { s.Close(); p.Close(); m.Close() })
	for _, d := range all {
		if err := d.source.Check(context.Background(), r); err != nil {
			t.Fatal(d.name, err)
		}
	}
	return all
}

func insert(t *testing.T, driver, dsn, mark string, types map[privacy.Kind]string, r *source.Relation, records []record, layout string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	quote := `"`
	if driver == "mysql" {
		quote = "`"
	}
	var names, columns, marks []string
	for name, c := range r.Columns {
		names, columns = append(names, name), append(columns, quote+name+quote+" "+types[c.Kind])
		m := mark
		if m == "$" {
			m = fmt.Sprint("$", len(names))
		}
		marks = append(marks, m)
	}
	if _, err := db.Exec("CREATE TABLE admissions (" + strings.Join(columns, ", ") + ")"); err != nil {
		t.Fatal(driver, err)
	}
	for _, record := range records {
		values := make([]any, len(names))
		for i, name := range names {
			values[i] = cellOf(record[name], layout)
		}
		if _, err := db.Exec("INSERT INTO admissions VALUES ("+strings.Join(marks, ", ")+")", values...); err != nil {
			t.Fatal(driver, err)
		}
	}
}

func cellOf(v predicate.Value, layout string) any {
	switch v.Kind {
	case predicate.NullValue:
		return nil
	case predicate.BoolValue:
		return v.Int != 0
	case predicate.FloatValue:
		return v.Float
	case predicate.TimeValue:
		return time.UnixMicro(v.Int).UTC().Format(layout)
	case predicate.TextValue, predicate.DecimalValue:
		return v.Text
	}
	return v.Int
}
