package agreement

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// catalog is what a test shares.
type catalog []string

func (c catalog) Known(dataset string) bool { return slices.Contains(c, dataset) }

func (c catalog) Meets(t Owed) error {
	if t.Method != "year" {
		return errors.New("cannot be done there")
	}
	return nil
}

const fullFile = goodFile + `justification: Fewer readmissions
recordDescription: Stays since 2020, about 4,000
notice: A leaflet at admission
verification: Two clerks
destruction: Shredded after a year
security: Encrypted at rest
redisclosure: Nobody
accuracy: Sampled yearly
renewedFrom: 2026-01-01
transforms:
  - {field: Patient.birthDate, method: year}
  - {type: Admission, method: round, args: {to: 10, modes: [a, b], up: true}}
  - {classification: SENSITIVE, method: year}
signatures:
  - {party: university, key: k1, signature: c2ln}
`

func TestWholeContentIsRead(t *testing.T) {
	a, _ := mustLoad(t, files("A-1.yaml", fullFile)).Get("A-1")
	if want := (Terms{"Fewer readmissions", "Stays since 2020, about 4,000", "A leaflet at admission", "Two clerks",
		"Shredded after a year", "Encrypted at rest", "Nobody", "Sampled yearly"}); a.Terms != want {
		t.Errorf("got %+v", a.Terms)
	}
	want := []any{
		map[string]any{"coordinate": "Patient.birthDate", "effect": "transform", "method": "year", "reason": "the agreement owes this transform"},
		map[string]any{"type": "Admission", "effect": "transform", "method": "round", "reason": "the agreement owes this transform",
			"args": map[string]any{"to": 10.0, "modes": []any{"a", "b"}, "up": true}},
		map[string]any{"classification": "SENSITIVE", "effect": "transform", "method": "year", "reason": "the agreement owes this transform"},
	}
	if got := a.data()["transforms"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if !a.RenewedFrom.Equal(date(2026, 1, 1)) {
		t.Errorf("renewed from %v", a.RenewedFrom)
	}
}

func TestUnsafeTransformsAndSignaturesAreRefused(t *testing.T) {
	for _, more := range []string{
		"transforms: year\n", "transforms: [year]\n", "transforms: [{method: year}]\n", "transforms: [{field: A.b}]\n",
		"transforms: [{field: A.b, type: A, method: year}]\n", "transforms: [{field: A.b, method: year, effect: allow}]\n",
		"transforms: [{field: A.b, method: year, method: none}]\n", "transforms: [{field: A.b, method: year, args: {to: 1.5}}]\n",
		"transforms: [{field: A.b, method: year, args: {to: {a: 1}}}]\n", "transforms: [{field: A.b, method: year, args: [1]}]\n",
		"signatures: [x]\n", "signatures: [{party: a, key: b}]\n", "signatures: [{party: a, key: b, signature: c, more: d}]\n",
		"renewedFrom: 2027-01-01\n", "renewedFrom: 2024-01-01\n",
	} {
		if _, err := Load(files("A-1.yaml", goodFile+more)); err == nil {
			t.Errorf("accepted %s", more)
		}
	}
	for _, version := range []string{"../3", "a/b", "'3 '", "a@b", strings.Repeat("1", 33) + "x"} {
		if _, err := Load(files("A-1.yaml", strings.Replace(goodFile, "version: 3", "version: "+version, 1))); err == nil {
			t.Errorf("accepted version %s", version)
		}
	}
}

func TestUnknownNamesAreMistakesWithTheirPlaces(t *testing.T) {
	set := mustLoad(t, files("A-1.yaml", fullFile))
	if found := set.Check(catalog{"Admission", "Patient.birthDate"}); len(found) != 1 || found[0].Line != 26 {
		t.Errorf("got %v", found)
	}
	found := set.Check(catalog{"Patient.birthDate"})
	want := "A-1.yaml:8: datasets[0]: names nothing that is shared here\nA-1.yaml:26: transforms[1]: cannot be done there"
	if found.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", found, want)
	}
}

func TestLongTermsAreWarnings(t *testing.T) {
	if found := mustLoad(t, files("A-1.yaml", goodFile)).Warnings(); len(found) != 0 { // 18 months to the day
		t.Errorf("got %v", found)
	}
	long := strings.Replace(goodFile, "2026-06-30", "2026-07-02", 1)
	if found := mustLoad(t, files("A-1.yaml", long)).Warnings(); len(found) != 1 || found[0].Path != "validFrom" {
		t.Errorf("got %v", found)
	}
	renewed := strings.Replace(goodFile, "2026-06-30", "2027-07-02", 1) + "renewedFrom: 2026-07-01\n"
	if found := mustLoad(t, files("A-1.yaml", renewed)).Warnings(); len(found) != 1 || found[0].Path != "validUntil" {
		t.Errorf("got %v", found)
	}
}

