package introspect

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// labelled is a schema with values, and the class of what each column was filled with: names, types, classes, rows.
func labelled(t testing.TB, file string) (*Table, []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 20 {
		t.Fatal(file, len(rows), err)
	}
	table := &Table{Name: strings.TrimSuffix(filepath.Base(file), ".csv"), Primary: rows[0][:1]}
	for i, name := range rows[0] {
		c := &Column{Name: name, Scalar: rows[1][i]}
		for _, row := range rows[3:] {
			if row[i] == "" {
				continue
			}
			if c.Rows++; !slices.Contains(c.Samples, row[i]) {
				c.Samples = append(c.Samples, row[i])
			}
		}
		table.Columns = append(table.Columns, c)
	}
	return table, rows[2]
}

// Ten schemas, half of them Chinese, half of the columns with names that mean nothing.
func TestDirectIdentifiersAreFoundInSchemasNobodyPrepared(t *testing.T) {
	files, err := filepath.Glob("testdata/*.csv")
	if err != nil || len(files) != 10 {
		t.Fatal(files, err)
	}
	j := NewJudge()
	found, missed, wrong := 0, 0, 0
	for _, file := range files {
		table, labels := labelled(t, file)
		for i, s := range j.Suggest(table) {
			switch suggested, is := s.Class == Direct, labels[i] == Direct; {
			case suggested && is:
				found++
			case is:
				missed++
				t.Logf("%s.%s is missed: %s (%s)", table.Name, table.Columns[i].Name, s.Class, s.Why)
			case suggested:
				wrong++
				t.Logf("%s.%s is none: %s", table.Name, table.Columns[i].Name, s.Why)
			}
		}
	}
	recall, precision := float64(found)/float64(found+missed), float64(found)/float64(found+wrong)
	t.Logf("recall %.3f, precision %.3f over %d direct identifiers", recall, precision, found+missed)
	if recall < 0.95 || precision < 0.8 {
		t.Errorf("recall %.3f, want 0.95; precision %.3f, want 0.8", recall, precision)
	}
}

func TestFreeTextIsFoundByItsSentences(t *testing.T) {
	j := NewJudge()
	for file, column := range map[string]string{"social_cases": "q2", "住院登记": "zd3"} {
		table, _ := labelled(t, "testdata/"+file+".csv")
		for i, s := range j.Suggest(table) {
			if table.Columns[i].Name == column && s.Class != FreeText {
				t.Errorf("%s.%s: got %+v", file, column, s)
			}
		}
	}
}
