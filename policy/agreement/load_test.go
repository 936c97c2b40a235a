package agreement

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const goodFile = `id: A-1
version: 3
title: Research on admissions
parties: [north-hospital, university]
legalBasis: "GDPR Art. 9(2)(j)"
purposes: [research, audit]
scopes: [read:health]
datasets: [Admission, Patient.birthDate]
regions: [north, "02"]
districts: []
validFrom: 2025-01-01
validUntil: 2026-06-30
contact: privacy@north.example
retention: P1Y
`

func files(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func mustLoad(t testing.TB, fsys fstest.MapFS) *Set {
	t.Helper()
	set, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAgreementIsReadWhole(t *testing.T) {
	set := mustLoad(t, files("A-1.yaml", goodFile, "notes.txt", "ignored"))
	got, ok := set.Get("A-1")
	want := Agreement{
		ID: "A-1", Version: "3", Title: "Research on admissions", Parties: []string{"north-hospital", "university"},
		LegalBasis: "GDPR Art. 9(2)(j)", Purposes: []string{"research", "audit"}, Scopes: []string{"read:health"},
		Datasets: []string{"Admission", "Patient.birthDate"}, Regions: []string{"north", "02"}, Districts: []string{},
		ValidFrom: date(2025, 1, 1), ValidUntil: date(2026, 7, 1), Contact: "privacy@north.example", Retention: "P1Y",
	}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if ids := set.IDs(); !reflect.DeepEqual(ids, []string{"A-1"}) {
		t.Errorf("got %v", ids)
	}
}

func TestDataIsPlainJSONWithEveryKey(t *testing.T) {
	bare := `{id: B, version: "1", title: t, parties: [p], legalBasis: l, purposes: [x],
  validFrom: 2025-01-01T08:00:00+02:00, validUntil: 2025-01-02T00:00:00Z}`
	data := mustLoad(t, files("A-1.yaml", goodFile, "B.yaml", bare)).Data()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var round map[string]any
	if err := json.Unmarshal(text, &round); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(data, round) {
		t.Errorf("not plain JSON: %v", data)
	}
	b := data["B"].(map[string]any)
	for key := range keys {
		if worded(key) {
			continue
		}
		if _, ok := b[key]; !ok {
			t.Errorf("no key %q", key)
		}
	}
	if b["validFrom"] != "2025-01-01T06:00:00Z" || len(b["regions"].([]any)) != 0 {
		t.Errorf("got %v", b)
	}
}

// What a caller does to Data must not reach policy's next reading of it.
func TestDataIsACopy(t *testing.T) {
	set := mustLoad(t, files("A-1.yaml", goodFile))
	set.Data()["A-1"].(map[string]any)["regions"].([]any)[0] = "everywhere"
	if got := set.Data()["A-1"].(map[string]any)["regions"].([]any)[0]; got != "north" {
		t.Errorf("got %v", got)
	}
}

func TestMistakesAreListedWithTheirPlaces(t *testing.T) {
	broken := `id: A-1
version: 1
title: ""
parties: [a, a, 7]
purposes: research
regoins: [north]
datasets: ["a b", Ok.field, "Ok.field.more"]
validFrom: 2025-13-01
validUntil: tomorrow
retention: [x]
title: again
`
	_, err := Load(files("A-1.yaml", broken))
	want := []string{
		`A-1.yaml:1: legalBasis: is required`,
		`A-1.yaml:3: title: must not be empty, nor begin or end with a space`,
		`A-1.yaml:4: parties[1]: is listed twice`,
		`A-1.yaml:4: parties[2]: must be text; put it in quotes if it is`,
		`A-1.yaml:5: purposes: must be a list of texts`,
		`A-1.yaml:6: regoins: unknown key`,
		`A-1.yaml:7: datasets[0]: must be Type or Type.field`,
		`A-1.yaml:7: datasets[2]: must be Type or Type.field`,
		`A-1.yaml:8: validFrom: must be a date or an RFC 3339 time`,
		`A-1.yaml:9: validUntil: must be a date or an RFC 3339 time`,
		`A-1.yaml:10: retention: must be a plain value`,
		`A-1.yaml:11: title: is given twice`,
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got:\n%v\nwant:\n%s", err, strings.Join(want, "\n"))
	}
}

func TestMistakesOfAllFilesAreListed(t *testing.T) {
	_, err := Load(files("A.yaml", "x: 1", "B.yaml", "", "C.yaml", "a: [", "A-1.yaml", goodFile))
	var mistakes Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("got %v", err)
	}
	found := map[string]bool{}
	for _, m := range mistakes {
		found[m.File] = true
	}
	if len(found) != 3 || found["A-1.yaml"] {
		t.Errorf("got %v", found)
	}
}

func TestUnsafeFilesAreRefused(t *testing.T) {
	replace := func(old, new string) string { return strings.Replace(goodFile, old, new, 1) }
	for name, text := range map[string]string{
		"id of another file":     replace("id: A-1", "id: A-2"),
		"id with a slash":        replace("id: A-1", "id: ../A-1"),
		"id a number":            replace("id: A-1", "id: 1"),
		"ends before it begins":  replace("2026-06-30", "2024-12-31"),
		"two documents":          goodFile + "---\n" + goodFile,
		"a list":                 "- a\n",
		"a scalar":               "text",
		"null":                   "null\n",
		"alias":                  replace("parties: [north-hospital, university]", "parties: &p [a]") + "x: *p\n",
		"anchor":                 replace("title: Research", "title: &t Research"),
		"merge key":              goodFile + "<<: {contact: x}\n",
		"no purpose":             replace("purposes: [research, audit]", "purposes: []"),
		"null purposes":          replace("purposes: [research, audit]", "purposes:"),
		"boolean in a list":      replace("[research, audit]", "[research, true]"),
		"unquoted code":          replace(`"02"`, "02"),
		"nested list":            replace("[research, audit]", "[[research]]"),
		"title tagged as binary": replace("title: Research on admissions", "title: !!binary YQ=="),
		"too long":               goodFile + "#" + strings.Repeat("x", maxFileBytes),
		"invalid UTF-8":          replace("Research", "\xff"),
		"tab indentation":        replace("purposes: [research, audit]", "purposes:\n\t- research"),
	} {
		if _, err := Load(files("A-1.yaml", text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Load(files("A-1.yml", goodFile)); err == nil {
		t.Error("a file named .yml would be a second file of the same agreement: accepted")
	}
}

func TestDirectoryOnDiskNamesItsFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "A-1.yaml")
	if err := os.WriteFile(path, []byte("id: A-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDir(dir); err == nil || !strings.HasPrefix(err.Error(), path+":1: ") {
		t.Errorf("got %v", err)
	}
	if _, err := LoadDir(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent directory: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(goodFile))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? [x]\n: y"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, _, mistakes := parse("A-1.yaml", text)
		if len(mistakes) > 0 {
			return
		}
		if a.ID != "A-1" || len(a.Purposes) == 0 || len(a.Parties) == 0 || !a.ValidUntil.After(a.ValidFrom) {
			t.Fatalf("accepted %+v from %q", a, text)
		}
	})
}

// worded reports whether a key is for people alone: rules do not read it.
func worded(key string) bool {
	switch key {
	case "renewedFrom", "justification", "recordDescription", "notice", "verification", "destruction", "security",
		"redisclosure", "accuracy", "signatures":
		return true
	}
	return false
}
