package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// canonical is the entry's RFC 8785 form, written straight in member order: it stands on the path of every request,
// where marshalling and then canonicalising would cost ten times as much. A test holds it to an independent
// implementation.
func (e *Entry) canonical() ([]byte, error) {
	if year := e.Time.UTC().Year(); year < 1 || year > 9999 {
		return nil, fmt.Errorf("%w: time outside RFC 3339", ErrEntry)
	}
	for _, n := range e.Rows {
		if n < -maxNumber || n > maxNumber {
			return nil, fmt.Errorf("%w: number outside RFC 8785", ErrEntry)
		}
	}
	w := object{buf: make([]byte, 0, 1024)}
	w.open()
	w.text("agreement", e.Agreement)
	w.text("code", e.Code)
	w.list("coordinates", e.Coordinates)
	w.text("digest", e.Digest)
	w.text("documentHash", e.DocumentHash)
	w.list("errors", e.Errors)
	w.table("extra", e.Extra)
	w.name("kind")
	w.quote(e.Kind)
	w.name("nonce")
	w.quote(e.Nonce)
	w.obligations(e.Obligations)
	w.text("policyRevision", e.PolicyRevision)
	w.text("purpose", e.Purpose)
	w.text("requestId", e.RequestID)
	w.counts("rows", e.Rows)
	w.text("schemaRevision", e.SchemaRevision)
	w.subject(e.Subject)
	w.name("time")
	w.buf = append(w.buf, '"')
	w.buf = e.Time.UTC().AppendFormat(w.buf, time.RFC3339Nano)
	w.buf = append(w.buf, '"')
	w.close()
	return w.buf, w.err
}

// object writes JSON objects; the caller names members in order.
type object struct {
	buf []byte
	err error
}

func (w *object) open()  { w.buf = append(w.buf, '{') }
func (w *object) close() { w.buf = append(w.buf, '}') }

func (w *object) comma() {
	if last := w.buf[len(w.buf)-1]; last != '{' && last != '[' {
		w.buf = append(w.buf, ',')
	}
}

func (w *object) name(name string) {
	w.comma()
	w.quote(name)
	w.buf = append(w.buf, ':')
}

func (w *object) text(name, value string) {
	if value != "" {
		w.name(name)
		w.quote(value)
	}
}

func (w *object) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	w.buf = append(w.buf, '[')
	for _, v := range values {
		w.comma()
		w.quote(v)
	}
	w.buf = append(w.buf, ']')
}

func (w *object) obligations(values []Obligation) {
	if len(values) == 0 {
		return
	}
	w.name("obligations")
	w.buf = append(w.buf, '[')
	for _, o := range values {
		w.comma()
		w.open()
		w.name("coordinate")
		w.quote(o.Coordinate)
		w.name("method")
		w.quote(o.Method)
		w.close()
	}
	w.buf = append(w.buf, ']')
}

func (w *object) subject(s Subject) {
	w.name("subject")
	w.open()
	w.text("client", s.Client)
	w.text("id", s.ID)
	w.text("organisation", s.Organisation)
	w.close()
}

func (w *object) table(name string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	w.open()
	for _, k := range w.keys(maps.Keys(values)) {
		w.name(k)
		w.quote(values[k])
	}
	w.close()
}

func (w *object) counts(name string, values map[string]int) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	w.open()
	for _, k := range w.keys(maps.Keys(values)) {
		w.name(k)
		w.buf = strconv.AppendInt(w.buf, int64(values[k]), 10)
	}
	w.close()
}

// keys sorts as RFC 8785 section 3.2.3 demands: by UTF-16 code units, which differs from byte order beyond U+FFFF.
// A malformed key is refused: repaired, it might collide with another.
func (w *object) keys(seq func(func(string) bool)) []string {
	keys := slices.SortedFunc(seq, compareUTF16)
	for _, k := range keys {
		if !utf8.ValidString(k) {
			w.err = fmt.Errorf("%w: key is not UTF-8", ErrEntry)
		}
	}
	return keys
}

func compareUTF16(a, b string) int {
	if isASCII(a) && isASCII(b) {
		return cmp.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

const hexDigits = "0123456789abcdef"

// quote writes a string as RFC 8785 section 3.2.2.2 has it. Malformed UTF-8 becomes U+FFFD: a caller must not be able
// to keep a refusal out of the log by sending an odd name.
func (w *object) quote(s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	w.buf = append(w.buf, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		w.buf = append(w.buf, s[from:i]...)
		w.escape(c)
		from = i + 1
	}
	w.buf = append(w.buf, s[from:]...)
	w.buf = append(w.buf, '"')
}

func (w *object) escape(c byte) {
	if i := strings.IndexByte("\"\\\b\f\n\r\t", c); i >= 0 {
		w.buf = append(w.buf, '\\', `"\bfnrt`[i])
		return
	}
	w.buf = append(w.buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
