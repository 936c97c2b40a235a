package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"concordat/cli"
	"concordat/demo"
)

// proved saves an answer of the gateway and its proof, made over HTTP, and returns both files.
func proved(t *testing.T, g *gateway, a answer) (proof, saved string) {
	t.Helper()
	dir := t.TempDir()
	saved, proof = filepath.Join(dir, "answer.json"), filepath.Join(dir, "answer.proof")
	writeFile(t, saved, string(a.body))
	var out string
	eventually(t, "the checkpoint covers the receipt", func() bool {
		var code int
		code, out = tool(t, "ledger", "prove", saved, "--url", g.url, "--out", proof)
		return code == 0
	})
	if _, err := os.Stat(proof); err != nil {
		t.Fatal(err, out)
	}
	return proof, saved
}

// Every persona can prove what they were given, and a refusal, without the gateway.
func TestEachPersonaProvesWhatTheyWereGiven(t *testing.T) {
	g := start(t, demoDir(t))
	key := filepath.Join(t.TempDir(), "ledger.vkey")
	copyFile(t, filepath.Join(g.dir, "ledger.vkey"), key)
	q := questionNamed(t, "05-both-hospitals")
	type kept struct{ persona, proof, answer string }
	var all []kept
	for _, persona := range demo.PersonaNames() {
		proof, answer := proved(t, g, g.ask(t, persona, q.Document, nil))
		all = append(all, kept{persona, proof, answer})
	}
	g.stop(t) // from here on there is neither gateway nor network
	for i, k := range all {
		code, out := tool(t, "ledger", "verify", k.proof, k.answer, "--key", key)
		if subject := demo.Personas()[k.persona].Subject; code != 0 || !strings.Contains(out, subject) {
			t.Errorf("%s: exit %d\n%s", k.persona, code, out)
		}
		other := all[(i+1)%len(all)]
		if code, _ := tool(t, "ledger", "verify", k.proof, other.answer, "--key", key); code != 1 {
			t.Errorf("%s's proof of %s's answer: exit %d", k.persona, other.persona, code)
		}
	}
	_, foreign, err := note.GenerateKey(nil, "demo.concordat.example/gateway")
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := tool(t, "ledger", "verify", all[0].proof, all[0].answer, "--key", foreign); code != 1 {
		t.Errorf("another key of the same name: exit %d", code)
	}
}

// verifies asks the verb inside this process: altered files are many.
func verifies(args ...string) bool {
	return cli.Ledger(append([]string{"verify"}, args...), io.Discard, io.Discard) == 0
}

// No byte of a proof, and none of an answer's data or receipt, can be changed.
func TestAlteredProofOrAnswerIsRefused(t *testing.T) {
	g := common(t)
	key := filepath.Join(g.dir, "ledger.vkey")
	q := questionNamed(t, "14-one-stay")
	proof, answer := proved(t, g, g.ask(t, "analyst", q.Document, q.Variables))
	if !verifies(proof, answer, "--key", key) {
		t.Fatal("the proof itself does not verify")
	}
	altered := filepath.Join(t.TempDir(), "altered")
	text := []byte(readFile(t, proof))
	for i := range text {
		writeFile(t, altered, string(flipped(text, i)))
		if verifies(altered, answer, "--key", key) {
			t.Errorf("a proof with byte %d changed verifies: %q", i, around(text, i))
		}
	}
	for i := range text {
		if i%16 == 0 {
			writeFile(t, altered, string(text[:i]))
			if verifies(altered, answer, "--key", key) {
				t.Errorf("a proof of %d bytes verifies", i)
			}
		}
	}
	body := []byte(readFile(t, answer))
	for i := range bytes.Index(body, []byte(`"errors"`)) {
		writeFile(t, altered, string(flipped(body, i)))
		if verifies(proof, altered, "--key", key) && !sameJSON(body, flipped(body, i)) {
			t.Errorf("an answer with byte %d changed verifies: %q", i, around(body, i))
		}
	}
	for _, member := range []string{"origin", "index", "leaf", "digest", "salt"} {
		at := bytes.Index(body, []byte(`"`+member+`":`)) + len(member) + 4
		writeFile(t, altered, string(flipped(body, at)))
		if verifies(proof, altered, "--key", key) {
			t.Errorf("an answer with another %s verifies: %q", member, around(flipped(body, at), at))
		}
	}
}

func flipped(text []byte, i int) []byte {
	out := bytes.Clone(text)
	out[i] ^= 1
	return out
}

func around(text []byte, i int) []byte { return text[max(0, i-10):min(len(text), i+10)] }

// sameJSON reports whether two texts say the same, as where a letter of an escape changes case.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	one, err := json.Marshal(x)
	two, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(one, two)
}

// The log of a whole demo makes the root that the gateway signed.
func TestExportedLogMakesTheSignedRoot(t *testing.T) {
	g := start(t, demoDir(t))
	for _, persona := range demo.PersonaNames() {
		g.ask(t, persona, `{ districts { totalCount } }`, nil)
	}
	g.stop(t)
	code, out := tool(t, "ledger", "export", "--dir", g.dir)
	if code != 0 || strings.Count(out, "\n") != 1+len(demo.PersonaNames()) { // the activation, and an entry each
		t.Errorf("exit %d\n%s", code, out)
	}
}
