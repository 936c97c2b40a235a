package authn

import (
	"cmp"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"concordat/policy"
)

// DownstreamPath serves the keys that sources check the gateway's tokens with. They are no keys of access tokens: a
// set of their own keeps whoever trusts the other from taking one for the other.
const DownstreamPath = "/.well-known/downstream-jwks.json"

// Lives of a downstream token: from its making to its end, and how much of it is left at least when it is sent.
const (
	downstreamLife = 60 * time.Second
	downstreamRest = 15 * time.Second
)

// downstreamKept bounds the tokens that are kept for the rest of their lives.
const downstreamKept = 4096

// Downstream mints the tokens that sources are asked with: the least that an agency needs to know of who asks, why and
// what, in a JWT of RFC 9068's form for that one source. A caller's own token is never passed on. The key is derived
// from the gateway's root key, so that replicas sign alike. One token is sent with each question of its subject, source
// and operation until it is nearly over: its jti names the token, not the question.
type Downstream struct {
	Now func() time.Time

	issuer   string
	key      ed25519.PrivateKey
	kid      string
	pairwise []byte // key of the subjects' pseudonyms
	public   []byte // JWK set

	mu   sync.Mutex
	kept map[downstreamFor]downstreamToken
}

type downstreamFor struct{ audience, issuer, subject, organisation, agreement, purpose, operation string }

type downstreamToken struct {
	text    string
	expires time.Time
}

type downstreamClaims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"` // a pseudonym that is another one at each source
	Client    string `json:"client_id"`
	IssuedAt  int64  `json:"iat"`
	Expires   int64  `json:"exp"`
	TokenID   string `json:"jti"`
	Purpose   string `json:"purpose,omitempty"`
	Agreement string `json:"agreement,omitempty"`
	Operation string `json:"operation,omitempty"` // hex SHA-256 of the document, as in the ledger
}

// NewDownstream derives the keys from a root key of 32 bytes or more. issuer is the gateway's own address.
func NewDownstream(root []byte, issuer string) (*Downstream, error) {
	if len(root) < 32 {
		return nil, errors.New("downstream tokens: the root key is too short")
	}
	keys, err := hkdf.Key(sha256.New, root, nil, "concordat downstream token v1", ed25519.SeedSize+sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("downstream tokens: %w", err)
	}
	d := &Downstream{Now: time.Now, issuer: issuer, key: ed25519.NewKeyFromSeed(keys[:ed25519.SeedSize]),
		pairwise: keys[ed25519.SeedSize:], kept: map[downstreamFor]downstreamToken{}}
	public, err := jwk.Import(d.key.Public())
	if err != nil {
		return nil, fmt.Errorf("downstream tokens: %w", err)
	}
	err = errors.Join(jwk.AssignKeyID(public), public.Set(jwk.AlgorithmKey, jwa.EdDSA()), public.Set(jwk.KeyUsageKey, "sig"))
	if err != nil {
		return nil, fmt.Errorf("downstream tokens: %w", err)
	}
	d.kid, _ = public.KeyID()
	d.public, err = json.Marshal(map[string]any{"keys": []any{public}})
	return d, err
}

// Handler serves the public key set.
func (d *Downstream) Handler() http.Handler {
	return document(func() []byte { return d.public }, "application/jwk-set+json")
}

// Token is for one source and one question of a subject. operation is a digest of the document, "" for none.
func (d *Downstream) Token(audience string, s policy.Subject, operation string) (string, error) {
	k := downstreamFor{audience, s.Issuer, s.ID, s.Organisation, s.Agreement, s.Purpose, operation}
	now := d.Now()
	d.mu.Lock()
	have, ok := d.kept[k]
	d.mu.Unlock()
	if ok && now.Add(downstreamRest).Before(have.expires) {
		return have.text, nil
	}
	made, err := d.mint(k, now)
	if err != nil {
		return "", fmt.Errorf("downstream token: %w", err)
	}
	d.keep(k, made, now)
	return made.text, nil
}

func (d *Downstream) keep(k downstreamFor, t downstreamToken, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) >= downstreamKept {
		for old, t := range d.kept {
			if !now.Add(downstreamRest).Before(t.expires) {
				delete(d.kept, old)
			}
		}
	}
	if len(d.kept) >= downstreamKept { // all of them young: signing is cheap, memory is bounded
		clear(d.kept)
	}
	d.kept[k] = t
}

func (d *Downstream) mint(k downstreamFor, now time.Time) (downstreamToken, error) {
	var id [16]byte
	rand.Read(id[:]) // never fails (crypto/rand since Go 1.24)
	c := downstreamClaims{Issuer: d.issuer, Audience: k.audience, Subject: d.pseudonym(k), Client: cmp.Or(k.organisation, "concordat"),
		IssuedAt: now.Unix(), Expires: now.Add(downstreamLife).Unix(), TokenID: base64.RawURLEncoding.EncodeToString(id[:]),
		Purpose: k.purpose, Agreement: k.agreement, Operation: k.operation}
	payload, err := json.Marshal(c)
	if err != nil {
		return downstreamToken{}, err
	}
	header := jws.NewHeaders()
	if err := errors.Join(header.Set(jws.TypeKey, tokenType), header.Set(jws.KeyIDKey, d.kid)); err != nil {
		return downstreamToken{}, err
	}
	text, err := jws.Sign(payload, jws.WithKey(jwa.EdDSA(), d.key, jws.WithProtectedHeaders(header)))
	return downstreamToken{string(text), now.Add(downstreamLife)}, err
}

// pseudonym is a subject's name at one source (pairwise, as in OpenID Connect Core section 8.1): two agencies cannot
// put together what one person asked them.
func (d *Downstream) pseudonym(k downstreamFor) string {
	mac := hmac.New(sha256.New, d.pairwise)
	for _, part := range []string{k.audience, k.issuer, k.subject} {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
