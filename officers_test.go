package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"concordat/cli/node"
	"concordat/policy"
	"concordat/policy/authn"
)

// proposing is a change of hospital A's rules: costs leave as they are, and research sees one region.
func proposing(t *testing.T, g *gateway) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, "config", "policies", "hospital_a", "access.rego"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `"Admission.costCents", "effect": "aggregate"`, `"Admission.costCents", "effect": "allow"`, 1)
	changed = strings.Replace(changed, `input.row.region in lib.regions`, `input.row.region == "Norvale"`, 1)
	if changed == string(text) {
		t.Fatal("the demo's rules are not what this test changes")
	}
	return proposal("hospital_a", "access.rego", changed)
}

func proposal(agency, name, text string) map[string]any {
	return map[string]any{"p": map[string]any{"agency": agency, "files": []any{map[string]any{"name": name, "text": text}}}}
}

const previewing = `query($p: PolicyProposal!) { policyDiff(proposal: $p) { weaker personas findings { code file line }
	changes { persona agency coordinate before after weaker } rows { persona type gained lost witness weaker } } }`

func TestOfficersSeeWhatAChangeWouldAlter(t *testing.T) {
	g := common(t)
	a := g.ask(t, "officer", previewing, proposing(t, g))
	for _, part := range []string{`"weaker":true,"personas":["developer","analyst","officer","partner","auditor"],"findings":[]`,
		`{"persona":"analyst","agency":"hospital_a","coordinate":"Admission.costCents","before":"aggregate","after":"allow","weaker":true}`,
		`"type":"Admission","gained":false,"lost":true,"witness":{`} {
		if !bytes.Contains(a.Data, []byte(part)) {
			t.Errorf("without %s: %s", part, a.body)
		}
	}
	if a.Extensions.Concordat.Receipt == nil {
		t.Error("no receipt")
	}
	// Nothing came of it: costs are still for statistics.
	const why = `query($p: PolicyProposal) { policyExplain(subject: {id: "ana-okafor", organisation: "institute", agreement: "research-2025",
		purpose: "research", scopes: ["graph:read"]}, coordinate: "Admission.costCents", proposal: $p) { agency effect sentence rows } }`
	if a := g.ask(t, "officer", why, nil); !bytes.Contains(a.Data, []byte(`"agency":"hospital_a","effect":"aggregate"`)) ||
		!bytes.Contains(a.Data, []byte(`"rows":"Rows of Admission of hospital_a are seen where region is one of \"Norvale\", \"Eastmere\"`)) {
		t.Errorf("in force: %s", a.body)
	}
	if a := g.ask(t, "officer", why, proposing(t, g)); !bytes.Contains(a.Data, []byte(`"agency":"hospital_a","effect":"allow"`)) ||
		!bytes.Contains(a.Data, []byte(`"rows":"Rows of Admission of hospital_a are seen where region is \"Norvale\"`)) {
		t.Errorf("under the proposal: %s", a.body)
	}
	if a := g.ask(t, "officer", `{ policyCheck { findings { code } } policyTest { passed tests { passed } rules { rule } } }`, nil); !bytes.Contains(a.Data, []byte(`"passed":true,"tests":[{`)) {
		t.Errorf("in force: %s", a.body)
	}
}

// The officer of one agency neither proposes for another nor learns of its rules; the gateway's officer does both.
func TestOfficersOfOneAgencyLearnNothingOfAnothers(t *testing.T) {
	g := common(t)
	foreign := proposal("registry", "access.rego", "package concordat.access.registry\n")
	for _, persona := range []string{"officer", "partner", "analyst", "auditor", "developer"} {
		if a := g.ask(t, persona, previewing, foreign); a.code() != "FORBIDDEN" {
			t.Errorf("%s: %s", persona, a.body)
		}
	}
	all := minted(t, g, "--sub", "gw", "--client", "gw", "--scope", "graph:read policy:read")
	a, err := send(t.Context(), g.client, g.url, all, operation(previewing, foreign))
	if err != nil || !bytes.Contains(a.Data, []byte(`"agency":"registry"`)) {
		t.Errorf("the gateway's officer: %v %s", err, a.body)
	}
	for _, persona := range []string{"officer", "partner"} {
		a := g.ask(t, persona, `{ explain(subject: {id: "x", agreement: "research-2025", purpose: "research"}, coordinate: "Resident.postcode") { sentence } }`, nil)
		if bytes.Contains(a.body, []byte("registry/")) {
			t.Errorf("%s: %s", persona, a.body)
		}
	}
}

