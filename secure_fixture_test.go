package main

import (
	"encoding/base64"
	endian "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"concordat/cli/node"
	"concordat/policy/authn"
	"concordat/state"
)

// stayTaker is one agency's file: what secure aggregation may ask of a stay.
const stayTaker = `"A stay." type Stay @source(name: "AGENCY", table: "stays") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE)
	patient: ID! @classify(as: DIRECT_IDENTIFIER) @secure
	ward: String @classify(as: NON_SENSITIVE) @secure(domain: ["north wing", "south wing"])
	days: Int @classify(as: NON_SENSITIVE) @secure(lower: "0", upper: "60")
	cost: Decimal @classify(as: SENSITIVE) @secure(lower: "0", upper: "99999999", scale: "2")
}
`

const stayRules = `package concordat.access.AGENCY

import rego.v1

fields contains {"type": "Stay", "effect": "encrypted"} if input.purpose == "research"

include.Stay if input.purpose == "research"
`

const takerRules = `package concordat.secagg

default allow := false

allow if {
	input.purpose == "research"
	input.question.dataset == "Stay"
}
`

const takerAgreement = `id: ID
version: 1
title: Stays
parties: [institute, north, south, east, west]
legalBasis: invented
purposes: [research]
datasets: [Stay]
validFrom: 2025-01-01
validUntil: 2035-01-01
secureAggregation:
  - TERMS
`

const takerConfig = `listen: 127.0.0.1:0
admin: ADMIN
state: state
origin: sums.example/ledger
resource: https://gateway.concordat.example
schemas: agencies
policies: policies
bundles: {unsigned: true}
agreements: agreements
sources: sources.yaml
issuers:
  - {issuer: https://issuer.concordat.example, audience: https://gateway.concordat.example, jwks: file:issuers.json}
agents:
  listen: HUB
  key: file:gateway.key
  minimum: 3
  exchange: {token: TOKEN, client: sums, secret: file:exchange.secret}
`

// bedTaker is what north's agent also answers plain questions about.
const bedTaker = `"A bed." type Bed @source(name: "north", table: "beds") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE)
	ward: String @classify(as: NON_SENSITIVE)
	lock: String @classify(as: SENSITIVE)
}
`

const bedRules = `
fields contains {"type": "Bed", "effect": "allow"} if input.purpose == "research"

include.Bed if input.purpose == "research"
`

// bedFetch is north's own word on them: the gateway's rules would give locks away.
const bedFetch = `package concordat.fetch

default allow := false

allow if {
	input.purpose == "research"
	input.type == "Bed"
	not "lock" in input.reads
}

include.Bed if input.row.ward != "closed wing"
`

const bedConfig = `fetch:
  policy: fetch.rego
  sources: sources.yaml
  tokens: {issuer: https://gateway.concordat.example, jwks: gateway.jwks.json}
  types:
    Bed: {source: ours, table: beds, columns: {id: {kind: text}, ward: {kind: text}, lock: {kind: text}}}
`

func takers() []string { return []string{"east", "north", "south", "west"} }

// taker is a gateway with `serve`, four agencies with `agent`, and an issuer, each in the role that it has outside: the
// agents dial the gateway through a wire that is tapped.
type taker struct {
	*gateway
	t       *testing.T
	admin   string
	tap     *tap
	agents  map[string]*exec.Cmd
	logs    map[string]*lockedBuffer
	stays   map[string][]stay
	members map[string]string
	thumb   string // of the caller's key
}

// stay is one row. Its values are the agency's alone.
type stay struct {
	patient, ward string
	days          int
	cents         int64
}

// markedStays are rows whose patient and cost occur nowhere else.
func markedStays(agency string) []stay {
	number := slices.Index(takers(), agency)
	var out []stay
	for i := range 40 {
		ward := []string{"north wing", "south wing"}[i%2]
		out = append(out, stay{fmt.Sprintf("qzx%s%03d", agency, 700+i*3), ward, (i*7 + number) % 50, int64(7_391_827_301 + i*1_000_003 + number*77_777)})
	}
	return out
}

