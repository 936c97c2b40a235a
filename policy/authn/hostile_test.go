package authn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"concordat/policy"
)

func hmacWith(secret []byte) signer {
	return func(input []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

func derSignature(k *ecdsa.PrivateKey) signer {
	return func(input []byte) []byte {
		digest := sha256.Sum256(input)
		signature, err := ecdsa.SignASN1(rand.Reader, k, digest[:])
		if err != nil {
			panic(err)
		}
		return signature
	}
}

func appended(sign signer, tail ...byte) signer {
	return func(input []byte) []byte { return append(sign(input), tail...) }
}

func curveOrder() []byte { return elliptic.P256().Params().N.FillBytes(make([]byte, 32)) }

// spareBits sets the unused low bits of the last character of a token: 64 bytes leave four of them.
func spareBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
}

func parts(token string) (header, payload, signature string) {
	p := strings.Split(token, ".")
	return p[0], p[1], p[2]
}

func publicDER(t *testing.T, key any) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

type hostile struct{ name, token string }

// hostileTokens are the attacks of RFC 8725, Wycheproof's JWS vectors and jwt_tool, and the leniencies that JOSE
// libraries have by default. Each is signed correctly unless its name says otherwise.
func hostileTokens(t *testing.T) []hostile {
	return append(append(append(hostileForm(), hostileHeaders(t)...), hostileSignatures()...), hostileClaims()...)
}

func hostileForm() []hostile {
	good := goodClaims().token()
	h, p, s := parts(good)
	padded := base64.URLEncoding.EncodeToString
	return []hostile{
		{"one segment", h},
		{"two segments", h + "." + p},
		{"four segments", good + "." + s},
		{"five segments, a JWE", h + "." + p + "." + s + ".AAAA.AAAA"},
		{"leading dot", "." + good},
		{"trailing dot", good + "."},
		{"empty header", "." + p + "." + s},
		{"empty payload", h + ".." + s},
		{"no signature", h + "." + p + "."},
		{"trailing space", good + " "},
		{"leading space", " " + good},
		{"second token after a space", good + " " + good},
		{"line break in a segment", h[:8] + "\n" + h[8:] + "." + p + "." + s},
		{"carriage return at the end", good + "\r"},
		{"padding on the signature", h + "." + p + "." + s + "=="},
		{"padded payload", h + "." + padded([]byte(goodClaims().text()+" ")) + "." + s},
		{"standard alphabet", h + "." + p + "." + strings.NewReplacer("-", "+", "_", "/").Replace(s) + "+/"},
		{"spare bits in the signature", spareBits(good)},
		{"not ASCII", h + "." + p + "." + s + "é"},
		{"nul byte", good + "\x00"},
		{"comma joined with another", good + "," + good},
		{"longer than 8 KiB", with("x", strings.Repeat("a", MaxTokenBytes)).token()},
		{"four mebibytes", strings.Repeat("A", 4<<20) + ".A.A"},
		{"JSON serialisation", `{"protected":"` + h + `","payload":"` + p + `","signature":"` + s + `"}`},
		{"JSON serialisation with two signatures", `{"payload":"` + p + `","signatures":[{"protected":"` + h +
			`","signature":"` + s + `"},{"header":{"alg":"none"},"signature":""}]}`},
		{"JWE header with zip", seal(`{"alg":"dir","enc":"A256GCM","zip":"DEF","typ":"at+jwt"}`, "x", fixed(nil)) + ".AA.AA"},
	}
}

func hostileHeaders(t *testing.T) []hostile {
	k := forgeKeys()
	embedded, err := json.Marshal(ecJWK(k.otherEC, "ec", "ES256"))
	if err != nil {
		t.Fatal(err)
	}
	rsaDER, ecDER := publicDER(t, &k.rsa.PublicKey), publicDER(t, &k.ec.PublicKey)
	rsaPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: rsaDER})
	text := goodClaims().text()
	return []hostile{
		{"alg none without signature", seal(`{"alg":"none","kid":"ec","typ":"at+jwt"}`, text, fixed(nil))},
		{"alg none with a signature", header(`{"alg":"none","kid":"ec","typ":"at+jwt"}`)},
		{"alg None", header(`{"alg":"None","kid":"ec","typ":"at+jwt"}`)},
		{"alg nOnE", header(`{"alg":"nOnE","kid":"ec","typ":"at+jwt"}`)},
		{"alg empty", header(`{"alg":"","kid":"ec","typ":"at+jwt"}`)},
		{"alg missing", header(`{"kid":"ec","typ":"at+jwt"}`)},
		{"alg null", header(`{"alg":null,"kid":"ec","typ":"at+jwt"}`)},
		{"alg a list", header(`{"alg":["ES256"],"kid":"ec","typ":"at+jwt"}`)},
		{"alg lower case", header(`{"alg":"es256","kid":"ec","typ":"at+jwt"}`)},
		{"alg ES384 on a P-256 key", header(`{"alg":"ES384","kid":"ec","typ":"at+jwt"}`)},
		{"alg ES256K", header(`{"alg":"ES256K","kid":"ec","typ":"at+jwt"}`)},
		{"alg PS256 on a key pinned to RS256", seal(`{"alg":"PS256","kid":"rsa","typ":"at+jwt"}`, text, signPSS(k.rsa))},
		{"alg RS256 on a key pinned to PS256", seal(`{"alg":"RS256","kid":"pss","typ":"at+jwt"}`, text, signRSA(k.rsaPSS))},
		{"HS256 with the RSA key's PEM", seal(`{"alg":"HS256","kid":"rsa","typ":"at+jwt"}`, text, hmacWith(rsaPEM))},
		{"HS256 with the RSA key's DER", seal(`{"alg":"HS256","kid":"rsa","typ":"at+jwt"}`, text, hmacWith(rsaDER))},
		{"HS256 with the EC key's DER", seal(`{"alg":"HS256","kid":"ec","typ":"at+jwt"}`, text, hmacWith(ecDER))},
		{"HS256 with an empty key", seal(`{"alg":"HS256","kid":"ec","typ":"at+jwt"}`, text, hmacWith(nil))},
		{"kid missing", header(`{"alg":"ES256","typ":"at+jwt"}`)},
		{"kid unknown", header(`{"alg":"ES256","kid":"nobody","typ":"at+jwt"}`)},
		{"kid a number", header(`{"alg":"ES256","kid":7,"typ":"at+jwt"}`)},
		{"kid a path", header(`{"alg":"ES256","kid":"../../dev/null","typ":"at+jwt"}`)},
		{"kid SQL", header(`{"alg":"ES256","kid":"x' UNION SELECT 'k","typ":"at+jwt"}`)},
		{"kid of another key", header(`{"alg":"ES256","kid":"ec384","typ":"at+jwt"}`)},
		{"kid in another case", header(`{"alg":"ES256","kid":"EC","typ":"at+jwt"}`)},
		{"typ missing", header(`{"alg":"ES256","kid":"ec"}`)},
		{"typ JWT", header(`{"alg":"ES256","kid":"ec","typ":"JWT"}`)},
		{"typ of a logout token", header(`{"alg":"ES256","kid":"ec","typ":"logout+jwt"}`)},
		{"typ upper case", header(`{"alg":"ES256","kid":"ec","typ":"AT+JWT"}`)},
		{"typ as media type", header(`{"alg":"ES256","kid":"ec","typ":"application/at+jwt"}`)},
		{"typ named Typ", header(`{"alg":"ES256","kid":"ec","Typ":"at+jwt"}`)},
		{"crit unknown", header(`{"alg":"ES256","kid":"ec","typ":"at+jwt","crit":["x"],"x":1}`)},
		{"crit empty", header(`{"alg":"ES256","kid":"ec","typ":"at+jwt","crit":[]}`)},
		{"crit in place of kid", header(`{"alg":"ES256","typ":"at+jwt","crit":["b64"]}`)},
		{"b64 false", header(`{"alg":"ES256","kid":"ec","typ":"at+jwt","b64":false}`)},
		{"cty JWT", header(`{"alg":"ES256","kid":"ec","typ":"at+jwt","cty":"JWT"}`)},
		{"embedded jwk", seal(`{"alg":"ES256","kid":"ec","typ":"at+jwt","jwk":`+string(embedded)+`}`, text, signEC(k.otherEC))},
		{"jku", header(`{"alg":"ES256","kid":"ec","typ":"at+jwt","jku":"https://evil.test/jwks"}`)},
		{"x5u", header(`{"alg":"ES256","kid":"ec","typ":"at+jwt","x5u":"https://evil.test/x"}`)},
		{"x5c", header(`{"alg":"ES256","kid":"ec","typ":"at+jwt","x5c":["AA=="]}`)},
		{"PBES2 with a huge count", header(`{"alg":"PBES2-HS256+A128KW","kid":"ec","typ":"at+jwt","p2c":2147483647}`)},
		{"duplicate alg", header(`{"alg":"none","alg":"ES256","kid":"ec","typ":"at+jwt"}`)},
		{"duplicate alg in another case", header(`{"alg":"ES256","ALG":"none","kid":"ec","typ":"at+jwt"}`)},
		{"duplicate kid by escape", header(`{"alg":"ES256","kid":"x","\u006bid":"ec","typ":"at+jwt"}`)},
		{"header an array", header(`["ES256","ec","at+jwt"]`)},
		{"header null", header(`null`)},
		{"header with a tail", header(goodHeader + `{}`)},
		{"header not JSON", header(`alg=ES256`)},
		{"header in invalid UTF-8", header("{\"alg\":\"ES256\",\"kid\":\"ec\xff\",\"typ\":\"at+jwt\"}")},
		{"header with a byte order mark", header("\xef\xbb\xbf" + goodHeader)},
	}
}

