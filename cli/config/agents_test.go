package config

import (
	"path/filepath"
	"strings"
	"testing"
)

const agentsBase = "listen: a:1\nstate: s\norigin: o\nresource: https://g.example\nschemas: s\npolicies: p\nbundles: {unsigned: true}\nagreements: a\nsources: s\n"

// TestAgentsAreReadWhole: what is right is taken, and every mistake has its place, without the secrets beside it.
func TestAgentsAreReadWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "concordat.yaml")
	write(t, filepath.Join(dir, "jwks.json"), `{"keys":[{"alg":"ES256","crv":"P-256","kid":"a","kty":"EC","use":"sig",`+
		`"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`) // RFC 7517, A.1
	write(t, filepath.Join(dir, "gateway.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	issuers := "issuers:\n  - {issuer: i, audience: a, jwks: file:jwks.json}\n"
	env := func(name string) string { return map[string]string{"SECRET": "hush"}[name] }
	write(t, file, agentsBase+issuers+"agents:\n  listen: 0.0.0.0:8443\n  key: file:gateway.key\n  minimum: 4\n  exchange: {token: https://i.example/token, client: gw, secret: env:SECRET}\n")
	c, err := Load(file, env)
	if err != nil || c.Agents == nil || c.Agents.Minimum != 4 || len(c.Agents.Identity) == 0 || c.Agents.Exchange != (Exchange{Token: "https://i.example/token", Client: "gw", Secret: "hush"}) {
		t.Fatalf("%+v %v", c.Agents, err)
	}
	write(t, filepath.Join(dir, "gateway.key"), "hunter2\n")
	write(t, file, agentsBase+issuers+"agents:\n  listen: 8443\n  key: file:gateway.key\n  minimum: 1\n  threshold: x\n  extra: 1\n  exchange: {token: http://i.example/token, client: gw, secret: hush}\n")
	_, err = Load(file, env)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{":13: agents.listen: not HOST:PORT", ":14: agents.key: not an identity key", ":15: agents.minimum: below two", ":16: agents.threshold: not a positive number",
		":17: agents.extra: unknown key", ":18: agents.exchange.token: not an https URL", ":18: agents.exchange.secret: not a reference"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among:\n%s", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hush") {
		t.Error("a secret is repeated:", err)
	}
	write(t, file, agentsBase+issuers+"agents: {listen: 'a:1'}\n")
	if _, err := Load(file, env); err == nil || !strings.Contains(err.Error(), "agents.key: missing") || !strings.Contains(err.Error(), "agents.exchange: missing") {
		t.Error(err)
	}
}
