package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// visits is a first version of an agreement that the demo's officer is a party to.
const visits = `id: visits-2025
version: 1
title: Visits after a stay
parties: [norvale-aid, hospital_a]
legalBasis: Care coordination act, section 9 (invented)
purposes: [care-coordination]
datasets: [Admission]
transforms:
  - {field: Admission.note, method: redact}
validFrom: 2025-01-01
validUntil: 2035-01-01
contact: privacy@hospital-a.example
`

const (
	proposeVisits = `mutation($y: String!) { proposeAgreement(yaml: $y) { written id version mistakes { line path message } warnings { path } } }`
	renewVisits   = `mutation { renewAgreement(id: "visits-2025", version: "2", validUntil: "2035-12-30T00:00:00Z") { written before warnings { path } } }`
	readVersions  = `{ agreements { id version terms { destruction } transforms { on method } } }`
)

func wantWritten(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusOK || !bytes.Contains(a.Data, []byte(`"written":true`)) || a.Extensions.Concordat.Receipt == nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
}

// holds waits for a version to be in force.
func (g *gateway) holds(t *testing.T, persona, text string) {
	t.Helper()
	eventually(t, text+" in force", func() bool {
		return strings.Contains(string(g.ask(t, persona, readVersions, nil).Data), text)
	})
}

func TestProposedAndRenewedAgreementsComeIntoForceWithTheirEntries(t *testing.T) {
	g := start(t, demoDir(t))
	wantWritten(t, g.ask(t, "officer", proposeVisits, map[string]any{"y": visits}))
	g.holds(t, "officer", `{"id":"visits-2025","version":"1","terms":{"destruction":null},"transforms":[{"on":"Admission.note","method":"redact"}]}`)
	wantWritten(t, g.ask(t, "officer", renewVisits, nil))
	g.holds(t, "officer", `{"id":"visits-2025","version":"2"`)
	if kept := readFile(t, filepath.Join(g.dir, "config", "agreements", "visits-2025@1.yaml")); kept != visits {
		t.Errorf("the version before is not as it was:\n%s", kept)
	}
	g.stop(t)
	_, found := tool(t, "ledger", "search", "--dir", g.dir, "--agreement", "visits-2025", "--json")
	for _, version := range []string{"1", "2"} {
		if !strings.Contains(found, `"agreementVersion":"`+version+`"`) {
			t.Errorf("no entry of version %s:\n%.2000s", version, found)
		}
	}
}

func TestAWrongProposalIsNotWritten(t *testing.T) {
	g := common(t)
	wrong := strings.Replace(visits, "datasets: [Admission]", "datasets: [Admission, Admission.nothing]", 1)
	wrong = strings.Replace(wrong, "method: redact", "method: none-such", 1)
	a := g.ask(t, "officer", proposeVisits, map[string]any{"y": wrong})
	for _, part := range []string{`"written":false`, `"line":7,"path":"datasets[1]"`, `"line":9,"path":"transforms[0]"`} {
		if !bytes.Contains(a.Data, []byte(part)) {
			t.Errorf("no %s in %s", part, a.body)
		}
	}
	for _, persona := range []string{"partner", "analyst", "auditor", "developer", ""} {
		if a := g.ask(t, persona, proposeVisits, map[string]any{"y": visits}); bytes.Contains(a.body, []byte(`"written":true`)) || len(a.Errors) == 0 {
			t.Errorf("%q: %s", persona, a.body)
		}
	}
	if _, err := os.Stat(filepath.Join(g.dir, "config", "agreements", "visits-2025.yaml")); err == nil {
		t.Error("written all the same")
	}
}

func TestAnAgreementThatNamesNothingKeepsTheOldSnapshotAndNamesThePlace(t *testing.T) {
	g := start(t, demoDir(t))
	before := g.health(t).Snapshot.Policy
	edit(t, g, "agreements/norvale-aid-2025.yaml", "FluWeek", "FluWeek.nothing")
	eventually(t, "the refusal", func() bool { return g.health(t).Refused != "" })
	if now := g.health(t); now.Snapshot.Policy != before || !now.Ready {
		t.Errorf("got %+v", now)
	}
	problem := string(g.ask(t, "officer", `{ revision { problem } }`, nil).Data)
	if !strings.Contains(problem, "norvale-aid-2025.yaml:8: datasets[3]: names nothing that is shared here") {
		t.Errorf("got %s", problem)
	}
}

// The partner sees notes with their names hidden; once its agreement owes more, an agency that allows less is denied
// rather than obeyed.
func TestATransformOwedHoldsAgainstTheAgenciesRules(t *testing.T) {
	g := start(t, demoDir(t))
	const document = `{ admissions(first: 1) { nodes { ward note } } myAccess(type: "Admission") { agency until contact fields { coordinate effect method reason } } }`
	shown := func(what string) bool {
		return bytes.Contains(g.ask(t, "partner", document, nil).Data, []byte(what))
	}
	const denied = `{"coordinate":"Admission.ward","effect":"DENIED","method":null,"reason":"not shared under your agreement and purpose; ask the agreement's contact"}`
	const redacted = `{"coordinate":"Admission.ward","effect":"TRANSFORMED","method":"redact"`
	if shown(denied) || shown(redacted) {
		t.Fatal("the ward is transformed or denied already")
	}
	edit(t, g, "agreements/norvale-aid-2025.yaml", "transforms:\n", "transforms:\n  - {field: Admission.ward, method: redact}\n")
	eventually(t, "the transform", func() bool { return shown(redacted) })
	edit(t, g, "agreements/norvale-aid-2025.yaml", "transforms:\n", "transforms:\n  - {field: Admission.ward, method: pseudonym}\n")
	eventually(t, "two transforms that contradict each other", func() bool { return shown(denied) })
}

func TestOfficersAreToldWhichRulesSpoke(t *testing.T) {
	g := common(t)
	const document = `{ explain(subject: {id: "par-adeyemi", organisation: "norvale-aid", scopes: ["graph:read"], agreement: "norvale-aid-2025",
		purpose: "care-coordination"}, coordinate: "Admission.patientId") { agency effect method sentence rules { file line won } } }`
	a := g.ask(t, "officer", document, nil)
	if !bytes.Contains(a.Data, []byte(`"effect":"transform","method":"pseudonym"`)) || !bytes.Contains(a.Data, []byte("hospital_a/access.rego")) {
		t.Errorf("%s", a.body)
	}
	if a := g.ask(t, "partner", document, nil); a.code() != "FORBIDDEN" {
		t.Errorf("the partner: %s", a.body)
	}
}
