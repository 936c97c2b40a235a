package authn

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws"

	"concordat/policy"
)

// tokenType is the typ of an access token (RFC 9068 section 2.1). An ID token or a logout token of the same issuer
// has another, and is refused for it (RFC 8725 sections 3.11 and 3.12).
const tokenType = "at+jwt"

// segments are the three parts of a compact serialisation, decoded.
type segments struct {
	header, payload, signature []byte
}

// pass lets one token through, or says which rule it broke. Rules are ordered by cost: what needs no key stands
// first, the signature last, so that a malformed token costs no public-key operation.
func (a *Authenticator) pass(token string, now time.Time) (subject policy.Subject, bound string, err error) {
	parts, err := split(token)
	if err != nil {
		return policy.Subject{}, "", err
	}
	algorithm, kid, err := readHeader(parts.header)
	if err != nil {
		return policy.Subject{}, "", err
	}
	members, err := parseObject(parts.payload)
	if err != nil {
		return policy.Subject{}, "", refuseToken("claims are " + err.Error())
	}
	trusted, err := a.issuerOf(members)
	if err != nil {
		return policy.Subject{}, "", err
	}
	subject, bound, err = readClaims(members, trusted.Audience, now)
	if err != nil {
		return policy.Subject{}, "", err
	}
	if err := verifySignature(trusted.Keys, kid, algorithm, token, parts.signature, now); err != nil {
		return policy.Subject{}, "", err
	}
	return subject, bound, nil
}

// split takes a compact JWS apart: exactly two dots, the base64url alphabet and nothing else (RFC 7515 section 2),
// so that no second spelling of a token exists. Five segments, a JWE, end here.
func split(token string) (segments, error) {
	if len(token) > MaxTokenBytes {
		return segments{}, refuseToken("longer than 8 KiB")
	}
	if strings.Count(token, ".") != 2 {
		return segments{}, refuseToken("not three segments")
	}
	parts := strings.Split(token, ".")
	var decoded [3][]byte
	for i, part := range parts {
		bytes, ok := decodeSegment(part)
		if !ok {
			return segments{}, refuseToken("a segment is not strict base64url")
		}
		decoded[i] = bytes
	}
	return segments{decoded[0], decoded[1], decoded[2]}, nil
}

// decodeSegment checks the alphabet itself: the standard decoder skips line breaks even when strict.
func decodeSegment(s string) ([]byte, bool) {
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return decoded, err == nil
}

// readHeader accepts alg, kid and typ and no other member: crit, b64, cty, zip, jwk, jku, x5u and x5c are refused
// for being there (RFC 8725 sections 3.6 and 3.10, RFC 7515 section 4.1.11).
func readHeader(text []byte) (algorithm, kid string, err error) {
	members, err := parseObject(text)
	if err != nil {
		return "", "", refuseToken("the header is " + err.Error())
	}
	if len(members) != 3 {
		return "", "", refuseToken("the header's members are not alg, kid and typ")
	}
	algorithm, hasAlg := members["alg"].(string)
	kid, hasKid := members["kid"].(string)
	if !hasAlg || !hasKid {
		return "", "", refuseToken("alg or kid is missing or not a string")
	}
	if members["typ"] != tokenType {
		return "", "", refuseToken("typ is not at+jwt")
	}
	return algorithm, kid, nil
}

// issuerOf chooses the issuer by an unverified claim; that is safe because its keys must then verify the token.
func (a *Authenticator) issuerOf(members map[string]any) (Trusted, error) {
	name, _ := members["iss"].(string)
	trusted, ok := a.issuers[name]
	if !ok {
		return Trusted{}, refuseToken("iss is not an issuer we trust")
	}
	return trusted, nil
}

// verifySignature uses the one key that kid names, with the algorithm pinned to that key; the header's alg chooses
// nothing and must only agree (RFC 8725 sections 3.1 and 3.2).
func verifySignature(keys *Keys, kid, algorithm, token string, signature []byte, now time.Time) error {
	key, ok := keys.byID[kid]
	if !ok || !key.until.IsZero() && now.After(key.until) {
		return refuseToken("kid names no key of the issuer")
	}
	if algorithm != key.algorithm.String() {
		return refuseToken("alg is not the one pinned to the key")
	}
	if len(signature) != key.signatureBytes {
		return refuseToken("the signature has the wrong length")
	}
	if _, err := jws.VerifyCompactFast(key.public, []byte(token), key.algorithm); err != nil {
		return refuseToken("the signature does not verify")
	}
	return nil
}
