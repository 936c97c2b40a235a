package resolvers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"concordat/federation/review"
	"concordat/policy"
	"concordat/policy/check"
	"concordat/policy/diff"
	"concordat/policy/ledger"
	"concordat/resolvers"
)

type reviews struct{ *world }

// Two agencies answer every review: what is told of which is the resolver's part.
func (w reviews) Check(_ context.Context, q resolvers.Reviewed) ([]check.Finding, error) {
	return []check.Finding{{Severity: "warning", Code: "A", File: "aid/access.rego", Line: 1}, {Severity: "error", Code: "B", File: "registry/access.rego"},
		{Severity: "error", Code: "C"}}, w.failWith
}

func (w reviews) Diff(_ context.Context, q resolvers.Reviewed) (*resolvers.Difference, error) {
	d := &resolvers.Difference{Personas: []string{"somebody"}}
	for _, agency := range []policy.AgencyID{"aid", "registry"} {
		d.Changes = append(d.Changes, diff.Change{Agency: agency, Coordinate: "A.b", Weaker: agency == "registry"})
		d.Rows = append(d.Rows, diff.RowChange{Agency: agency, Type: "A", Lost: true, Witness: "none"})
	}
	return d, w.failWith
}

func (w reviews) Test(_ context.Context, q resolvers.Reviewed) (*review.Tests, error) {
	return &review.Tests{Passed: true, Coverage: 50, Tests: []review.Test{{Name: "of " + string(q.Agency)}}}, w.failWith
}

const proposing = `proposal:{agency:%q,files:[{name:"a.rego",text:"package a"}]}`

func TestOfficersSeeTheirOwnAgencyAndTheGatewaysAll(t *testing.T) {
	own, all := newWorld(t, partner(resolvers.ScopePolicyReadOwn)), newWorld(t, partner(resolvers.ScopePolicyRead))
	own.wantData(`{policyCheck{findings{code}}}`, `{"policyCheck":{"findings":[{"code":"A"},{"code":"C"}]}}`)
	all.wantData(`{policyCheck{findings{code}}}`, `{"policyCheck":{"findings":[{"code":"A"},{"code":"B"},{"code":"C"}]}}`)
	document := fmt.Sprintf(`{policyDiff(%s){personas weaker changes{agency} rows{agency witness}}}`, fmt.Sprintf(proposing, "aid"))
	own.wantData(document, `{"policyDiff":{"personas":["somebody"],"weaker":false,"changes":[{"agency":"aid"}],"rows":[{"agency":"aid","witness":"none"}]}}`)
	all.wantData(document, `{"policyDiff":{"personas":["somebody"],"weaker":true,"changes":[{"agency":"aid"},{"agency":"registry"}],`+
		`"rows":[{"agency":"aid","witness":"none"},{"agency":"registry","witness":"none"}]}}`)
	own.wantData(`{policyTest{passed coverage tests{name}}}`, `{"policyTest":{"passed":true,"coverage":50,"tests":[{"name":"of aid"}]}}`)
	all.wantData(`{policyTest{tests{name}}}`, `{"policyTest":{"tests":[{"name":"of "}]}}`)
	own.wantData(`{explain(subject:{id:"x"},coordinate:"A.b"){agency}}`, `{"explain":[]}`)
	all.wantData(`{policyExplain(subject:{id:"x"},coordinate:"A.b"){agency}}`, `{"policyExplain":[{"agency":"registry"}]}`)
}

func TestReviewsAreForOfficersAlone(t *testing.T) {
	nobody := policy.Subject{ID: "anonymous", Anonymous: true, Scopes: []string{resolvers.ScopePolicyRead}}
	homeless := partner(resolvers.ScopePolicyReadOwn)
	homeless.Organisation = ""
	foreign := fmt.Sprintf(proposing, "registry")
	for _, c := range []struct {
		who      policy.Subject
		proposal string
	}{{partner("graph:read"), fmt.Sprintf(proposing, "aid")}, {nobody, foreign}, {homeless, fmt.Sprintf(proposing, "")},
		{partner(resolvers.ScopePolicyReadOwn), foreign}, {partner(resolvers.ScopePolicyReadOwn), fmt.Sprintf(proposing, "gateway")}} {
		for _, document := range []string{`{policyCheck(%s){findings{code}}}`, `{policyDiff(%s){weaker}}`, `{policyTest(%s){passed}}`,
			`{policyExplain(subject:{id:"x"},coordinate:"A.b",%s){effect}}`} {
			newWorld(t, c.who).wantCode(fmt.Sprintf(document, c.proposal), "FORBIDDEN")
		}
	}
}

