package ledger

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/gowebpki/jcs"
)

// ErrAnswer: the answer is not the one whose digest the entry holds.
var ErrAnswer = errors.New("ledger: the answer does not match the entry")

// Digest is SHA-256 over the salt and then data, which must be in RFC 8785 form; base64. Without the salt a small
// answer cannot be guessed from it.
func Digest(data []byte, salt [32]byte) string {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(data)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// NewSalt draws a salt; rand is crypto/rand.Reader outside tests.
func NewSalt(rand io.Reader) (salt [32]byte, err error) {
	if _, err := io.ReadFull(rand, salt[:]); err != nil {
		return salt, unavailable("salt", err)
	}
	return salt, nil
}

// EncodeSalt is the salt as a receipt carries it.
func EncodeSalt(salt [32]byte) string { return base64.StdEncoding.EncodeToString(salt[:]) }

// VerifyAnswer checks that data, in any JSON spelling, is what the entry's digest was made of.
func VerifyAnswer(e Entry, salt string, data []byte) error {
	var s [32]byte
	raw, err := decodeStrict(salt)
	if err != nil || len(raw) != len(s) {
		return fmt.Errorf("%w: malformed salt", ErrAnswer)
	}
	copy(s[:], raw)
	canonical, err := jcs.Transform(data)
	if err != nil {
		return fmt.Errorf("%w: data is not JSON that RFC 8785 covers", ErrAnswer)
	}
	if e.Digest == "" || subtle.ConstantTimeCompare([]byte(Digest(canonical, s)), []byte(e.Digest)) != 1 {
		return fmt.Errorf("%w: digest differs", ErrAnswer)
	}
	return nil
}

// decodeStrict accepts only the one encoding of its result: no line breaks, no stray bits.
func decodeStrict(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err == nil && base64.StdEncoding.EncodeToString(raw) != s {
		err = errors.New("base64 is not canonical")
	}
	return raw, err
}
