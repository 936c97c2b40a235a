package secagg

import (
	"crypto/ed25519"

	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

// What only tests do: things that a hostile middle or member could compute from what it sees.

// BlockKinds are all kinds of blocks, with their sizes.
func BlockKinds() map[byte]int {
	out := map[byte]int{}
	for k := blockKeyShare; k <= blockQuerierKey; k++ {
		out[byte(k)] = k.size()
	}
	return out
}

// ReadBlock reads and, if that worked, writes again.
func ReadBlock(kind byte, b []byte) ([]byte, error) {
	s, err := loadA()
	if err != nil {
		return nil, err
	}
	polys, err := s.readBlock(blockKind(kind), b)
	if err != nil {
		return nil, err
	}
	return writeBlock(blockKind(kind), polys...), nil
}

// ZeroBlock is the smallest good block of a kind.
func ZeroBlock(kind byte) []byte {
	k := blockKind(kind)
	h := k.header()
	return append(h[:], make([]byte, k.polys()*polyLen)...)
}

// AddToSum adds v to one slot of an encrypted sum, as anyone can without a key.
func AddToSum(sum []byte, slot int, v uint64) []byte {
	s, _ := loadA()
	polys, err := s.readBlock(blockCiphertext, sum)
	if err != nil {
		panic(err)
	}
	slots := make([]uint64, degree)
	slots[slot] = v
	plain := bgv.NewPlaintext(s.params, s.params.MaxLevel())
	if err := s.encoder.Encode(slots, plain); err != nil {
		panic(err)
	}
	s.params.RingQ().Add(polys[0], plain.Value, polys[0])
	return writeBlock(blockCiphertext, polys...)
}

// DoubleSum doubles an encrypted sum: values and tags alike.
func DoubleSum(sum []byte) []byte {
	s, _ := loadA()
	polys, err := s.readBlock(blockCiphertext, sum)
	if err != nil {
		panic(err)
	}
	for _, p := range polys {
		s.params.RingQ().Add(p, p, p)
	}
	return writeBlock(blockCiphertext, polys...)
}

// Resign signs a changed message again, as a hostile member would.
func Resign(m Message, key ed25519.PrivateKey) *Message {
	m.sign(key)
	return &m
}

// CiphertextKind and others name kinds for tests.
const (
	CiphertextKind = byte(blockCiphertext)
	SwitchKind     = byte(blockSwitch)
	Slots          = degree
)

// PlainModulus is t.
const PlainModulus = plainModulus

// Limit is the largest value of a slot.
func Limit(members int) int64 { return limit(members) }

// ParseAndAdd checks the form of ciphertexts and adds them up.
func ParseAndAdd(blocks [][]byte) error {
	s, err := loadScheme(SetA)
	if err != nil {
		return err
	}
	sum := bgv.NewCiphertext(s.params, 1, s.params.MaxLevel())
	for _, b := range blocks {
		if err := s.check(blockCiphertext, b); err != nil {
			return err
		}
		s.addBlock(sum.Value, b)
	}
	return nil
}