func newTaker(t *testing.T) *taker {
	t.Helper()
	dir := t.TempDir()
	w := &taker{t: t, agents: map[string]*exec.Cmd{}, logs: map[string]*lockedBuffer{}, stays: map[string][]stay{}, members: map[string]string{}, admin: freeAddress(t)}
	hub := freeAddress(t)
	w.tap = newTap(t, hub)
	verb(t, dir, "key", "new", "--dir", ".")
	issuer, err := authn.LoadIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	verb(t, dir, "agent", "keygen", "--out", "gateway.key")
	config := strings.NewReplacer("ADMIN", w.admin, "HUB", hub, "TOKEN", exchanger(t, issuer)+authn.TokenPath).Replace(takerConfig)
	files := map[string]string{"concordat.yaml": config, "issuers.json": string(issuer.JWKS()), "exchange.secret": "between the two",
		"agreements/plain.yaml": strings.NewReplacer("ID", "plain", "TERMS", `{dataset: Stay, minimum: 3}`).Replace(takerAgreement),
		"agreements/noisy.yaml": strings.NewReplacer("ID", "noisy", "TERMS", `{dataset: Stay, minimum: 3, epsilon: "0.5", honest: 3, rowsPerUnit: 1, budget: "1"}`).Replace(takerAgreement)}
	sources := "sources:\n"
	for _, a := range takers() {
		files["agencies/"+a+".graphqls"] = strings.ReplaceAll(stayTaker, "AGENCY", a)
		files["policies/"+a+"/access.rego"] = strings.ReplaceAll(stayRules, "AGENCY", a)
		sources += "  " + a + ": {kind: agent}\n"
	}
	files["sources.yaml"] = sources
	files["agencies/north.graphqls"] += bedTaker
	files["policies/north/access.rego"] += bedRules
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	w.gateway = startIn(t, dir, "serve", "--config", "concordat.yaml")
	w.enrol()
	return w
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, text)
}

// exchanger is the issuer's token endpoint, on a socket of its own.
func exchanger(t *testing.T, issuer *authn.Issuer) string {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	gate, err := authn.New(authn.Options{Issuers: []authn.Trusted{issuer.Trusted()}, Denylist: authn.DenyFunc(func(string) (bool, error) { return false, nil })})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&authn.Exchanger{Issuer: issuer, Gate: gate, Audience: "https://agents.concordat.example",
		Clients: map[string]string{"sums": "between the two"}})
	t.Cleanup(server.Close)
	return server.URL
}

// enrol does what each agency's operator does: a key, an invitation, a configuration, and the agent.
func (w *taker) enrol() {
	w.t.Helper()
	write(w.t, filepath.Join(w.dir, "operator.token"), w.mint("--sub", "operator", "--client", "desk", "--agreement", "plain", "--scope", node.ScopeAgentsWrite))
	for _, a := range takers() {
		said := verb(w.t, w.dir, "agent", "keygen", "--out", w.mkdir(a)+"/identity.key")
		w.members[a] = strings.Fields(said)[1]
	}
	text, err := json.Marshal(w.members)
	if err != nil {
		w.t.Fatal(err)
	}
	write(w.t, filepath.Join(w.dir, "members.json"), string(text))
	for _, a := range takers() {
		w.configure(a)
		w.launch(a)
	}
	w.linked(len(takers()))
}

func (w *taker) mkdir(agency string) string {
	if err := os.MkdirAll(filepath.Join(w.dir, "agents", agency), 0o700); err != nil {
		w.t.Fatal(err)
	}
	return filepath.Join("agents", agency)
}

