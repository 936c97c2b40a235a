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

// readBlock is the only way bytes of a peer become polynomials: exact length, the header byte for byte, every residue
// below its modulus. The library's own UnmarshalBinary is never called on them: a truncated input overflows its stack,
// which kills the process, and it takes residues, levels and degrees that make no sense.
func (s *scheme) readBlock(kind blockKind, b []byte) ([]ring.Poly, error) {
	if kind.polys() == 0 || len(b) != kind.size() {
		return nil, fmt.Errorf("%w: length", ErrWire)
	}
	if [headerLen]byte(b) != kind.header() {
		return nil, fmt.Errorf("%w: header", ErrWire)
	}
	b = b[headerLen:]
	polys := make([]ring.Poly, kind.polys())
	for i := range polys {
		polys[i] = s.params.RingQ().NewPoly()
		for j, q := range s.moduli {
			if !readResidues(polys[i].Coeffs[j], b, q) {
				return nil, fmt.Errorf("%w: residue", ErrWire)
			}
			b = b[degree*8:]
		}
	}
	return polys, nil
}

// readResidues fills to from b and reports whether all are below q.
func readResidues(to []uint64, b []byte, q uint64) bool {
	b = b[:len(to)*8]
	var over uint64
	for i := range to {
		c := binary.LittleEndian.Uint64(b[i*8:])
		over |= q - 1 - c // the top bit is set where c > q-1, since q < 2^63; c >= 2^63 + q - 1 does not set it
		over |= c         // and its own top bit then is
		to[i] = c
	}
	return over>>63 == 0
}
