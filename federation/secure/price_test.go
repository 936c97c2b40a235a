package secure

import (
	"testing"

	"concordat/privacy/budget"
	"concordat/privacy/secagg"
)

// An answer that left delta out would claim a stronger promise than was kept; one that added it to epsilon a false one.
func TestPriceTellsEpsilonAndDeltaApart(t *testing.T) {
	for _, c := range []struct {
		noise          *secagg.Noise
		epsilon, delta string
	}{
		{&secagg.Noise{EpsilonNum: 1, EpsilonDen: 2}, "0.5", "0"},
		{&secagg.Noise{EpsilonNum: 1, EpsilonDen: 2, Mechanism: secagg.Skellam, DeltaExponent: 9}, "0.5", "0.000000001"},
		{&secagg.Noise{EpsilonNum: 3, EpsilonDen: 1, Mechanism: secagg.Skellam, DeltaExponent: 6}, "3", "0.000001"},
	} {
		x := &Session{question: &secagg.Question{Agreement: "a", Dataset: "d", Noise: c.noise}}
		p, ok := x.Price()
		if epsilon, delta := p.Decimals(); !ok || epsilon != c.epsilon || delta != c.delta {
			t.Errorf("%+v: %s, %s, %v", c.noise, epsilon, delta, ok)
		}
	}
	if _, ok := (&Session{question: &secagg.Question{}}).Price(); ok {
		t.Error("a question without noise costs something")
	}
}

func TestPricesAddUp(t *testing.T) {
	sum := Price{Epsilon: 1_500_000, Delta: 1}.Add(Price{Epsilon: 250_000, Delta: 999})
	if epsilon, delta := sum.Decimals(); epsilon != "1.75" || delta != "0.000000001" || sum.Epsilon != budget.Epsilon(1_750_000) {
		t.Error(epsilon, delta)
	}
}
