package secagg_test

import (
	"errors"
	"math"
	mathrand "math/rand/v2"
	"testing"

	"concordat/privacy/dp"
	"concordat/privacy/secagg"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// noisy runs a session over empty data, so that what opens is noise, and returns the noise of each slot.
func noisy(t *testing.T, session string, members, present, honest int, seed byte) ([]float64, *secagg.Question) {
	t.Helper()
	return noisyBy(t, secagg.Noise{EpsilonNum: 1, EpsilonDen: 2, Honest: honest}, session, members, present, seed)
}

func noisyBy(t *testing.T, noise secagg.Noise, session string, members, present int, seed byte) ([]float64, *secagg.Question) {
	t.Helper()
	honest := noise.Honest
	c := assemble(t, session, members, min(members, max(2, honest))).prepare()
	q := &secagg.Question{Session: session, Agreement: "a", Dataset: "d", Purpose: "p", Minimum: max(2, honest), Until: 1 << 40, PerUnit: 1, Querier: c.querier.Public().Thumbprint(),
		Noise:    &noise,
		Fields:   []secagg.Field{{Name: "x", Kind: secagg.Integer, Upper: 3000}},
		Measures: []secagg.Measure{{Fn: secagg.Histogram, Field: "x", Edges: upTo(2999)}}}
	sampler := dp.NewSampler(mathrand.NewChaCha8([32]byte{seed}))
	draw := func(n secagg.NoiseShare) (int64, error) { return n.Draw(sampler) }
	o := &online{ciphertexts: map[string][][]byte{}, halves: map[string][][]byte{}}
	for _, name := range names(members)[:present] {
		values := make([]int64, q.Slots())
		must(t, q.Noisy(values, draw))
		m, err := c.parties[name].Contribute(q, c.querier.Public(), values)
		must(t, err)
		o.commitments = append(o.commitments, m)
	}
	c.activate(q, o)
	c.release(o)
	sums, err := c.querier.Open(c.answer(o), q, c.members)
	must(t, err)
	return floats(sums, 1), q
}

// polyaVariance of the whole noise: m contributors with shares of shape 1/h each make 2 (m/h) p/(1-p)^2.
func polyaVariance(m, h int, e float64) float64 {
	p := math.Exp(-e)
	return 2 * float64(m) / float64(h) * p / ((1 - p) * (1 - p))
}

// TestNoiseOfASessionHasTheVarianceOfTheory opens 3,000 slots of nothing but noise. With n values the sample variance of
// a distribution of kurtosis k has a standard error of sqrt((k-1)/n) relative; discrete Laplace has k below 6 + 1/p, and
// shapes below one more. The seeds are fixed; for seeds chosen at random the false-alarm rate of each case is below 1e-6
// (five standard errors, two-sided).
func TestNoiseOfASessionHasTheVarianceOfTheory(t *testing.T) {
	for _, c := range []struct {
		name                     string
		members, present, honest int
	}{
		{"all there", 3, 3, 3}, {"one dropped out, as allowed", 4, 3, 3}, {"more than needed", 5, 5, 3}, {"three of ten gone", 10, 7, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			noise, _ := noisy(t, "noise "+c.name, c.members, c.present, c.honest, 3)
			want := polyaVariance(c.present, c.honest, 0.5)
			got := stat.Variance(noise, nil)
			kurtosis := 3 + stat.ExKurtosis(noise, nil)
			tolerance := 5 * math.Sqrt((math.Max(kurtosis, 7)-1)/float64(len(noise)))
			if math.Abs(got/want-1) > tolerance {
				t.Errorf("variance %.3f, theory %.3f, tolerance %.1f %%", got, want, 100*tolerance)
			}
			if full := polyaVariance(1, 1, 0.5); want < full {
				t.Errorf("less noise than the agreement asks for: %.3f below %.3f", want, full)
			}
			if mean := stat.Mean(noise, nil); math.Abs(mean) > 5*math.Sqrt(want/float64(len(noise))) {
				t.Errorf("mean %.3f", mean)
			}
		})
	}
}

