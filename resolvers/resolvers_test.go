package resolvers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/ledger"
	"concordat/privacy"
	"concordat/resolvers"
	"concordat/schema"
)

var noon = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// world is the resolver's whole surroundings. Its methods fail the test where they are asked for another caller.
type world struct {
	t        *testing.T
	subject  policy.Subject
	set      *agreement.Set
	rulings  []resolvers.Ruled
	records  []ledger.Record
	checks   []resolvers.Check
	problem  string
	revoked  map[string]string // id -> by + ": " + reason
	failWith error

	files     *agreement.Files
	published []string
}

func (w *world) Rulings(_ context.Context, s policy.Subject) ([]resolvers.Ruled, error) {
	if s.ID != w.subject.ID {
		w.t.Errorf("rulings asked for %q, the caller is %q", s.ID, w.subject.ID)
	}
	return w.rulings, w.failWith
}

func (w *world) Current(context.Context) *agreement.Set { return w.set }

func (w *world) Status(_ context.Context, id string, now time.Time) (agreement.Status, error) {
	if !now.Equal(noon) {
		w.t.Errorf("status asked for %v", now)
	}
	if _, ok := w.revoked[id]; ok {
		return agreement.Revoked, w.failWith
	}
	return agreement.Active, w.failWith
}

func (w *world) EndAgreement(_ context.Context, by policy.Subject, id, reason string) error {
	if w.failWith != nil {
		return w.failWith
	}
	w.revoked[id] = by.ID + ": " + reason
	return nil
}

func (w *world) EndToken(_ context.Context, by policy.Subject, issuer, id string) (time.Time, error) {
	if issuer != "iss" {
		return time.Time{}, resolvers.ErrIssuer
	}
	if w.failWith != nil {
		return time.Time{}, w.failWith
	}
	w.revoked[issuer+" "+id] = by.ID
	return noon.Add(time.Hour), nil
}

// Search answers as the ledger does: newest first, at most Limit, below Before.
func (w *world) Search(_ context.Context, f ledger.Filter) ([]ledger.Record, error) {
	if f.Limit <= 0 || f.Limit > 100 {
		w.t.Errorf("search with limit %d", f.Limit)
	}
	var found []ledger.Record
	for i := len(w.records) - 1; i >= 0 && len(found) < f.Limit; i-- {
		r := w.records[i]
		if (f.Before == 0 || r.Index < f.Before) && f.Match(&r.Entry) {
			found = append(found, r)
		}
	}
	return found, w.failWith
}

func (w *world) Entries(_ context.Context, from int64, limit int) ([]ledger.Record, error) {
	if limit != 1 {
		w.t.Errorf("entries with limit %d", limit)
	}
	if from >= int64(len(w.records)) {
		return nil, w.failWith
	}
	return w.records[from : from+1], w.failWith
}

func (w *world) Revision(context.Context) resolvers.Revision {
	return resolvers.Revision{Schema: "aa", Policy: "bb", ActivatedAt: noon, Problem: w.problem,
		Parts: []resolvers.Part{{Agency: "aid", Text: "own"}, {Agency: "registry", Text: "another's"}, {Agreement: "care", Text: "shared"}, {Agreement: "research", Text: "theirs"}}}
}

func (w *world) Checks(context.Context) []resolvers.Check { return w.checks }

