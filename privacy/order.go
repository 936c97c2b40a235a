package privacy

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
)

// scrambled is the domain of order hashes. They order rows and nothing else: no Output releases this domain.
var scrambled = Obligation{Method: "order hash"}

// OrderHash orders the rows of a key that a subject may not see: a keyed hash of each value, which is the same for
// every source and page, tells nothing of the value, and differs between agreements, purposes and fields.
type OrderHash struct{ key [sha256.Size]byte }

// NewOrderHash derives the hash of one field's values: HKDF-SHA-256 (RFC 5869) of the root key, the parts of the info
// preceded by their lengths.
func NewOrderHash(s Scope, field Coordinate) (*OrderHash, error) {
	if len(s.Root) < RootKeySize {
		return nil, fmt.Errorf("order hash: %w", ErrRootKey)
	}
	var info []byte
	for _, part := range []string{"concordat order 1", s.Agreement, s.Purpose, string(field)} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(part)))
		info = append(info, part...)
	}
	key, err := hkdf.Key(sha256.New, s.Root, nil, string(info), sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("order hash: %w", err)
	}
	return &OrderHash{key: [sha256.Size]byte(key)}, nil
}

// Obligation names the hash where columns say what they are derived by.
func (h *OrderHash) Obligation() Obligation { return scrambled }

// Key is the hash's key, for a source that computes it over its own values: it belongs to one field of one agreement
// and purpose, and opens nothing else.
func (h *OrderHash) Key() []byte { return h.key[:] }

// Of is the first eight bytes of SHA-256 over the key and the value as text, big endian: what SQL computes too
// (sha256 in PostgreSQL, SHA2 in MySQL). The key comes first, and no length extension of a digest cut to a quarter
// can be carried on.
func (h *OrderHash) Of(text []byte) int64 {
	var room [128]byte
	message := append(append(room[:0], h.key[:]...), text...)
	sum := sha256.Sum256(message)
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// Column is the hashes of a column's values: text as it is, whole numbers in decimal, times in microseconds.
func (h *OrderHash) Column(in *Column) (*Column, error) {
	of := h.ofRow(in)
	if of == nil {
		return nil, fmt.Errorf("order hash of %s: %w", in.Coordinate, ErrKind)
	}
	out := NewColumn(in.Name, in.Coordinate, BigInt, in.Len())
	out.Domain = scrambled.Domain()
	for row, s := range in.States {
		if s != Value {
			out.AppendState(s)
			continue
		}
		out.AppendInt(of(row))
	}
	return out, nil
}

func (h *OrderHash) ofRow(in *Column) func(row int) int64 {
	switch {
	case in.Kind.Text():
		return func(row int) int64 { return h.Of([]byte(in.Text(row))) }
	case in.Kind.integral():
		var room [20]byte
		return func(row int) int64 { return h.Of(strconv.AppendInt(room[:0], in.Ints[row], 10)) }
	}
	return nil
}
