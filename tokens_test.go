package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const whoAmI = `{ me { id } }`

// minted is what `token mint` prints beside the running demo.
func minted(t *testing.T, g *gateway, args ...string) string {
	t.Helper()
	code, out := tool(t, append([]string{"token", "mint", "--dir", g.dir}, args...)...)
	if code != 0 {
		t.Fatal(out)
	}
	return strings.TrimSpace(out)
}

func claim(t *testing.T, token, name string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	mustDecode(t, payload, &claims)
	value, _ := claims[name].(string)
	return value
}

func wantStatus(t *testing.T, g *gateway, token string, want int, what string, headers ...string) {
	t.Helper()
	a, err := send(t.Context(), g.client, g.url, token, operation(whoAmI, nil), headers...)
	if err != nil || a.status != want {
		t.Errorf("%s: %v %d %s", what, err, a.status, a.body)
	}
}

func TestRevokedTokenStopsNextRequestAndStaysRevoked(t *testing.T) {
	dir := demoDir(t)
	g := start(t, dir)
	first, second := minted(t, g, "--persona", "analyst"), minted(t, g, "--persona", "analyst")
	third := minted(t, g, "--persona", "analyst")
	wantStatus(t, g, first, http.StatusOK, "before")
	if code, out := tool(t, "token", "revoke", first, "--dir", dir); code != 0 {
		t.Fatal(out)
	}
	if code, out := tool(t, "token", "revoke", "--jti", claim(t, second, "jti"), "--dir", dir, "--json"); code != 0 || !strings.Contains(out, claim(t, second, "jti")) {
		t.Fatal(out)
	}
	own := operation(`mutation($id: String!) { revokeToken(id: $id) { id } }`, map[string]any{"id": claim(t, third, "jti")})
	if a, err := send(t.Context(), g.client, g.url, third, own); err != nil || a.status != http.StatusOK || len(a.Errors) > 0 {
		t.Errorf("its holder: %v %s", err, a.body)
	}
	for _, token := range []string{first, second, third} {
		wantStatus(t, g, token, http.StatusUnauthorized, "after")
	}
	wantStatus(t, g, minted(t, g, "--persona", "analyst"), http.StatusOK, "another token of the same caller")
	g.stop(t)
	if code, out := tool(t, "token", "revoke", first, "--dir", dir); code != 1 || !strings.Contains(out, "no gateway runs") {
		t.Errorf("without a gateway: %d %s", code, out)
	}
	g = start(t, dir)
	for _, token := range []string{first, second, third} {
		wantStatus(t, g, token, http.StatusUnauthorized, "after a restart")
	}
}

// Only who may, revokes: a partner's token is no authority over another's.
func TestOnlyWhoHasTheScopeRevokesAnothersToken(t *testing.T) {
	g := common(t)
	victim := minted(t, g, "--persona", "analyst")
	authority := filepath.Join(t.TempDir(), "token")
	writeFile(t, authority, g.tokens["officer"])
	if code, out := tool(t, "token", "revoke", victim, "--url", g.url, "--as", authority); code != 1 || !strings.Contains(out, "FORBIDDEN") {
		t.Errorf("%d %s", code, out)
	}
	wantStatus(t, g, victim, http.StatusOK, "the token")
}

func TestRotatedKeyIsInForceBesideTheOldOneInARunningDemo(t *testing.T) {
	dir := demoDir(t)
	g := start(t, dir)
	before := minted(t, g, "--persona", "analyst")
	keys := func() int {
		response, err := g.client.Get(g.url + ".well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || strings.Contains(string(text), `"d"`) {
			t.Errorf("%v %s", err, text)
		}
		return strings.Count(string(text), `"kid"`)
	}
	if code, out := tool(t, "key", "rotate", "--dir", dir); code != 0 {
		t.Fatal(out)
	}
	after := minted(t, g, "--persona", "analyst")
	eventually(t, "the new key", func() bool { return keys() == 2 })
	wantStatus(t, g, before, http.StatusOK, "a token of the old key")
	eventually(t, "tokens of the new key", func() bool {
		a, err := send(t.Context(), g.client, g.url, after, operation(whoAmI, nil))
		return err == nil && a.status == http.StatusOK
	})
	if code, out := tool(t, "key", "rotate", "--dir", dir, "--at-once"); code != 0 {
		t.Fatal(out)
	}
	eventually(t, "the end of the old keys", func() bool {
		a, err := send(t.Context(), g.client, g.url, before, operation(whoAmI, nil))
		return err == nil && a.status == http.StatusUnauthorized && keys() == 1
	})
	wantStatus(t, g, after, http.StatusUnauthorized, "a token of a key that was rotated at once")
	eventually(t, "the tokens file", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "tokens.json"))
		var tokens map[string]string
		if err != nil || json.Unmarshal(text, &tokens) != nil {
			return false
		}
		a, err := send(t.Context(), g.client, g.url, tokens["partner"], operation(whoAmI, nil))
		return err == nil && a.status == http.StatusOK
	})
}

