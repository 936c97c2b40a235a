package main

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"concordat/demo"
)

// plant puts markers where values are that somebody may not see. A text marker is MKzFIELDzWHOSE: whose region for a
// resident, whose hospital for a stay.
func plant(t *testing.T, dir string) {
	t.Helper()
	const region = `(SELECT region FROM districts d WHERE d.id = district_id)`
	execute(t, filepath.Join(dir, "registry.db"), `UPDATE residents SET name = 'MKzNAMEz' || `+region+`, address = 'MKzADDRESSz' || `+region+`,
		occupation = 'MKzOCCUPATIONz' || `+region+`, income_class = 'MKzINCOMEz' || `+region+`,
		birth_date = '1913-03-17', phone = '154-8642-7531', postcode = '998877'`)
	for hospital, cost := range map[string]string{"hospital_a": "918273641", "hospital_b": "918273642"} {
		execute(t, filepath.Join(dir, hospital+".db"), `UPDATE admissions SET note = 'MKzNOTEz`+hospital+`', diagnosis = 'MKzDIAGNOSISz`+hospital+`',
			diagnosis_code = 'MKzCODEz`+hospital+`', cost_cents = `+cost+`, ward = 'MKzWARDz' || region`,
			`UPDATE conditions SET description = 'MKzCONDITIONz`+hospital+`', code = 'MKzCONDITIONCODEz`+hospital+`', onset = '2019-02-19'`)
	}
}

func execute(t *testing.T, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
}

// planted finds markers: texts, whole dates, numbers and identifiers that leave only where an agency lets them. No name
// of a marker has less than four letters: digests and salts in base64 look like a shorter one once in fifty runs, and
// like these once in a thousand.
var planted = regexp.MustCompile(`MKz[A-Z]{4,}z\w+|1913-03-17|2019-02-19|154-8642-7531|998877|91827364[12]|\b99\d{15}[\dX]\b`)

func markersIn(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range planted.FindAllString(text, -1) {
		if strings.HasPrefix(m, "99") && len(m) == 18 {
			m = "a national identifier"
		}
		out[m] = true
	}
	return out
}

func each(format string, whose ...string) []string {
	var out []string
	for _, w := range whose {
		out = append(out, fmt.Sprintf(format, w))
	}
	return out
}

// allowed is every marker that a persona gets to see, by the agencies' policies: neither more nor less.
func allowed(persona string) []string {
	regions := []string{"Norvale", "Eastmere", "Sudholm", "Westfen"}
	hospitals := []string{"hospital_a", "hospital_b"}
	switch persona {
	case "analyst":
		return slices.Concat(each("MKzOCCUPATIONz%s", regions...), each("MKzINCOMEz%s", regions...), each("MKzWARDz%s", regions...),
			each("MKzDIAGNOSISz%s", hospitals...), each("MKzCODEz%s", hospitals...), each("MKzCONDITIONz%s", hospitals...),
			each("MKzCONDITIONCODEz%s", hospitals...), []string{"918273641", "918273642"})
	case "developer":
		return []string{"MKzWARDzWestfen"}
	case "officer":
		return slices.Concat(each("MKzWARDz%s", regions...), each("MKz%szhospital_a", "NOTE", "DIAGNOSIS", "CODE", "CONDITION", "CONDITIONCODE"),
			[]string{"918273641", "2019-02-19", "a national identifier"})
	case "partner":
		return []string{"MKzNAMEzNorvale", "MKzNOTEzhospital_a", "MKzWARDzNorvale"} // a note without its names, and the marker names nobody
	case "auditor":
		return each("MKzWARDz%s", regions...) // as the key of a group
	}
	return nil
}

// Everything that a persona's own schema lets them ask is asked; every answer, refusal, log line, metric and entry of
// the ledger is searched for what they must not see.
func TestMarkersLeaveOnlyWhereAnAgencyLetsThem(t *testing.T) {
	dir := demoDir(t)
	plant(t, dir)
	admin := freeAddress(t)
	g := start(t, dir, "--verbose", "--admin", admin)
	for _, persona := range demo.PersonaNames() {
		seen := map[string]bool{}
		documents := everything(t, g, persona)
		for _, document := range documents {
			a := g.ask(t, persona, document, nil)
			if a.status >= 500 {
				t.Errorf("%s: %d for %s", persona, a.status, document)
			}
			maps.Copy(seen, markersIn(string(a.body)+fmt.Sprint(a.header)))
		}
		got, want := slices.Sorted(maps.Keys(seen)), slices.Sorted(slices.Values(allowed(persona)))
		if !slices.Equal(got, want) {
			t.Errorf("%s, over %d questions, sees\n%v\nwant\n%v", persona, len(documents), got, want)
		}
	}
	metrics := get(t, "http://"+admin+"/metrics")
	g.stop(t)
	_, ledger := tool(t, "ledger", "export", "--dir", dir)
	for name, text := range map[string]string{"log": g.stderr.String(), "metrics": metrics, "ledger": ledger} {
		if found := markersIn(text); len(found) > 0 || len(text) < 100 {
			t.Errorf("the %s holds %v", name, found)
		}
	}
}

// A source that answers what it should not is refused without its values: neither the answer nor the log repeats them.
func TestInvalidCellsAreNotRepeated(t *testing.T) {
	dir := demoDir(t)
	execute(t, filepath.Join(dir, "publichealth.db"), `UPDATE flu_weeks SET week = 'MKzWEEKzbad', ili_cases = 'MKzCASESzbad'`)
	execute(t, filepath.Join(dir, "hospital_a.db"), `UPDATE admissions SET note = CAST(x'4d4b7a4e4f54457a626164ff' AS TEXT)`)
	g := start(t, dir, "--verbose")
	for _, field := range []string{"week", "iliCases"} {
		if a := g.ask(t, "analyst", "{ fluWeeks(first: 2) { nodes { "+field+" } } }", nil); a.code() != "SOURCE_INVALID" || len(markersIn(string(a.body))) > 0 {
			t.Errorf("%s: %d %s", field, a.status, a.body)
		}
	}
	if a := g.ask(t, "officer", "{ admissions(first: 2) { nodes { id note } } }", nil); a.code() != "SOURCE_INVALID" || len(markersIn(string(a.body))) > 0 {
		t.Errorf("invalid UTF-8: %d %s", a.status, a.body)
	}
	g.stop(t)
	_, ledger := tool(t, "ledger", "export", "--dir", dir)
	if found := markersIn(g.stderr.String() + ledger); len(found) > 0 {
		t.Errorf("log or ledger hold %v:\n%s", found, g.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
}