func TestProposalsAreBounded(t *testing.T) {
	g := common(t)
	many := make([]any, 65)
	for i := range many {
		many[i] = map[string]any{"name": fmt.Sprintf("f%d.rego", i), "text": ""}
	}
	endless := "package concordat.access.hospital_a\nimport rego.v1\nfields contains {\"coordinate\": \"Admission.id\", \"effect\": \"allow\"} if {\n" +
		"some a in numbers.range(1, 1000)\nsome b in numbers.range(1, 1000)\nsome c in numbers.range(1, 1000)\nsome d in numbers.range(1, 1000)\na + b + c + d < 0\n}\n"
	for name, c := range map[string]struct {
		variables map[string]any
		code      string
	}{
		"too many files":       {map[string]any{"p": map[string]any{"agency": "hospital_a", "files": many}}, "BAD_USER_INPUT"},
		"no file":              {map[string]any{"p": map[string]any{"agency": "hospital_a", "files": []any{}}}, "BAD_USER_INPUT"},
		"too long":             {proposal("hospital_a", "a.rego", strings.Repeat("#", 200<<10)), "BAD_USER_INPUT"},
		"longer":               {proposal("hospital_a", "a.rego", strings.Repeat("#", 300<<10)), "REQUEST_TOO_LARGE"},
		"a way out":            {proposal("hospital_a", "../registry/access.rego", "package a"), "BAD_USER_INPUT"},
		"no policy":            {proposal("hospital_a", "run.sh", "x"), "BAD_USER_INPUT"},
		"rules that never end": {proposal("hospital_a", "more.rego", endless), "OPERATION_TOO_COMPLEX"},
	} {
		a := g.ask(t, "officer", previewing, c.variables)
		if a.code() != c.code {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if a := g.ask(t, "officer", previewing, proposal("hospital_a", "access.rego", "package concordat.access.hospital_a\nbroken {")); !bytes.Contains(a.Data, []byte(`"code":"POLICY_FILE","file":"hospital_a/access.rego","line":2`)) {
		t.Errorf("what does not parse: %s", a.body)
	}
}

// The page itself, against the gateway: an officer sees the difference, the reasons, and her own access.
func TestTheOfficersPageShowsWhatAChangeWouldAlter(t *testing.T) {
	g := common(t)
	files := proposing(t, g)["p"].(map[string]any)["files"].([]any)[0].(map[string]any)
	q := url.Values{"persona": {"officer"}, "agency": {"hospital_a"}, "text": {files["text"].(string)}, "coordinate": {"Admission.costCents"},
		"subject": {"ana-okafor"}, "organisation": {"institute"}, "agreement": {"research-2025"}, "purpose": {"research"},
		"run": {"test", "diff", "explain"}}
	dom := browse(t, g.url+"officer#"+q.Encode())
	for _, part := range []string{"Protection would be weaker somewhere", "Admission.costCents</code></td><td>aggregate</td><td>allow</td>", "Eastmere",
		"Passed 通过", "leaves only inside statistics because", "under oversight-2025, until 2035-01-0", "privacy@hospital-a.example", "Receipt"} {
		if !strings.Contains(dom, part) {
			t.Errorf("the page does not show %q\n%s", part, dom)
		}
	}
	dom = browse(t, g.url+"officer#persona=partner&run=check")
	for _, part := range []string{"FORBIDDEN", "norvale-aid-2025", "not shared under your agreement and purpose"} {
		if !strings.Contains(dom, part) {
			t.Errorf("for the partner the page does not show %q", part)
		}
	}
}

// No receipt, no change: a ledger that refuses leaves agreement, token and file as they were, also for what comes after.
func TestARefusedLedgerMeansNoChange(t *testing.T) {
	var failing atomic.Bool
	h := build(t, demoDir(t), houseOptions{commit: func() error {
		if failing.Load() {
			return errors.New("no space")
		}
		return nil
	}})
	const next = `mutation { renewAgreement(id: "oversight-2025", version: "2", validUntil: "2036-12-31T00:00:00Z") { written mistakes { message } } }`
	const own = `mutation($id: String!) { revokeToken(id: $id) { id } }`
	id := map[string]any{"id": claim(t, h.tokens["partner"], "jti")}
	failing.Store(true)
	for _, c := range []struct {
		persona, document string
		variables         any
	}{{"officer", revokeNorvale, nil}, {"officer", next, nil}, {"partner", own, id}} {
		a := h.ask(t, c.persona, c.document, c.variables)
		if a.status != http.StatusServiceUnavailable || len(a.Data) > 0 && string(a.Data) != "null" {
			t.Errorf("%s: %d %s", c.document, a.status, a.body)
		}
	}
	failing.Store(false)
	if a := h.ask(t, "partner", `{ fluWeeks(first: 1) { nodes { week } } me { agreement { status } } }`, nil); a.status != http.StatusOK || !bytes.Contains(a.Data, []byte(`"ACTIVE"`)) {
		t.Errorf("the agreement ended, or the token: %d %s", a.status, a.body)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "config", "agreements", "oversight-2025@1.yaml")); err == nil {
		t.Error("the agreement was written")
	}
	revoke(t, h.gateway)
	wantInactive(t, h.ask(t, "partner", `{ me { id } }`, nil))
	entries := h.ask(t, "auditor", `{ receipts(first: 10) { kind agreement } }`, nil)
	if !bytes.Contains(entries.Data, []byte(`{"kind":"decision","agreement":"norvale-aid-2025"}`)) {
		t.Errorf("the revocation is no entry: %s", entries.body)
	}
}

// Where bundles are signed, what is in force can be reviewed, and a proposal, which nobody has signed yet, too. Files that
// are not those in force are not taken for them.
func TestSignedBundlesAreReviewed(t *testing.T) {
	dir := demoDir(t)
	unpackDemo(t, dir)
	issuer, err := authn.LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	policies := filepath.Join(dir, "config", "policies")
	c := houseConfig(dir, issuer, houseOptions{})
	c.Bundles = &policy.Signatures{Keys: signAll(t, policies, t.TempDir()), MaxAge: time.Hour}
	n, err := node.Open(t.Context(), c, signedWire(t))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(n.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	g := &gateway{url: server.URL + "/", dir: dir, tokens: mint(t, issuer), client: server.Client()}
	if a := g.ask(t, "officer", previewing, proposing(t, g)); !bytes.Contains(a.Data, []byte(`"before":"aggregate","after":"allow","weaker":true`)) {
		t.Errorf("a proposal: %s", a.body)
	}
	edit(t, g, "policies/hospital_a/access.rego", "package concordat.access.hospital_a", "# unsigned\npackage concordat.access.hospital_a")
	if a := g.ask(t, "officer", `{ explain(subject: {}, coordinate: "Admission.id") { effect } }`, nil); a.code() != "STATE_UNAVAILABLE" {
		t.Errorf("files that are not those in force: %s", a.body)
	}
}