func TestFailedReviewsHaveCodesAndRepeatNothing(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
	}{{resolvers.ErrBusy, "RATE_LIMITED"}, {resolvers.ErrUnending, "OPERATION_TOO_COMPLEX"}, {resolvers.ErrMeanwhile, "STATE_UNAVAILABLE"},
		{resolvers.ErrScenario, "BAD_USER_INPUT"}, {review.ErrProposal, "BAD_USER_INPUT"}, {&policy.LoadError{}, "BAD_USER_INPUT"},
		{errors.New("inner secret"), "INTERNAL"}} {
		w := newWorld(t, partner(resolvers.ScopePolicyRead))
		w.failWith = c.err
		for _, document := range []string{`{policyCheck{findings{code}}}`, `{policyTest{passed}}`, `{explain(subject:{},coordinate:"A.b"){effect}}`} {
			a := w.ask(document)
			if a.code() != c.code || strings.Contains(a.Errors[0].Message, "secret") {
				t.Errorf("%v: %+v", c.err, a.Errors)
			}
		}
	}
}

func TestAProposalThatDoesNotLoadSaysWhy(t *testing.T) {
	w := newWorld(t, partner(resolvers.ScopePolicyReadOwn))
	w.failWith = &policy.LoadError{Problems: []policy.Problem{{Code: "POLICY_COMPILE", File: "registry/access.rego", Message: "another's"}}}
	w.wantData(fmt.Sprintf(`{policyDiff(%s){weaker changes{agency} findings{severity code message}}}`, fmt.Sprintf(proposing, "aid")),
		`{"policyDiff":{"weaker":false,"changes":[],"findings":[{"severity":"error","code":"POLICY_COMPILE","message":"the policies do not load together with this proposal"}]}}`)
}

func TestTokensAreRevokedByTheirHolderOrWithTheScope(t *testing.T) {
	holder := partner()
	holder.Issuer, holder.TokenID = "iss", "mine"
	w := newWorld(t, holder)
	w.wantCode(`mutation{revokeToken(id:"other"){id}}`, "FORBIDDEN")
	w.wantCode(`mutation{revokeToken(id:"mine",issuer:"elsewhere"){id}}`, "FORBIDDEN")
	w.wantData(`mutation{revokeToken(id:"mine"){id issuer until}}`, `{"revokeToken":{"id":"mine","issuer":"iss","until":"2025-06-01T13:00:00Z"}}`)
	warden := partner(resolvers.ScopeTokenRevoke)
	warden.Issuer = "iss"
	w = newWorld(t, warden)
	w.wantCode(`mutation{revokeToken(id:""){id}}`, "BAD_USER_INPUT")
	w.wantCode(`mutation{revokeToken(id:"other",issuer:"elsewhere"){id}}`, "BAD_USER_INPUT")
	w.wantData(`mutation{revokeToken(id:"other"){id}}`, `{"revokeToken":{"id":"other"}}`)
	w.failWith = ledger.ErrUnavailable
	w.wantCode(`mutation{revokeToken(id:"third"){id}}`, "LEDGER_UNAVAILABLE")
}

func TestOfficersAreToldWhatIsWrongWithTheirOwn(t *testing.T) {
	for scope, want := range map[string]string{
		"graph:read":                 "a newer version was refused; this one stays in force",
		resolvers.ScopePolicyReadOwn: `a newer version was refused; this one stays in force\nown\nshared`,
		resolvers.ScopePolicyRead:    "everything",
	} {
		w := newWorld(t, partner(scope))
		w.problem = "everything"
		w.wantData(`{revision{problem}}`, `{"revision":{"problem":"`+want+`"}}`)
	}
}
