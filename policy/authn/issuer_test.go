package authn

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testIssuerGate(t *testing.T, issuer *Issuer) *Authenticator {
	t.Helper()
	gate, err := New(Options{Issuers: []Trusted{issuer.Trusted()}, Denylist: DenyFunc(nobody)})
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

func TestMintedTokensPassTheGate(t *testing.T) {
	issuer, err := LoadOrCreate(filepath.Join(t.TempDir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Mint(Claims{
		Subject: "dr.ada", Client: "portal", Organisation: "north", Scope: "read", Agreement: "A-1",
		Purposes: []string{"research", "audit"}, Persona: "analyst",
	})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := testIssuerGate(t, issuer).Authenticate(request(token))
	if err != nil {
		t.Fatal(err)
	}
	if subject.ID != "dr.ada" || subject.Purpose != "research" || len(subject.Purposes) != 2 || subject.Persona != "analyst" {
		t.Errorf("got %+v", subject)
	}
	if left := time.Until(subject.Expires); left > DefaultTTL || left < DefaultTTL-time.Minute {
		t.Errorf("lives for %v", left)
	}
}

func TestIssuerKeepsItsKeyAcrossStarts(t *testing.T) {
	dir := t.TempDir()
	first, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := first.Mint(Claims{Subject: "a", Client: "b"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testIssuerGate(t, second).Authenticate(request(token)); err != nil {
		t.Error(err)
	}
	if _, err := CreateIssuer(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing key was replaced: %v", err)
	}
}

func TestIssuerKeyIsReadableByItsOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, IssuerFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestIssuerKeyThatOthersCanReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, IssuerFile), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(dir); err == nil {
		t.Error("accepted")
	}
}

func TestBrokenIssuerKeyIsNotReplaced(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "not a key": "{}", "symmetric": `{"kty":"oct","k":"AAAA"}`, "public": publicKeyText(t),
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, IssuerFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreate(dir); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%s: replaced", name)
		}
	}
}

func publicKeyText(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(ecJWK(forgeKeys().ec, "ec", "ES256"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMintRefusesWhatTheGateWouldRefuse(t *testing.T) {
	issuer, err := LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Claims{
		"no subject":   {Client: "c"},
		"no client":    {Subject: "s"},
		"over an hour": {Subject: "s", Client: "c", TTL: time.Hour + time.Second},
		"negative":     {Subject: "s", Client: "c", TTL: -time.Second},
		"too long":     {Subject: "s", Client: "c", Scope: strings.Repeat("a", MaxTokenBytes)},
	} {
		if _, err := issuer.Mint(c); err == nil {
			t.Errorf("%s: minted", name)
		}
	}
}

func TestWellKnownServesPublicKeysOnly(t *testing.T) {
	issuer, err := LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	handler, err := WellKnown("https://gateway.test", []string{issuer.Name}, issuer.JWKS)
	if err != nil {
		t.Fatal(err)
	}
	keys := get(t, handler, JWKSPath)
	if _, err := ParseKeys(keys); err != nil {
		t.Error(err)
	}
	if strings.Contains(string(keys), `"d"`) {
		t.Error("the private key is served")
	}
	var metadata struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Methods  []string `json:"bearer_methods_supported"`
	}
	if err := json.Unmarshal(get(t, handler, MetadataPath), &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.Resource != "https://gateway.test" || metadata.Servers[0] != issuer.Name || metadata.Methods[0] != "header" {
		t.Errorf("got %+v", metadata)
	}
}

func get(t *testing.T, h http.Handler, path string) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, w.Code)
	}
	return w.Body.Bytes()
}

func TestInspectBelievesNothing(t *testing.T) {
	forged := seal(goodHeader, goodClaims().text(), signEC(forgeKeys().otherEC))
	u, err := Inspect(forged)
	if err != nil || u.Claims["sub"] != "dr.ada" || u.Header["kid"] != "ec" {
		t.Fatalf("got %+v, %v", u, err)
	}
	if err := u.Check("", testNow); err != nil {
		t.Errorf("form: %v", err)
	}
	keys, err := ParseKeys(publicSet())
	if err != nil {
		t.Fatal(err)
	}
	if err := u.SignedBy(keys); err == nil {
		t.Error("a forged signature verified")
	}
	if u, err = Inspect(goodClaims().token()); err != nil || u.SignedBy(keys) != nil {
		t.Error("a good signature did not verify")
	}
}
