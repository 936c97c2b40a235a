package ledger

import (
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Kinds of entry.
const (
	Answer     = "answer"     // data left the gateway
	Refusal    = "refusal"    // an established subject was refused
	Control    = "control"    // a control-plane answer, holding no agency data
	Decision   = "decision"   // agreement signed, revoked, ...
	Activation = "activation" // a policy or schema revision took effect
)

// Entry is one record of the log. Empty members are left out of its canonical form.
type Entry struct {
	Kind           string            `json:"kind"`
	Time           time.Time         `json:"time"` // set by Append where zero; kept in UTC
	RequestID      string            `json:"requestId,omitempty"`
	Subject        Subject           `json:"subject"`
	Agreement      string            `json:"agreement,omitempty"`
	Purpose        string            `json:"purpose,omitempty"`
	DocumentHash   string            `json:"documentHash,omitempty"`
	PolicyRevision string            `json:"policyRevision,omitempty"`
	SchemaRevision string            `json:"schemaRevision,omitempty"`
	Coordinates    []string          `json:"coordinates,omitempty"`
	Obligations    []Obligation      `json:"obligations,omitempty"`
	Rows           map[string]int    `json:"rows,omitempty"`   // by type, only where no noise is owed
	Errors         []string          `json:"errors,omitempty"` // codes
	Code           string            `json:"code,omitempty"`   // of a refusal
	Digest         string            `json:"digest,omitempty"` // see the function Digest; of "null" where not given
	Nonce          string            `json:"nonce"`            // 16 random bytes, base64; set by Append
	Extra          map[string]string `json:"extra,omitempty"`
}

// Subject is who asked, as the token gate established it.
type Subject struct {
	ID           string `json:"id,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	Client       string `json:"client,omitempty"`
}

// Obligation says that a coordinate was changed on the way, and how.
type Obligation struct {
	Coordinate string `json:"coordinate"`
	Method     string `json:"method"`
}

// Sealed is an entry encoded, hashed and ready to append. Only Seal makes one; the zero value is refused.
type Sealed struct {
	data   []byte
	leaf   tlog.Hash
	digest string
	salt   string // of a digest that Seal made itself
}

const (
	maxEntry   = math.MaxUint16 // C2SP tlog-tiles: bundles carry a 16-bit length
	maxNumber  = 1 << 53        // RFC 8785 numbers are IEEE doubles
	nonceBytes = 16
)

// Seal sets the entry's time and nonce, encodes it and hashes it. It does no I/O but reading randomness. An entry
// without digest (nothing was answered) gets that of "null", whose salt the receipt then carries: whoever holds a
// receipt can show by its digest that it is theirs.
func (l *Ledger) Seal(e Entry) (Sealed, error) {
	if e.Kind == "" {
		return Sealed{}, fmt.Errorf("%w: no kind", ErrEntry)
	}
	if e.Time.IsZero() {
		e.Time = l.now()
	}
	var nonce [nonceBytes]byte
	if _, err := io.ReadFull(l.rand, nonce[:]); err != nil {
		return Sealed{}, unavailable("nonce", err)
	}
	e.Nonce = base64.StdEncoding.EncodeToString(nonce[:])
	s := Sealed{}
	if e.Digest == "" {
		salt, err := NewSalt(l.rand)
		if err != nil {
			return Sealed{}, err
		}
		e.Digest, s.salt = Digest([]byte("null"), salt), EncodeSalt(salt)
	}
	data, err := e.canonical()
	if err != nil {
		return Sealed{}, err
	}
	if len(data) > maxEntry {
		return Sealed{}, fmt.Errorf("%w: %d bytes, at most %d", ErrEntry, len(data), maxEntry)
	}
	s.data, s.leaf, s.digest = data, tlog.RecordHash(data), e.Digest
	return s, nil
}