func hostileSignatures() []hostile {
	k := forgeKeys()
	text := goodClaims().text()
	zero, order := make([]byte, 64), append(curveOrder(), curveOrder()...)
	one := append(append(make([]byte, 31), 1), append(make([]byte, 31), 1)...)
	h, p, s := parts(goodClaims().token())
	_, otherPayload, _ := parts(with("sub", "someone.else").token())
	flipped, _ := base64.RawURLEncoding.DecodeString(s)
	flipped[10] ^= 1
	ec384 := `{"alg":"ES384","kid":"ec384","typ":"at+jwt"}`
	return []hostile{
		{"r and s zero", seal(goodHeader, text, fixed(zero))},
		{"r and s the order", seal(goodHeader, text, fixed(order))},
		{"r and s one", seal(goodHeader, text, fixed(one))},
		{"signature one zero byte", seal(goodHeader, text, fixed([]byte{0}))},
		{"signature the text null", h + "." + p + ".bnVsbA"},
		{"one bit flipped", h + "." + p + "." + b64(flipped)},
		{"trailing byte after the signature", seal(goodHeader, text, appended(signEC(k.ec), 0))},
		{"short by a byte", seal(goodHeader, text, fixed(signEC(k.ec)([]byte("x"))[:63]))},
		{"DER encoded", seal(goodHeader, text, derSignature(k.ec))},
		{"by another key", seal(goodHeader, text, signEC(k.otherEC))},
		{"by an attacker's P-384 key", seal(ec384, text, signEC(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))))},
		{"of another payload", h + "." + otherPayload + "." + s},
		{"of nothing but the payload", h + "." + p + "." + b64(signEC(k.ec)([]byte(p)))},
		{"RSA with an empty block", seal(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, text, fixed(make([]byte, 256)))},
		{"RSA signature one", seal(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, text, fixed(append(make([]byte, 255), 1)))},
		{"Ed25519 of zeros", seal(`{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`, text, fixed(zero))},
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func hostileClaims() []hostile {
	now := testNow.Unix()
	long := make([]string, 0, 65)
	for i := range 65 {
		long = append(long, fmt.Sprintf(`"c%d":1`, i))
	}
	cases := []hostile{
		{"exp past", with("exp", now-31).token()},
		{"exp as a string", with("exp", fmt.Sprint(now+600)).token()},
		{"exp null", with("exp", nil).token()},
		{"exp 1e308", payload(`{"exp":1e308,%s`, without("exp"))},
		{"exp fractional", payload(`{"exp":%d.5,%s`, now+600, without("exp"))},
		{"exp negative", with("exp", -1).token()},
		{"exp fifty years off", with("exp", now+50*365*86400).token()},
		{"exp beyond int64", payload(`{"exp":99999999999999999999,%s`, without("exp"))},
		{"life of over an hour", with("exp", now-60+3601).token()},
		{"exp before iat", payload(`{"iat":%d,"exp":%d,%s`, now+20, now+10, without("iat", "exp"))},
		{"iat in the future", with("iat", now+31).token()},
		{"iat as a string", with("iat", "now").token()},
		{"nbf in the future", with("nbf", now+31).token()},
		{"nbf as a string", with("nbf", "0").token()},
		{"nbf null", with("nbf", nil).token()},
		{"iss of another", with("iss", "https://evil.test").token()},
		{"iss with a trailing slash", with("iss", testIssuer+"/").token()},
		{"iss in upper case", with("iss", strings.ToUpper(testIssuer)).token()},
		{"iss a list", with("iss", []string{testIssuer}).token()},
		{"aud of another", with("aud", "https://other.test").token()},
		{"aud with our name as prefix", with("aud", testAudience+".evil.test").token()},
		{"aud a part of our name", with("aud", "https://gateway").token()},
		{"aud an empty list", with("aud", []string{}).token()},
		{"aud with a number", with("aud", []any{testAudience, 1}).token()},
		{"aud null", with("aud", nil).token()},
		{"aud an object", with("aud", map[string]any{"a": testAudience}).token()},
		{"sub null", with("sub", nil).token()},
		{"sub empty", with("sub", "").token()},
		{"sub a number", with("sub", 7).token()},
		{"sub anonymous", with("sub", AnonymousID).token()},
		{"sub with a line break", with("sub", "a\nb").token()},
		{"sub with a nul byte", with("sub", "a\x00").token()},
		{"sub too long", with("sub", strings.Repeat("a", 257)).token()},
		{"sub with a direction override", with("sub", "a\u202eb").token()},
		{"sub with a lone surrogate", payload(`{"sub":"\ud800",%s`, without("sub"))},
		{"sub named SUB", payload(`{"SUB":"dr.ada",%s`, without("sub"))},
		{"jti a number", with("jti", 1).token()},
		{"client_id null", with("client_id", nil).token()},
		{"scope a list", with("scope", []string{"read"}).token()},
		{"scope with two spaces", with("scope", "read  write").token()},
		{"scope with a tab", with("scope", "read\twrite").token()},
		{"purpose a list", with("purpose", []string{"treatment"}).token()},
		{"purpose not among purposes", with("purposes", []string{"research"}).token()},
		{"purposes a string", with("purposes", "treatment").token()},
		{"purposes twice the same", with("purposes", []string{"treatment", "treatment"}).token()},
		{"agreement a number", with("agreement", 1).token()},
		{"organisation null", with("organisation", nil).token()},
		{"cnf, bound to a key", with("cnf", map[string]any{"jkt": "x"}).token()},
		{"duplicate sub", payload(`{"sub":"someone.else",%s`, rawTail())},
		{"duplicate sub in another case", payload(`{"SUB":"someone.else",%s`, rawTail())},
		{"duplicate sub by escape", payload(`{"\u0073ub":"someone.else",%s`, rawTail())},
		{"duplicate by the Kelvin sign", payload(`{"k":1,"\u212a":2,%s`, rawTail())},
		{"duplicate deep inside", payload(`{"x":{"a":1,"a":2},%s`, rawTail())},
		{"trailing object", payload(`{%s{}`, rawTail())},
		{"trailing nul", payload("{%s\x00", rawTail())},
		{"invalid UTF-8", payload("{\"x\":\"\xc3\x28\",%s", rawTail())},
		{"overlong UTF-8", payload("{\"x\":\"\xc0\xaf\",%s", rawTail())},
		{"nine levels deep", payload(`{"x":%s1%s,%s`, strings.Repeat("[", 8), strings.Repeat("]", 8), rawTail())},
		{"two thousand levels deep", payload(`{"x":%s%s,%s`, strings.Repeat("[", 2000), strings.Repeat("]", 2000), rawTail())},
		{"seventy-odd members", payload(`{%s,%s`, strings.Join(long, ","), rawTail())},
		{"payload a string", payload(`"dr.ada"`)},
		{"payload an array", payload(`[%s]`, goodClaims().text())},
		{"payload with a trailing comma", payload(`%s,}`, strings.TrimSuffix(goodClaims().text(), "}"))},
		{"payload with a comment", payload(`/**/%s`, goodClaims().text())},
		{"payload a whole token", payload(`%s`, goodClaims().token())},
	}
	for _, name := range []string{"exp", "iat", "iss", "aud", "sub", "jti", "client_id"} {
		cases = append(cases, hostile{name + " missing", with(name, drop{}).token()})
	}
	return cases
}

