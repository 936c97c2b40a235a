// Package authn turns a bearer token into a policy.Subject, or refuses it.
//
// Tokens are RFC 9068 access tokens of a few configured issuers. A strict gate stands in front of the JOSE library,
// because what libraries accept by default (a missing typ, an ignored alg, duplicate members, spare base64 bits) is
// wider than what an issuer of ours ever sends; RFC 8725 is its list of rules. The main types are [Authenticator],
// which answers one request, [Keys], an issuer's pinned public keys, and [Issuer], the development issuer.
//
//	gate, err := authn.New(authn.Options{Issuers: []authn.Trusted{issuer.Trusted()}, Denylist: denied})
//	subject, err := gate.Authenticate(request)
//
// It does not promise that a token was used by the party it was issued to: a token bound to a key (cnf) is refused,
// not checked. It fetches nothing: key sets are local, and jwk, jku, x5u and x5c are never read. It does not know
// agreements: whether the subject's agreement is in force is asked of package agreement.
package authn

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"concordat/policy"
)

// PurposeHeader names one of the token's purposes for one request.
const PurposeHeader = "Concordat-Purpose"

// MaxTokenBytes is the longest token that is looked at; a longer one is refused before it is parsed.
const MaxTokenBytes = 8 << 10

// AnonymousID is the subject of a request without a token.
const AnonymousID = "anonymous"

// Trusted is one issuer whose tokens are accepted.
type Trusted struct {
	Issuer   string // compared with iss, byte for byte; required
	Audience string // aud must contain it; required
	Keys     *Keys  // required
}

// Denylist knows revoked tokens by [RevocationKey]. It is asked on every request, also for tokens verified before,
// and an error refuses the request.
type Denylist interface {
	Denied(key string) (bool, error)
}

// DenyFunc lets a function be a [Denylist].
type DenyFunc func(key string) (bool, error)

// Denied calls f.
func (f DenyFunc) Denied(key string) (bool, error) { return f(key) }

// Options of New.
type Options struct {
	Issuers   []Trusted        // at least one, each Issuer once; required
	Denylist  Denylist         // required: without one a revoked token would pass
	Now       func() time.Time // default time.Now
	CacheSize int              // verified tokens remembered; default 8192
}

// Authenticator is safe for concurrent use. It is immutable but for its cache, so a rotated key set means a new
// Authenticator, with which every remembered token is verified again.
type Authenticator struct {
	issuers  map[string]Trusted
	denylist Denylist
	now      func() time.Time
	verified *lru.Cache[[sha256.Size]byte, verifiedToken]
}

// verifiedToken is what the cache holds of a token: not the token.
type verifiedToken struct {
	subject    policy.Subject
	revocation string // its RevocationKey
}

// New checks the options and returns an Authenticator with an empty cache.
func New(o Options) (*Authenticator, error) {
	issuers, err := trustedByName(o.Issuers)
	if err != nil {
		return nil, fmt.Errorf("authn: %w", err)
	}
	if o.Denylist == nil {
		return nil, errors.New("authn: Denylist is required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CacheSize <= 0 {
		o.CacheSize = 8192
	}
	cache, err := lru.New[[sha256.Size]byte, verifiedToken](o.CacheSize)
	if err != nil {
		return nil, fmt.Errorf("authn: %w", err)
	}
	return &Authenticator{issuers: issuers, denylist: o.Denylist, now: o.Now, verified: cache}, nil
}

func trustedByName(list []Trusted) (map[string]Trusted, error) {
	if len(list) == 0 {
		return nil, errors.New("at least one issuer is required")
	}
	issuers := make(map[string]Trusted, len(list))
	for _, t := range list {
		if t.Issuer == "" || t.Audience == "" || t.Keys == nil || t.Keys.Len() == 0 {
			return nil, fmt.Errorf("issuer %q needs a name, an audience and keys", t.Issuer)
		}
		if _, twice := issuers[t.Issuer]; twice {
			return nil, fmt.Errorf("issuer %q is named twice", t.Issuer)
		}
		issuers[t.Issuer] = t
	}
	return issuers, nil
}

// Authenticate returns the subject of a request: the anonymous one where no Authorization header was sent. The
// error is an *[Error] (the token is refused), [ErrUnavailable] (it could not be known whether the token is revoked)
// or [ErrPurpose]; only with ErrPurpose is the subject established, for the ledger, with an empty Purpose. Tokens
// in the query string or body are never read (RFC 6750 sections 2.2 and 2.3 are not supported).
func (a *Authenticator) Authenticate(r *http.Request) (policy.Subject, error) {
	token, err := bearer(r.Header)
	if err != nil {
		return policy.Subject{}, err
	}
	if token == "" {
		return policy.Subject{ID: AnonymousID, Anonymous: true}, nil
	}
	verified, err := a.verify(token)
	if err != nil {
		return policy.Subject{}, err
	}
	if err := a.refuseRevoked(verified.revocation); err != nil {
		return policy.Subject{}, err
	}
	return choosePurpose(verified.subject, r.Header.Values(PurposeHeader))
}

// bearer returns the token, or "" where there is no Authorization header at all.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	// Two headers may be read differently by a proxy and by us: refuse rather than choose.
	if len(values) > 1 {
		return "", refuseRequest("more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", refuseRequest("the scheme is not Bearer")
	}
	if token == "" {
		return "", refuseRequest("no token after Bearer")
	}
	if len(token) > MaxTokenBytes {
		return "", refuseToken("longer than 8 KiB")
	}
	return token, nil
}

// verify answers from the cache or through the gate. A token is remembered by its hash, so that the cache holds no
// credential, and only until its exp: the skew that the gate allows after exp is paid for by verifying again.
func (a *Authenticator) verify(token string) (verifiedToken, error) {
	key, now := sha256.Sum256([]byte(token)), a.now()
	if known, ok := a.verified.Get(key); ok {
		if now.Before(known.subject.Expires) {
			return known, nil
		}
		a.verified.Remove(key)
	}
	subject, err := a.pass(token, now)
	if err != nil {
		return verifiedToken{}, err
	}
	fresh := verifiedToken{subject, RevocationKey(subject.Issuer, subject.TokenID)}
	if now.Before(subject.Expires) {
		a.verified.Add(key, fresh)
	}
	return fresh, nil
}

func (a *Authenticator) refuseRevoked(key string) error {
	denied, err := a.denylist.Denied(key)
	if err != nil {
		// Fail closed: an unreadable denylist may hold this very token.
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if denied {
		return refuseToken("revoked")
	}
	return nil
}

// choosePurpose sets the purpose of this request: the header's where the token has it, else the token's own.
func choosePurpose(s policy.Subject, asked []string) (policy.Subject, error) {
	if len(asked) == 0 {
		if s.Purpose == "" && len(s.Purposes) > 1 {
			return s, fmt.Errorf("%w: the token has several, and the request names none", ErrPurpose)
		}
		return s, nil
	}
	s.Purpose = ""
	if len(asked) > 1 {
		return s, fmt.Errorf("%w: more than one %s header", ErrPurpose, PurposeHeader)
	}
	if !slices.Contains(s.Purposes, asked[0]) {
		return s, fmt.Errorf("%w: the token does not have the one named", ErrPurpose)
	}
	s.Purpose = asked[0]
	return s, nil
}
