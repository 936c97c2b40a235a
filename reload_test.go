package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// freeAddress is one that nobody listens on now.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t testing.TB, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// health is the body of /readyz.
type health struct {
	Ready    bool
	Refused  string `json:"newerVersionRefusedAt"`
	Snapshot struct{ Policy, Schema string }
}

func (g *gateway) health(t testing.TB) (h health) {
	t.Helper()
	if err := json.Unmarshal([]byte(get(t, g.url+"readyz")), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// edit replaces a text in a file of the configuration, as an editor that writes a new file and moves it.
func edit(t testing.TB, g *gateway, name, old, now string) {
	t.Helper()
	path := filepath.Join(g.dir, "config", name)
	text := readFile(t, path)
	if !strings.Contains(text, old) {
		t.Fatalf("%s does not hold %q", name, old)
	}
	writeFile(t, path+".edited", strings.Replace(text, old, now, 1))
	if err := os.Rename(path+".edited", path); err != nil {
		t.Fatal(err)
	}
}

const (
	refusedMetric = "concordat_newer_version_refused 1"
	goodMetric    = "concordat_newer_version_refused 0"
)

func TestEditedPolicyTakesEffect(t *testing.T) {
	g := start(t, demoDir(t))
	const document = `{ admissions(first: 1, orderBy: [{field: id}]) { nodes { diagnosis } } }`
	if a := g.ask(t, "partner", document, nil); a.code() != "FORBIDDEN" {
		t.Fatalf("before: %s", a.body)
	}
	before := g.health(t).Snapshot.Policy
	for _, hospital := range []string{"hospital_a", "hospital_b"} {
		edit(t, g, "policies/"+hospital+"/access.rego", `"Admission.diagnosis", "Admission.diagnosisCode"]`, `"Admission.diagnosisCode"]`)
		edit(t, g, "policies/"+hospital+"/access.rego", `"Admission.id", "Admission.admittedOn", "Admission.dischargedOn", "Admission.ward", "Admission.daysInHospital",`,
			`"Admission.id", "Admission.admittedOn", "Admission.dischargedOn", "Admission.ward", "Admission.daysInHospital", "Admission.diagnosis",`)
	}
	eventually(t, "the partner reads diagnoses", func() bool {
		a := g.ask(t, "partner", document, nil)
		return a.code() == "" && strings.Contains(string(a.Data), "bronchitis")
	})
	if after := g.health(t).Snapshot.Policy; after == before {
		t.Error("the policy's revision is as before")
	}
	edit(t, g, "agreements/norvale-aid-2025.yaml", "validUntil: 2035-01-01", "validUntil: 2025-01-02")
	eventually(t, "the edited agreement ends", func() bool { return g.ask(t, "partner", document, nil).code() == "AGREEMENT_INACTIVE" })
}

// A broken version of any file keeps the one in force, and says so; mending it clears that.
func TestBrokenEditKeepsTheOldVersionUntilMended(t *testing.T) {
	admin := freeAddress(t)
	g := start(t, demoDir(t), "--admin", admin)
	q := questionNamed(t, "09-notes-and-diagnoses")
	want := essence(g.ask(t, "partner", q.Document, nil))
	inForce := g.health(t).Snapshot
	for _, c := range []struct{ name, file, old, broken, logged string }{
		{"Rego that does not parse", "policies/registry/access.rego", "package concordat.access.registry", "package concordat.access.registry\nthis is (not", "access.rego"},
		{"a rule on another agency's coordinate", "policies/registry/access.rego", "# Audit: how many, never who.",
			"fields contains {\"coordinate\": \"Admission.note\", \"effect\": \"allow\", \"reason\": \"x\"} if care\n# Audit: how many, never who.", "Admission.note"},
		{"YAML that is none", "agreements/research-2025.yaml", "version:", "version: [", "research-2025.yaml"},
		{"an agreement with an unknown key", "agreements/research-2025.yaml", "contact:", "contract:", "contract"},
		{"a schema that does not compose", "agencies/hospital_a.graphqls", "type Admission", "type Admission @nowhere", "hospital_a.graphqls"},
		{"sources with an unknown kind", "sources.yaml", "kind: memory", "kind: memories", "sources.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			edit(t, g, c.file, c.old, c.broken)
			eventually(t, "readyz says that it is refused", func() bool { return g.health(t).Refused != "" })
			if h := g.health(t); !h.Ready || h.Snapshot != inForce {
				t.Errorf("not the version in force: %+v", h)
			}
			eventually(t, "the metric is 1", func() bool { return strings.Contains(get(t, "http://"+admin+"/metrics"), refusedMetric) })
			if got := essence(g.ask(t, "partner", q.Document, nil)); got != want {
				t.Errorf("another answer: %s", got)
			}
			if !strings.Contains(g.stderr.String(), c.logged) {
				t.Errorf("the log does not name %s", c.logged)
			}
			edit(t, g, c.file, c.broken, c.old)
			eventually(t, "readyz says so no more", func() bool { return g.health(t).Refused == "" })
			eventually(t, "the metric is 0", func() bool { return strings.Contains(get(t, "http://"+admin+"/metrics"), goodMetric) })
		})
	}
}

// New sources replace the old ones in the same step as the rest, and answers go on over the new ones.
func TestEditedSourcesTakeEffect(t *testing.T) {
	g := start(t, demoDir(t))
	const document = `{ fluWeeks { totalCount } }`
	want := essence(g.ask(t, "analyst", document, nil))
	copyFile(t, filepath.Join(g.dir, "publichealth.db"), filepath.Join(g.dir, "moved.db"))
	if err := os.Remove(filepath.Join(g.dir, "stations.csv")); err != nil { // only what is read again misses it
		t.Fatal(err)
	}
	edit(t, g, "sources.yaml", "file: publichealth.db", "file: moved.db")
	eventually(t, "sources that cannot be opened are refused", func() bool { return g.health(t).Refused != "" })
	if got := essence(g.ask(t, "analyst", document, nil)); got != want {
		t.Errorf("another answer: %s", got)
	}
	copyFile(t, filepath.Join(generatedDir(t), "stations.csv"), filepath.Join(g.dir, "stations.csv"))
	edit(t, g, "sources.yaml", "file: moved.db", "file: moved.db ")
	eventually(t, "the new sources are in force", func() bool { return g.health(t).Refused == "" })
	if got := essence(g.ask(t, "analyst", document, nil)); got != want {
		t.Errorf("another answer over the moved file: %s", got)
	}
}
