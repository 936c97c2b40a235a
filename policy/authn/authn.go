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
// A token that is bound to a key (cnf.jkt) is taken only with a proof that the caller holds the key (RFC 9449, DPoP), see
// [Proofs]; for a plain bearer token nothing promises that it is used by the party it was issued to. The package fetches
// nothing: key sets are local, and jku, x5u and x5c are never read, nor jwk but in a proof. It does not know agreements:
// whether the subject's agreement is in force is asked of package agreement.
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
	Proofs    *Proofs          // nil: tokens that are bound to a key are refused
}

// Authenticator is safe for concurrent use. It is immutable but for its cache, so a rotated key set means a new
// Authenticator, with which every remembered token is verified again.
type Authenticator struct {
	issuers  map[string]Trusted
	denylist Denylist
	now      func() time.Time
	proofs   *Proofs
	verified *lru.Cache[[sha256.Size]byte, verifiedToken]
}

// verifiedToken is what the cache holds of a token: not the token.
type verifiedToken struct {
	subject    policy.Subject
	revocation string // its RevocationKey
	bound      string // thumbprint of the key that it is bound to
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
	return &Authenticator{issuers: issuers, denylist: o.Denylist, now: o.Now, proofs: o.Proofs, verified: cache}, nil
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
	token, withProof, err := credentials(r.Header)
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
	if err := a.possessed(r, token, withProof, verified.bound); err != nil {
		return policy.Subject{}, err
	}
	if err := a.refuseRevoked(verified.revocation); err != nil {
		return policy.Subject{}, err
	}
	return choosePurpose(verified.subject, r.Header.Values(PurposeHeader))
}

// credentials returns the token, or "" where there is no Authorization header at all, and whether it came with a proof.
func credentials(h http.Header) (token string, withProof bool, err error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", false, nil
	}
	// Two headers may be read differently by a proxy and by us: refuse rather than choose.
	if len(values) > 1 {
		return "", false, refuseRequest("more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	withProof = strings.EqualFold(scheme, "DPoP")
	if !withProof && !strings.EqualFold(scheme, "Bearer") {
		return "", false, refuseRequest("the scheme is neither Bearer nor DPoP")
	}
	if token == "" {
		return "", false, refuseRequest("no token after the scheme")
	}
	if len(token) > MaxTokenBytes {
		return "", false, refuseToken("longer than 8 KiB")
	}
	return token, withProof, nil
}

// possessed holds a token against the way it was sent. A bound one sent as a bearer token is what a thief would do (RFC
// 9449 section 7.2); one that is not bound gains nothing by a proof, and is refused for the confusion (section 7.1).
func (a *Authenticator) possessed(r *http.Request, token string, withProof bool, bound string) error {
	switch {
	case bound == "" && !withProof:
		return nil
	case bound == "" || !withProof || a.proofs == nil:
		return &Error{Code: InvalidToken, reason: "the token's binding and the scheme do not fit", proof: a.proofs != nil}
	}
	return a.proofs.check(r, token, bound)
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
	subject, bound, err := a.pass(token, now)
	if err != nil {
		return verifiedToken{}, err
	}
	fresh := verifiedToken{subject, RevocationKey(subject.Issuer, subject.TokenID), bound}
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
