package authn

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The example of RFC 9449 sections 6.1 and 7.1: a proof for a protected resource, its access token, and the thumbprint
// of its key.
const (
	rfcToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfcJKT   = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	rfcProof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik" +
		"VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR" +
		"nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE" +
		"QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj" +
		"oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z" +
		"WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF" +
		"c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E" +
		"OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfcResource = "https://resource.example.org/protectedresource"
)

// clock starts an hour before what is asked of it, so that proofs are not older than the process.
func clock(at time.Time) func() time.Time {
	started := false
	return func() time.Time {
		if !started {
			started = true
			return at.Add(-time.Hour)
		}
		return at
	}
}

func rfcRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/protectedresource?q=1", nil)
	r.Header.Set("DPoP", rfcProof)
	return r
}

func TestTheProofOfRFC9449IsTakenOnce(t *testing.T) {
	p := NewProofs(clock(time.Unix(1562262618, 0)), "https://resource.example.org")
	if err := p.check(rfcRequest(), rfcToken, rfcJKT); err != nil {
		t.Fatal(err)
	}
	if err := p.check(rfcRequest(), rfcToken, rfcJKT); !refusedProof(err) {
		t.Errorf("a second time: %v", err)
	}
}

func TestTheProofOfRFC9449FitsNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		at          int64
		base        string
		token, jkt  string
		method, url string
	}{
		"another token":      {1562262618, "https://resource.example.org", rfcToken + "x", rfcJKT, "GET", "/protectedresource"},
		"another key":        {1562262618, "https://resource.example.org", rfcToken, strings.Repeat("A", 43), "GET", "/protectedresource"},
		"another method":     {1562262618, "https://resource.example.org", rfcToken, rfcJKT, "POST", "/protectedresource"},
		"another path":       {1562262618, "https://resource.example.org", rfcToken, rfcJKT, "GET", "/protectedresource/"},
		"another host":       {1562262618, "https://other.example.org", rfcToken, rfcJKT, "GET", "/protectedresource"},
		"another scheme":     {1562262618, "http://resource.example.org", rfcToken, rfcJKT, "GET", "/protectedresource"},
		"a minute later":     {1562262618 + 60, "https://resource.example.org", rfcToken, rfcJKT, "GET", "/protectedresource"},
		"six seconds before": {1562262618 - 6, "https://resource.example.org", rfcToken, rfcJKT, "GET", "/protectedresource"},
	} {
		r := httptest.NewRequest(c.method, c.url, nil)
		r.Host = "resource.example.org" // what the request says of itself counts for nothing
		r.Header.Set("DPoP", rfcProof)
		if err := NewProofs(clock(time.Unix(c.at, 0)), c.base).check(r, c.token, c.jkt); !refusedProof(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryAlteredByteOfAProofIsRefused(t *testing.T) {
	for i := range rfcProof {
		altered := []byte(rfcProof)
		altered[i] ^= 1
		r := rfcRequest()
		r.Header.Set("DPoP", string(altered))
		if err := NewProofs(clock(time.Unix(1562262618, 0)), "https://resource.example.org").check(r, rfcToken, rfcJKT); !refusedProof(err) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func refusedProof(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == InvalidProof
}

func publicJWK(k *ecdsa.PrivateKey) map[string]any {
	full := ecJWK(k, "", "")
	return map[string]any{"kty": full["kty"], "crv": full["crv"], "x": full["x"], "y": full["y"]}
}

func thumb(t *testing.T, k *ecdsa.PrivateKey) string {
	t.Helper()
	text, err := json.Marshal(publicJWK(k))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := thumbprintOf(text)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// bound is a token bound to the other key, and what a good proof for it says.
func bound(t *testing.T) (token string, head, said map[string]any) {
	t.Helper()
	token = with("cnf", map[string]any{"jkt": thumb(t, forgeKeys().otherEC)}).token()
	sum := sha256.Sum256([]byte(token))
	return token, map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": publicJWK(forgeKeys().otherEC)},
		map[string]any{"jti": "p-1", "htm": "POST", "htu": "https://gw.test/graphql", "iat": testNow.Unix(), "ath": b64(sum[:])}
}

func sealed(head, said map[string]any, sign signer) string {
	h, _ := json.Marshal(head)
	p, _ := json.Marshal(said)
	return seal(string(h), string(p), sign)
}

func proofGate(t *testing.T) *Authenticator {
	return newGate(t, func(o *Options) { o.Proofs = NewProofs(clock(testNow), "https://gw.test/") })
}

func withProof(token string, proofs ...string) *http.Request {
	r := request("")
	r.Header.Set("Authorization", "DPoP "+token)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

func TestABoundTokenIsTakenWithAProofOfItsKey(t *testing.T) {
	gate := proofGate(t)
	token, head, said := bound(t)
	for _, id := range []string{"p-1", "p-2"} {
		said["jti"] = id
		s, err := gate.Authenticate(withProof(token, sealed(head, said, signEC(forgeKeys().otherEC))))
		if err != nil || s.ID != "dr.ada" {
			t.Fatalf("%s: %+v %v", id, s, err)
		}
	}
	for _, htu := range []string{"HTTPS://GW.test:443/graphql", "https://gw.test/graphql?x=1#y"} {
		said["htu"], said["jti"] = htu, htu
		if _, err := gate.Authenticate(withProof(token, sealed(head, said, signEC(forgeKeys().otherEC)))); err != nil {
			t.Errorf("%s: %v", htu, err)
		}
	}
	said["jti"] = "p-1"
	said["htu"] = "https://gw.test/graphql"
	if _, err := gate.Authenticate(withProof(token, sealed(head, said, signEC(forgeKeys().otherEC)))); !refusedProof(err) {
		t.Errorf("used again: %v", err)
	}
}

func TestBindingAndSchemeMustFit(t *testing.T) {
	token, head, said := bound(t)
	good := sealed(head, said, signEC(forgeKeys().otherEC))
	plain := goodClaims().token()
	bearer := request(token)
	bearer.Header.Set("DPoP", good)
	for name, r := range map[string]*http.Request{"a bound token as a bearer token": request(token), "the same with a proof": bearer,
		"a plain token with a proof": withProof(plain, good)} {
		_, err := proofGate(t).Authenticate(r)
		var refused *Error
		if !errors.As(err, &refused) || refused.Code != InvalidToken || !strings.HasPrefix(Challenge(err, ""), "DPoP ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newGate(t, nil).Authenticate(withProof(token, good)); err == nil {
		t.Error("a gate that checks no proofs took one")
	}
	certificate := with("cnf", map[string]any{"x5t#S256": strings.Repeat("A", 43)}).token()
	both := with("cnf", map[string]any{"jkt": thumb(t, forgeKeys().otherEC), "x5t#S256": strings.Repeat("A", 43)}).token()
	for _, token := range []string{certificate, both} {
		if _, err := proofGate(t).Authenticate(withProof(token, good)); err == nil {
			t.Error("a binding that is not known was overlooked")
		}
	}
}

func TestBadProofsAreRefused(t *testing.T) {
	token, head, said := bound(t)
	changed := func(m map[string]any, name string, value any) map[string]any {
		m = maps.Clone(m)
		m[name] = value
		if value == (drop{}) {
			delete(m, name)
		}
		return m
	}
	own := signEC(forgeKeys().otherEC)
	private := publicJWK(forgeKeys().otherEC)
	d, err := forgeKeys().otherEC.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	private["d"] = b64(d)
	secret := map[string]any{"kty": "oct", "k": b64([]byte("secret"))}
	symmetric := func(input []byte) []byte {
		m := hmac.New(sha256.New, []byte("secret"))
		m.Write(input)
		return m.Sum(nil)
	}
	cases := map[string][]string{
		"none":                 {},
		"two":                  {sealed(head, said, own), sealed(head, changed(said, "jti", "p-9"), own)},
		"empty":                {""},
		"two in one header":    {sealed(head, said, own) + ", " + sealed(head, said, own)},
		"another key signs":    {sealed(head, said, signEC(forgeKeys().ec))},
		"another key's proof":  {sealed(changed(head, "jwk", publicJWK(forgeKeys().ec)), said, signEC(forgeKeys().ec))},
		"a private key":        {sealed(changed(head, "jwk", private), said, own)},
		"a symmetric key":      {sealed(changed(changed(head, "jwk", secret), "alg", "HS256"), said, symmetric)},
		"no algorithm":         {sealed(changed(head, "alg", "none"), said, fixed(nil))},
		"HMAC under the key":   {sealed(changed(head, "alg", "HS256"), said, symmetric)},
		"typ JWT":              {sealed(changed(head, "typ", "JWT"), said, own)},
		"typ at+jwt":           {sealed(changed(head, "typ", "at+jwt"), said, own)},
		"no typ":               {sealed(changed(head, "typ", drop{}), said, own)},
		"no jwk":               {sealed(changed(head, "jwk", drop{}), said, own)},
		"crit":                 {sealed(changed(head, "crit", []string{"x"}), said, own)},
		"a key elsewhere":      {sealed(changed(changed(head, "jwk", drop{}), "jku", "https://evil.test/"), said, own)},
		"future":               {sealed(head, changed(said, "iat", testNow.Unix()+6), own)},
		"past":                 {sealed(head, changed(said, "iat", testNow.Unix()-60), own)},
		"iat as text":          {sealed(head, changed(said, "iat", fmt.Sprint(testNow.Unix())), own)},
		"an empty jti":         {sealed(head, changed(said, "jti", ""), own)},
		"a long jti":           {sealed(head, changed(said, "jti", strings.Repeat("j", 257)), own)},
		"method in lower case": {sealed(head, changed(said, "htm", "post"), own)},
		"no host":              {sealed(head, changed(said, "htu", "/graphql"), own)},
		"a user in the URL":    {sealed(head, changed(said, "htu", "https://gw.test@gw.test/graphql"), own)},
		"another port":         {sealed(head, changed(said, "htu", "https://gw.test:444/graphql"), own)},
	}
	for _, claim := range []string{"jti", "htm", "htu", "iat", "ath"} {
		cases["no "+claim] = []string{sealed(head, changed(said, claim, drop{}), own)}
	}
	for name, proofs := range cases {
		if _, err := proofGate(t).Authenticate(withProof(token, proofs...)); !refusedProof(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAProofOlderThanTheProcessIsRefused(t *testing.T) {
	token, head, said := bound(t)
	gate := newGate(t, func(o *Options) {
		o.Proofs = NewProofs(func() time.Time { return testNow }, "https://gw.test") // it began in this very second
	})
	if _, err := gate.Authenticate(withProof(token, sealed(head, said, signEC(forgeKeys().otherEC)))); !refusedProof(err) {
		t.Error(err)
	}
}

// What is remembered is bounded in number and in time, and where it is full nothing is taken.
func TestProofsAreRememberedForAsLongAsTheyCouldBeUsed(t *testing.T) {
	now := testNow
	p := NewProofs(func() time.Time { return now }, "https://gw.test")
	p.capacity = 3
	for i := range 3 {
		if err := p.once("k", fmt.Sprint(i), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.once("k", "3", now); !errors.Is(err, ErrUnavailable) {
		t.Errorf("more than the capacity: %v", err)
	}
	if err := p.once("other", "0", now); !errors.Is(err, ErrUnavailable) {
		t.Errorf("more than the capacity: %v", err)
	}
	now = now.Add(proofGeneration) // the next generation; the one before is still known
	if err := p.once("k", "0", now); !refusedProof(err) {
		t.Errorf("after one generation: %v", err)
	}
	if err := p.once("k", "3", now); err != nil {
		t.Error(err)
	}
	now = now.Add(2 * proofGeneration)
	if err := p.once("k", "0", now); err != nil {
		t.Errorf("long after its end: %v", err)
	}
}

func FuzzReadProof(f *testing.F) {
	f.Add(rfcProof)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		if said, err := readProof(text); err == nil && (said.id == "" || said.thumbprint == "" || said.ath == "") {
			t.Errorf("%q: %+v", text, said)
		}
	})
}
