package authn

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"concordat/policy"
)

func downstream(t testing.TB) (*Downstream, *time.Time) {
	t.Helper()
	d, err := NewDownstream([]byte(strings.Repeat("r", 32)), "https://gateway.test")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d.Now = func() time.Time { return now }
	return d, &now
}

func asker() policy.Subject {
	return policy.Subject{ID: "MARKER-person", Issuer: "https://issuer.test", Organisation: "institute", Agreement: "a-1", Purpose: "research", TokenID: "MARKER-jti"}
}

// The set that is served verifies the token, with jwx's own verification of claims.
func TestADownstreamTokenSaysTheLeastAndVerifies(t *testing.T) {
	d, now := downstream(t)
	token, err := d.Token("transport", asker(), "abcd")
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	d.Handler().ServeHTTP(answer, httptest.NewRequest("GET", DownstreamPath, nil))
	set, err := jwk.Parse(answer.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	clock := jwt.ClockFunc(func() time.Time { return *now })
	parsed, err := jwt.Parse([]byte(token), jwt.WithKeySet(set), jwt.WithAudience("transport"), jwt.WithIssuer("https://gateway.test"), jwt.WithClock(clock))
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(parsed)
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"purpose": "research", "agreement": "a-1", "operation": "abcd", "client_id": "institute"} {
		if claims[name] != want {
			t.Errorf("%s is %v", name, claims[name])
		}
	}
	if life := claims["exp"].(float64) - claims["iat"].(float64); life > 60 {
		t.Errorf("it lives for %v s", life)
	}
	parts := strings.Split(token, ".")
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if !strings.Contains(string(header), `"typ":"at+jwt"`) || !strings.Contains(string(header), `"alg":"EdDSA"`) {
		t.Errorf("header %s", header)
	}
	if strings.Contains(string(body), "MARKER") || claims["jti"] == "" {
		t.Errorf("claims %s", body)
	}
	if _, err := jwt.Parse([]byte(token), jwt.WithKeySet(set), jwt.WithAudience("health"), jwt.WithClock(clock)); err == nil {
		t.Error("a token for transport passes at health")
	}
	if strings.Contains(answer.Body.String(), `"d"`) {
		t.Error("the private key is served")
	}
}

func TestADownstreamTokenIsKeptForItsLifeAndNoLonger(t *testing.T) {
	d, now := downstream(t)
	token := func(audience string, s policy.Subject, operation string) string {
		text, err := d.Token(audience, s, operation)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := token("transport", asker(), "abcd")
	*now = now.Add(44 * time.Second)
	if token("transport", asker(), "abcd") != first {
		t.Error("it is signed again")
	}
	*now = now.Add(2 * time.Second)
	if token("transport", asker(), "abcd") == first {
		t.Error("it is sent when it is nearly over")
	}
	other := asker()
	other.ID = "another"
	second := asker()
	second.Purpose = "audit"
	seen := map[string]bool{}
	for _, text := range []string{token("transport", asker(), "abcd"), token("health", asker(), "abcd"), token("transport", other, "abcd"),
		token("transport", second, "abcd"), token("transport", asker(), "ef")} {
		if seen[text] {
			t.Error("one token for two questions that differ")
		}
		seen[text] = true
	}
}

func TestSubjectsAreOthersAtEachSource(t *testing.T) {
	d, _ := downstream(t)
	key := downstreamFor{audience: "health", issuer: "i", subject: "s"}
	names := map[string]bool{d.pseudonym(key): true}
	for _, k := range []downstreamFor{{audience: "transport", issuer: "i", subject: "s"}, {audience: "health", issuer: "j", subject: "s"}, {audience: "health", issuer: "is", subject: ""}} {
		if names[d.pseudonym(k)] {
			t.Errorf("%+v has a name that another has", k)
		}
		names[d.pseudonym(k)] = true
	}
	key.operation = "x"
	if !names[d.pseudonym(key)] {
		t.Error("one subject has two names at one source")
	}
}

func TestKeptTokensAreBounded(t *testing.T) {
	d, now := downstream(t)
	for i := range downstreamKept + 10 {
		if _, err := d.Token("transport", asker(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.kept) > downstreamKept {
		t.Errorf("%d are kept", len(d.kept))
	}
	*now = now.Add(time.Hour)
	for i := range downstreamKept {
		d.keep(downstreamFor{operation: fmt.Sprint("old ", i)}, downstreamToken{expires: now.Add(-time.Minute)}, *now)
	}
	d.keep(downstreamFor{operation: "new"}, downstreamToken{expires: now.Add(time.Minute)}, *now)
	if len(d.kept) > downstreamKept {
		t.Errorf("%d are kept", len(d.kept))
	}
}

// A source's token opens nothing at the gateway, whichever issuers it trusts: no key is in both sets.
func TestADownstreamTokenIsNoAccessToken(t *testing.T) {
	d, _ := downstream(t)
	keys, err := ParseKeys(d.public)
	if err != nil { // the gate takes no such key at all: nothing to try
		t.Logf("refused as a key of access tokens: %v", err)
	} else {
		gate, err := New(Options{Issuers: []Trusted{{Issuer: "https://gateway.test", Audience: "https://gateway.test", Keys: keys}},
			Denylist: DenyFunc(func(string) (bool, error) { return false, nil })})
		if err != nil {
			t.Fatal(err)
		}
		d.Now = time.Now
		token, err := d.Token("transport", asker(), "abcd")
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/graphql", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if _, err := gate.Authenticate(r); err == nil {
			t.Error("it lets its holder in")
		}
	}
	if _, err := NewDownstream([]byte("short"), "x"); err == nil {
		t.Error("a short root key is taken")
	}
}

func BenchmarkDownstreamKept(b *testing.B) {
	d, _ := downstream(b)
	for b.Loop() {
		if _, err := d.Token("transport", asker(), "abcd"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDownstreamSigned(b *testing.B) {
	d, now := downstream(b)
	for b.Loop() {
		*now = now.Add(time.Minute)
		if _, err := d.Token("transport", asker(), "abcd"); err != nil {
			b.Fatal(err)
		}
	}
}