// A gateway under `serve` believes the set that its configuration names, read again when the file changes.
func TestRotatedKeyIsInForceInARunningServe(t *testing.T) {
	g := serveLibrary(t, mockWorld, "--mock")
	set := filepath.Join(g.dir, "issuers.json")
	status := func(token string) int {
		a, err := send(t.Context(), g.client, g.url, token, operation("{ libraries(first: 1) { nodes { id } } }", nil))
		if err != nil {
			t.Fatal(err)
		}
		return a.status
	}
	before := libraryToken(t, g.dir)
	both := keySet(t, g.dir, "rotate")
	after := libraryToken(t, g.dir)
	if status(before) != http.StatusOK || status(after) != http.StatusUnauthorized {
		t.Error("the set that is in force is not the one of the file")
	}
	replaceFile(t, set, both)
	eventually(t, "tokens of the new key", func() bool { return status(after) == http.StatusOK })
	if status(before) != http.StatusOK {
		t.Error("a token of the old key is refused beside the new one")
	}
	replaceFile(t, set, "{")
	eventually(t, "the log names the set", func() bool { return strings.Contains(g.stderr.String(), "issuers") })
	if status(after) != http.StatusOK {
		t.Error("a set that cannot be read took the place of the one in force")
	}
	replaceFile(t, set, keySet(t, g.dir, "rotate", "--at-once"))
	eventually(t, "the end of the old keys", func() bool {
		return status(before) == http.StatusUnauthorized && status(after) == http.StatusUnauthorized
	})
	if status(libraryToken(t, g.dir)) != http.StatusOK {
		t.Error("the newest key is not in force")
	}
}

// holder makes proofs of possession with the standard library alone.
type holder struct{ key *ecdsa.PrivateKey }

func b64(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// jwk is the public key in the order of RFC 7638, whose hash is the thumbprint.
func (h holder) jwk() string {
	return fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, b64(h.key.X.FillBytes(make([]byte, 32))), b64(h.key.Y.FillBytes(make([]byte, 32))))
}

func (h holder) thumbprint() string {
	sum := sha256.Sum256([]byte(h.jwk()))
	return b64(sum[:])
}

func (h holder) proof(t *testing.T, token, method, target string) string {
	t.Helper()
	ath := sha256.Sum256([]byte(token))
	payload, err := json.Marshal(map[string]any{"jti": rand.Text(), "htm": method, "htu": target, "iat": time.Now().Unix(), "ath": b64(ath[:])})
	if err != nil {
		t.Fatal(err)
	}
	input := b64([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+h.jwk()+`}`)) + "." + b64(payload)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, h.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func TestATokenBoundToAKeyNeedsItsProof(t *testing.T) {
	g := start(t, demoDir(t))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := holder{key}
	token := minted(t, g, "--persona", "analyst", "--dpop-jkt", h.thumbprint())
	target := g.url + "graphql"
	// Proofs made in the second in which the gateway began are refused: another process may have taken them.
	eventually(t, "a second to pass", func() bool {
		a, err := send(t.Context(), g.client, g.url, "", operation(whoAmI, nil), "Authorization", "DPoP "+token, "DPoP", h.proof(t, token, "POST", target))
		return err == nil && a.status == http.StatusOK
	})
	taken := h.proof(t, token, "POST", target)
	wantStatus(t, g, "", http.StatusOK, "with its proof", "Authorization", "DPoP "+token, "DPoP", taken)
	wantStatus(t, g, "", http.StatusUnauthorized, "the same proof again", "Authorization", "DPoP "+token, "DPoP", taken)
	wantStatus(t, g, token, http.StatusUnauthorized, "as a bearer token")
	wantStatus(t, g, token, http.StatusUnauthorized, "as a bearer token with a proof", "DPoP", h.proof(t, token, "POST", target))
	wantStatus(t, g, "", http.StatusUnauthorized, "a proof for another place", "Authorization", "DPoP "+token, "DPoP", h.proof(t, token, "POST", "https://other.example/graphql"))
	wantStatus(t, g, "", http.StatusOK, "under the gateway's public name", "Authorization", "DPoP "+token, "DPoP", h.proof(t, token, "POST", "https://gateway.concordat.example/graphql"))
	a, err := send(t.Context(), g.client, g.url, "", operation(whoAmI, nil), "Authorization", "DPoP "+token, "DPoP", taken)
	if err != nil || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), `DPoP realm="concordat", algs="ES256`) || !strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_dpop_proof") {
		t.Errorf("%v %v", err, a.header)
	}
}
