package dp

import (
	"encoding/binary"
	"math/big"
	"slices"
	"sync"
)

// poisson is the Poisson distribution with some mean, as thresholds of 192 bits: a uniform fraction u is the k with
// at[k-1] <= u < at[k]. Thresholds are computed in integers and cut below 2^-192, and there are fewer than 2^11 of them:
// a draw is within 2^-181 of the distribution, in total variation.
type poisson struct{ at []fraction }

// fraction is 192 bits behind the point, highest first.
type fraction [3]uint64

const (
	// lowest and highest are the exponents of two of the means that have thresholds of their own.
	lowest, highest = -4, 10
	// working is how many bits behind the point thresholds are computed with. The smallest number that matters is
	// exp(-2^highest), above 2^-1478.
	working = 2048
)

// means holds the distributions with means 2^lowest to 2^highest, each computed when it is first drawn from.
type means [highest - lowest + 1]func() poisson

var powers = sync.OnceValue(func() (m means) {
	for i := range m {
		m[i] = sync.OnceValue(func() poisson { return newPoisson(lowest + i) })
	}
	return m
})

// newPoisson computes the thresholds for the mean 2^exponent by p(k) = p(k-1) mean/k.
func newPoisson(exponent int) poisson {
	one := new(big.Int).Lsh(big.NewInt(1), working)
	term := expMinus(exponent)
	sum := new(big.Int).Set(term)
	cut := new(big.Int).Lsh(big.NewInt(1), working-192)
	var d poisson
	for k := int64(1); ; k++ {
		d.at = append(d.at, cutFraction(sum))
		if left := new(big.Int).Sub(one, sum); left.Cmp(cut) < 0 {
			break
		}
		term.Quo(shift(term, exponent), big.NewInt(k))
		sum.Add(sum, term)
	}
	d.at[len(d.at)-1] = fraction{^uint64(0), ^uint64(0), ^uint64(0)}
	return d
}

// expMinus is exp(-2^exponent): a series below one, squared for what is above.
func expMinus(exponent int) *big.Int {
	small := min(exponent, 0)
	one := new(big.Int).Lsh(big.NewInt(1), working)
	sum, term := new(big.Int).Set(one), new(big.Int).Set(one)
	for k := int64(1); term.Sign() != 0; k++ {
		term.Quo(shift(term, small), big.NewInt(-k))
		sum.Add(sum, term)
	}
	for range exponent - small {
		sum.Rsh(sum.Mul(sum, sum), working)
	}
	return sum
}

func shift(x *big.Int, by int) *big.Int {
	if by < 0 {
		return x.Rsh(x, uint(-by))
	}
	return x.Lsh(x, uint(by))
}

func cutFraction(x *big.Int) (f fraction) {
	var b [24]byte
	new(big.Int).Rsh(x, working-192).FillBytes(b[:])
	for i := range f {
		f[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return f
}

// draw looks at 64 bits of the uniform fraction, and at the others where those do not decide.
func (d poisson) draw(s *Sampler) int64 {
	u := fraction{s.word()}
	k, tie := slices.BinarySearchFunc(d.at, u[0], func(f fraction, high uint64) int {
		switch {
		case f[0] < high:
			return -1
		case f[0] > high:
			return 1
		}
		return 0
	})
	if !tie {
		return int64(k)
	}
	u[1], u[2] = s.word(), s.word()
	for k < len(d.at)-1 && slices.Compare(d.at[k][:], u[:]) <= 0 {
		k++
	}
	return int64(k)
}

// poisson draws with the mean sixteenths/16: independent Poisson variables add up to one.
func (s *Sampler) poisson(sixteenths int64) int64 {
	var n int64
	all := powers()
	top := all[len(all)-1]()
	for ; sixteenths >= 1<<(highest-lowest); sixteenths -= 1 << (highest - lowest) {
		n += top.draw(s)
	}
	for i, d := range all[:len(all)-1] {
		if sixteenths>>i&1 == 1 {
			n += d().draw(s)
		}
	}
	return n
}