func newWorld(t *testing.T, s policy.Subject) *world {
	t.Helper()
	set, err := agreement.Load(fstest.MapFS{
		"care.yaml":     {Data: []byte(agreementFile("care", "aid"))},
		"research.yaml": {Data: []byte(agreementFile("research", "institute"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, subject: s, set: set, revoked: map[string]string{}, checks: []resolvers.Check{{Name: "ledger", Ready: true}}}
}

func agreementFile(id, party string) string {
	return fmt.Sprintf(`id: %s
version: 1
title: Agreement %s
parties: [%s, registry]
legalBasis: An act
purposes: [care]
scopes: ["graph:read"]
datasets: [District]
regions: [Norvale]
districts: [D01]
validFrom: 2025-01-01
validUntil: 2035-01-01
contact: a@b.example
retention: P30D
`, id, id, party)
}

type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
}

func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// ask runs a document through gqlgen's own executor over a schema that is wider than the generated one.
func (w *world) ask(document string) answer {
	w.t.Helper()
	return w.askAs(policy.WithSubject(context.Background(), w.subject), document)
}

func (w *world) askAs(ctx context.Context, document string) answer {
	w.t.Helper()
	view := gqlparser.MustLoadSchema(
		&ast.Source{Name: "directives", Input: schema.Directives()},
		&ast.Source{Name: "control", Input: schema.ControlPlane()},
		&ast.Source{Name: "agencies", Input: "type Admission { id: ID! } extend type Query { admission(id: ID!): Admission }"},
	)
	r := &resolvers.Resolver{Access: w, Agreements: w, Register: w, Receipts: w, Revisions: w, Health: w,
		Drafts: w, Publisher: w, Explainer: w, Reviewer: reviews{w}, Ender: w, Now: func() time.Time { return noon }}
	exec := executor.New(r.Executable(view))
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: document})
	if errs != nil {
		return w.decode(exec.DispatchError(ctx, errs))
	}
	operation.DisableIntrospection = false // the executor starts with it off
	handler, ctx := exec.DispatchOperation(ctx, operation)
	return w.decode(handler(ctx))
}

func (w *world) decode(r *graphql.Response) answer {
	w.t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) wantData(document, want string) {
	w.t.Helper()
	a := w.ask(document)
	if len(a.Errors) > 0 || string(a.Data) != want {
		w.t.Errorf("%s\n got %s, errors %v\nwant %s", document, a.Data, a.Errors, want)
	}
}

func (w *world) wantCode(document, code string) {
	w.t.Helper()
	if got := w.ask(document).code(); got != code {
		w.t.Errorf("%s: code %q, want %q", document, got, code)
	}
}

func partner(scopes ...string) policy.Subject {
	return policy.Subject{ID: "par", Organisation: "aid", Client: "aid-care", Scopes: scopes, Agreement: "care",
		Purpose: "care", Purposes: []string{"care"}, Expires: noon.Add(time.Hour)}
}

func TestMeSaysWhatTheTokenSays(t *testing.T) {
	w := newWorld(t, partner("graph:read"))
	w.wantData(`{me{id organisation client scopes purpose purposes anonymous tokenExpires agreement{id version status}}}`,
		`{"me":{"id":"par","organisation":"aid","client":"aid-care","scopes":["graph:read"],"purpose":"care",`+
			`"purposes":["care"],"anonymous":false,"tokenExpires":"2025-06-01T13:00:00Z",`+
			`"agreement":{"id":"care","version":"1","status":"ACTIVE"}}}`)
}

func TestMeOfAnonymousHasNothing(t *testing.T) {
	w := newWorld(t, policy.Subject{ID: "anonymous", Anonymous: true})
	w.wantData(`{me{id organisation scopes purpose agreement{id} anonymous tokenExpires} agreements{id}}`,
		`{"me":{"id":"anonymous","organisation":null,"scopes":[],"purpose":null,"agreement":null,"anonymous":true,`+
			`"tokenExpires":null},"agreements":[]}`)
}

func TestWithoutCallerEveryRootFieldIsRefused(t *testing.T) {
	for _, document := range []string{
		`{me{id}}`, `{myAccess{type}}`, `{agreements{id}}`, `{receipts{index}}`, `{receipt(index:0){index}}`,
		`{revision{schema}}`, `{health{ready}}`, `mutation{revokeAgreement(id:"care",reason:"x"){id}}`,
		`{explain(subject:{},coordinate:"A.b"){effect}}`, `mutation{proposeAgreement(yaml:"x"){written}}`,
		`mutation{amendAgreement(id:"care",yaml:"x"){written}}`, `mutation{revokeToken(id:"t"){id}}`,
		`{policyCheck{findings{code}}}`, `{policyTest{passed}}`, `{policyDiff(proposal:{agency:"a",files:[]}){weaker}}`,
		`{policyExplain(subject:{},coordinate:"A.b"){effect}}`,
		`mutation{renewAgreement(id:"care",version:"2",validUntil:"2036-01-01T00:00:00Z"){written}}`,
	} {
		w := newWorld(t, policy.Subject{})
		if got := w.askAs(context.Background(), document).code(); got != "UNAUTHENTICATED" {
			t.Errorf("%s: code %q", document, got)
		}
		if len(w.revoked) > 0 {
			t.Errorf("%s revoked an agreement", document)
		}
	}
}

func ruled(agency, typ, name string, r policy.Ruling) resolvers.Ruled {
	ruled := resolvers.Ruled{Ruling: r}
	ruled.Field.Agency, ruled.Field.Type, ruled.Field.Name = policy.AgencyID(agency), typ, name
	ruled.Field.Classification = "SENSITIVE"
	return ruled
}

func TestMyAccessNamesEffectsAndNeverTheInvisible(t *testing.T) {
	masked := policy.Ruling{Effect: policy.Transform}
	masked.Obligation = privacy.Obligation{Method: "prefix", Arguments: `{"length":3}`}
	w := newWorld(t, partner())
	w.rulings = []resolvers.Ruled{
		ruled("registry", "Resident", "phone", masked),
		ruled("registry", "Resident", "secretName", policy.Ruling{Effect: policy.Invisible}),
		ruled("registry", "Resident", "income", policy.Ruling{Effect: policy.Aggregate}),
		ruled("registry", "Hidden", "id", policy.Ruling{Effect: policy.Invisible}),
		ruled("hospital_a", "Admission", "note", policy.Ruling{}),
		ruled("hospital_a", "Admission", "ward", policy.Ruling{Effect: policy.Allow}),
		ruled("hospital_a", "Admission", "cost", policy.Ruling{Effect: policy.Encrypted}),
	}
	w.wantData(`{myAccess{type agency fields{name effect method}}}`,
		`{"myAccess":[{"type":"Admission","agency":"hospital_a","fields":[{"name":"note","effect":"DENIED","method":null},`+
			`{"name":"ward","effect":"ALLOWED","method":null},{"name":"cost","effect":"ENCRYPTED_ONLY","method":null}]},`+
			`{"type":"Resident","agency":"registry","fields":[{"name":"phone","effect":"TRANSFORMED","method":"prefix"},`+
			`{"name":"income","effect":"AGGREGATE_ONLY","method":null}]}]}`)
	w.wantData(`{myAccess(type:"Resident"){fields{name shown}}}`,
		`{"myAccess":[{"fields":[{"name":"phone","shown":"its first 3 characters"},{"name":"income","shown":null}]}]}`)
	w.wantData(`{myAccess(type:"Resident"){type fields{name}}}`,
		`{"myAccess":[{"type":"Resident","fields":[{"name":"phone"},{"name":"income"}]}]}`)
	w.wantData(`{unknown: myAccess(type:"Nothing"){type} hidden: myAccess(type:"Hidden"){type}}`, `{"unknown":[],"hidden":[]}`)
}

func TestMethodOfADeniedFieldIsNotShown(t *testing.T) {
	denied := policy.Ruling{Effect: policy.Deny}
	denied.Obligation.Method = "mask"
	w := newWorld(t, partner())
	w.rulings = []resolvers.Ruled{ruled("registry", "Resident", "phone", denied)}
	w.wantData(`{myAccess{fields{effect method}}}`, `{"myAccess":[{"fields":[{"effect":"DENIED","method":null}]}]}`)
}

func TestAgreementsAreThoseOfTheCallersOrganisation(t *testing.T) {
	newWorld(t, partner()).wantData(`{agreements{id}}`, `{"agreements":[{"id":"care"}]}`)
	newWorld(t, partner(resolvers.ScopeAgreementRead)).wantData(`{agreements{id}}`, `{"agreements":[{"id":"care"},{"id":"research"}]}`)
}

func TestRevokeNeedsTheScope(t *testing.T) {
	cases := []struct {
		scope, id, code string
	}{
		{"graph:read", "care", "FORBIDDEN"},
		{"graph:read", "nothing", "FORBIDDEN"},
		{resolvers.ScopeAgreementRead, "care", "FORBIDDEN"},
		{resolvers.ScopeRevokeOwn, "research", "FORBIDDEN"},
		{resolvers.ScopeRevokeOwn, "nothing", "FORBIDDEN"},
		{resolvers.ScopeRevoke, "nothing", "BAD_USER_INPUT"},
		{resolvers.ScopeRevokeOwn, "care", ""},
		{resolvers.ScopeRevoke, "research", ""},
	}
	for _, c := range cases {
		w := newWorld(t, partner(c.scope))
		w.wantCode(fmt.Sprintf(`mutation{revokeAgreement(id:%q,reason:"over"){id status}}`, c.id), c.code)
		if done := len(w.revoked) > 0; done != (c.code == "") {
			t.Errorf("%s on %s: revoked %v", c.scope, c.id, w.revoked)
		}
	}
}

func TestRevokeAnswersWithTheNewStatusAndKeepsWhoAndWhy(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopeRevoke))
	w.wantData(`mutation{revokeAgreement(id:"care",reason:" breach "){id status}}`,
		`{"revokeAgreement":{"id":"care","status":"REVOKED"}}`)
	if w.revoked["care"] != "par: breach" {
		t.Errorf("kept %q", w.revoked["care"])
	}
	for _, reason := range []string{" ", strings.Repeat("x", 501)} {
		w.wantCode(fmt.Sprintf(`mutation{revokeAgreement(id:"research",reason:%q){id}}`, reason), "BAD_USER_INPUT")
	}
}

