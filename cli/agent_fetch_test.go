package cli

import (
	"context"
	"path/filepath"
	"testing"

	"concordat/federation/agent"
	"concordat/policy/authn"
)

// TestFetchIsReadWithItsKeysAndRules checks the configuration's mistakes, and that a gateway's token is good for the
// agency that it was made for and no other.
func TestFetchIsReadWithItsKeysAndRules(t *testing.T) {
	dir := t.TempDir()
	issuer, err := authn.CreateIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	issuer.Audience = "north"
	if err := writeNew(filepath.Join(dir, "gateway.jwks.json"), issuer.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	good := func() *agentFetch {
		f := &agentFetch{Policy: "fetch.rego", Sources: "sources.yaml", Types: map[string]agentTable{"Bed": {Source: "s", Table: "t", Columns: map[string]agentColumn{"id": {Kind: "text"}, "at": {Column: "since", Kind: "time"}}}}}
		f.Tokens.Issuer, f.Tokens.JWKS = authn.DevelopmentIssuer, "gateway.jwks.json"
		return f
	}
	f := good()
	if err := f.resolve(dir, "north"); err != nil {
		t.Fatal(err)
	}
	if r := f.Types["Bed"].relation("Bed"); r.Type != "Bed" || r.Columns["at"].Physical != "since" || r.Columns["id"].Physical != "id" {
		t.Errorf("%+v", r)
	}
	mint := func(audience string) string {
		i := *issuer
		i.Audience = audience
		token, err := i.Mint(authn.Claims{Subject: "p", Client: "gateway", Agreement: "a", Purpose: "care"})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	tokens := fetchTokens{f.gate}
	if g, err := tokens.Verify(t.Context(), mint("north")); err != nil || g.Purpose != "care" || g.Agreement != "a" {
		t.Error(g, err)
	}
	if _, err := tokens.Verify(t.Context(), mint("south")); err == nil {
		t.Error("a token for another agency is taken")
	}
	for name, change := range map[string]func(*agentFetch){
		"no policy": func(f *agentFetch) { f.Policy = "" }, "no types": func(f *agentFetch) { f.Types = nil }, "no keys": func(f *agentFetch) { f.Tokens.JWKS = "absent.json" },
		"no table":        func(f *agentFetch) { f.Types["Bed"] = agentTable{Source: "s"} },
		"an unknown kind": func(f *agentFetch) { f.Types["Bed"].Columns["id"] = agentColumn{Kind: "number"} },
	} {
		f := good()
		change(f)
		if f.resolve(dir, "north") == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := keep(filepath.Join(dir, "rules.rego"), []byte("package concordat.fetch\n\nallow if \"id\" in input.select\n")); err != nil {
		t.Fatal(err)
	}
	rules, err := fetchRulesOf(t.Context(), filepath.Join(dir, "rules.rego"), f.columns())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.DecideFetch(t.Context(), agent.FetchAsked{Select: []string{"id"}}); err != nil {
		t.Error("what the rules allow:", err)
	}
	if _, err := rules.DecideFetch(t.Context(), agent.FetchAsked{}); err == nil {
		t.Error("the rules are not asked as they are written")
	}
	if _, err := contributionRules(context.Background(), filepath.Join(dir, "rules.rego")); err == nil {
		t.Error("rules of one package are taken for those of another")
	}
}
