package authn

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// InvalidProof is the error code of a request whose proof of possession is refused (RFC 9449 section 12.2).
const InvalidProof = "invalid_dpop_proof"

const (
	proofType   = "dpop+jwt"
	proofHeader = "DPoP"
	proofLife   = 60 * time.Second // how long after its iat a proof is taken
	proofAhead  = 5 * time.Second  // how far a client's clock may be before ours

	// A proof is remembered for as long as it could be taken again, in two generations; each holds at most this many.
	proofGeneration  = proofLife + proofAhead
	proofsRemembered = 1 << 19
)

// proofAlgorithms are what the pinned keys of package keys may sign with; none is symmetric.
const proofAlgorithms = "ES256 ES384 EdDSA PS256 RS256"

// Proofs checks proofs of possession (RFC 9449 section 4.3) and remembers those that it has taken, so that none is
// taken twice. It lives longer than an [Authenticator]. What it remembers is in memory: a proof made before the process
// began is refused for it, and replicas need a balancer that keeps a client at one of them.
type Proofs struct {
	now     func() time.Time
	started int64 // Unix seconds

	mu       sync.Mutex
	bases    []string
	seen     [2]map[proofID]struct{}
	begun    time.Time // of seen[0]
	capacity int       // of a generation
}

type proofID [16]byte // of SHA-256 over thumbprint and jti

// NewProofs takes proofs whose htu lies under one of the base URLs. now is time.Now where nil.
func NewProofs(now func() time.Time, bases ...string) *Proofs {
	if now == nil {
		now = time.Now
	}
	p := &Proofs{now: now, started: now().Unix(), begun: now(), capacity: proofsRemembered}
	p.seen[0], p.seen[1] = map[proofID]struct{}{}, map[proofID]struct{}{}
	for _, base := range bases {
		p.Accept(base)
	}
	return p
}

// Accept adds a base URL that callers reach this gateway under. The request's own Host header is none: whoever sends a
// stolen proof writes that too.
func (p *Proofs) Accept(base string) {
	target, ok := normalTarget(base)
	p.mu.Lock()
	defer p.mu.Unlock()
	if base = strings.TrimSuffix(target, "/"); ok && !slices.Contains(p.bases, base) {
		p.bases = append(p.bases, base)
	}
}

// proof is what a proof says, once its form and its signature are good.
type proof struct {
	id, method, target, ath string
	issued                  time.Time
	thumbprint              string
}

// check takes the request's proof for a token that is bound to the key of thumbprint jkt, once.
func (p *Proofs) check(r *http.Request, token, jkt string) error {
	values := r.Header.Values(proofHeader)
	if len(values) != 1 {
		return refuseProof("not exactly one DPoP header")
	}
	said, err := readProof(values[0])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(token))
	now := p.now()
	switch {
	case said.thumbprint != jkt:
		return refuseProof("the key is not the one that the token is bound to")
	case said.ath != base64.RawURLEncoding.EncodeToString(sum[:]):
		return refuseProof("ath is not of this token")
	case said.method != r.Method:
		return refuseProof("htm is not this request's method")
	case !p.reached(said.target, r.URL.EscapedPath()):
		return refuseProof("htu is not this request's URL")
	case said.issued.After(now.Add(proofAhead)), !said.issued.After(now.Add(-proofLife)):
		return refuseProof("iat is not of now")
	case said.issued.Unix() <= p.started:
		return refuseProof("made before this process could remember it")
	}
	return p.once(jkt, said.id, now)
}

// reached compares normalised URLs without query and fragment (RFC 9449 section 4.3, RFC 3986 section 6.2).
func (p *Proofs) reached(htu, path string) bool {
	target, ok := normalTarget(htu)
	if !ok {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.bases, func(base string) bool { return target == base+path })
}

func normalTarget(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, true
}

