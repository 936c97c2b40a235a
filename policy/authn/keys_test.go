package authn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"strings"
	"testing"
)

func changed(jwk map[string]any, name string, value any) map[string]any {
	c := maps.Clone(jwk)
	c[name] = value
	if value == (drop{}) {
		delete(c, name)
	}
	return c
}

func TestUnsafeKeySetsAreRefusedWhole(t *testing.T) {
	k := forgeKeys()
	good, rsaKey := ecJWK(k.otherEC, "good", "ES256"), rsaJWK(k.rsa, "rsa", "RS256")
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := func(jwk map[string]any) []byte { return jwkSet(good, jwk) }
	ec := ecJWK(k.ec, "ec", "ES256")
	many := make([]map[string]any, 33)
	for i := range many {
		many[i] = changed(ec, "kid", strings.Repeat("k", i+1))
	}
	for name, set := range map[string][]byte{
		"empty":                []byte(``),
		"no keys":              []byte(`{"keys":[]}`),
		"not a set":            []byte(`[]`),
		"only encryption keys": jwkSet(changed(ec, "use", "enc")),
		"too many keys":        jwkSet(many...),
		"too long":             one(changed(ec, "x-note", strings.Repeat("a", maxSetBytes))),
		"duplicate kid":        one(changed(ec, "kid", "good")),
		"kid missing":          one(changed(ec, "kid", drop{})),
		"kid empty":            one(changed(ec, "kid", "")),
		"kid a number":         one(changed(ec, "kid", 1)),
		"symmetric":            one(map[string]any{"kty": "oct", "kid": "s", "alg": "HS256", "k": b64(make([]byte, 32))}),
		"symmetric for enc":    one(map[string]any{"kty": "oct", "kid": "s", "use": "enc", "k": b64(make([]byte, 32))}),
		"private":              one(changed(ec, "d", b64(must(k.ec.Bytes())))),
		"alg missing":          one(changed(ec, "alg", drop{})),
		"alg of another curve": one(changed(ec, "alg", "ES384")),
		"alg HS256 on EC":      one(changed(ec, "alg", "HS256")),
		"alg none":             one(changed(ec, "alg", "none")),
		"alg RS512":            one(changed(rsaKey, "alg", "RS512")),
		"alg RSA-OAEP":         one(changed(rsaKey, "alg", "RSA-OAEP")),
		"use unknown":          one(changed(ec, "use", "both")),
		"key_ops sign":         one(changed(ec, "key_ops", []string{"sign"})),
		"key_ops both":         one(changed(ec, "key_ops", []string{"verify", "sign"})),
		"key_ops empty":        one(changed(ec, "key_ops", []string{})),
		"curve P-521":          one(ecJWK(p521, "p521", "ES512")),
		"curve missing":        one(changed(ec, "crv", drop{})),
		"point off the curve":  one(changed(ec, "y", b64(make([]byte, 32)))),
		"RSA of 1024 bits":     one(changed(rsaKey, "n", b64(k.rsa.N.Bytes()[:128]))),
		"RSA of 16384 bits":    one(changed(rsaKey, "n", b64(append([]byte{0x80}, make([]byte, 2047)...)))),
		"RSA exponent one":     one(changed(rsaKey, "e", "AQ")),
		"RSA exponent three":   one(changed(rsaKey, "e", "Aw")),
		"RSA exponent even":    one(changed(rsaKey, "e", b64([]byte{1, 0, 2}))),
		"Ed25519 too short":    one(map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "e", "alg": "EdDSA", "x": "AAAA"}),
		"X25519":               one(map[string]any{"kty": "OKP", "crv": "X25519", "kid": "e", "alg": "EdDSA", "x": b64(make([]byte, 32))}),
		"duplicate member":     []byte(strings.Replace(string(one(ec)), `{"alg"`, `{"kty":"oct","alg"`, 1)),
	} {
		if _, err := ParseKeys(set); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEncryptionKeysAreLeftOut(t *testing.T) {
	k := forgeKeys()
	set := jwkSet(ecJWK(k.ec, "ec", "ES256"), map[string]any{
		"kty": "RSA", "kid": "e", "use": "enc", "alg": "RSA-OAEP", "n": b64(k.rsa.N.Bytes()), "e": "AQAB",
	})
	keys, err := ParseKeys(set)
	if err != nil || keys.Len() != 1 {
		t.Errorf("got %v, %v", keys, err)
	}
}
