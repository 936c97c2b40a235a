package authn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// IssuerFile holds the development issuer's private key, as one JWK with mode 0600.
const IssuerFile = "issuer.jwk.json"

// The development issuer's name and the audience of its tokens. They are fixed, so that a tool that has only the
// key file mints tokens that the gateway beside it accepts.
const (
	DevelopmentIssuer   = "https://issuer.concordat.example"
	DevelopmentAudience = "https://gateway.concordat.example"
)

// DefaultTTL is the life of a minted token that asks for none.
const DefaultTTL = 15 * time.Minute

// Issuer mints access tokens for development and tests. Whoever can read its key file can be anyone; a production
// gateway trusts the issuers of its configuration instead.
type Issuer struct {
	Name     string
	Audience string
	Now      func() time.Time

	key     *ecdsa.PrivateKey
	kid     string
	public  []byte // JWK set of the key in use
	retired []retiredKey
	keys    *Keys // both
}

// Claims are what Mint puts into a token, with the names they have there. Where Purpose is empty, the first of
// Purposes is the one used when a request names none.
type Claims struct {
	Subject      string   `json:"sub"`
	Organisation string   `json:"organisation,omitempty"`
	Client       string   `json:"client_id"`
	Scope        string   `json:"scope,omitempty"` // space separated
	Agreement    string   `json:"agreement,omitempty"`
	Purpose      string   `json:"purpose,omitempty"`
	Purposes     []string `json:"purposes,omitempty"`
	Persona      string   `json:"persona,omitempty"`
	// Of a session token only (secure aggregation): the session, the hex hash of its question, and the thumbprint of
	// the key that may open the sum.
	Session    string `json:"secagg_session,omitempty"`
	Question   string `json:"secagg_query,omitempty"`
	QuerierKey string `json:"secagg_jkt,omitempty"`
	// Confirmation binds the token to a key (RFC 9449 section 6).
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Actor is who exchanged a token for this one (RFC 8693 section 4.1).
	Actor *Actor        `json:"act,omitempty"`
	TTL   time.Duration `json:"-"` // default DefaultTTL, at most one hour
}

// Actor acts for the subject.
type Actor struct {
	Subject string `json:"sub"`
}

// Confirmation names the key that the holder of a token has to prove possession of.
type Confirmation struct {
	Thumbprint string `json:"jkt"` // RFC 7638, SHA-256, base64url
}

type mintedClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	TokenID  string `json:"jti"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	Claims
}

// LoadIssuer reads the key in dir.
func LoadIssuer(dir string) (*Issuer, error) {
	text, err := readSecret(filepath.Join(dir, IssuerFile))
	if err != nil {
		return nil, fmt.Errorf("development issuer: %w", err)
	}
	issuer, err := parseIssuer(text)
	if err == nil {
		err = issuer.addRetired(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("development issuer: %s: %w", filepath.Join(dir, IssuerFile), err)
	}
	return issuer, nil
}

// LoadOrCreate reads the key in dir, or makes one there.
func LoadOrCreate(dir string) (*Issuer, error) {
	issuer, err := LoadIssuer(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return issuer, err
	}
	return CreateIssuer(dir)
}

// CreateIssuer makes a key in dir, and refuses (fs.ErrExist) where one already is.
func CreateIssuer(dir string) (*Issuer, error) {
	text, err := newIssuerKey()
	if err != nil {
		return nil, fmt.Errorf("development issuer: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("development issuer: %w", err)
	}
	if err := writeSecret(filepath.Join(dir, IssuerFile), text); err != nil {
		return nil, fmt.Errorf("development issuer: %w", err)
	}
	return parseIssuer(text)
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others may read it: mode must be 0600", path)
	}
	return os.ReadFile(path)
}

// writeSecret makes a new file that only its owner reads; O_EXCL so that two starts never end with different keys
// in memory and on disk.
func writeSecret(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func newIssuerKey() ([]byte, error) {
	raw, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := jwk.Import(raw)
	if err != nil {
		return nil, err
	}
	if err := jwk.AssignKeyID(key); err != nil {
		return nil, err
	}
	err = errors.Join(key.Set(jwk.AlgorithmKey, jwa.ES256()), key.Set(jwk.KeyUsageKey, "sig"))
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(key, "", "  ")
}

func parseIssuer(text []byte) (*Issuer, error) {
	key, err := jwk.ParseKey(text)
	if err != nil {
		return nil, errors.New("not a JWK")
	}
	var raw any
	if err := jwk.Export(key, &raw); err != nil {
		return nil, errors.New("not a valid key")
	}
	private, ok := raw.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("not a private P-256 key")
	}
	issuer := &Issuer{Name: DevelopmentIssuer, Audience: DevelopmentAudience, Now: time.Now, key: private}
	issuer.kid, _ = key.KeyID()
	public, err := key.PublicKey()
	if err != nil {
		return nil, errors.New("no public half")
	}
	issuer.public, err = json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		return nil, fmt.Errorf("public half: %w", err)
	}
	// The set that is served must pass the gate that will read it.
	if issuer.keys, err = ParseKeys(issuer.public); err != nil {
		return nil, err
	}
	return issuer, nil
}

// addRetired takes a directory's retired keys over.
func (i *Issuer) addRetired(dir string) (err error) {
	if i.retired, err = readRetired(dir, i.kid); err == nil {
		i.keys, err = ParseKeys(i.JWKS())
	}
	return err
}

// JWKS is the public key set, for /.well-known/jwks.json: the key in use, and retired ones until they have expired.
func (i *Issuer) JWKS() []byte {
	alive := living(i.retired, i.Now())
	if len(alive) == 0 {
		return i.public
	}
	own, err := i.publicKey()
	if err != nil {
		return i.public // read when the key was
	}
	set, err := json.Marshal(setOf(own, alive))
	if err != nil {
		return i.public
	}
	return set
}

// Trusted is what an Authenticator needs to accept this issuer's tokens.
func (i *Issuer) Trusted() Trusted {
	return Trusted{Issuer: i.Name, Audience: i.Audience, Keys: i.keys}
}

// Mint signs an access token (RFC 9068) with a random jti.
func (i *Issuer) Mint(c Claims) (string, error) {
	if c.Subject == "" || c.Client == "" {
		return "", errors.New("mint: sub and client_id are required")
	}
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.TTL < time.Second || c.TTL > maxLifetime {
		return "", errors.New("mint: the time to live is not between a second and an hour")
	}
	if c.Purpose == "" && len(c.Purposes) > 0 {
		c.Purpose = c.Purposes[0]
	}
	payload, err := json.Marshal(i.complete(c))
	if err != nil {
		return "", fmt.Errorf("mint: %w", err)
	}
	return i.sign(payload)
}

func (i *Issuer) complete(c Claims) mintedClaims {
	var id [16]byte
	rand.Read(id[:]) // never fails (crypto/rand since Go 1.24)
	now := i.Now().Unix()
	return mintedClaims{
		Issuer:   i.Name,
		Audience: i.Audience,
		TokenID:  base64.RawURLEncoding.EncodeToString(id[:]),
		IssuedAt: now,
		Expires:  now + int64(c.TTL/time.Second),
		Claims:   c,
	}
}

func (i *Issuer) sign(payload []byte) (string, error) {
	header := jws.NewHeaders()
	err := errors.Join(header.Set(jws.TypeKey, tokenType), header.Set(jws.KeyIDKey, i.kid))
	if err != nil {
		return "", fmt.Errorf("mint: %w", err)
	}
	token, err := jws.Sign(payload, jws.WithKey(jwa.ES256(), i.key, jws.WithProtectedHeaders(header)))
	if err != nil {
		return "", fmt.Errorf("mint: %w", err)
	}
	if len(token) > MaxTokenBytes {
		return "", errors.New("mint: the token is longer than a gateway reads")
	}
	return string(token), nil
}
