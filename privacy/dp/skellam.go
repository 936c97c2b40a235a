package dp

import (
	"math"
	"math/bits"
)

// Skellam is noise of the Skellam distribution over a vector of components: of each the difference of two Poisson
// variables with half its variance as their means. Shares of it add up to it, whoever draws them.
//
// The accounting is by Rényi divergence: of a component of variance v, one unit of which moves it by at most d in all
// (so that its norms L1 and L2 are at most d), it is at most
//
//	a d²/2v + min(((2a-1) d² + 6d)/4v², 3d/2v)
//
// for every whole order a above 1 (Agarwal, Kairouz and Liu 2021, Theorem 3.5). Components add up, and
//
//	epsilon = divergence + log((a-1)/a) - (log delta + log a)/(a-1)
//
// (Canonne, Kamath and Steinke 2020, Proposition 12), of whichever order gives the least.
type Skellam struct {
	// Sixteenths of the mean of both Poisson variables of a share of each component.
	Sixteenths []int64
	// Epsilon is what the whole noise costs at the delta asked for.
	Epsilon float64
}

const (
	// maxSixteenths bounds a share's mean, and with it the time that a draw takes.
	maxSixteenths = 16 << 20
	maxOrder      = 4096
	// margin is beyond what rounding can do to an epsilon here.
	margin = 1e-9
)

// NewSkellam finds the least noise for sensitivities (each what one unit moves a component by) that costs at most epsilon
// at 10^-deltaExponent, in shares of which that many are the full noise. ErrParameter where a draw would take too long.
func NewSkellam(sensitivities []int64, epsilonNum, epsilonDen int64, deltaExponent, shares int) (Skellam, error) {
	if len(sensitivities) == 0 || epsilonNum < 1 || epsilonDen < 1 || deltaExponent < 1 || deltaExponent > 15 || shares < 1 || shares > 1<<20 {
		return Skellam{}, ErrParameter
	}
	for _, d := range sensitivities {
		if d < 1 || d > 1<<30 {
			return Skellam{}, ErrParameter
		}
	}
	asked := float64(epsilonNum) / float64(epsilonDen) * (1 - margin)
	low, high := uint64(0), uint64(1)<<40 // of the ratio of variance to sensitivity squared, in 1/1024; low is too little
	for low+1 < high {
		middle := low + (high-low)/2
		if s, ok := skellam(sensitivities, middle, deltaExponent, shares); !ok || s.Epsilon <= asked {
			high = middle
		} else {
			low = middle
		}
	}
	s, ok := skellam(sensitivities, high, deltaExponent, shares)
	if !ok || s.Epsilon > asked {
		return Skellam{}, ErrParameter
	}
	return s, nil
}

// skellam is the noise of a ratio, in 1/1024; false where a share's mean would be too large.
func skellam(sensitivities []int64, ratio uint64, deltaExponent, shares int) (Skellam, bool) {
	var s Skellam
	variances := make([]float64, len(sensitivities))
	for i, d := range sensitivities {
		// The mean of a share is ratio/1024 d² / (2 shares), rounded up to a sixteenth.
		hi, lo := bits.Mul64(ratio, uint64(d)*uint64(d))
		divisor := uint64(128 * shares)
		if hi >= divisor {
			return s, false
		}
		mean, rest := bits.Div64(hi, lo, divisor)
		if rest > 0 {
			mean++
		}
		if mean > maxSixteenths {
			return s, false
		}
		s.Sixteenths = append(s.Sixteenths, int64(mean))
		variances[i] = float64(mean) / 8 * float64(shares)
	}
	s.Epsilon = skellamEpsilon(sensitivities, variances, deltaExponent)
	return s, true
}

func skellamEpsilon(sensitivities []int64, variances []float64, deltaExponent int) float64 {
	best, logDelta := math.Inf(1), -float64(deltaExponent)*math.Ln10
	for a := 2.0; a <= maxOrder; a = math.Ceil(a * 1.03) {
		var divergence float64
		for i, v := range variances {
			d := float64(sensitivities[i])
			divergence += a*d*d/(2*v) + math.Min(((2*a-1)*d*d+6*d)/(4*v*v), 3*d/(2*v))
		}
		best = math.Min(best, divergence+math.Log((a-1)/a)-(logDelta+math.Log(a))/(a-1))
	}
	return best
}

// SkellamShare is one of many parties' part of Skellam noise: the difference of two Poisson variables with mean
// sixteenths/16.
func (s *Sampler) SkellamShare(sixteenths int64) (int64, error) {
	if sixteenths < 1 || sixteenths > maxSixteenths {
		return 0, ErrParameter
	}
	x := s.poisson(sixteenths)
	y := s.poisson(sixteenths)
	return x - y, s.err
}
