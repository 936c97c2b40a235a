package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"concordat/federation/source/servertest"
)

// clinic is a database that nobody prepared for a gateway: a view and a table without keys, bytes, a key of two columns.
func clinic(number, bytes string) []string {
	out := []string{
		"CREATE TABLE patients (id integer PRIMARY KEY, full_name varchar(80) NOT NULL, phone varchar(40), born date, photo " + bytes + ")",
		"CREATE TABLE visits (id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patients (id), seen_on date NOT NULL, note varchar(200), fee " + number + ")",
		"CREATE TABLE rota (ward varchar(10) NOT NULL, day date NOT NULL, nurse varchar(80), PRIMARY KEY (ward, day))",
		"CREATE TABLE log (happened varchar(100))",
		"CREATE VIEW unpaid AS SELECT * FROM visits WHERE fee > 0",
		"INSERT INTO rota VALUES ('W1', '2025-01-01', 'Ann Example')",
	}
	for i := range 40 {
		out = append(out, fmt.Sprintf("INSERT INTO patients VALUES (%d, 'Mary Example', '+1202555%04d', '1950-03-%02d', NULL)", i+1, i, 1+i%28),
			fmt.Sprintf("INSERT INTO visits VALUES (%d, %d, '2025-%02d-%02d', 'routine', %d.50)", i+1, i+1, 1+i/31, 1+i%28, i))
	}
	return out
}

func statements(t *testing.T, driver, dsn string, all ...string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range all {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(s, err)
		}
	}
}

// The developer's page, over a real database: its commands alone lead from an address to a governed answer.
func TestADeveloperBringsADatabaseNobodyPrepared(t *testing.T) {
	const page = "docs/developer.md"
	needTools(t)
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		r := reader(t, page)
		file := filepath.Join(r.dir, "registry.db")
		statements(t, "sqlite", "file:"+file, clinic("decimal(10,2)", "BLOB")...)
		r.as = map[string]string{`{kind: postgres, dsn: "file:health.dsn", connections: 10, timeout: 30s}`: "{kind: sqlite, file: registry.db}"}
		writeFile(t, filepath.Join(r.dir, "health.dsn"), file+"\n")
		r.read()
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		server := servertest.New(servertest.Postgres)
		t.Cleanup(server.Stop)
		dsn := server.DSN(t)
		statements(t, "pgx", dsn, clinic("numeric(10,2)", "bytea")...)
		statements(t, "pgx", dsn, "CREATE ROLE reader LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
		r := reader(t, page)
		writeFile(t, filepath.Join(r.dir, "health.dsn"), strings.Replace(dsn, "//postgres@", "//reader@", 1)+"\n")
		r.read()
	})
}
