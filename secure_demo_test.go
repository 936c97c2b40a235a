package main

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concordat/demo"
)

// TestAnalystOpensTheDemosSecureQuestion does what demo/README.md says: a key, its upload, the question, and opening it;
// and once more after the demo was ended and started on the same directory.
func TestAnalystOpensTheDemosSecureQuestion(t *testing.T) {
	dir := demoDir(t)
	key := filepath.Join(dir, "analyst.key")
	code, out := tool(t, "secagg", "keygen", "--out", key)
	thumb := strings.TrimSpace(out)
	if code != 0 || len(thumb) != 43 {
		t.Fatal(code, out)
	}
	g := start(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "agents", "members.json")); err == nil {
		t.Error("the agents were started before anybody needed them")
	}
	for range 2 {
		g.openSecureQuestion(t, key, thumb)
		g.stop(t)
		g = start(t, dir)
	}
	for _, persona := range []string{"partner", "developer", "auditor"} {
		if a := g.ask(t, persona, secureQuestion(t), map[string]string{"key": thumb}); a.code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%s learns of what is shared for research: %s", persona, a.body)
		}
	}
}

func secureQuestion(t *testing.T) string {
	t.Helper()
	for _, q := range demo.Questions() {
		if q.Name == "23-clinic-stays" {
			return q.Document
		}
	}
	t.Fatal("the question is gone")
	return ""
}

func (g *gateway) openSecureQuestion(t *testing.T, key, thumb string) {
	t.Helper()
	code, token := tool(t, "token", "mint", "--persona", "analyst", "--dir", g.dir, "--secagg-key", thumb)
	if token = strings.TrimSpace(token); code != 0 {
		t.Fatal(token)
	}
	public, err := os.Open(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	defer public.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, g.url+"secagg/keys/"+thumb, public)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := g.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatal("upload:", response.StatusCode)
	}
	a, err := send(t.Context(), g.client, g.url, token, operation(secureQuestion(t), map[string]string{"key": thumb}))
	if err != nil || a.code() != "" {
		t.Fatalf("%v %.500s\n%s", err, a.body, g.stderr)
	}
	answer := filepath.Join(g.dir, "answer.json")
	writeFile(t, answer, string(a.body))
	one, err := send(t.Context(), g.client, g.url, token, operation(`query ($key: String!) { clinicStaysSecureAggregate(key: $key,
		where: {patient: {ne: "somebody"}}, measures: [{fn: COUNT}]) { session } }`, map[string]string{"key": thumb}))
	if err != nil || one.code() != "SECAGG_TOO_FEW" {
		t.Errorf("the regions' own rules let a person be singled out: %v %s", err, one.body)
	}
	code, out := tool(t, "secagg", "open", answer, "--key", key, "--members", filepath.Join(g.dir, "agents", "members.json"), "--json")
	_, out, _ = strings.Cut(out, "\n") // the question, on standard error
	var results []opened
	mustDecode(t, []byte(out), &results)
	stays, cents := plainStays(t, g.dir)
	for i, ward := range []string{"intensive", "medicine", "surgery"} {
		exact := fmt.Sprintf("%d.%02d", cents[ward]/100, cents[ward]%100)
		if n := results[0].Groups[i].Count; code != 0 || n == nil || *n != stays[ward] || results[1].Groups[i].Exact != exact {
			t.Errorf("%s: %s, want %d and %s", ward, out, stays[ward], exact)
		}
	}
}

// plainStays adds up over the agents' own files what the question asks.
func plainStays(t *testing.T, dir string) (stays, cents map[string]int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "agents", "*", "stays.csv"))
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	stays, cents = map[string]int64{}, map[string]int64{}
	for _, file := range files {
		rows, err := csv.NewReader(strings.NewReader(readFile(t, file))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] { // id,patient,sex,age,ward,smoker,days,cost,died
			var whole, part int64
			if _, err := fmt.Sscanf(row[7], "%d.%02d", &whole, &part); err != nil {
				t.Fatal(err)
			}
			if row[4] != "intensive" {
				stays[row[4]]++
				cents[row[4]] += whole*100 + part
			}
		}
	}
	return stays, cents
}
