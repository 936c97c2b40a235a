package authn

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"concordat/policy"
	"concordat/state"
)

func TestSubjectIsWhatTheTokenSays(t *testing.T) {
	c := with("purposes", []string{"research", "treatment"})
	c["persona"] = "clinician"
	subject, err := newGate(t, nil).Authenticate(request(c.token()))
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Subject{
		ID: "dr.ada", Organisation: "north-hospital", Client: "portal", Scopes: []string{"read:health", "read:geo"},
		Agreement: "A-1", Purpose: "treatment", Purposes: []string{"research", "treatment"},
		Issuer: testIssuer, TokenID: "t-1", Expires: testNow.Add(10 * time.Minute), Persona: "clinician",
	}
	if !slices.Equal(subject.Scopes, want.Scopes) || !slices.Equal(subject.Purposes, want.Purposes) {
		t.Errorf("got %v %v", subject.Scopes, subject.Purposes)
	}
	if !subject.HasScope("read:geo") || subject.HasScope("read") || subject.HasScope("READ:GEO") {
		t.Error("scopes are not compared exactly")
	}
	subject.Scopes, subject.Purposes, want.Scopes, want.Purposes = nil, nil, nil, nil
	if !equal(subject, want) {
		t.Errorf("got  %+v\nwant %+v", subject, want)
	}
}

func equal(a, b policy.Subject) bool {
	return a.ID == b.ID && a.Organisation == b.Organisation && a.Client == b.Client && a.Agreement == b.Agreement &&
		a.Purpose == b.Purpose && a.Issuer == b.Issuer && a.TokenID == b.TokenID && a.Expires.Equal(b.Expires) &&
		a.Persona == b.Persona && a.Anonymous == b.Anonymous
}

func TestNoAuthorizationHeaderIsAnonymous(t *testing.T) {
	r := request("")
	r.Header.Set(PurposeHeader, "treatment")
	subject, err := newGate(t, nil).Authenticate(r)
	if err != nil || !subject.Anonymous || subject.ID != AnonymousID || subject.Purpose != "" {
		t.Errorf("got %+v, %v", subject, err)
	}
}

func TestTokenInTheQueryStringIsIgnored(t *testing.T) {
	r := request("")
	r.URL.RawQuery = "access_token=" + goodClaims().token()
	if subject, err := newGate(t, nil).Authenticate(r); err != nil || !subject.Anonymous {
		t.Errorf("got %+v, %v", subject, err)
	}
}

func TestMalformedAuthorizationIsAnInvalidRequest(t *testing.T) {
	good := goodClaims().token()
	for name, values := range map[string][]string{
		"two headers":            {"Bearer " + good, "Bearer " + good},
		"two headers, one empty": {"Bearer " + good, ""},
		"empty":                  {""},
		"scheme alone":           {"Bearer"},
		"scheme and a space":     {"Bearer "},
		"basic":                  {"Basic " + good},
		"bare token":             {good},
		"scheme joined":          {"Bearer" + good},
	} {
		r := request("")
		r.Header["Authorization"] = values
		var refused *Error
		if _, err := newGate(t, nil).Authenticate(r); !errors.As(err, &refused) || refused.Code != InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemeIsCaseInsensitive(t *testing.T) {
	r := request("")
	r.Header.Set("Authorization", "bEARER "+goodClaims().token())
	if _, err := newGate(t, nil).Authenticate(r); err != nil {
		t.Error(err)
	}
}

func TestPurposeIsChosenAmongTheTokensOwn(t *testing.T) {
	single, several := with("purpose", drop{}), with("purpose", drop{})
	single["purposes"], several["purposes"] = []string{"research"}, []string{"research", "audit"}
	withDefault := with("purposes", []string{"treatment", "audit"})
	cases := []struct {
		name    string
		claims  claims
		header  []string
		want    string
		refused bool
	}{
		{"the claim", goodClaims(), nil, "treatment", false},
		{"the claim, named", goodClaims(), []string{"treatment"}, "treatment", false},
		{"another than the claim", goodClaims(), []string{"research"}, "", true},
		{"another case", goodClaims(), []string{"Treatment"}, "", true},
		{"empty header", goodClaims(), []string{""}, "", true},
		{"two headers", goodClaims(), []string{"treatment", "treatment"}, "", true},
		{"list in one header", several, []string{"research, audit"}, "", true},
		{"one of several", several, []string{"audit"}, "audit", false},
		{"several and none named", several, nil, "", true},
		{"the only one of a list", single, nil, "research", false},
		{"default of a list", withDefault, nil, "treatment", false},
		{"other of a list with default", withDefault, []string{"audit"}, "audit", false},
		{"a token without purposes", with("purpose", drop{}), nil, "", false},
		{"named, but the token has none", with("purpose", drop{}), []string{"research"}, "", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.claims.token())
			r.Header[http.CanonicalHeaderKey(PurposeHeader)] = c.header
			subject, err := newGate(t, nil).Authenticate(r)
			if errors.Is(err, ErrPurpose) != c.refused || (err != nil) != c.refused || subject.Purpose != c.want {
				t.Errorf("got purpose %q, %v", subject.Purpose, err)
			}
			if subject.ID != "dr.ada" {
				t.Error("the subject is not established")
			}
		})
	}
}

