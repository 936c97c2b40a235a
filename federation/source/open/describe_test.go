package open_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"concordat/federation/source"
	"concordat/federation/source/introspect"
	"concordat/federation/source/open"
)

// One schema in three databases: a foreign key, a join that only values show, a name of no ASCII, bytes.
func TestADatabaseNobodyPreparedIsDescribed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registry.db")
	for name, db := range map[string]struct{ driver, dsn, address, bytes string }{
		"SQLite":     {"sqlite", "file:" + file, file, "BLOB"},
		"PostgreSQL": {"pgx", postgres.DSN(t), postgres.DSN(t), "bytea"},
		"MariaDB":    {"mysql", mariadb.DSN(t), "mysql://" + strings.NewReplacer("tcp(", "", ")", "").Replace(mariadb.DSN(t)), "blob"},
	} {
		t.Run(name, func(t *testing.T) {
			prepare(t, db.driver, db.dsn, db.bytes)
			tables, err := open.Describe(context.Background(), db.address, 100, nil)
			if err != nil {
				t.Fatal(err)
			}
			text := introspect.Draft(tables)
			for _, line := range []string{
				`type Patient @source(table: "patients") @key(fields: "id")`,
				`  id: ID! @classify(as: NON_SENSITIVE) # a key`,
				`  f1: String @classify(as: DIRECT_IDENTIFIER) # values look like Chinese identity numbers`,
				`@column(name: "备注") @classify(as: FREE_TEXT)`,
				`  wardCode: ID @column(name: "ward_code")`,
				`  ward: Ward @join(on: "wardCode = wardCode")`,
				`  patients: [Patient!] @join(on: "wardCode = wardCode")`,
				`  visits: [Visit!] @join(on: "id = patientId")`,
				`  patient: Patient @join(on: "patientId = id")`,
				`type Bed @source(table: "beds") @key(fields: "wardCode number")`,
				`# type Log @source(table: "log")`,
				`# type Hashed @source(table: "hashed")`,
				`  seenOn: Date @column(name: "seen_on") @classify(as: QUASI_IDENTIFIER) # a day or time`,
			} {
				if !strings.Contains(text, line) {
					t.Errorf("%q is missing in\n%s", line, text)
				}
			}
			if strings.Contains(text, "photograph") || strings.Contains(text, "110105") {
				t.Errorf("bytes or values in\n%s", text)
			}
		})
	}
}

func prepare(t *testing.T, driver, dsn, bytes string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	quoted, short := `"备注"`, bytes
	if driver == "mysql" {
		quoted, short = "`备注`", "varbinary(20)" // a key of a blob needs a length
	}
	statements := []string{
		"CREATE TABLE wards (ward_code varchar(20) PRIMARY KEY, ward_name varchar(50))",
		"CREATE TABLE patients (id integer PRIMARY KEY, f1 varchar(50), ward_code varchar(20), photograph " + bytes + ", " + quoted + " varchar(200))",
		"CREATE TABLE visits (id integer PRIMARY KEY, patient_id integer, seen_on date, FOREIGN KEY (patient_id) REFERENCES patients (id))",
		"CREATE TABLE beds (ward_code varchar(20) NOT NULL, number integer NOT NULL, PRIMARY KEY (ward_code, number))",
		"CREATE TABLE log (happened varchar(50))",
		"CREATE TABLE hashed (n integer NOT NULL, hash " + short + " NOT NULL, PRIMARY KEY (n, hash))",
		"INSERT INTO wards VALUES ('W-1', 'North'), ('W-2', 'South'), ('W-3', 'East')",
		"INSERT INTO patients VALUES (1, '11010519491231002X', 'W-1', NULL, 'x'), (2, '110105199001010010', 'W-2', NULL, 'y'), (3, '110105199001010029', 'W-1', NULL, 'z')," +
			"(4, '110105199001010037', 'W-3', NULL, 'v'), (5, '110105199001010045', 'W-2', NULL, 'w')",
		"INSERT INTO visits VALUES (1, 1, '2025-01-02'), (2, 2, '2025-02-03')",
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(s, err)
		}
	}
}

func TestAnAddressIsNeverEchoed(t *testing.T) {
	for _, address := range []string{"oracle://MARKER", "postgres://MARKER:MARKER@127.0.0.1:1/x", "MARKER.db", "env:NONE"} {
		_, err := open.Describe(context.Background(), address, 1, func(string) string { return "" })
		if err == nil || strings.Contains(err.Error(), "127.0.0.1") || !errors.Is(err, source.ErrInvalid) && !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("%s: got %v", address, err)
		}
		if strings.Contains(address, "://") && strings.Contains(err.Error(), "MARKER") {
			t.Errorf("the address is echoed: %v", err)
		}
	}
}
