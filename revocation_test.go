package main

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"concordat/federation/source"
	"concordat/privacy"
)

const revokeNorvale = `mutation { revokeAgreement(id: "norvale-aid-2025", reason: "test") { id status } }`

// revoke ends the partner's agreement as the privacy officer of a hospital that is a party to it.
func revoke(t *testing.T, g *gateway) {
	t.Helper()
	a := g.ask(t, "officer", revokeNorvale, nil)
	if a.status != http.StatusOK || !bytes.Contains(a.Data, []byte(`"status":"REVOKED"`)) || a.Extensions.Concordat.Receipt == nil {
		t.Fatalf("revoking: %d %s", a.status, a.body)
	}
}

func wantInactive(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusForbidden || a.code() != "AGREEMENT_INACTIVE" || len(a.Data) > 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a.Extensions.Concordat.Receipt == nil {
		t.Error("the refusal has no receipt")
	}
}

func TestRevokedAgreementStopsNextRequest(t *testing.T) {
	dir := demoDir(t)
	g := start(t, dir)
	const document = `{ fluWeeks(first: 1) { nodes { week } } }`
	if a := g.ask(t, "partner", document, nil); a.status != http.StatusOK {
		t.Fatalf("before: %d %s", a.status, a.body)
	}
	revoke(t, g)
	wantInactive(t, g.ask(t, "partner", document, nil))
	if a := g.ask(t, "analyst", document, nil); a.status != http.StatusOK {
		t.Errorf("another agreement: %d %s", a.status, a.body)
	}
	g.stop(t)
	wantInactive(t, start(t, dir).ask(t, "partner", document, nil)) // and stays so over a restart
}

// Who has not the scope ends nothing, party or not.
func TestOnlyWhoHasTheScopeRevokes(t *testing.T) {
	g := common(t)
	for _, persona := range []string{"partner", "analyst", "auditor", "developer"} {
		if a := g.ask(t, persona, revokeNorvale, nil); a.code() != "FORBIDDEN" || bytes.Contains(a.body, []byte("REVOKED")) {
			t.Errorf("%s: %d %s", persona, a.status, a.body)
		}
	}
	if a := g.ask(t, "partner", `{ fluWeeks(first: 1) { totalCount } }`, nil); a.status != http.StatusOK {
		t.Errorf("the agreement ended all the same: %s", a.body)
	}
}

// An answer that is on its way when the agreement ends is refused at its release: the source is held, the agreement
// revoked, the source let go.
func TestAnswerUnderWayIsRefusedAtRelease(t *testing.T) {
	began, release := make(chan struct{}, 1), make(chan struct{})
	h := build(t, demoDir(t), houseOptions{wrap: func(name string, s source.Source) source.Source {
		if name != "publichealth" {
			return s
		}
		return fetcher(func(ctx context.Context, q *source.Query) (*privacy.Table, error) {
			began <- struct{}{}
			<-release
			return s.Fetch(ctx, q)
		})
	}})
	answers := make(chan answer, 1)
	go func() {
		a, err := send(t.Context(), h.client, h.url, h.tokens["partner"], operation(`{ fluWeeks(first: 1) { nodes { week iliCases } } }`, nil))
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	receive(t, "the source is asked", began)
	revoke(t, h.gateway)
	close(release)
	a := receive(t, "the answer", answers)
	wantInactive(t, a)
	if bytes.Contains(a.body, []byte("iliCases")) {
		t.Errorf("data of a refused answer: %s", a.body)
	}
}
