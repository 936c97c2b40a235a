package resolvers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/explain"
	"concordat/policy/ledger"
	"concordat/resolvers"
)

// drafts is a real directory that holds the world's agreements.
func (w *world) drafts() *agreement.Files {
	w.t.Helper()
	if w.files == nil {
		w.files = agreement.NewFiles(w.t.TempDir())
		for id, party := range map[string]string{"care": "aid", "research": "institute"} {
			c, err := w.files.Propose([]byte(agreementFile(id, party)))
			if err == nil {
				err = w.files.Write(c)
			}
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return w.files
}

func (w *world) Propose(text []byte) (*agreement.Change, error) { return w.drafts().Propose(text) }

func (w *world) Amend(id string, text []byte) (*agreement.Change, error) {
	return w.drafts().Amend(id, text)
}

func (w *world) Renew(id, version string, until time.Time) (*agreement.Change, error) {
	return w.drafts().Renew(id, version, until)
}

func (w *world) Known(dataset string) bool { return dataset == "District" }

func (w *world) Meets(agreement.Owed) error { return nil }

func (w *world) Check(_ context.Context, s *agreement.Set) agreement.Mistakes { return s.Check(w) }

func (w *world) Publish(_ context.Context, by policy.Subject, c *agreement.Change) error {
	if w.failWith != nil {
		return w.failWith
	}
	w.published = append(w.published, by.ID+" "+c.Agreement.ID+"@"+c.Agreement.Version)
	return w.drafts().Write(c)
}

func (w *world) Explain(_ context.Context, _ resolvers.Reviewed, s policy.Subject, coordinate string) ([]explain.Account, error) {
	return []explain.Account{{Coordinate: coordinate, Agency: "registry", Effect: "deny", Sentence: s.Purpose + " is told",
		Rules: []explain.Rule{{Rule: "r.fields", File: "r.rego", Line: 7, Says: "no", Won: true}}}}, w.failWith
}

func propose(text string) string {
	return fmt.Sprintf(`mutation{proposeAgreement(yaml:%q){written id version before mistakes{line path message} warnings{path}}}`, text)
}

func amend(id, text string) string {
	return fmt.Sprintf(`mutation{amendAgreement(id:%q,yaml:%q){written version before mistakes{path}}}`, id, text)
}

func renew(id, until string) string {
	return fmt.Sprintf(`mutation{renewAgreement(id:%q,version:"2",validUntil:%q){written version before warnings{path}}}`, id, until)
}

func TestWritingNeedsTheScopeAndOwnershipOfBothVersions(t *testing.T) {
	second := func(id, party string) string {
		return strings.Replace(agreementFile(id, party), "version: 1", "version: 2", 1)
	}
	for _, c := range []struct{ scope, document, code string }{
		{"graph:read", propose(agreementFile("new", "aid")), "FORBIDDEN"},
		{resolvers.ScopeRevoke, amend("care", second("care", "aid")), "FORBIDDEN"},
		{resolvers.ScopeWriteOwn, propose(agreementFile("new", "other")), "FORBIDDEN"},
		{resolvers.ScopeWriteOwn, amend("research", second("research", "aid")), "FORBIDDEN"},
		{resolvers.ScopeWriteOwn, amend("nothing", second("nothing", "aid")), "FORBIDDEN"},
		{resolvers.ScopeWriteOwn, amend("care", second("care", "other")), "FORBIDDEN"},
		{resolvers.ScopeWriteOwn, renew("research", "2036-01-01T00:00:00Z"), "FORBIDDEN"},
		{resolvers.ScopeWrite, amend("nothing", second("nothing", "aid")), "BAD_USER_INPUT"},
		{resolvers.ScopeWrite, propose(agreementFile("care", "aid")), "BAD_USER_INPUT"},
		{resolvers.ScopeWrite, amend("care", agreementFile("care", "aid")), "BAD_USER_INPUT"},
		{resolvers.ScopeWrite, renew("care", "2034-01-01T00:00:00Z"), "BAD_USER_INPUT"},
		{resolvers.ScopeWriteOwn, propose(agreementFile("new", "aid")), ""},
		{resolvers.ScopeWriteOwn, amend("care", second("care", "aid")), ""},
		{resolvers.ScopeWrite, renew("research", "2036-01-01T00:00:00Z"), ""},
	} {
		w := newWorld(t, partner(c.scope))
		w.wantCode(c.document, c.code)
		if done := len(w.published) > 0; done != (c.code == "") {
			t.Errorf("%s: %s: published %v", c.scope, c.document, w.published)
		}
	}
}

func TestAWrongAgreementIsNotWrittenAndItsMistakesAreListed(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopeWrite))
	w.wantData(propose("id: new\nfoo: 1\n"), `{"proposeAgreement":{"written":false,"id":null,"version":null,"before":null,"mistakes":[`+
		`{"line":1,"path":"legalBasis","message":"is required"},{"line":1,"path":"parties","message":"is required"},`+
		`{"line":1,"path":"purposes","message":"is required"},{"line":1,"path":"title","message":"is required"},`+
		`{"line":1,"path":"validFrom","message":"is required"},{"line":1,"path":"validUntil","message":"is required"},`+
		`{"line":1,"path":"version","message":"is required"},{"line":2,"path":"foo","message":"unknown key"}],"warnings":[]}}`)
	unknown := strings.Replace(agreementFile("new", "aid"), "[District]", "[District, Distrikt.id]", 1)
	w.wantData(propose(unknown), `{"proposeAgreement":{"written":false,"id":"new","version":"1","before":null,"mistakes":[`+
		`{"line":8,"path":"datasets[1]","message":"names nothing that is shared here"}],"warnings":[{"path":"validFrom"}]}}`)
	if len(w.published) > 0 {
		t.Errorf("published %v", w.published)
	}
}

