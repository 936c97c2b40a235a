package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concordat/policy/ledger"
	"concordat/state"
)

const ledgerTestData = `{"patients":[{"region":"é","n":1.5}]}`

// ledgerBench is a gateway's directory with a log in it, which runs or not.
type ledgerBench struct {
	dir   string
	store *state.Store
	log   *ledger.Ledger
	url   string
	asked *http.Request // the last request
}

func newLedgerBench(t *testing.T) *ledgerBench {
	t.Helper()
	b := &ledgerBench{dir: t.TempDir()}
	signer, verifier, err := ledger.LoadOrCreateKey(b.dir, "bench.example/ledger")
	if err != nil {
		t.Fatal(err)
	}
	if b.store, err = state.Open(state.Options{Dir: filepath.Join(b.dir, LedgerStateDir)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	b.log, err = ledger.Open(b.store, ledger.Options{Origin: "bench.example/ledger", Signer: signer, Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run serves the log over HTTP.
func (b *ledgerBench) run(t *testing.T) {
	h := b.log.Handler(func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer auditor" })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked = r
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.url = server.URL
}

func (b *ledgerBench) append(t *testing.T, e ledger.Entry, salt [32]byte) ledger.Receipt {
	t.Helper()
	if e.Kind == "" {
		e.Kind, e.Digest = ledger.Answer, ledger.Digest([]byte(`{"patients":[{"n":1.5,"region":"é"}]}`), salt)
	}
	r, err := b.log.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if r.Salt == "" {
		r.Salt = ledger.EncodeSalt(salt)
	}
	return r
}

func (b *ledgerBench) fill(t *testing.T, n int) {
	for i := range n {
		b.append(t, ledger.Entry{Subject: ledger.Subject{ID: fmt.Sprint("s", i%3)}}, [32]byte{})
	}
}

func (b *ledgerBench) file(name string) string { return filepath.Join(b.dir, name) }

func (b *ledgerBench) write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(b.file(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return b.file(name)
}

func (b *ledgerBench) answer(t *testing.T, r ledger.Receipt, data string) string {
	t.Helper()
	receipt, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b.write(t, "answer.json", fmt.Sprintf(`{"data": %s, "extensions": {"concordat": {"receipt": %s}}}`, data, receipt))
}

func ledgerRun(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Ledger(args, &out, &errs)
	return code, out.String(), errs.String()
}

func wantLedger(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := ledgerRun(args...)
	if code != want {
		t.Fatalf("ledger %v: exit %d, want %d\n%s%s", args, code, want, stdout, stderr)
	}
	return stdout, stderr
}

func TestProveBesideARunningGatewayThenVerifyOffline(t *testing.T) {
	b := newLedgerBench(t)
	b.fill(t, 300)
	salt := [32]byte{9}
	receipt := b.append(t, ledger.Entry{}, salt)
	b.fill(t, 3)
	b.run(t)
	answer := b.answer(t, receipt, ledgerTestData)
	proof, vkey := b.file("p.tlog-proof"), b.file(ledger.PublicKeyFile)
	wantLedger(t, 0, "prove", answer, "--url", b.url+"/", "--out", proof, "--key", vkey)
	stdout, _ := wantLedger(t, 0, "verify", proof, answer, "--key", vkey)
	if !strings.Contains(stdout, "verified: entry 300 of bench.example/ledger") || !strings.Contains(stdout, "matches") {
		t.Error(stdout)
	}
	key, err := os.ReadFile(vkey)
	if err != nil {
		t.Fatal(err)
	}
	stdout, _ = wantLedger(t, 0, "verify", "--json", "--key", string(key), proof)
	var verdict ledgerVerdict
	if err := json.Unmarshal([]byte(stdout), &verdict); err != nil || !verdict.Verified || verdict.Receipt.Leaf != receipt.Leaf {
		t.Errorf("%s, %v", stdout, err)
	}
	receiptAlone, err := json.Marshal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := wantLedger(t, 0, "prove", b.write(t, "receipt.json", string(receiptAlone)), "--url", b.url)
	if written, err := os.ReadFile(proof); err != nil || string(written) != again {
		t.Errorf("a receipt alone gives another proof: %v", err)
	}
}

func TestVerifyRefusesWhatWasNotAnswered(t *testing.T) {
	b := newLedgerBench(t)
	b.fill(t, 2)
	receipt := b.append(t, ledger.Entry{}, [32]byte{9})
	other := b.append(t, ledger.Entry{}, [32]byte{9})
	b.run(t)
	answer := b.answer(t, receipt, ledgerTestData)
	proof, vkey := b.file("p"), b.file(ledger.PublicKeyFile)
	wantLedger(t, 0, "prove", answer, "--url", b.url, "--out", proof)
	noDigest := receipt
	noDigest.Digest, noDigest.Salt = "", ""
	raw, err := json.Marshal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	signed := fmt.Sprintf(`%s,"extensions":{"concordat":{"receipt":%s}}}`, ledgerTestData, raw)
	for name, file := range map[string]func() string{
		"other data":     func() string { return b.answer(t, receipt, `{"patients":[{"region":"é","n":2}]}`) },
		"no data":        func() string { return b.answer(t, receipt, "null") },
		"repeated data":  func() string { return b.write(t, "x.json", `{"data":{"forged":1},"data":`+signed) },
		"two spellings":  func() string { return b.write(t, "x.json", `{"data":{"forged":1},"DATA":`+signed) },
		"other receipt":  func() string { return b.answer(t, other, ledgerTestData) },
		"digest removed": func() string { return b.answer(t, noDigest, ledgerTestData) },
		"no receipt":     func() string { return b.write(t, "x.json", `{"data":{}}`) },
		"not JSON":       func() string { return b.write(t, "x.json", `{`) },
		"missing file":   func() string { return b.file("absent") },
	} {
		file := file()
		if code, stdout, _ := ledgerRun("verify", proof, file, "--key", vkey); code != 1 {
			t.Errorf("%s: exit %d\n%s", name, code, stdout)
		}
		code, stdout, _ := ledgerRun("verify", proof, file, "--key", vkey, "--json")
		if code != 1 || !strings.Contains(stdout, `"verified":false`) {
			t.Errorf("%s: exit %d\n%s", name, code, stdout)
		}
	}
}

func TestVerifyRefusesAnAlteredProofAndAnotherKey(t *testing.T) {
	b, other := newLedgerBench(t), newLedgerBench(t)
	b.fill(t, 2)
	b.run(t)
	proof := b.file("p")
	wantLedger(t, 0, "prove", b.answer(t, b.append(t, ledger.Entry{}, [32]byte{9}), ledgerTestData), "--url", b.url, "--out", proof)
	wantLedger(t, 1, "verify", proof, "--key", other.file(ledger.PublicKeyFile))
	raw, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	altered := b.write(t, "altered", strings.Replace(string(raw), "index 2", "index 1", 1))
	wantLedger(t, 1, "verify", altered, "--key", b.file(ledger.PublicKeyFile))
}

func TestRefusalIsProvedByItsOwnReceipt(t *testing.T) {
	b := newLedgerBench(t)
	receipt := b.append(t, ledger.Entry{Kind: ledger.Refusal, Code: "FORBIDDEN"}, [32]byte{})
	b.run(t)
	raw, err := json.Marshal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	answer := b.write(t, "refused.json", fmt.Sprintf(`{"errors":[],"extensions":{"concordat":{"receipt":%s}}}`, raw))
	wantLedger(t, 0, "prove", answer, "--url", b.url, "--out", b.file("p"))
	stdout, _ := wantLedger(t, 0, "verify", b.file("p"), answer, "--key", b.file(ledger.PublicKeyFile))
	if !strings.Contains(stdout, "FORBIDDEN") {
		t.Error(stdout)
	}
}

func TestProveRefusesAReceiptTheLogDoesNotStandBy(t *testing.T) {
	b := newLedgerBench(t)
	receipt := b.append(t, ledger.Entry{}, [32]byte{9})
	b.run(t)
	forged := receipt
	forged.Leaf = ledger.Digest(nil, [32]byte{})
	unknown := receipt
	unknown.Digest = forged.Leaf
	bare := receipt
	bare.Digest = ""
	for name, r := range map[string]ledger.Receipt{"forged leaf": forged, "unknown digest": unknown, "no digest, no token": bare} {
		if code, _, stderr := ledgerRun("prove", b.answer(t, r, "null"), "--url", b.url); code != 1 || stderr == "" {
			t.Errorf("%s: exit %d %s", name, code, stderr)
		}
	}
	wantLedger(t, 0, "prove", b.answer(t, bare, "null"), "--url", b.url, "--token", "auditor")
}

func TestProveInADirectoryAtRest(t *testing.T) {
	b := newLedgerBench(t)
	b.fill(t, 5)
	answer := b.answer(t, b.append(t, ledger.Entry{}, [32]byte{9}), ledgerTestData)
	_, stderr := wantLedger(t, 1, "prove", answer, "--dir", b.dir)
	if !strings.Contains(stderr, "--url") {
		t.Errorf("a running gateway's directory: %s", stderr)
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	wantLedger(t, 0, "prove", answer, "--dir", b.dir, "--out", b.file("p"))
	wantLedger(t, 0, "verify", b.file("p"), answer, "--key", b.file(ledger.PublicKeyFile))
	stdout, _ := wantLedger(t, 0, "checkpoint", "--dir", b.dir)
	if !strings.HasPrefix(stdout, "bench.example/ledger\n6\n") {
		t.Error(stdout)
	}
	empty := t.TempDir()
	wantLedger(t, 1, "checkpoint", "--dir", empty)
	if left, err := os.ReadDir(empty); err != nil || len(left) != 0 {
		t.Errorf("reading an empty directory left %v", left)
	}
}

func TestExportAndSearchAgreeWithTheLog(t *testing.T) {
	b := newLedgerBench(t)
	b.fill(t, 300)
	b.append(t, ledger.Entry{Kind: ledger.Refusal, Code: "FORBIDDEN", Subject: ledger.Subject{ID: "odd\x1b[2J"}}, [32]byte{})
	b.run(t)
	where := []string{"--url", b.url, "--token", "auditor", "--key", b.file(ledger.PublicKeyFile)}
	for _, verb := range []string{"export", "search"} {
		if _, stderr := wantLedger(t, 1, verb, "--url", b.url); !strings.Contains(stderr, "auditor") {
			t.Errorf("%s without token: %s", verb, stderr)
		}
	}
	wantLedger(t, 0, append([]string{"export", "--out", b.file("all.jsonl")}, where...)...)
	all, err := os.ReadFile(b.file("all.jsonl"))
	if err != nil || bytes.Count(all, []byte("\n")) != 301 {
		t.Errorf("export has %d lines, %v", bytes.Count(all, []byte("\n")), err)
	}
	stdout, _ := wantLedger(t, 0, append([]string{"search", "--subject", "s1", "--limit", "2", "--json"}, where...)...)
	if lines := strings.Split(stdout, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], `{"index":298,`) {
		t.Error(stdout)
	}
	stdout, _ = wantLedger(t, 0, append([]string{"search", "--code", "FORBIDDEN"}, where...)...)
	if !strings.Contains(stdout, "FORBIDDEN") || strings.Contains(stdout, "\x1b") {
		t.Errorf("%q", stdout)
	}
}

func TestExportOfTamperedEntriesWritesNoFile(t *testing.T) {
	b := newLedgerBench(t)
	b.fill(t, 5)
	forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		b.log.Handler(func(*http.Request) bool { return true }).ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if strings.Contains(r.URL.Path, "entries") {
			body = bytes.Replace(body, []byte(`"s1"`), []byte(`"s2"`), 1)
		}
		w.WriteHeader(rec.Code)
		w.Write(body)
	}))
	defer forge.Close()
	_, stderr := wantLedger(t, 1, "export", "--url", forge.URL, "--out", b.file("all.jsonl"))
	if !strings.Contains(stderr, "root") {
		t.Error(stderr)
	}
	for _, name := range []string{"all.jsonl", "all.jsonl.partial"} {
		if _, err := os.Stat(b.file(name)); err == nil {
			t.Errorf("%s was left", name)
		}
	}
}

func TestTokenIsNotSentWhereItIsNotNeededNorRedirected(t *testing.T) {
	b := newLedgerBench(t)
	answer := b.answer(t, b.append(t, ledger.Entry{}, [32]byte{9}), ledgerTestData)
	b.run(t)
	wantLedger(t, 0, "prove", answer, "--url", b.url, "--token", "auditor")
	if b.asked.Header.Get("Authorization") != "" {
		t.Error("prove sent a token that a receipt with digest makes needless")
	}
	redirect := httptest.NewServer(http.RedirectHandler(b.url+ledger.CheckpointPath, http.StatusFound))
	defer redirect.Close()
	wantLedger(t, 1, "checkpoint", "--url", redirect.URL)
}

func TestWrongUseOfLedgerExitsTwo(t *testing.T) {
	for _, args := range [][]string{
		{}, {"nonsense"}, {"prove"}, {"prove", "a", "b"}, {"verify", "p"}, {"verify", "--key"}, {"checkpoint", "--nonsense"},
		{"checkpoint", "--url", "ftp://x"}, {"checkpoint", "--url", "http://x", "--dir", "y"},
		{"search", "--since", "yesterday"}, {"search", "--limit", "0"},
	} {
		if _, stderr := wantLedger(t, 2, args...); !strings.Contains(stderr, "usage:") {
			t.Errorf("%v: %s", args, stderr)
		}
	}
	for _, args := range [][]string{{"help"}, {"--help"}, {"prove", "--help"}} {
		if stdout, _ := wantLedger(t, 0, args...); !strings.Contains(stdout, "usage:") {
			t.Errorf("%v: %s", args, stdout)
		}
	}
}

func TestStreamedRootIsTheLogsRoot(t *testing.T) {
	b := newLedgerBench(t)
	var tree treeRoot
	for range 70 {
		b.fill(t, 1)
		records, err := b.log.Entries(t.Context(), tree.size, 1)
		if err != nil {
			t.Fatal(err)
		}
		tree.add(records[0].Leaf)
		checkpoint, err := b.log.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if head, err := ledger.ReadHead(checkpoint); err != nil || head.Root != tree.root() {
			t.Fatalf("size %d: roots differ, %v", tree.size, err)
		}
	}
}
