package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestSumsOverAgentsAreOpenedByTheCallerAlone is the whole of secure aggregation as its users have it: a gateway that was
// started with `serve`, agents that were invited and enrolled, an issuer that exchanges tokens, a caller with curl and
// `secagg open`. Its parts follow one another over the same processes.
func TestSumsOverAgentsAreOpenedByTheCallerAlone(t *testing.T) {
	w := newTaker(t)
	t.Run("a key that was not uploaded", func(t *testing.T) {
		w.thumb = strings.Repeat("A", 43)
		if a := w.put("plain", `measures: [{fn: COUNT}]`); a.status != http.StatusBadRequest || a.code() != "BAD_USER_INPUT" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	w.keygen()
	t.Run("the sum is the plaintext's", func(t *testing.T) { w.equalsThePlaintext(t, takers()) })
	t.Run("what cannot be asked", w.refuses)
	t.Run("plain questions", w.answersPlainly)
	t.Run("keys", w.keysAreBound)
	t.Run("noise and budget", w.spends)
	t.Run("markers", w.keepsMarkersOut)
	t.Run("an agency that is gone", func(t *testing.T) {
		w.kill("east")
		w.equalsThePlaintext(t, []string{"north", "south", "west"})
		w.kill("west")
		eventually(t, "the gateway sees it", func() bool { return w.put("plain", `measures: [{fn: COUNT}]`).code() == "SECAGG_TOO_FEW" })
	})
	t.Run("it comes back, with its own ledger", func(t *testing.T) {
		before := strings.Count(w.stderr.String(), `"agent linked"`)
		w.launch("west")
		w.linked(before + 1)
		w.equalsThePlaintext(t, []string{"north", "south", "west"})
		w.kill("west")
		entries := verb(t, w.dir, "agent", "--config", "agents/west/agent.yaml", "--entries")
		if !strings.Contains(entries, `"stage":"released"`) || !strings.Contains(entries, `"subject":"ana"`) || strings.Contains(entries, "qzx") {
			t.Error(entries)
		}
	})
}

// equalsThePlaintext asks for counts and sums, filtered and grouped, and adds the same up over the agencies' rows.
func (w *taker) equalsThePlaintext(t *testing.T, present []string) {
	a := w.put("plain", `where: {and: [{days: {gte: 10, lt: 40}}, {not: {patient: {in: ["qzxnorth700", "qzxnorth703", "qzxnorth706", "qzxnorth709"]}}}]}
		measures: [{fn: COUNT, by: ward}, {fn: SUM, field: cost, by: ward}, {fn: DISTINCT, field: patient, buckets: 2048}]`)
	said := w.read(a)
	var count [2]int64
	var cents [2]int64
	for _, agency := range present {
		for _, s := range w.stays[agency] {
			if s.days < 10 || s.days >= 40 || strings.HasPrefix(s.patient, "qzxnorth70") {
				continue
			}
			i := 0
			if s.ward == "south wing" {
				i = 1
			}
			count[i]++
			cents[i] += s.cents
		}
	}
	got := w.open(a)
	for i := range count {
		exact := fmt.Sprintf("%d.%02d", cents[i]/100, cents[i]%100)
		if n := got[0].Groups[i].Count; n == nil || *n != count[i] || got[1].Groups[i].Exact != exact {
			t.Errorf("group %d: %s, want %d and %s", i, mustJSON(got), count[i], exact)
		}
	}
	contributed := 0
	for _, c := range said.Contributors {
		if c.Status == "contributed" {
			contributed++
		} else if c.Status != "absent" || c.Reason != "GONE" {
			t.Errorf("%+v", c)
		}
	}
	if contributed != len(present) || len(said.Contributors) != len(takers()) || said.Minimum != 3 || said.Privacy != nil {
		t.Errorf("%+v", said)
	}
	w.inLedger(t, said.Session)
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// inLedger looks for a session in the entries: once in the decision before it was asked, once in the answer's.
func (w *taker) inLedger(t *testing.T, session string) {
	t.Helper()
	text := string(w.entries(t))
	if strings.Count(text, `"secaggSession":"`+session+`"`) != 1 || strings.Count(text, `"secaggSessions":"`+session+`"`) != 1 {
		t.Errorf("the session %s is not in the ledger as it should be", session)
	}
}

// entries is the newest bundle of the ledger's entries, as an auditor reads it.
func (w *taker) entries(t *testing.T) []byte {
	t.Helper()
	token := w.mint("--sub", "auditor", "--client", "desk", "--agreement", "plain", "--scope", "ledger:read")
	get := func(path string) []byte {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	size, err := strconv.Atoi(strings.Split(string(get("ledger/checkpoint")), "\n")[1])
	if err != nil {
		t.Fatal(err)
	}
	if size < 256 {
		return get(fmt.Sprintf("ledger/tile/entries/000.p/%d", size))
	}
	return get("ledger/tile/entries/000")
}

// refuses holds what an agent could not be asked, or nobody may be.
func (w *taker) refuses(t *testing.T) {
	for arguments, code := range map[string]string{
		`measures: []`:                                                "BAD_USER_INPUT",
		`measures: [{fn: SUM}]`:                                       "BAD_USER_INPUT",
		`measures: [{fn: SUM, field: ward}]`:                          "BAD_USER_INPUT",
		`measures: [{fn: COUNT, by: days}]`:                           "BAD_USER_INPUT",
		`measures: [{fn: HISTOGRAM, field: days}]`:                    "BAD_USER_INPUT",
		`measures: [{fn: HISTOGRAM, field: days, edges: [1.5]}]`:      "BAD_USER_INPUT",
		`measures: [{fn: QUANTILE, field: days, edges: [1], p: 1.5}]`: "BAD_USER_INPUT",
		`where: {patient: {like: "a%"}} measures: [{fn: COUNT}]`:      "GRAPHQL_VALIDATION_FAILED", // an ID has no such filter
		`where: {ward: {like: "n%"}} measures: [{fn: COUNT}]`:         "BAD_USER_INPUT",
		`where: {cost: {gt: "1.001"}} measures: [{fn: COUNT}]`:        "BAD_USER_INPUT",
		`measures: [{fn: SUM, field: id}]`:                            "GRAPHQL_VALIDATION_FAILED",
	} {
		if a := w.put("plain", arguments); a.code() != code || strings.Contains(string(a.Data), "ciphertexts") {
			t.Errorf("%s: %d %s, want %s", arguments, a.status, a.body, code)
		}
	}
	anything := w.mint("--sub", "ana", "--client", "notebook", "--scope", "graph:read", "--agreement", "plain")
	a, err := send(t.Context(), w.client, w.url, anything, operation(`query ($key: String!) { staysSecureAggregate(key: $key, measures: [{fn: COUNT}]) { session } }`,
		map[string]string{"key": w.thumb}))
	if err != nil || a.code() != "BAD_USER_INPUT" {
		t.Errorf("a token that names no key: %v %s", err, a.body)
	}
	rows, err := send(t.Context(), w.client, w.url, anything, operation(`{ staysAggregate { groups { count } } }`, nil))
	if err != nil || rows.status == http.StatusOK && rows.code() == "" {
		t.Errorf("an encrypted field is in an aggregate that the gateway reads: %v %s", err, rows.body)
	}
}

// answersPlainly asks rows and groups of what an agent serves as a source; where the agency's own rules say no, the
// gateway's do not help.
func (w *taker) answersPlainly(t *testing.T) {
	token := w.mint("--sub", "ana", "--client", "notebook", "--scope", "graph:read", "--agreement", "plain")
	for document, want := range map[string]string{
		`{ beds(where: {ward: {eq: "north wing"}}) { totalCount nodes { id ward _source } } }`: `{"beds":{"totalCount":2,"nodes":[{"id":"1","ward":"north wing","_source":"north"},{"id":"3","ward":"north wing","_source":"north"}]}}`,
		`{ bedsAggregate(groupBy: [{field: ward}]) { groups { key { ward } count } } }`:        `{"bedsAggregate":{"groups":[{"key":{"ward":"north wing"},"count":2},{"key":{"ward":"south wing"},"count":1}]}}`,
		`{ beds { nodes { id lock } } }`: `{"beds":null}`,
	} {
		a, err := send(t.Context(), w.client, w.url, token, operation(document, nil))
		if err != nil || string(a.Data) != want {
			t.Errorf("%s: %v %s", document, err, a.body)
		}
		said := bytes.Contains(a.body, []byte(`"extensions":{"code":"FORBIDDEN","agency":"north"}`))
		if refused := strings.Contains(document, "lock"); refused != said || refused != (a.code() == "FORBIDDEN") {
			t.Errorf("%s: %s", document, a.body)
		}
	}
}

// keysAreBound: a key is uploaded by whose token names it, once, and at its own size.
func (w *taker) keysAreBound(t *testing.T) {
	public := readFile(t, filepath.Join(w.dir, "querier.key.pub"))
	token := w.caller("plain", w.thumb)
	other := strings.Repeat("B", 43)
	for name, c := range map[string]struct {
		token, thumb string
		body         io.Reader
		want         int
	}{
		"no token":                       {"", w.thumb, strings.NewReader(public), http.StatusUnauthorized},
		"another's thumbprint":           {token, other, strings.NewReader(public), http.StatusUnauthorized},
		"a key that is not that":         {w.caller("plain", other), other, strings.NewReader(public), http.StatusBadRequest},
		"a long body":                    {token, w.thumb, io.LimitReader(unending{}, 1<<30), http.StatusRequestEntityTooLarge},
		"half a key":                     {token, w.thumb, strings.NewReader(public[:len(public)/2]), http.StatusBadRequest},
		"the same again changes nothing": {token, w.thumb, strings.NewReader(public), http.StatusNoContent},
	} {
		if got := w.upload(c.token, c.thumb, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	write(t, filepath.Join(w.dir, "stranger.token"), token)
	if code, out := tool(t, "agent", "invite", "north", "--gateway", w.url, "--token", "file:"+filepath.Join(w.dir, "stranger.token")); code != 1 || !strings.Contains(out, "agents:write") {
		t.Errorf("invited without the scope: %d %s", code, out)
	}
	if code, out := tool(t, "agent", "invite", "nobody", "--gateway", w.url, "--token", "file:"+filepath.Join(w.dir, "operator.token")); code != 1 || !strings.Contains(out, "no agency") {
		t.Errorf("invited for nobody: %d %s", code, out)
	}
}

type unending struct{}

func (unending) Read(b []byte) (int, error) { return len(b), nil }

// spends: with noise each question costs, the answer says what, and an exhausted budget asks nobody.
func (w *taker) spends(t *testing.T) {
	for _, left := range []string{"0.5", "0"} {
		a := w.put("noisy", `measures: [{fn: COUNT}]`)
		said := w.read(a)
		if said.Privacy == nil || said.Privacy.Epsilon != "0.5" || said.Privacy.Remaining != left || said.Privacy.Delta != "0" {
			t.Fatalf("%+v", said.Privacy)
		}
		if !bytes.Contains(a.body, []byte(`"privacy":{"epsilon":"0.5","delta":"0","remaining":"`+left+`"}`)) {
			t.Error("the extensions do not say what was spent")
		}
		if n := w.open(a)[0].Groups[0].Count; n == nil || *n < 60 || *n > 260 { // 160, and noise of a scale of 2: beyond 100 about once in 1e21
			t.Error(n)
		}
		w.inLedger(t, said.Session)
	}
	if a := w.put("noisy", `measures: [{fn: COUNT}]`); a.code() != "PRIVACY_BUDGET_EXHAUSTED" || a.status != http.StatusOK || strings.Contains(string(a.Data), "session") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := strings.Count(string(w.entries(t)), `"epsilon":"0.5"`); n != 2 {
		t.Errorf("%d spends in the ledger, want 2", n)
	}
}

// keepsMarkersOut looks for every value of every agency in the gateway: its whole memory, its files, its log, its metrics,
// its ledger, what it answered, and what went over the agents' links.
func (w *taker) keepsMarkersOut(t *testing.T) {
	a := w.put("plain", `measures: [{fn: SUM, field: cost}, {fn: DISTINCT, field: patient, buckets: 512}]`)
	w.read(a)
	places := map[string][]byte{"answer": a.body, "log": []byte(w.stderr.String()), "ledger": w.entries(t), "links": w.tap.taken(), "metrics": w.metrics(t)}
	err := filepath.WalkDir(filepath.Join(w.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			places[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		places["memory"] = memory(t, w.command.Process.Pid)
		if !bytes.Contains(places["memory"], []byte(w.thumb)) {
			t.Error("the search of the memory does not find what is there")
		}
	}
	if len(places["links"]) < 1<<20 || !bytes.Contains(places["metrics"], []byte("concordat_")) {
		t.Error("nothing was taken from the links or the metrics")
	}
	for _, agency := range takers() {
		for _, s := range []stay{w.stays[agency][5], w.stays[agency][17]} {
			for encoding, needle := range s.encodings() {
				for place, text := range places {
					if bytes.Contains(text, needle) {
						t.Errorf("%s: %s is in the gateway's %s", agency, encoding, place)
					}
				}
			}
		}
	}
}

func (w *taker) metrics(t *testing.T) []byte {
	t.Helper()
	response, err := w.client.Get("http://" + w.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// memory reads what a child process has written to: its heap, stacks and globals.
func memory(t *testing.T, pid int) []byte {
	t.Helper()
	maps := readFile(t, fmt.Sprintf("/proc/%d/maps", pid))
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []byte
	for line := range strings.Lines(maps) {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") || to-from > 1<<30 {
			continue
		}
		part := make([]byte, to-from)
		if n, err := f.ReadAt(part, from); err == nil || n > 0 { // a page that was never touched may be unreadable
			all = append(all, part[:n]...)
		}
	}
	return all
}