func (w *taker) configure(agency string) {
	w.t.Helper()
	var invited struct{ Code, Key string }
	mustDecode(w.t, []byte(verb(w.t, w.dir, "agent", "invite", agency, "--gateway", w.url, "--token", "file:operator.token", "--json")), &invited)
	members, err := json.Marshal(w.members)
	if err != nil {
		w.t.Fatal(err)
	}
	dir := filepath.Join(w.dir, "agents", agency)
	write(w.t, filepath.Join(dir, "code"), invited.Code)
	write(w.t, filepath.Join(dir, "policy.rego"), takerRules)
	rows := "id,patient,ward,days,cost\n"
	w.stays[agency] = markedStays(agency)
	for i, s := range w.stays[agency] {
		rows += fmt.Sprintf("%s-%d,%s,%s,%d,%d.%02d\n", agency, i, s.patient, s.ward, s.days, s.cents/100, s.cents%100)
	}
	write(w.t, filepath.Join(dir, "stays.csv"), rows)
	write(w.t, filepath.Join(dir, "agent.yaml"), fmt.Sprintf(`name: %s
identity: file:identity.key
members: %s
gateways:
  - {address: %q, key: %q, code: file:code}
issuers:
  - {issuer: https://issuer.concordat.example, jwks: ../../issuers.json}
policy: policy.rego
data: {csv: stays.csv, unit: patient}
state: state
minimum: 3
budget:
  - {agreement: noisy, dataset: Stay, epsilon: "10"}
`, agency, members, w.tap.address, invited.Key))
	if agency == "north" {
		w.serveBeds(dir)
	}
}

