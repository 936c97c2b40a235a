package federation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation"
	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/federation/source"
	"concordat/federation/source/memory"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/ledger"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
	"concordat/schema"
)

// marker is planted in the data: no refusal may hold it.
const marker = "marker-of-a-row"

const staySDL = `type Stay @source(name: "AGENCY", table: "stays") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE)
	ward: String @classify(as: NON_SENSITIVE) @secure(domain: ["north", "south"])
	begun: Date @classify(as: QUASI_IDENTIFIER)
	note: String @classify(as: FREE_TEXT)
	entities: [NamedEntity!] @ner(text: "note")
}`

var agencies = []policy.AgencyID{"clinic", "health"}

// bench is a gateway whose every neighbour can be told to fail.
type bench struct {
	t       testing.TB
	subject policy.Subject
	who     error
	status  agreement.Status
	live    error // of reading the status
	policy  *decider
	sources map[string]source.Source
	names   *execute.Names
	maxRows int
	ledger  *entries
	secure  *federation.SecureAggregation

	gateway *federation.Gateway
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, subject: policy.Subject{ID: "ana", Organisation: "institute", Agreement: "a1", Purpose: "care"},
		status: agreement.Active, policy: &decider{revision: "r0", decision: allowed()}, sources: map[string]source.Source{}, maxRows: 100, ledger: &entries{}}
	for _, agency := range agencies {
		b.sources[string(agency)] = stays(agency, marker)
	}
	return b
}

// stays is two rows of an agency, all of one ward.
func stays(agency policy.AgencyID, ward string) source.Source {
	t := &privacy.Table{Rows: 2}
	for _, name := range []string{"id", "ward", "begun", "note"} {
		kind, values := privacy.String, [2]string{ward, ward}
		switch name {
		case "id":
			values = [2]string{string(agency) + "1", string(agency) + "2"}
		case "begun":
			kind, values = privacy.Date, [2]string{"2020-01-02", "2021-03-04"}
		}
		c := privacy.NewColumn(name, privacy.Coordinate("Stay."+name), kind, 2)
		c.AppendText(values[0])
		c.AppendText(values[1])
		t.Columns = append(t.Columns, c)
	}
	return memory.New(map[string]*privacy.Table{"Stay": t})
}

func allowed() *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for _, agency := range agencies {
		d.Rows[policy.TypeKey{Agency: agency, Type: "Stay"}] = predicate.Always()
		for _, name := range []string{"id", "ward", "begun", "note", "entities"} {
			d.Fields[policy.FieldKey{Agency: agency, Coordinate: privacy.Coordinate("Stay." + name)}] = policy.Ruling{Effect: policy.Allow}
		}
	}
	return d
}

// Authenticate implements federation.Authenticator.
func (b *bench) Authenticate(*http.Request) (policy.Subject, error) { return b.subject, b.who }

// Status implements federation.Register.
func (b *bench) Status(context.Context, string, time.Time) (agreement.Status, error) {
	return b.status, b.live
}

// Answered implements federation.Observer.
func (b *bench) Answered(federation.Code, time.Duration) {}

// decider is a policy of one decision.
type decider struct {
	revision string
	decision *policy.Decision
	err      error
	panics   bool
}

func (d *decider) Profile(context.Context, policy.Subject) (*policy.Profile, error) {
	p := &policy.Profile{Key: "one", Effects: map[policy.FieldKey]policy.Effect{}, Granted: true}
	for key, ruling := range d.decision.Fields {
		p.Effects[key] = ruling.Effect
	}
	return p, nil
}

func (d *decider) Decide(context.Context, policy.Subject, policy.Request) (*policy.Decision, error) {
	if d.panics {
		panic(marker)
	}
	return d.decision, d.err
}

func (d *decider) Revision() string { return d.revision }

// entries is a ledger in memory.
type entries struct {
	fail error

	mu  sync.Mutex
	all []ledger.Entry
}

// Append implements federation.Ledger.
func (e *entries) Append(_ context.Context, entry ledger.Entry) (ledger.Receipt, error) {
	if e.fail != nil {
		return ledger.Receipt{}, e.fail
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, entry)
	return ledger.Receipt{Origin: "test", Index: int64(len(e.all) - 1)}, nil
}

// noControl is a control plane that nobody asks.
type noControl struct{ schema *ast.Schema }

func (c noControl) Schema() *ast.Schema { return c.schema }
func (noControl) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}
func (noControl) Exec(context.Context) graphql.ResponseHandler { panic("the control plane is asked") }

func supergraph(t testing.TB) *compose.Supergraph {
	t.Helper()
	var files []compose.File
	for _, agency := range agencies {
		files = append(files, compose.File{Name: string(agency), Agency: agency, Text: strings.ReplaceAll(staySDL, "AGENCY", string(agency))})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("composition: %v", problems)
	}
	return sg
}

func (b *bench) snapshot(sg *compose.Supergraph, p *decider, sources map[string]source.Source) *federation.Snapshot {
	b.t.Helper()
	cursors, err := execute.NewCursors([]byte(strings.Repeat("k", 32)))
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := federation.NewSnapshot(federation.Parts{Supergraph: sg, Policy: p, Agreements: &agreement.Set{}, Limits: federation.DefaultLimits(),
		Executor: &execute.Executor{Sources: sources, Transforms: deid.New(), Cursors: cursors, Names: b.names, MaxRows: b.maxRows},
		Control:  func(s *ast.Schema) graphql.ExecutableSchema { return noControl{s} }})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) open() *federation.Gateway {
	b.t.Helper()
	g, err := federation.New(federation.Options{Authenticator: b, Register: b, Ledger: b.ledger, Observer: b, SecureAggregation: b.secure,
		Root: []byte(strings.Repeat("r", 32)), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.gateway = g
	return g
}

// said is a reply, read.
type said struct {
	status int
	body   string
	header http.Header
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code, ID string }
	}
	Extensions struct {
		Concordat struct {
			Receipt *ledger.Receipt
		}
	}
}

func (s *said) codes() []string {
	var out []string
	for _, e := range s.Errors {
		out = append(out, e.Extensions.Code)
	}
	slices.Sort(out)
	return out
}

func post(query string) *http.Request {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func serve(t testing.TB, g http.Handler, r *http.Request) *said {
	t.Helper()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	s := &said{status: w.Code, body: w.Body.String(), header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), s); err != nil {
		t.Fatalf("%v: %s", err, s.body)
	}
	return s
}

// ask opens the gateway over one snapshot, unless there is one, and asks.
func (b *bench) ask(r *http.Request) *said {
	b.t.Helper()
	if b.gateway == nil {
		b.open().Swap(b.snapshot(supergraph(b.t), b.policy, b.sources))
	}
	return serve(b.t, b.gateway, r)
}

func (b *bench) entry(s *said) ledger.Entry {
	b.t.Helper()
	r := s.Extensions.Concordat.Receipt
	if r == nil {
		b.t.Fatalf("no receipt: %s", s.body)
	}
	b.ledger.mu.Lock()
	defer b.ledger.mu.Unlock()
	return b.ledger.all[r.Index]
}

func errorOf(sentinel error) error { return fmt.Errorf("%s: %w", marker, sentinel) }