// The choice is the request's: a remembered token must not remember it.
func TestPurposeOfOneRequestDoesNotStickToTheToken(t *testing.T) {
	gate, token := newGate(t, nil), with("purposes", []string{"treatment", "audit"}).token()
	r := request(token)
	r.Header.Set(PurposeHeader, "audit")
	if _, err := gate.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	if subject, err := gate.Authenticate(request(token)); err != nil || subject.Purpose != "treatment" {
		t.Errorf("got %q, %v", subject.Purpose, err)
	}
}

func TestRememberedTokenDiesWithItsExpiry(t *testing.T) {
	now := testNow
	gate := newGate(t, func(o *Options) { o.Now = func() time.Time { return now } })
	token := goodClaims().token()
	for _, step := range []struct {
		at         time.Duration
		remembered int
		pass       bool
	}{
		{0, 1, true}, {599 * time.Second, 1, true}, {600 * time.Second, 0, true}, // within the skew: verified anew
		{629 * time.Second, 0, true}, {630 * time.Second, 0, false},
	} {
		now = testNow.Add(step.at)
		_, err := gate.Authenticate(request(token))
		if (err == nil) != step.pass || gate.verified.Len() != step.remembered {
			t.Errorf("at %v: %v, %d remembered", step.at, err, gate.verified.Len())
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	gate := newGate(t, func(o *Options) { o.CacheSize = 3 })
	for range 10 {
		if _, err := gate.Authenticate(request(goodClaims().token())); err != nil {
			t.Fatal(err)
		}
	}
	if gate.verified.Len() != 3 {
		t.Errorf("%d remembered", gate.verified.Len())
	}
}

func TestRevokedTokenStopsAtTheNextRequest(t *testing.T) {
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	now := testNow
	clock := func() time.Time { return now }
	gate := newGate(t, func(o *Options) { o.Denylist, o.Now = StoredDenylist(store, clock), clock })
	token, other := goodClaims().token(), with("jti", "t-2").token()
	subject, err := gate.Authenticate(request(token))
	if err != nil {
		t.Fatal(err)
	}
	if err := Revoke(t.Context(), store, subject); err != nil {
		t.Fatal(err)
	}
	var refused *Error
	if _, err := gate.Authenticate(request(token)); !errors.As(err, &refused) || refused.Code != InvalidToken {
		t.Errorf("revoked token: %v", err)
	}
	if _, err := gate.Authenticate(request(other)); err != nil {
		t.Errorf("another token of the same caller: %v", err)
	}
	now = testNow.Add(629 * time.Second) // the last second at which the gate itself would let it in
	if _, err := gate.Authenticate(request(token)); err == nil {
		t.Error("the revocation ended before the token did")
	}
}

func TestUnreadableDenylistRefuses(t *testing.T) {
	broken := errors.New("disk")
	gate := newGate(t, func(o *Options) {
		o.Denylist = DenyFunc(func(string) (bool, error) { return false, broken })
	})
	subject, err := gate.Authenticate(request(goodClaims().token()))
	if !errors.Is(err, ErrUnavailable) || subject.ID != "" {
		t.Errorf("got %+v, %v", subject, err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	gate := newGate(t, func(o *Options) { o.Denylist = StoredDenylist(store, time.Now) })
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := gate.Authenticate(request(goodClaims().token())); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestRevocationKeysDoNotCollide(t *testing.T) {
	if RevocationKey("a", "bc") == RevocationKey("ab", "c") {
		t.Error("(a, bc) and (ab, c) are one token")
	}
}

// Each issuer has its own keys and its own audience: one cannot speak for another.
func TestIssuersAreKeptApart(t *testing.T) {
	k := forgeKeys()
	other, err := ParseKeys(jwkSet(ecJWK(k.otherEC, "ec", "ES256")))
	if err != nil {
		t.Fatal(err)
	}
	gate := newGate(t, func(o *Options) {
		o.Issuers = append(o.Issuers, Trusted{"https://second.test", "https://second-audience.test", other})
	})
	second := with("iss", "https://second.test")
	second["aud"] = "https://second-audience.test"
	wrongAudience := with("iss", "https://second.test")
	for name, c := range map[string]struct {
		token string
		pass  bool
	}{
		"second issuer, own key":       {seal(goodHeader, second.text(), signEC(k.otherEC)), true},
		"second issuer, first's key":   {seal(goodHeader, second.text(), signEC(k.ec)), false},
		"first issuer, second's key":   {seal(goodHeader, goodClaims().text(), signEC(k.otherEC)), false},
		"second issuer, first's aud":   {seal(goodHeader, wrongAudience.text(), signEC(k.otherEC)), false},
		"first issuer, own everything": {goodClaims().token(), true},
	} {
		if _, err := gate.Authenticate(request(c.token)); (err == nil) != c.pass {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRefusesUnsafeOptions(t *testing.T) {
	keys, err := ParseKeys(publicSet())
	if err != nil {
		t.Fatal(err)
	}
	good := Trusted{testIssuer, testAudience, keys}
	for name, o := range map[string]Options{
		"zero":              {},
		"no denylist":       {Issuers: []Trusted{good}},
		"no issuer":         {Denylist: DenyFunc(nobody)},
		"no audience":       {Denylist: DenyFunc(nobody), Issuers: []Trusted{{Issuer: testIssuer, Keys: keys}}},
		"no name":           {Denylist: DenyFunc(nobody), Issuers: []Trusted{{Audience: testAudience, Keys: keys}}},
		"no keys":           {Denylist: DenyFunc(nobody), Issuers: []Trusted{{testIssuer, testAudience, nil}}},
		"empty keys":        {Denylist: DenyFunc(nobody), Issuers: []Trusted{{testIssuer, testAudience, &Keys{}}}},
		"same issuer twice": {Denylist: DenyFunc(nobody), Issuers: []Trusted{good, good}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestChallengeNamesOnlyTheErrorCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		meta string
		want string
	}{
		{nil, "", `Bearer realm="concordat"`},
		{ErrUnavailable, "", `Bearer realm="concordat"`},
		{refuseToken("secret"), "", `Bearer realm="concordat", error="invalid_token"`},
		{refuseRequest("secret"), "https://g/m", `Bearer realm="concordat", error="invalid_request", resource_metadata="https://g/m"`},
	} {
		if got := Challenge(c.err, c.meta); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	gate := newGate(b, nil)
	r := request(goodClaims().token())
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := gate.Authenticate(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("uncached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			gate.verified.Purge()
			if _, err := gate.Authenticate(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refused", func(b *testing.B) { // what a flood of unsigned tokens costs
		h, p, s := parts(goodClaims().token())
		bad := request(h + "." + p + "." + s[:len(s)-2] + "AA")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := gate.Authenticate(bad); err == nil {
				b.Fatal("passed")
			}
		}
	})
}