func (w *taker) serveBeds(dir string) {
	w.t.Helper()
	response, err := w.client.Get(w.url + strings.TrimPrefix(authn.DownstreamPath, "/"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	keys, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, text := range map[string]string{"gateway.jwks.json": string(keys), "fetch.rego": bedFetch, "sources.yaml": "sources:\n  ours: {kind: memory, tables: {beds: beds.csv}}\n",
		"beds.csv": "id,ward,lock\n1,north wing,4711\n2,south wing,4712\n3,north wing,4713\n4,closed wing,4714\n"} {
		write(w.t, filepath.Join(dir, name), text)
	}
	config := filepath.Join(dir, "agent.yaml")
	write(w.t, config, readFile(w.t, config)+bedConfig)
}

// launch starts an agency's agent until it is killed or the test ends.
func (w *taker) launch(agency string) {
	w.t.Helper()
	cmd := exec.Command(binary(w.t), "agent", "--config", filepath.Join(w.dir, "agents", agency, "agent.yaml"), "--attached")
	w.logs[agency] = &lockedBuffer{}
	cmd.Stderr = w.logs[agency]
	if _, err := cmd.StdinPipe(); err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.agents[agency] = cmd
	w.t.Cleanup(func() { w.kill(agency) })
}

func (w *taker) kill(agency string) {
	if cmd := w.agents[agency]; cmd != nil {
		cmd.Process.Kill() //nolint:errcheck // it may be gone
		cmd.Wait()         //nolint:errcheck // killed is what was asked for
		delete(w.agents, agency)
	}
}

// linked waits until the gateway's log has said so of so many agents.
func (w *taker) linked(n int) {
	w.t.Helper()
	eventually(w.t, "agents link", func() bool { return strings.Count(w.stderr.String(), `"agent linked"`) >= n })
}

func (w *taker) mint(flags ...string) string {
	w.t.Helper()
	return strings.TrimSpace(verb(w.t, w.dir, append([]string{"token", "mint", "--dir", ".", "--purpose", "research", "--org", "institute"}, flags...)...))
}

// caller is the analyst's token: it names her key.
func (w *taker) caller(agreement, thumb string) string {
	return w.mint("--sub", "ana", "--client", "notebook", "--scope", "graph:read", "--agreement", agreement, "--secagg-key", thumb)
}

// upload puts a key where its thumbprint says, and returns the status.
func (w *taker) upload(token, thumb string, body io.Reader) int {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, w.url+"secagg/keys/"+thumb, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// keygen makes a caller's key and uploads its public half.
func (w *taker) keygen() {
	w.t.Helper()
	w.thumb = strings.TrimSpace(verb(w.t, w.dir, "secagg", "keygen", "--out", "querier.key"))
	public := readFile(w.t, filepath.Join(w.dir, "querier.key.pub"))
	if status := w.upload(w.caller("plain", w.thumb), w.thumb, strings.NewReader(public)); status != http.StatusNoContent {
		w.t.Fatal("upload:", status)
	}
}

func (w *taker) put(agreement, arguments string) answer {
	w.t.Helper()
	document := `query ($key: String!) { staysSecureAggregate(key: $key ` + arguments + `) { session ciphertexts layout minimumContributors
		contributors { agency status reason } privacy { epsilon delta remaining } } }`
	a, err := send(w.t.Context(), w.client, w.url, w.caller(agreement, w.thumb), operation(document, map[string]string{"key": w.thumb}))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// opened is a result as `secagg open` prints it.
type opened struct {
	Groups []struct {
		Key, Exact string
		Count      *int64
	}
}

func (w *taker) open(a answer) []opened {
	w.t.Helper()
	write(w.t, filepath.Join(w.dir, "answer.json"), string(a.body))
	var out []opened
	mustDecode(w.t, []byte(verb(w.t, w.dir, "secagg", "open", "answer.json", "--key", "querier.key", "--members", "members.json", "--json")), &out)
	return out
}

// secured is the answer's object.
type secured struct {
	Session      string
	Contributors []struct{ Agency, Status, Reason string }
	Privacy      *struct{ Epsilon, Delta, Remaining string }
	Minimum      int `json:"minimumContributors"`
}

func (w *taker) read(a answer) secured {
	w.t.Helper()
	var out struct{ StaysSecureAggregate secured }
	if a.code() != "" {
		w.t.Fatalf("%d %.600s\n%s", a.status, a.body, w.stderr)
	}
	mustDecode(w.t, a.Data, &out)
	return out.StaysSecureAggregate
}

// tap passes connections on and keeps what went over them.
type tap struct {
	address string
	mu      sync.Mutex
	bytes   []byte
}

func newTap(t *testing.T, to string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{address: l.Addr().String()}
	var open sync.WaitGroup
	t.Cleanup(func() { l.Close(); open.Wait() })
	open.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { p.pass(from, to) })
		}
	})
	return p
}

func (p *tap) pass(from net.Conn, to string) {
	defer from.Close()
	onward, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer onward.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, onward}, {onward, from}} {
		both.Go(func() {
			io.Copy(io.MultiWriter(way[1], p), way[0]) //nolint:errcheck // it ends when either end does
			way[1].Close()
			way[0].Close()
		})
	}
	both.Wait()
}

// Write implements io.Writer.
func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = append(p.bytes, b...)
	return len(b), nil
}

func (p *tap) taken() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bytes)
}

// encodings of a stay's own values.
func (s stay) encodings() map[string][]byte {
	cents := fmt.Sprint(s.cents)
	out := map[string][]byte{"patient": []byte(s.patient), "cents": []byte(cents), "cost": []byte(cents[:len(cents)-2] + "." + cents[len(cents)-2:]),
		"cents, little endian": endian.LittleEndian.AppendUint64(nil, uint64(s.cents)), "cents, big endian": endian.BigEndian.AppendUint64(nil, uint64(s.cents))}
	for _, name := range []string{"patient", "cents"} {
		out[name+" in hex"] = []byte(hex.EncodeToString(out[name]))
		for shift := range 3 { // base64 depends on where in three bytes it begins
			text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), out[name]...))
			out[fmt.Sprintf("%s in base64 at %d", name, shift)] = []byte(text[4 : len(text)-4])
		}
	}
	return out
}
