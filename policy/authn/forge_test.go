package authn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// The forge makes tokens with the standard library alone, so that the library under the gate is not its own oracle.

const (
	testIssuer   = "https://issuer.test"
	testAudience = "https://gateway.test"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type testKeys struct {
	ec, otherEC *ecdsa.PrivateKey
	ec384       *ecdsa.PrivateKey
	rsa, rsaPSS *rsa.PrivateKey
	ed          ed25519.PrivateKey
}

var forgeKeys = sync.OnceValue(func() testKeys {
	var k testKeys
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.otherEC, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.ec384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.rsaPSS, _ = rsa.GenerateKey(rand.Reader, 2048)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func ecJWK(k *ecdsa.PrivateKey, kid, alg string) map[string]any {
	size := (k.Params().BitSize + 7) / 8
	return map[string]any{
		"kty": "EC", "crv": k.Params().Name, "kid": kid, "alg": alg, "use": "sig",
		"x": b64(k.X.FillBytes(make([]byte, size))), "y": b64(k.Y.FillBytes(make([]byte, size))),
	}
}

func rsaJWK(k *rsa.PrivateKey, kid, alg string) map[string]any {
	return map[string]any{
		"kty": "RSA", "kid": kid, "alg": alg, "use": "sig",
		"n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes()),
	}
}

func jwkSet(keys ...map[string]any) []byte {
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return set
}

func publicSet() []byte {
	k := forgeKeys()
	return jwkSet(
		ecJWK(k.ec, "ec", "ES256"), ecJWK(k.ec384, "ec384", "ES384"),
		rsaJWK(k.rsa, "rsa", "RS256"), rsaJWK(k.rsaPSS, "pss", "PS256"),
		map[string]any{
			"kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA",
			"x": b64(k.ed.Public().(ed25519.PublicKey)),
		})
}

type signer func(signingInput []byte) []byte

func signEC(k *ecdsa.PrivateKey) signer {
	return func(input []byte) []byte {
		size := (k.Params().BitSize + 7) / 8
		digest := sha256.Sum256(input)
		hash := digest[:]
		if size == 48 {
			long := sha512.Sum384(input)
			hash = long[:]
		}
		r, s, err := ecdsa.Sign(rand.Reader, k, hash)
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
}

func signRSA(k *rsa.PrivateKey) signer {
	return func(input []byte) []byte {
		digest := sha256.Sum256(input)
		signature, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
		if err != nil {
			panic(err)
		}
		return signature
	}
}

func signPSS(k *rsa.PrivateKey) signer {
	return func(input []byte) []byte {
		digest := sha256.Sum256(input)
		signature, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:],
			&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != nil {
			panic(err)
		}
		return signature
	}
}

func signEd(k ed25519.PrivateKey) signer {
	return func(input []byte) []byte { return ed25519.Sign(k, input) }
}

func fixed(signature []byte) signer { return func([]byte) []byte { return signature } }

// seal signs raw header and payload texts.
func seal(header, payload string, sign signer) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(sign([]byte(input)))
}

const goodHeader = `{"alg":"ES256","kid":"ec","typ":"at+jwt"}`

type claims map[string]any

func goodClaims() claims {
	return claims{
		"iss": testIssuer, "aud": testAudience, "sub": "dr.ada", "client_id": "portal", "jti": "t-1",
		"iat": testNow.Unix() - 60, "exp": testNow.Unix() + 600,
		"organisation": "north-hospital", "scope": "read:health read:geo", "agreement": "A-1", "purpose": "treatment",
	}
}

// with returns the good claims with one changed; the value drop leaves it out.
func with(name string, value any) claims {
	c := maps.Clone(goodClaims())
	c[name] = value
	if value == (drop{}) {
		delete(c, name)
	}
	return c
}

type drop struct{}

func (c claims) text() string {
	text, err := json.Marshal(map[string]any(c))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// token signs claims as the trusted issuer does.
func (c claims) token() string { return seal(goodHeader, c.text(), signEC(forgeKeys().ec)) }

// payload signs a raw payload text as the trusted issuer does.
func payload(format string, args ...any) string {
	return seal(goodHeader, fmt.Sprintf(format, args...), signEC(forgeKeys().ec))
}

// rawTail is the good claims' text without its opening brace, for payloads that JSON encoders do not make.
func rawTail() string { return goodClaims().text()[1:] }

func header(text string) string { return seal(text, goodClaims().text(), signEC(forgeKeys().ec)) }

func nobody(string) (bool, error) { return false, nil }

func newGate(t testing.TB, change func(*Options)) *Authenticator {
	t.Helper()
	keys, err := ParseKeys(publicSet())
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		Issuers:  []Trusted{{Issuer: testIssuer, Audience: testAudience, Keys: keys}},
		Denylist: DenyFunc(nobody),
		Now:      func() time.Time { return testNow },
	}
	if change != nil {
		change(&options)
	}
	gate, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}