func TestRenewalKeepsTheVersionBefore(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopeWriteOwn))
	w.wantData(renew("care", "2035-06-01T00:00:00Z"),
		`{"renewAgreement":{"written":true,"version":"2","before":"1","warnings":[{"path":"validFrom"}]}}`)
	if len(w.published) != 1 || w.published[0] != "par care@2" {
		t.Errorf("published %v", w.published)
	}
}

func TestARevokedAgreementIsNotChanged(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopeWrite))
	w.revoked["care"] = "over"
	w.wantCode(renew("care", "2036-01-01T00:00:00Z"), "BAD_USER_INPUT")
	w.wantCode(amend("care", strings.Replace(agreementFile("care", "aid"), "version: 1", "version: 2", 1)), "BAD_USER_INPUT")
}

func TestAChangeThatCannotBeRecordedIsNotMade(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopeWrite))
	w.failWith = fmt.Errorf("disk MARKER: %w", ledger.ErrUnavailable)
	a := w.ask(propose(agreementFile("new", "aid")))
	if a.code() != "LEDGER_UNAVAILABLE" || strings.Contains(a.Errors[0].Message, "MARKER") {
		t.Errorf("%v", a.Errors)
	}
}

func TestReasonOfADeniedFieldGivesNothingAway(t *testing.T) {
	w := newWorld(t, partner())
	w.rulings = []resolvers.Ruled{
		ruled("registry", "Resident", "ward", policy.Ruling{Effect: policy.Allow, Reason: "care needs it"}),
		ruled("registry", "Resident", "witness", policy.Ruling{Effect: policy.Deny, Reason: "MARKER: under protection"}),
		ruled("registry", "Resident", "other", policy.Ruling{Reason: "MARKER"}),
	}
	a := w.ask(`{myAccess{agreement until contact fields{name reason}}}`)
	if len(a.Errors) > 0 || strings.Contains(string(a.Data), "MARKER") || !strings.Contains(string(a.Data), `"reason":"care needs it"`) ||
		!strings.Contains(string(a.Data), `"agreement":"care","until":"2035-01-02T00:00:00Z","contact":"a@b.example"`) ||
		strings.Count(string(a.Data), "not shared under your agreement") != 2 {
		t.Errorf("%s %v", a.Data, a.Errors)
	}
}

func TestExplanationsAreForWhoReadsThePolicy(t *testing.T) {
	const document = `{explain(subject:{agreement:"care",purpose:"care"},coordinate:"Resident.name"){coordinate agency effect method sentence rules{rule file line says won}}}`
	w := newWorld(t, partner(resolvers.ScopeLedgerRead))
	w.wantCode(document, "FORBIDDEN")
	w = newWorld(t, partner(resolvers.ScopePolicyRead))
	w.wantData(document, `{"explain":[{"coordinate":"Resident.name","agency":"registry","effect":"deny","method":null,`+
		`"sentence":"care is told","rules":[{"rule":"r.fields","file":"r.rego","line":7,"says":"no","won":true}]}]}`)
	w.failWith = fmt.Errorf("MARKER: %w", resolvers.ErrMeanwhile)
	if a := w.ask(document); a.code() != "STATE_UNAVAILABLE" || strings.Contains(a.Errors[0].Message, "MARKER") {
		t.Errorf("%v", a.Errors)
	}
}