// without is the text of the good claims less the named ones, without its opening brace.
func without(names ...string) string {
	c := goodClaims()
	for _, name := range names {
		delete(c, name)
	}
	return c.text()[1:]
}

func TestHostileTokensAreRefused(t *testing.T) {
	gate := newGate(t, nil)
	cases := hostileTokens(t)
	if len(cases) < 50 {
		t.Fatalf("only %d hostile tokens", len(cases))
	}
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.name] {
			t.Fatalf("two cases named %q", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			// Twice: a refusal must not be remembered as a pass.
			for range 2 {
				subject, err := gate.Authenticate(request(c.token))
				var refused *Error
				if !errors.As(err, &refused) || refused.Code != InvalidToken {
					t.Fatalf("got %+v, %v", subject, err)
				}
				if subject.ID != "" {
					t.Fatalf("a refused token gave the subject %q", subject.ID)
				}
			}
		})
	}
}

// The reasons go to logs; what the token says must not.
func TestRefusalsNeverEchoTheToken(t *testing.T) {
	const marker = "MARKER"
	gate := newGate(t, nil)
	for _, name := range []string{"iss", "aud", "sub", "scope", "purpose", "exp", "agreement"} {
		_, err := gate.Authenticate(request(with(name, []any{marker, 1, "\n"}).token()))
		if err == nil || strings.Contains(err.Error(), marker) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := gate.Authenticate(request(header(`{"alg":"MARKER","kid":"MARKER","typ":"at+jwt"}`)))
	if err == nil || strings.Contains(err.Error(), marker) {
		t.Errorf("header: %v", err)
	}
}

// The other side of each rule: what lies just inside it is let through, so no case above is refused for another
// reason than its own.
func TestTokensJustInsideTheRulesPass(t *testing.T) {
	gate := newGate(t, nil)
	now := testNow.Unix()
	inside := map[string]string{
		"exp within the skew":      with("exp", now-29).token(),
		"iat within the skew":      with("iat", now+29).token(),
		"nbf within the skew":      with("nbf", now+29).token(),
		"life of exactly an hour":  with("exp", now-60+3600).token(),
		"aud a list with us":       with("aud", []string{"https://other.test", testAudience}).token(),
		"no scope":                 with("scope", drop{}).token(),
		"empty scope":              with("scope", "").token(),
		"no agreement":             with("agreement", drop{}).token(),
		"unknown claim":            with("x", "y").token(),
		"eight levels deep":        payload(`{"x":%s1%s,%s`, strings.Repeat("[", 7), strings.Repeat("]", 7), rawTail()),
		"header in another order":  header(`{"typ":"at+jwt","kid":"ec","alg":"ES256"}`),
		"header with white space":  header(` { "alg" : "ES256", "kid":"ec","typ":"at+jwt"} `),
		"name in another alphabet": with("sub", "李四 Žofie").token(),
		"RS256":                    seal(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, goodClaims().text(), signRSA(forgeKeys().rsa)),
		"PS256":                    seal(`{"alg":"PS256","kid":"pss","typ":"at+jwt"}`, goodClaims().text(), signPSS(forgeKeys().rsaPSS)),
		"ES384":                    seal(`{"alg":"ES384","kid":"ec384","typ":"at+jwt"}`, goodClaims().text(), signEC(forgeKeys().ec384)),
		"EdDSA":                    seal(`{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`, goodClaims().text(), signEd(forgeKeys().ed)),
	}
	for name, token := range inside {
		if _, err := gate.Authenticate(request(token)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An ES256 signature has a twin, (r, N-s), that verifies too: legal in JOSE. Revocation must catch both.
func TestRevocationCatchesTheHighSTwin(t *testing.T) {
	token := goodClaims().token()
	h, p, s := parts(token)
	raw, _ := base64.RawURLEncoding.DecodeString(s)
	high := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(raw[32:]))
	twin := h + "." + p + "." + b64(append(raw[:32:32], high.FillBytes(make([]byte, 32))...))
	revoked := false
	gate := newGate(t, func(o *Options) {
		o.Denylist = DenyFunc(func(key string) (bool, error) {
			return revoked && key == RevocationKey(testIssuer, "t-1"), nil
		})
	})
	for _, each := range []string{token, twin} {
		if _, err := gate.Authenticate(request(each)); err != nil {
			t.Fatal(err)
		}
	}
	revoked = true
	for _, each := range []string{token, twin} {
		if _, err := gate.Authenticate(request(each)); err == nil {
			t.Error("a revoked token passed")
		}
	}
}

func FuzzGate(f *testing.F) {
	f.Add(goodClaims().token())
	f.Add(header(`{"alg":"none","kid":"ec","typ":"at+jwt"}`))
	f.Add("..")
	gate := newGate(f, nil)
	good := goodClaims().token()
	var want policy.Subject
	want, err := gate.Authenticate(request(good))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		subject, _, err := gate.pass(token, testNow)
		if err == nil && subject.ID != want.ID {
			t.Fatalf("a token that nobody signed passed: %q", token)
		}
	})
}

// FuzzStrictJSON compares with encoding/json: what is accepted means the same there, and is never wider.
func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"a":[1,{"b":null}],"c":"\u00e9"}`, `{"a":1,"A":2}`, `{"a":1}{}`, `{,}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseObject(text)
		if err != nil {
			return
		}
		var want map[string]any
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %q: %v", text, err)
		}
		g, w := must(json.Marshal(got)), must(json.Marshal(want))
		if string(g) != string(w) {
			t.Fatalf("%q: got %s, want %s", text, g, w)
		}
	})
}