// log has entries of two organisations whose subjects share one ID, as two issuers may give it.
func log(organisations ...string) []ledger.Record {
	records := make([]ledger.Record, len(organisations))
	for i, o := range organisations {
		records[i] = ledger.Record{Index: int64(i), Entry: ledger.Entry{Kind: ledger.Answer, Time: noon,
			Subject: ledger.Subject{ID: "par", Organisation: o}}}
	}
	return records
}

func TestReceiptsAreTheCallersOwn(t *testing.T) {
	w := newWorld(t, partner())
	w.records = log("aid", "other", "aid", "other", "other", "aid")
	w.wantData(`{receipts{index}}`, `{"receipts":[{"index":"5"},{"index":"2"},{"index":"0"}]}`)
	w.wantData(`{receipts(first:2){index}}`, `{"receipts":[{"index":"5"},{"index":"2"}]}`)
	w.wantData(`{receipts(before:"2"){index}}`, `{"receipts":[{"index":"0"}]}`)
	w.wantData(`{receipts(before:0){index}}`, `{"receipts":[]}`)
	w.wantData(`{own: receipt(index:2){index kind} others: receipt(index:"1"){index} absent: receipt(index:99){index}}`,
		`{"own":{"index":"2","kind":"answer"},"others":null,"absent":null}`)
}

