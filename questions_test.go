package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"concordat/demo"
)

// kept is how many rows of a list a golden answer shows; the others are in a digest.
const kept = 3

// shorten replaces the rows of a long list beyond the first by a digest of the whole list.
func shorten(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = shorten(v[name])
		}
	case []any:
		whole, err := json.Marshal(v)
		if err != nil {
			panic(err) // it was decoded from JSON
		}
		for i := range v {
			v[i] = shorten(v[i])
		}
		if len(v) > kept {
			sum := sha256.Sum256(whole)
			return append(slices.Clip(v[:kept]), fmt.Sprintf("%d rows, sha256 %s", len(v), hex.EncodeToString(sum[:8])))
		}
	}
	return v
}

// golden is what a golden file holds of an answer: everything but what changes from run to run.
func golden(t *testing.T, a answer) []byte {
	t.Helper()
	var body map[string]any
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{"status": a.status, "errors": body["errors"], "receipt": a.Extensions.Concordat.Receipt != nil,
		"obligations": a.Extensions.Concordat.Obligations}
	if data, ok := body["data"]; ok {
		out["data"] = shorten(data)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func personasAndNobody() []string { return append(demo.PersonaNames(), "nobody") }

// Each of the demo's questions, asked by each persona and without a token, has the answer that demo/README.md tells.
func TestEveryPersonaGetsWhatTheDemoTells(t *testing.T) {
	g := common(t)
	const folder = "testdata/answers"
	unseen := map[string]bool{}
	files, err := filepath.Glob(folder + "/*.json")
	if err != nil || len(files) == 0 && !*update {
		t.Fatal("no golden answers", err)
	}
	for _, f := range files {
		unseen[f] = true
	}
	for _, q := range demo.Questions() {
		for _, persona := range personasAndNobody() {
			file := fmt.Sprintf("%s/%s.%s.json", folder, q.Name, persona)
			delete(unseen, file)
			t.Run(q.Name+"/"+persona, func(t *testing.T) {
				checkGolden(t, file, golden(t, g.ask(t, persona, q.Document, q.Variables)))
			})
		}
	}
	for f := range unseen {
		t.Errorf("%s is of no question", f)
	}
}

func checkGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs\ngot:  %s\nwant: %s", file, got, want)
	}
}

// Whoever is let in gets a receipt, also for a refusal; who is not gets none.
func TestEveryAnswerToAnEstablishedSubjectHasAReceipt(t *testing.T) {
	g := common(t)
	for _, q := range demo.Questions() {
		for _, persona := range personasAndNobody() {
			a := g.ask(t, persona, q.Document, q.Variables)
			if r := a.Extensions.Concordat.Receipt; (r != nil) != (persona != "nobody") {
				t.Errorf("%s as %s: receipt %v", q.Name, persona, r)
			} else if r != nil && (r.Leaf == "" || len(a.Data) > 0 && (r.Digest == "" || r.Salt == "")) {
				t.Errorf("%s as %s: the receipt is not whole: %+v", q.Name, persona, r)
			}
		}
	}
}

// Every persona and question that the demo has is in its README, so that nothing is left unexplained.
func TestTheDemoTellsOfEveryQuestionAndPersona(t *testing.T) {
	readme := readFile(t, "demo/README.md")
	for _, q := range demo.Questions() {
		_, told, ok := strings.Cut(readme, "\n**"+q.Name+"**")
		if !ok {
			t.Errorf("question %s is not told", q.Name)
		}
		told, _, _ = strings.Cut(told, "\n**")
		for _, p := range demo.PersonaNames() {
			if !strings.Contains(told, "*"+p+"*") {
				t.Errorf("%s does not tell of %s", q.Name, p)
			}
		}
	}
	for _, p := range demo.PersonaNames() {
		if !strings.Contains(readme, "`"+p+"`") {
			t.Errorf("persona %s is not told", p)
		}
	}
}
