// Package dp draws the noise of differential privacy, exactly: in integers, by rejection, without a floating-point
// number whose low bits could tell (Mironov 2012). Randomness is passed in.
//
//	s := dp.NewSampler(rand.Reader)
//	n, err := s.LaplaceShare(1, 10, 4) // a quarter, at least, of discrete Laplace with parameter 1/10
//
// It does not keep account of what is spent (package budget does), and its running time depends on what is drawn.
package dp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// ErrParameter: a parameter outside what can be drawn exactly in 64 bits.
var ErrParameter = errors.New("dp: parameter out of range")

// Sampler draws. Its source must be a cryptographic one; an error of it is passed on, and nothing drawn
// may then be used. Not safe for concurrent use.
type Sampler struct {
	rand *bufio.Reader
	err  error
}

// NewSampler reads randomness from r, in large pieces.
func NewSampler(r io.Reader) *Sampler { return &Sampler{rand: bufio.NewReaderSize(r, 4096)} }

const maxParameter = 1 << 50

// LaplaceShare is one of many parties' part of discrete Laplace noise with P(x) proportional to exp(-|x| num/den): the
// difference of two Pólya variables of shape 1/parties. The sum of that many is exactly the noise.
func (s *Sampler) LaplaceShare(num, den int64, parties int) (int64, error) {
	if num < 1 || den < 1 || num > maxParameter || den > maxParameter || parties < 1 || parties > 1<<20 {
		return 0, ErrParameter
	}
	x := int64(s.polya(uint64(num), uint64(den), uint64(parties)))
	y := int64(s.polya(uint64(num), uint64(den), uint64(parties)))
	return x - y, s.err
}

// polya draws k with probability proportional to (Γ(k+r)/k!) p^k, r = 1/parties, p = exp(-num/den): a geometric k,
// accepted with probability prod_{i=1..k} (i-1+r)/i, each factor of which is a rational coin.
func (s *Sampler) polya(num, den, parties uint64) uint64 {
	for s.err == nil {
		k := s.geometric(num, den)
		if s.accept(k, parties) {
			return k
		}
	}
	return 0
}

func (s *Sampler) accept(k, parties uint64) bool {
	for i := uint64(1); i <= k; i++ {
		if s.err != nil || !s.coin((i-1)*parties+1, i*parties) {
			return false
		}
	}
	return true
}

// geometric draws k with probability proportional to exp(-k num/den) (Canonne, Kamath and Steinke 2020, Algorithm 2,
// without its sign).
func (s *Sampler) geometric(num, den uint64) uint64 {
	for s.err == nil {
		u := s.below(den)
		if !s.expCoin(u, den) {
			continue
		}
		var v uint64
		for s.err == nil && s.expCoin(1, 1) {
			v++
		}
		return (u + den*v) / num
	}
	return 0
}

// expCoin is true with probability exp(-a/b), a <= b (Canonne, Kamath and Steinke 2020, Algorithm 1).
func (s *Sampler) expCoin(a, b uint64) bool {
	k := uint64(1)
	for s.err == nil && s.coin2(a, b, k) {
		k++
	}
	return k%2 == 1
}

// coin2 is true with probability a/(b k): two coins, so that the product need not fit.
func (s *Sampler) coin2(a, b, k uint64) bool { return s.coin(1, k) && s.coin(a, b) }

// coin is true with probability a/b.
func (s *Sampler) coin(a, b uint64) bool { return s.below(b) < a }

// below is uniform in [0, n), by rejection: Lemire 2019, with the bias removed.
func (s *Sampler) below(n uint64) uint64 {
	for {
		hi, lo := bits.Mul64(s.word(), n)
		if lo >= n || lo >= -n%n || s.err != nil {
			return hi
		}
	}
}

func (s *Sampler) word() uint64 {
	var b [8]byte
	if _, err := io.ReadFull(s.rand, b[:]); err != nil && s.err == nil {
		s.err = err
	}
	return binary.LittleEndian.Uint64(b[:])
}
