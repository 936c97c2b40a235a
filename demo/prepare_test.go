package demo

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// country is one prepared directory, read by many tests and changed by none.
var country = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "country-*")
	if err != nil {
		return "", err
	}
	return dir, Prepare(context.Background(), dir)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := country(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func prepared(t *testing.T) string {
	t.Helper()
	dir, err := country()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, dir, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, name)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func number(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// digest is over every row of a table in the order of its key.
func digest(t *testing.T, db *sql.DB, table, key string) string {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table + " ORDER BY " + key)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	cells, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%v\n", cells)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// The golden answers depend on these rows: a change here is a change of the world.
func TestTheWorldIsTheSameEachTime(t *testing.T) {
	dir := prepared(t)
	for _, c := range []struct{ file, table, key, want string }{
		{"registry.db", "districts", "id", "7a249606c0b36b47"},
		{"registry.db", "residents", "national_id", "4f3fb9bbda49bb6a"},
		{"hospital_a.db", "admissions", "id", "584141632c91b989"},
		{"hospital_a.db", "conditions", "id", "0822fee9509dc7f0"},
		{"hospital_b.db", "admissions", "id", "276caf97bc461d02"},
		{"hospital_b.db", "conditions", "id", "b16dd96b2b94edbf"},
		{"publichealth.db", "flu_weeks", "id", "905c0d4bb0261bc5"},
	} {
		if got := digest(t, open(t, dir, c.file), c.table, c.key); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.file, c.table, got, c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	dir := prepared(t)
	for _, c := range []struct {
		file, table string
		want        int
	}{
		{"registry.db", "residents", 50_000}, {"registry.db", "districts", 12}, {"hospital_a.db", "admissions", 6000},
		{"hospital_b.db", "admissions", 4000}, {"publichealth.db", "flu_weeks", 416},
	} {
		if got := number(t, open(t, dir, c.file), "SELECT count(*) FROM "+c.table); got != c.want {
			t.Errorf("%s: %d rows in %s, want %d", c.file, got, c.table, c.want)
		}
	}
}

func TestEveryNationalIdentifierIsUniqueAndValid(t *testing.T) {
	db := open(t, prepared(t), "registry.db")
	rows, err := db.Query("SELECT national_id, birth_date, sex FROM residents")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := map[string]bool{}
	for rows.Next() {
		var id, birth, sex string
		if err := rows.Scan(&id, &birth, &sex); err != nil {
			t.Fatal(err)
		}
		if !validIdentifier(id) || seen[id] {
			t.Fatalf("%s is not valid or not unique", id)
		}
		if id[6:14] != strings.ReplaceAll(birth, "-", "") || (id[16]-'0')%2 == 1 != (sex == "M") {
			t.Fatalf("%s does not agree with %s, %s", id, birth, sex)
		}
		seen[id] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// validIdentifier is GB 11643-1999 by its published weights, not by the recurrence that the generator uses.
func validIdentifier(id string) bool {
	weights := []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	if len(id) != 18 {
		return false
	}
	sum := 0
	for i, w := range weights {
		sum += w * int(id[i]-'0')
	}
	return id[17] == "10X98765432"[sum%11]
}

func TestCheckCharacterOfThePublishedExample(t *testing.T) {
	// GB 11643-1999, the examples of its annex.
	for _, id := range []string{"11010519491231002X", "440524188001010014"} {
		if got := CheckCharacter(id[:17]); got != id[17] {
			t.Errorf("check character of %s is %c", id, got)
		}
	}
}

func TestJoinsResolve(t *testing.T) {
	dir := prepared(t)
	db := open(t, dir, "registry.db")
	for _, h := range hospitals() {
		// One connection: ATTACH belongs to it.
		db.SetMaxOpenConns(1)
		if _, err := db.Exec("ATTACH ? AS "+h.id, "file:"+filepath.Join(dir, h.id+".db")+"?mode=ro"); err != nil {
			t.Fatal(err)
		}
		for _, orphans := range []string{
			"admissions a LEFT JOIN residents r ON r.national_id = a.patient_id WHERE r.national_id IS NULL OR r.district_id <> a.district_id",
			"admissions a LEFT JOIN districts d ON d.id = a.district_id WHERE d.id IS NULL OR d.region <> a.region",
			"conditions c LEFT JOIN " + h.id + ".admissions a ON a.id = c.admission_id WHERE a.id IS NULL OR a.patient_id <> c.patient_id",
		} {
			if n := number(t, db, "SELECT count(*) FROM "+h.id+"."+orphans); n != 0 {
				t.Errorf("%s: %d rows without a partner: %s", h.id, n, orphans)
			}
		}
	}
	if n := number(t, db, "SELECT count(*) FROM residents r LEFT JOIN districts d ON d.id = r.district_id WHERE d.id IS NULL"); n != 0 {
		t.Errorf("%d residents without a district", n)
	}
}

func TestObjectorsAreResidents(t *testing.T) {
	db := open(t, prepared(t), "registry.db")
	for name, values := range policyData(t)["sets"].(map[string]any) {
		for _, id := range values.([]any) {
			var n int
			if err := db.QueryRow("SELECT count(*) FROM residents WHERE national_id = ?", id).Scan(&n); err != nil || n != 1 {
				t.Errorf("%s: %v is %d residents, %v", name, id, n, err)
			}
		}
	}
}

func TestRespiratoryIllnessIsSeasonal(t *testing.T) {
	db := open(t, prepared(t), "hospital_a.db")
	cold := number(t, db, "SELECT count(*) FROM admissions WHERE ward = 'Respiratory' AND substr(admitted_on, 6, 2) IN ('01', '02', '12')")
	warm := number(t, db, "SELECT count(*) FROM admissions WHERE ward = 'Respiratory' AND substr(admitted_on, 6, 2) IN ('06', '07', '08')")
	if cold < 2*warm {
		t.Errorf("%d in winter, %d in summer", cold, warm)
	}
}

func TestSecondStartKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := Prepare(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	marked := filepath.Join(dir, "registry.db")
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(marked, past, past); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "stations.csv")); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(marked)
	if err != nil || !info.ModTime().Equal(past) {
		t.Errorf("the register was written again: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(dataFiles()) {
		t.Errorf("%d files, want %d: %v", len(files), len(dataFiles()), err)
	}
}

func BenchmarkPrepare(b *testing.B) {
	for b.Loop() {
		if err := Prepare(b.Context(), b.TempDir()); err != nil {
			b.Fatal(err)
		}
	}
}
