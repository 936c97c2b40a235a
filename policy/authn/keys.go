package authn

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	maxSetBytes = 64 << 10
	maxKeys     = 32
	minRSABits  = 2048
	maxRSABits  = 8192 // a larger modulus makes each verification a denial of service
	minExponent = 65537
)

// Keys is an issuer's public keys by kid, each pinned to one algorithm. It is immutable.
type Keys struct {
	byID map[string]pinnedKey
}

type pinnedKey struct {
	public         any
	algorithm      jwa.SignatureAlgorithm
	signatureBytes int
	until          time.Time // a retired key: when the last token signed with it has expired; zero for a current one
}

// SameIssuers reports whether two lists trust the same issuers with the same keys, in the same order.
func SameIssuers(a, b []Trusted) bool {
	return slices.EqualFunc(a, b, func(x, y Trusted) bool {
		return x.Issuer == y.Issuer && x.Audience == y.Audience && reflect.DeepEqual(x.Keys.byID, y.Keys.byID)
	})
}

// Len is the number of keys.
func (k *Keys) Len() int { return len(k.byID) }

// ParseKeys reads a JWK set (RFC 7517 section 5). The whole set is refused for one key that should not be in it: a
// symmetric or private one, a second of the same kid, a weak one, one whose alg is missing or does not fit it.
// Keys for encryption (use "enc") are left out. A key with exp, as OpenID Federation 1.0 section 8.7 writes retired ones,
// verifies nothing after it.
func ParseKeys(set []byte) (*Keys, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(set) > maxSetBytes {
		return nil, errors.New("key set: longer than 64 KiB")
	}
	if err := json.Unmarshal(set, &document); err != nil {
		return nil, errors.New("key set: not JSON with a list of keys")
	}
	if len(document.Keys) > maxKeys {
		return nil, fmt.Errorf("key set: more than %d keys", maxKeys)
	}
	keys := &Keys{byID: make(map[string]pinnedKey, len(document.Keys))}
	for i, raw := range document.Keys {
		if err := keys.add(raw); err != nil {
			return nil, fmt.Errorf("key set: key %d: %w", i, err)
		}
	}
	if keys.Len() == 0 {
		return nil, errors.New("key set: no key for signatures")
	}
	return keys, nil
}

func (k *Keys) add(raw []byte) error {
	members, err := parseObject(raw)
	if err != nil {
		return err
	}
	if err := checkMembers(members); err != nil {
		return err
	}
	kid, _ := members["kid"].(string)
	if !plainText(kid) {
		return errors.New("kid is missing or not a plain string")
	}
	if _, twice := k.byID[kid]; twice {
		return errors.New("its kid is used twice")
	}
	if members["use"] == "enc" {
		return nil
	}
	key, err := pin(raw, members["alg"])
	if err != nil {
		return err
	}
	if _, retired := members["exp"]; retired {
		c := &claimReader{members: members}
		if key.until = c.date("exp"); c.err != nil {
			return errors.New("its exp is not a whole number of seconds")
		}
	}
	k.byID[kid] = key
	return nil
}

// checkMembers refuses what must not be in a published set, before the library builds a key of it.
func checkMembers(members map[string]any) error {
	if members["kty"] == "oct" {
		return errors.New("it is symmetric")
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, present := members[private]; present {
			return errors.New("it is private")
		}
	}
	if use, present := members["use"]; present && use != "sig" && use != "enc" {
		return errors.New("its use is not sig")
	}
	operations, present := members["key_ops"]
	if list, _ := operations.([]any); present && (len(list) != 1 || list[0] != "verify") {
		return errors.New("its key_ops are not verify alone")
	}
	return nil
}

func pin(raw []byte, algorithm any) (pinnedKey, error) {
	parsed, err := jwk.ParseKey(raw)
	if err != nil {
		return pinnedKey{}, errors.New("it is not a key that we know")
	}
	var public any
	if err := jwk.Export(parsed, &public); err != nil {
		return pinnedKey{}, errors.New("it is not a valid public key")
	}
	key, err := pinPublic(public, algorithm)
	if err != nil {
		return pinnedKey{}, err
	}
	if algorithm != key.algorithm.String() {
		return pinnedKey{}, errors.New("its alg is missing or does not fit it")
	}
	return key, nil
}

// pinPublic gives a key the only algorithm that it may be used with (RFC 8725 section 3.1). An RSA key names one of
// two; the others follow from the key.
func pinPublic(public any, algorithm any) (pinnedKey, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return pinECDSA(key)
	case ed25519.PublicKey:
		return pinnedKey{public: key, algorithm: jwa.EdDSA(), signatureBytes: ed25519.SignatureSize}, nil
	case *rsa.PublicKey:
		return pinRSA(key, algorithm)
	}
	return pinnedKey{}, errors.New("its type is not EC, OKP or RSA")
}

func pinECDSA(key *ecdsa.PublicKey) (pinnedKey, error) {
	if _, err := key.ECDH(); err != nil {
		return pinnedKey{}, errors.New("its point is not on the curve")
	}
	switch key.Params().BitSize {
	case 256:
		return pinnedKey{public: key, algorithm: jwa.ES256(), signatureBytes: 64}, nil
	case 384:
		return pinnedKey{public: key, algorithm: jwa.ES384(), signatureBytes: 96}, nil
	}
	return pinnedKey{}, errors.New("its curve is not P-256 or P-384")
}

func pinRSA(key *rsa.PublicKey, algorithm any) (pinnedKey, error) {
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return pinnedKey{}, errors.New("its modulus is not between 2048 and 8192 bits")
	}
	if key.E < minExponent || key.E%2 == 0 {
		return pinnedKey{}, errors.New("its exponent is weak")
	}
	if hasROCA(key.N) {
		return pinnedKey{}, errors.New("its modulus was made by a flawed generator (CVE-2017-15361)")
	}
	if algorithm == "PS256" {
		return pinnedKey{public: key, algorithm: jwa.PS256(), signatureBytes: key.Size()}, nil
	}
	return pinnedKey{public: key, algorithm: jwa.RS256(), signatureBytes: key.Size()}, nil
}
