package dp_test

import (
	"crypto/rand"
	"errors"
	"io"
	"math"
	mathrand "math/rand/v2"
	"testing"

	"concordat/privacy/dp"

	"gonum.org/v1/gonum/stat/distuv"
)

// Every test here draws from a fixed seed, so it always passes or always fails; falseAlarm is the probability with
// which a right sampler would have failed for a seed chosen at random.
const falseAlarm = 1e-6

func seeded(seed byte) *dp.Sampler { return dp.NewSampler(mathrand.NewChaCha8([32]byte{seed})) }

// laplace is the probability of x under discrete Laplace with parameter e.
func laplace(x int, e float64) float64 {
	return math.Tanh(e/2) * math.Exp(-math.Abs(float64(x))*e)
}

// TestSharesOfAllPartiesMakeDiscreteLaplace compares whole frequencies with the closed form, by chi-square.
func TestSharesOfAllPartiesMakeDiscreteLaplace(t *testing.T) {
	for _, c := range []struct {
		num, den int64
		parties  int
	}{{1, 1, 1}, {1, 1, 3}, {1, 4, 2}, {2, 3, 10}, {1, 10, 7}} {
		const n, reach = 40_000, 60
		s := seeded(byte(c.parties))
		e := float64(c.num) / float64(c.den)
		observed := map[int]int{}
		for range n {
			var sum int64
			for range c.parties {
				share, err := s.LaplaceShare(c.num, c.den, c.parties)
				if err != nil {
					t.Fatal(err)
				}
				sum += share
			}
			observed[int(max(-reach, min(reach, sum)))]++
		}
		statistic, cells := 0.0, 0
		restSeen, restWant := float64(n), float64(n)
		for x := -reach + 1; x < reach; x++ {
			want := n * laplace(x, e)
			if want < 10 {
				continue
			}
			statistic += (float64(observed[x]) - want) * (float64(observed[x]) - want) / want
			cells++
			restSeen, restWant = restSeen-float64(observed[x]), restWant-want
		}
		if restWant > 10 {
			statistic += (restSeen - restWant) * (restSeen - restWant) / restWant
			cells++
		}
		bound := distuv.ChiSquared{K: float64(cells - 1)}.Quantile(1 - falseAlarm)
		if statistic > bound {
			t.Errorf("%+v: chi-square %.1f over %d cells, bound %.1f", c, statistic, cells, bound)
		}
	}
}

func TestParametersThatCannotBeDrawnAreRefused(t *testing.T) {
	s := seeded(1)
	for _, c := range [][3]int64{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {-1, 1, 1}, {1 << 51, 1, 1}, {1, 1 << 51, 1}} {
		if _, err := s.LaplaceShare(c[0], c[1], int(c[2])); !errors.Is(err, dp.ErrParameter) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestSourceThatFailsIsAnErrorAndNotANumber(t *testing.T) {
	s := dp.NewSampler(io.LimitReader(rand.Reader, 16))
	for range 100 {
		if _, err := s.LaplaceShare(1, 100, 5); err != nil {
			return
		}
	}
	t.Fatal("100 draws from 16 bytes")
}

func BenchmarkLaplaceShare(b *testing.B) {
	s := dp.NewSampler(rand.Reader)
	for b.Loop() {
		if _, err := s.LaplaceShare(1, 64, 8); err != nil {
			b.Fatal(err)
		}
	}
}