// change writes what was read and checks that the directory can be loaded.
func change(t *testing.T, f *Files, c *Change, err error) Agreement {
	t.Helper()
	if err == nil {
		err = f.Write(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	set, err := LoadDir(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := set.Get(c.Agreement.ID)
	if !ok {
		t.Fatal("not loaded")
	}
	return a
}

func TestEveryVersionIsKept(t *testing.T) {
	f := NewFiles(t.TempDir())
	signed := "# why\n" + fullFile
	c, err := f.Propose([]byte(signed))
	if a := change(t, f, c, err); a.Version != "3" {
		t.Errorf("got %+v", a)
	}
	amended := strings.Replace(signed, "version: 3", "version: 4", 1)
	c, err = f.Amend("A-1", []byte(amended))
	if a := change(t, f, c, err); a.Version != "4" || c.Before != "3" {
		t.Errorf("got %+v", a)
	}
	c, err = f.Renew("A-1", "5", date(2027, 1, 1))
	a := change(t, f, c, err)
	if a.Version != "5" || !a.ValidUntil.Equal(date(2027, 1, 1)) || !a.RenewedFrom.Equal(date(2026, 7, 1)) || a.Title != "Research on admissions" {
		t.Errorf("got %+v", a)
	}
	if strings.Contains(string(c.Text), "signature") || !strings.Contains(string(c.Text), "# why") {
		t.Errorf("renewed text:\n%s", c.Text)
	}
	for version, want := range map[string]string{"3": signed, "4": amended} {
		if got, err := os.ReadFile(filepath.Join(f.dir, "A-1@"+version+".yaml")); err != nil || string(got) != want {
			t.Errorf("version %s: %v\n%s", version, err, got)
		}
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}

func TestChangesThatAreNoneAreRefused(t *testing.T) {
	f := NewFiles(t.TempDir())
	if _, err := f.Amend("A-1", []byte(goodFile)); !errors.Is(err, ErrAbsent) {
		t.Errorf("absent: %v", err)
	}
	if _, err := f.Amend("../A-1", []byte(goodFile)); !errors.Is(err, ErrAbsent) {
		t.Errorf("outside: %v", err)
	}
	c, err := f.Propose([]byte(goodFile))
	change(t, f, c, err)
	if _, err := f.Propose([]byte(goodFile)); !errors.Is(err, ErrExists) {
		t.Errorf("twice: %v", err)
	}
	if _, err := f.Amend("A-1", []byte(goodFile)); !errors.Is(err, ErrVersion) {
		t.Errorf("same version: %v", err)
	}
	var mistakes Mistakes
	if _, err := f.Amend("A-1", []byte("id: A-1\n")); !errors.As(err, &mistakes) {
		t.Errorf("bad text: %v", err)
	}
	if _, err := f.Amend("A-1", []byte(strings.Replace(goodFile, "id: A-1", "id: A-2", 1))); !errors.As(err, &mistakes) {
		t.Errorf("another id: %v", err)
	}
	if _, err := f.Renew("A-1", "4", date(2026, 7, 1)); !errors.Is(err, ErrUntil) {
		t.Errorf("no later: %v", err)
	}
	amended, err := f.Amend("A-1", []byte(strings.Replace(goodFile, "version: 3", "version: 4", 1)))
	change(t, f, amended, err)
	if _, err := f.Amend("A-1", []byte(goodFile)); !errors.Is(err, ErrVersion) {
		t.Errorf("a version of before: %v", err)
	}
}

// Of two changes that were made of the same version one is written.
func TestAChangeOfWhatChangedSinceIsRefused(t *testing.T) {
	f := NewFiles(t.TempDir())
	c, err := f.Propose([]byte(goodFile))
	change(t, f, c, err)
	first, err1 := f.Renew("A-1", "4", date(2027, 1, 1))
	second, err2 := f.Renew("A-1", "5", date(2028, 1, 1).Add(time.Hour))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	change(t, f, first, nil)
	if err := f.Write(second); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v", err)
	}
	if a, _, err := f.current("A-1"); err != nil || a.Version != "4" {
		t.Errorf("in force: %+v, %v", a, err)
	}
}
