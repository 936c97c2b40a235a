package secagg

import (
	"encoding/binary"
	"fmt"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// What a block of polynomials is; part of its header, so that one kind cannot pass for another.
type blockKind byte

const (
	blockKeyShare   blockKind = 1 // one polynomial: a share of the collective public key
	blockDeal       blockKind = 2 // one polynomial: a Shamir share of a secret key
	blockCiphertext blockKind = 3 // two polynomials
	blockHalf       blockKind = 4 // one polynomial: c1 of a ciphertext
	blockSwitch     blockKind = 5 // two polynomials: a key-switch share
	blockQuerierKey blockKind = 6 // two polynomials: a querier's public key
)

// polys is how many polynomials a block of the kind holds, 0 for a kind that does not exist.
func (k blockKind) polys() int {
	switch k {
	case blockKeyShare, blockDeal, blockHalf:
		return 1
	case blockCiphertext, blockSwitch, blockQuerierKey:
		return 2
	}
	return 0
}

const headerLen = 8

// header is the only header a block of this kind and set A may have.
func (k blockKind) header() [headerLen]byte {
	return [headerLen]byte{'C', 'S', 'A', '1', 'A', byte(k), byte(k.polys()), logN}
}

func (k blockKind) size() int { return headerLen + k.polys()*polyLen }

// writeBlock encodes polynomials of set A: header, then every residue as a little-endian 64-bit number.
func writeBlock(kind blockKind, polys ...ring.Poly) []byte {
	out := make([]byte, 0, kind.size())
	h := kind.header()
	out = append(out, h[:]...)
	for _, p := range polys {
		for _, residues := range p.Coeffs {
			for _, c := range residues {
				out = binary.LittleEndian.AppendUint64(out, c)
			}
		}
	}
	return out
}

// readBlock and addBlock, behind check, are the only ways bytes of a peer become polynomials: exact length, the header
// byte for byte, every residue below its modulus. The library's own UnmarshalBinary is never called on them: a truncated input overflows its stack,
// which kills the process, and it takes residues, levels and degrees that make no sense.
func (s *scheme) readBlock(kind blockKind, b []byte) ([]ring.Poly, error) {
	if err := s.check(kind, b); err != nil {
		return nil, err
	}
	polys := make([]ring.Poly, kind.polys())
	for i := range polys {
		polys[i] = s.params.RingQ().NewPoly()
	}
	s.addBlock(polys, b)
	return polys, nil
}

// check is readBlock without the polynomials: whether a block may be read.
func (s *scheme) check(kind blockKind, b []byte) error {
	if kind.polys() == 0 || len(b) != kind.size() {
		return fmt.Errorf("%w: length", ErrWire)
	}
	if [headerLen]byte(b) != kind.header() {
		return fmt.Errorf("%w: header", ErrWire)
	}
	b = b[headerLen:]
	for len(b) > 0 {
		for _, q := range s.moduli {
			if !residuesBelow(b[:degree*8], q) {
				return fmt.Errorf("%w: residue", ErrWire)
			}
			b = b[degree*8:]
		}
	}
	return nil
}

func residuesBelow(b []byte, q uint64) bool {
	var over uint64
	for ; len(b) >= 8; b = b[8:] {
		c := binary.LittleEndian.Uint64(b)
		// The top bit of q-1-c is set where c > q-1, since q < 2^63; from c = 2^63+q on it is not, but that of c is.
		over |= (q - 1 - c) | c
	}
	return over>>63 == 0
}

// addBlock adds a block that has passed check to polynomials, without decoding it first.
func (s *scheme) addBlock(to []ring.Poly, b []byte) {
	b = b[headerLen:]
	for i := range to {
		for j, q := range s.moduli {
			addResidues(to[i].Coeffs[j], b, q)
			b = b[degree*8:]
		}
	}
}

func addResidues(to []uint64, b []byte, q uint64) {
	b = b[:len(to)*8]
	for i := range to {
		c := to[i] + binary.LittleEndian.Uint64(b[i*8:])
		if c >= q {
			c -= q
		}
		to[i] = c
	}
}