// once remembers a proof. Where no more can be remembered, nothing is taken: ErrUnavailable.
func (p *Proofs) once(jkt, id string, now time.Time) error {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", jkt, id))
	key := proofID(sum[:16])
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := now.Sub(p.begun); age >= proofGeneration || age < 0 {
		if age >= 2*proofGeneration {
			p.seen[0] = map[proofID]struct{}{}
		}
		p.seen[0], p.seen[1], p.begun = map[proofID]struct{}{}, p.seen[0], now
	}
	for _, generation := range p.seen {
		if _, again := generation[key]; again {
			return refuseProof("used before")
		}
	}
	if len(p.seen[0]) >= p.capacity {
		return fmt.Errorf("%w: too many proofs to remember", ErrUnavailable)
	}
	p.seen[0][key] = struct{}{}
	return nil
}

// readProof reads one proof by the gate's rules of form and verifies it with the key that it carries.
func readProof(text string) (proof, error) {
	parts, err := split(text)
	if err != nil {
		return proof{}, refuseProof("not a strict compact JWS")
	}
	key, thumbprint, err := proofKey(parts.header)
	if err != nil {
		return proof{}, err
	}
	members, err := parseObject(parts.payload)
	if err != nil {
		return proof{}, refuseProof("claims are " + err.Error())
	}
	c := &claimReader{members: members}
	said := proof{id: c.text("jti", true), method: c.text("htm", true), ath: c.text("ath", true), issued: c.date("iat"), thumbprint: thumbprint}
	said.target, _ = members["htu"].(string)
	if c.err != nil || said.target == "" {
		return proof{}, refuseProof("a claim is missing or of the wrong form")
	}
	if len(parts.signature) != key.signatureBytes {
		return proof{}, refuseProof("the signature has the wrong length")
	}
	if _, err := jws.VerifyCompactFast(key.public, []byte(text), key.algorithm); err != nil {
		return proof{}, refuseProof("the signature does not verify")
	}
	return said, nil
}

// proofKey accepts typ, alg and jwk and no other member; the key is public, strong, and has one algorithm.
func proofKey(header []byte) (pinnedKey, string, error) {
	members, err := parseObject(header)
	if err != nil {
		return pinnedKey{}, "", refuseProof("the header is " + err.Error())
	}
	algorithm, _ := members["alg"].(string)
	given, isObject := members["jwk"].(map[string]any)
	if len(members) != 3 || members["typ"] != proofType || algorithm == "" || !isObject {
		return pinnedKey{}, "", refuseProof("the header's members are not typ dpop+jwt, alg and jwk")
	}
	if err := checkMembers(given); err != nil {
		return pinnedKey{}, "", refuseProof("its key: " + err.Error())
	}
	raw, err := json.Marshal(given)
	if err != nil {
		return pinnedKey{}, "", refuseProof("its key is not one that we know")
	}
	key, err := pin(raw, algorithm)
	if err != nil {
		return pinnedKey{}, "", refuseProof("its key: " + err.Error())
	}
	thumbprint, err := thumbprintOf(raw)
	if err != nil {
		return pinnedKey{}, "", refuseProof("its key is not one that we know")
	}
	return key, thumbprint, nil
}

// thumbprintOf is RFC 7638's, as cnf.jkt holds it (RFC 9449 section 6.1).
func thumbprintOf(raw []byte) (string, error) {
	key, err := jwk.ParseKey(raw)
	if err != nil {
		return "", err
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// confirmation reads cnf: the thumbprint of the key that the token is bound to, or "" where it is bound to none. A
// binding that is not known here (a certificate's) is refused, never overlooked.
func (c *claimReader) confirmation() string {
	value, bound := c.members["cnf"]
	if !bound {
		return ""
	}
	members, _ := value.(map[string]any)
	jkt, _ := members["jkt"].(string)
	if sum, err := base64.RawURLEncoding.Strict().DecodeString(jkt); len(members) != 1 || err != nil || len(sum) != sha256.Size {
		c.fail("cnf", "binds the token in a way that is not supported")
	}
	return jkt
}

func refuseProof(reason string) *Error {
	return &Error{Code: InvalidProof, reason: reason, proof: true}
}
