package deid

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"concordat/privacy"
)

// pseudonymVersion names the construction below in the key: a change of any part of it is a new version.
const pseudonymVersion = "concordat pseudonym 1"

// pseudonymSize is how many bytes of the HMAC are kept: 128 bits, beyond any birthday among people.
const pseudonymSize = 16

func pseudonym(_ privacy.Kind, a arguments, s privacy.Scope) (transform, error) {
	domain, err := a.text("domain", "")
	if err != nil {
		return nil, err
	}
	if a.has("domain") && domain == "" {
		return nil, bad("domain", "empty")
	}
	// Without a root key anyone could recompute them; without an agreement they would link every caller that has none.
	if len(s.Root) < privacy.RootKeySize || s.Agreement == "" {
		return nil, ErrKey
	}
	return func(in, out *privacy.Column) error {
		d := "field:" + string(in.Coordinate)
		if domain != "" {
			d = "domain:" + domain // no declared domain can be spelt like a field's own
		}
		key, err := pseudonymKey(s, d)
		if err != nil {
			return ErrKey
		}
		return eachText(pseudonymiser(key))(in, out)
	}, nil
}

// pseudonymKey is HKDF-SHA-256 (RFC 5869) of the root key, with one info for each agreement, purpose, domain and
// version. Each part is preceded by its length: no two scopes share an info.
func pseudonymKey(s privacy.Scope, domain string) ([]byte, error) {
	var info []byte
	for _, part := range []string{pseudonymVersion, s.Agreement, s.Purpose, domain} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(part)))
		info = append(info, part...)
	}
	return hkdf.Key(sha256.New, s.Root, nil, string(info), sha256.Size)
}

// pseudonymiser is HMAC-SHA-256 over type, 0, canonical text; in base32 (RFC 4648), lower case, without padding.
func pseudonymiser(key []byte) func(string) (string, bool) {
	mac := hmac.New(sha256.New, key)
	var buf []byte
	var sum [sha256.Size]byte
	lower := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return func(text string) (string, bool) {
		mac.Reset()
		buf = append(append(buf[:0], "string\x00"...), canonical(text)...)
		mac.Write(buf)
		return lower.EncodeToString(mac.Sum(sum[:0])[:pseudonymSize]), true
	}
}

// canonical is the form in which two spellings of one identifier are equal: NFKC (UAX 15; it also folds full width
// forms), without characters that are not seen, without outer spaces. Case is kept: it may be all that differs.
func canonical(s string) string {
	if isPlain(s) {
		return s
	}
	s = norm.NFKC.String(strings.Map(dropInvisible, s))
	return norm.NFKC.String(strings.TrimSpace(s))
}

// isPlain reports printable ASCII that neither starts nor ends with a space: it is its own canonical form.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return s == "" || (s[0] != ' ' && s[len(s)-1] != ' ')
}

// dropInvisible removes format characters (zero width, bidirectional controls, soft hyphen) and other controls that
// are not spaces.
func dropInvisible(r rune) rune {
	if unicode.Is(unicode.Cf, r) || (unicode.IsControl(r) && !unicode.IsSpace(r)) {
		return -1
	}
	return r
}