func TestAuditorReadsEveryEntry(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopeLedgerRead))
	w.records = log("other", "aid", "third")
	w.records[2].Entry.Obligations = []ledger.Obligation{{Coordinate: "Resident.phone", Method: "mask"}}
	w.wantData(`{receipts(first:1){index organisation obligations{coordinate method}} receipt(index:0){organisation}}`,
		`{"receipts":[{"index":"2","organisation":"third","obligations":[{"coordinate":"Resident.phone","method":"mask"}]}],`+
			`"receipt":{"organisation":"other"}}`)
}

func TestAnonymousHasNoReceipts(t *testing.T) {
	w := newWorld(t, policy.Subject{ID: "anonymous", Anonymous: true, Scopes: []string{resolvers.ScopeLedgerRead}})
	w.wantCode(`{receipts{index}}`, "FORBIDDEN")
	w.wantCode(`{receipt(index:0){index}}`, "FORBIDDEN")
}

func TestBadArgumentsAreRefusedWithoutEcho(t *testing.T) {
	w := newWorld(t, partner())
	for _, document := range []string{
		`{receipts(first:-1){index}}`, `{receipts(first:101){index}}`, `{receipts(before:"MARKER"){index}}`,
		`{receipt(index:"-7"){index}}`, `{receipt(index:"MARKER"){index}}`, `{receipt(index:"99999999999999999999"){index}}`,
	} {
		a := w.ask(document)
		if a.code() != "BAD_USER_INPUT" {
			t.Errorf("%s: code %q", document, a.code())
		}
		for _, e := range a.Errors {
			if strings.Contains(e.Message, "MARKER") || strings.Contains(e.Message, "9999") {
				t.Errorf("%s: echoed in %q", document, e.Message)
			}
		}
	}
}

