package dp_test

import (
	"crypto/rand"
	"errors"
	"math"
	"testing"

	"concordat/privacy/dp"

	"gonum.org/v1/gonum/stat/distuv"
)

// TestSkellamSharesHaveTheDistributionOfTheory compares whole frequencies of summed shares with the difference of two
// Poisson variables, as gonum has them, by chi-square: also where more than the honest contribute.
func TestSkellamSharesHaveTheDistributionOfTheory(t *testing.T) {
	for i, c := range []struct {
		sixteenths int64
		parties    int
	}{{1, 1}, {5, 3}, {16, 2}, {16*37 + 11, 1}, {16 * 1024, 1}, {3 * 16 * 1024, 2}} {
		const n = 40_000
		s := seeded(byte(40 + i))
		seen := map[int]float64{}
		for range n {
			var sum int64
			for range c.parties {
				share, err := s.SkellamShare(c.sixteenths)
				if err != nil {
					t.Fatal(err)
				}
				sum += share
			}
			seen[int(sum)]++
		}
		mean := float64(c.sixteenths) / 16 * float64(c.parties)
		if statistic, bound := chiSquare(seen, n, mean); statistic > bound {
			t.Errorf("%+v: chi-square %.1f, bound %.1f", c, statistic, bound)
		}
	}
}

// chiSquare is over cells of ten expected draws or more, and one for all else.
func chiSquare(seen map[int]float64, n, mean float64) (statistic, bound float64) {
	p := skellam(mean)
	restSeen, rest, cells := n, n, 0
	cell, want := 0.0, 0.0
	reach := len(p) / 2
	for x := -reach; x <= reach; x++ {
		cell, want = cell+seen[x], want+n*p[x+reach]
		if want >= 10 {
			statistic += (cell - want) * (cell - want) / want
			restSeen, rest, cells = restSeen-cell, rest-want, cells+1
			cell, want = 0, 0
		}
	}
	if rest > 5 {
		statistic += (restSeen - rest) * (restSeen - rest) / rest
	}
	return statistic, distuv.ChiSquared{K: float64(cells)}.Quantile(1 - falseAlarm)
}

// skellam is the probabilities of -reach to reach, of the difference of two Poisson variables.
func skellam(mean float64) []float64 {
	reach := int(9*math.Sqrt(2*mean)) + 40
	top := int(mean) + 2*reach
	poisson := make([]float64, top)
	for k := range poisson {
		poisson[k] = distuv.Poisson{Lambda: mean}.Prob(float64(k))
	}
	out := make([]float64, 2*reach+1)
	for x := -reach; x <= reach; x++ {
		for k := max(0, -x); k < top && k+x < top; k++ {
			out[x+reach] += poisson[k] * poisson[k+x]
		}
	}
	return out
}

// TestSkellamCostsNoMoreThanWasAsked computes the delta of one component from the distribution itself: the sum of what
// P has beyond exp(epsilon) Q, over neighbours that are the whole sensitivity apart.
func TestSkellamCostsNoMoreThanWasAsked(t *testing.T) {
	for _, c := range []struct {
		d, num, den int64
		delta       int
	}{{1, 1, 1, 6}, {1, 1, 2, 5}, {3, 1, 1, 6}, {7, 2, 1, 4}, {2, 1, 10, 3}} {
		s, err := dp.NewSkellam([]int64{c.d}, c.num, c.den, c.delta, 3)
		if err != nil {
			t.Fatal(err)
		}
		epsilon := float64(c.num) / float64(c.den)
		if s.Epsilon > epsilon || s.Epsilon < 0.97*epsilon {
			t.Errorf("%+v: the accountant says %v", c, s.Epsilon)
		}
		p := skellam(3 * float64(s.Sixteenths[0]) / 16)
		var exact float64
		for i := int(c.d); i < len(p); i++ {
			exact += math.Max(0, p[i]-math.Exp(epsilon)*p[i-int(c.d)])
		}
		if delta := math.Pow(10, -float64(c.delta)); exact > delta || exact < delta/1000 {
			t.Errorf("%+v: the noise has delta %g, asked for %g", c, exact, delta)
		}
	}
}

func TestComponentsShareTheCostOfSkellam(t *testing.T) {
	one, err := dp.NewSkellam([]int64{5}, 1, 1, 6, 4)
	if err != nil {
		t.Fatal(err)
	}
	three, err := dp.NewSkellam([]int64{5, 10, 5}, 1, 1, 6, 4)
	if err != nil {
		t.Fatal(err)
	}
	if three.Sixteenths[0] != three.Sixteenths[2] || three.Sixteenths[1] < 4*three.Sixteenths[0]-4 || three.Sixteenths[0] < 2*one.Sixteenths[0] {
		t.Error(one.Sixteenths, three.Sixteenths)
	}
}

func TestSkellamThatCannotBeDrawnIsRefused(t *testing.T) {
	for _, d := range [][]int64{nil, {0}, {1 << 31}, {1 << 20}} {
		if _, err := dp.NewSkellam(d, 1, 1, 6, 3); !errors.Is(err, dp.ErrParameter) {
			t.Errorf("%v: %v", d, err)
		}
	}
	for _, c := range [][4]int64{{0, 1, 6, 3}, {1, 0, 6, 3}, {1, 1, 0, 3}, {1, 1, 16, 3}, {1, 1, 6, 0}, {1, 1_000_000, 6, 3}} {
		if _, err := dp.NewSkellam([]int64{64}, c[0], c[1], int(c[2]), int(c[3])); !errors.Is(err, dp.ErrParameter) {
			t.Errorf("%v: %v", c, err)
		}
	}
	for _, sixteenths := range []int64{0, -1, 1 << 40} {
		if _, err := seeded(1).SkellamShare(sixteenths); !errors.Is(err, dp.ErrParameter) {
			t.Errorf("%d: %v", sixteenths, err)
		}
	}
}

func BenchmarkSkellamShare(b *testing.B) {
	s := dp.NewSampler(rand.Reader)
	for b.Loop() {
		if _, err := s.SkellamShare(16*3000 + 7); err != nil {
			b.Fatal(err)
		}
	}
}