// TestSkellamNoiseOfASessionHasTheVarianceOfTheory is the same of Skellam noise. Its values are all but normal, so that n-1
// times the variance over theory's is all but chi-square with n-1 degrees; the false-alarm rate of each case is 1e-6 for a
// seed chosen at random.
func TestSkellamNoiseOfASessionHasTheVarianceOfTheory(t *testing.T) {
	for _, c := range []struct {
		name                     string
		members, present, honest int
	}{
		{"all there", 3, 3, 3}, {"one dropped out, as allowed", 4, 3, 3}, {"more than needed", 5, 5, 3}, {"three of ten gone", 10, 7, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			how := secagg.Noise{Mechanism: secagg.Skellam, DeltaExponent: 6, EpsilonNum: 1, EpsilonDen: 2, Honest: c.honest}
			noise, _ := noisyBy(t, how, "skellam "+c.name, c.members, c.present, 5)
			full, err := dp.NewSkellam([]int64{1}, 1, 2, 6, c.honest)
			must(t, err)
			want := float64(full.Sixteenths[0]) / 8 * float64(c.present)
			degrees := float64(len(noise) - 1)
			statistic := degrees * stat.Variance(noise, nil) / want
			chi := distuv.ChiSquared{K: degrees}
			if statistic < chi.Quantile(0.5e-6) || statistic > chi.Quantile(1-0.5e-6) {
				t.Errorf("variance %.3f, theory %.3f", stat.Variance(noise, nil), want)
			}
			if least := float64(full.Sixteenths[0]) / 8 * float64(c.honest); want < least {
				t.Errorf("less noise than the agreement asks for: %.3f below %.3f", want, least)
			}
			if mean := stat.Mean(noise, nil); math.Abs(mean) > 5*math.Sqrt(want/float64(len(noise))) {
				t.Errorf("mean %.3f", mean)
			}
		})
	}
}

func TestNoiseThatIsNotDefinedIsRefused(t *testing.T) {
	for name, n := range map[string]secagg.Noise{
		"another mechanism":     {Mechanism: "gauss", EpsilonNum: 1, EpsilonDen: 1, Honest: 2},
		"Skellam without delta": {Mechanism: secagg.Skellam, EpsilonNum: 1, EpsilonDen: 1, Honest: 2},
		"Laplace with delta":    {DeltaExponent: 6, EpsilonNum: 1, EpsilonDen: 1, Honest: 2},
		"a delta beyond all":    {Mechanism: secagg.Skellam, DeltaExponent: 13, EpsilonNum: 1, EpsilonDen: 1, Honest: 2},
		"too much to draw":      {Mechanism: secagg.Skellam, DeltaExponent: 6, EpsilonNum: 1, EpsilonDen: 100_000, Honest: 2},
	} {
		q := question("s", "k")
		q.PerUnit, q.Noise = 1, &n
		if err := q.Check(3); !errors.Is(err, secagg.ErrQuestion) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoiseIsDiscreteLaplaceByChiSquare compares frequencies where exactly the honest ones contribute; false-alarm rate
// 1e-6 for a seed chosen at random.
func TestNoiseIsDiscreteLaplaceByChiSquare(t *testing.T) {
	noise, _ := noisy(t, "chi", 3, 3, 3, 4)
	e, n := 0.5, float64(len(noise))
	seen := map[float64]float64{}
	for _, v := range noise {
		seen[v]++
	}
	statistic, cells := 0.0, 0
	restSeen, rest := n, n
	for x := -30.; x <= 30; x++ {
		want := n * math.Tanh(e/2) * math.Exp(-math.Abs(x)*e)
		if want < 8 {
			continue
		}
		statistic += (seen[x] - want) * (seen[x] - want) / want
		restSeen, rest, cells = restSeen-seen[x], rest-want, cells+1
	}
	statistic += (restSeen - rest) * (restSeen - rest) / rest
	if bound := (distuv.ChiSquared{K: float64(cells)}).Quantile(1 - 1e-6); statistic > bound {
		t.Errorf("chi-square %.1f, bound %.1f", statistic, bound)
	}
}

func TestNoiseScalesWithWhatOneUnitCanMove(t *testing.T) {
	q := question("s", "k")
	q.PerUnit, q.Noise = 3, &secagg.Noise{EpsilonNum: 1, EpsilonDen: 1, Honest: 2}
	q.Measures = []secagg.Measure{{Fn: secagg.Count}, {Fn: secagg.Sum, Field: "cost"}}
	must(t, q.Check(3))
	var shares []secagg.NoiseShare
	values := make([]int64, q.Slots())
	must(t, q.Noisy(values, func(n secagg.NoiseShare) (int64, error) { shares = append(shares, n); return 0, nil }))
	// Two components share epsilon 1, so each has 1/2. A unit moves the count by 3 rows.
	if shares[0].Den != 2*3 || shares[0].Num != 1 {
		t.Error(shares[0])
	}
	// The sum moves by 3 x 50,000.00 in cents, in steps of 2^17, and by one step per row for rounding.
	unit := q.Components()[1].Unit
	if unit != 131072 || shares[1].Den != 2*((3*5_000_000+unit-1)/unit+3) {
		t.Error(unit, shares[1])
	}
}