func TestFailuresAreCodedAndKeepTheirCauseInside(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopeRevoke))
	w.failWith = errors.New("disk MARKER is full")
	codes := map[string]string{
		`{me{agreement{id}}}`:       "STATE_UNAVAILABLE",
		`{agreements{id}}`:          "STATE_UNAVAILABLE",
		`{receipts{index}}`:         "LEDGER_UNAVAILABLE",
		`{receipt(index:0){index}}`: "LEDGER_UNAVAILABLE",
		`{myAccess{type}}`:          "INTERNAL",
		`mutation{revokeAgreement(id:"care",reason:"over"){id}}`: "STATE_UNAVAILABLE",
	}
	for document, code := range codes {
		a := w.ask(document)
		if a.code() != code {
			t.Errorf("%s: code %q, want %q", document, a.code(), code)
		}
		for _, e := range a.Errors {
			if strings.Contains(e.Message, "MARKER") {
				t.Errorf("%s: cause in %q", document, e.Message)
			}
		}
	}
}

func TestRevisionTellsThePolicyReaderWhatWasRefused(t *testing.T) {
	w := newWorld(t, partner())
	w.wantData(`{revision{schema policy activatedAt problem}}`,
		`{"revision":{"schema":"aa","policy":"bb","activatedAt":"2025-06-01T12:00:00Z","problem":null}}`)
	w.problem = "hospital_a.rego:7: MARKER"
	if a := w.ask(`{revision{problem}}`); strings.Contains(string(a.Data), "MARKER") || !strings.Contains(string(a.Data), "refused") {
		t.Errorf("without scope: %s", a.Data)
	}
	w.subject.Scopes = []string{resolvers.ScopePolicyRead}
	w.wantData(`{revision{problem}}`, `{"revision":{"problem":"hospital_a.rego:7: MARKER"}}`)
}

func TestHealthIsReadyOnlyWhenEveryCheckIs(t *testing.T) {
	w := newWorld(t, partner())
	w.wantData(`{health{ready checks{name ready}}}`, `{"health":{"ready":true,"checks":[{"name":"ledger","ready":true}]}}`)
	w.checks = append(w.checks, resolvers.Check{Name: "state"})
	w.wantData(`{health{ready}}`, `{"health":{"ready":false}}`)
	w.checks = nil
	w.wantData(`{health{ready}}`, `{"health":{"ready":false}}`)
}

func TestIntrospectionSeesTheRunTimeSchema(t *testing.T) {
	newWorld(t, partner()).wantData(`{__type(name:"Admission"){name}}`, `{"__type":{"name":"Admission"}}`)
}
