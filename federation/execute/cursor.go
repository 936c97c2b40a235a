package execute

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/policy/predicate"
)

// Cursors seals the raw order values of a row into an opaque text (AES-256-GCM), bound to a subject, an agreement and
// a list: altered, or presented by anybody else or for another list, it does not open. The nonce is a MAC of what is
// sealed, so that one row has one cursor: an answer can be written twice, and equal cursors tell their only reader
// what it knows already.
type Cursors struct {
	aead     cipher.AEAD
	nonceKey []byte
}

// NewCursors makes cursors of a root key of 32 bytes or more.
func NewCursors(root []byte) (*Cursors, error) {
	keys, err := hkdf.Key(sha256.New, root, nil, "concordat cursor v1", 64)
	if err != nil {
		return nil, fmt.Errorf("cursor key: %w", err)
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, fmt.Errorf("cursor key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("cursor key: %w", err)
	}
	return &Cursors{aead: aead, nonceKey: keys[32:]}, nil
}

func (c *Cursors) seal(values []predicate.Value, binding []byte) string {
	plain := encodeValues(values)
	mac := hmac.New(sha256.New, c.nonceKey)
	mac.Write(binary.AppendUvarint(nil, uint64(len(binding))))
	mac.Write(binding)
	mac.Write(plain)
	nonce := mac.Sum(nil)[:c.aead.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(slices.Clip(nonce), nonce, plain, binding))
}

func (c *Cursors) open(text string, binding []byte) ([]predicate.Value, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < c.aead.NonceSize() {
		return nil, errCursor
	}
	n := c.aead.NonceSize()
	plain, err := c.aead.Open(nil, sealed[:n], sealed[n:], binding)
	if err != nil {
		return nil, errCursor
	}
	return decodeValues(plain)
}

func encodeValues(values []predicate.Value) []byte {
	var out []byte
	for _, v := range values {
		out = append(out, byte(v.Kind))
		switch v.Kind {
		case predicate.NullValue:
		case predicate.FloatValue:
			out = binary.BigEndian.AppendUint64(out, math.Float64bits(v.Float))
		case predicate.TextValue, predicate.DecimalValue:
			out = binary.AppendUvarint(out, uint64(len(v.Text)))
			out = append(out, v.Text...)
		default:
			out = binary.BigEndian.AppendUint64(out, uint64(v.Int))
		}
	}
	return out
}

func decodeValues(in []byte) ([]predicate.Value, error) {
	var out []predicate.Value
	for len(in) > 0 {
		v := predicate.Value{Kind: predicate.ValueKind(in[0])}
		in = in[1:]
		switch v.Kind {
		case predicate.NullValue:
		case predicate.TextValue, predicate.DecimalValue:
			n, k := binary.Uvarint(in)
			if k <= 0 || n > uint64(len(in)-k) {
				return nil, errCursor
			}
			v.Text, in = string(in[k:k+int(n)]), in[k+int(n):]
		default:
			if len(in) < 8 {
				return nil, errCursor
			}
			bits := binary.BigEndian.Uint64(in)
			if v.Kind == predicate.FloatValue {
				v.Float = math.Float64frombits(bits)
			} else {
				v.Int = int64(bits)
			}
			in = in[8:]
		}
		out = append(out, v)
	}
	return out, nil
}

// place is where a row stands in a list: the values it is ordered by, and its source. Two agencies may hold rows that
// are equal in all of the order, key included; the order of the sources' names is its last term.
type place struct {
	values []predicate.Value
	source string

	// Of a row of another type: values are those of the leading terms alone, and ties says whether rows that are equal
	// in them come after it.
	leading, ties bool
}

func (c *Cursors) sealPlace(at place, binding []byte) string {
	return c.seal(append(at.values, predicate.String(at.source)), binding)
}

// openPlace opens a cursor of a list that is ordered by so many terms.
func (c *Cursors) openPlace(text string, terms int, binding []byte) (*place, error) {
	values, err := c.open(text, binding)
	if err != nil || len(values) != terms+1 || values[terms].Kind != predicate.TextValue {
		return nil, errCursor
	}
	return &place{values: values[:terms], source: values[terms].Text}, nil
}

// beyond is the condition on an agency's rows that come after a place; nil is before all rows.
func (at *place) beyond(s *plan.AuthorizedStep, p *plan.AuthorizedPart) predicate.Predicate {
	if at == nil {
		return predicate.Always()
	}
	order := s.Query(p).Order
	if at.leading {
		return beyond(order[:len(at.values)], at.values, at.ties)
	}
	ties := p.Source > at.source
	if s.Backward {
		ties = p.Source < at.source
	}
	return beyond(order, at.values, ties)
}

// beyondFused is the same on fused rows: no two of them are equal in all of the order.
func (at *place) beyondFused(s *plan.AuthorizedStep) predicate.Predicate {
	switch order := s.Ordered(); {
	case at == nil:
		return predicate.Always()
	case at.leading:
		return beyond(order[:len(at.values)], at.values, at.ties)
	default:
		return beyond(order, at.values, false)
	}
}

// beyond is the keyset condition: rows that come after the given values in an order, and with ties also those equal to
// them. With NULL last, nothing comes after a NULL but what later terms decide, and NULL comes after every value; with
// NullsFirst the other way round.
func beyond(order []source.Order, values []predicate.Value, ties bool) predicate.Predicate {
	var alternatives []predicate.Predicate
	var equal []predicate.Predicate
	for i, o := range order {
		alternatives = append(alternatives, predicate.And(append(append([]predicate.Predicate{}, equal...), after(o, values[i]))...))
		if values[i].Kind == predicate.NullValue {
			equal = append(equal, predicate.Null(o.Field))
		} else {
			equal = append(equal, predicate.Compare(o.Field, predicate.Eq, values[i]))
		}
	}
	if ties {
		alternatives = append(alternatives, predicate.And(equal...))
	}
	return predicate.Or(alternatives...)
}

func after(o source.Order, v predicate.Value) predicate.Predicate {
	if v.Kind == predicate.NullValue {
		if o.NullsFirst {
			return predicate.Not(predicate.Null(o.Field))
		}
		return predicate.Never()
	}
	op := predicate.Gt
	if o.Descending {
		op = predicate.Lt
	}
	p := predicate.Compare(o.Field, op, v)
	if o.NullsFirst {
		return p
	}
	return predicate.Or(p, predicate.Null(o.Field))
}
