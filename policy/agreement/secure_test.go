package agreement

import (
	"strings"
	"testing"
	"testing/fstest"
)

const secured = `id: a
version: 1
title: t
parties: [x]
legalBasis: b
purposes: [research]
validFrom: 2025-01-01
validUntil: 2030-01-01
secureAggregation:
`

func TestSecureTermsAreReadExactly(t *testing.T) {
	set, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(secured + `  - {dataset: Stay, minimum: 3}
  - {dataset: Visit, minimum: 4, epsilon: "0.25", honest: 3, rowsPerUnit: 2, budget: "2.5"}
  - {dataset: Bed, minimum: 3, epsilon: 1, honest: 3, rowsPerUnit: 2, budget: 5, mechanism: skellam, delta: 1e-6, deltaBudget: "0.00002"}
  - {dataset: Ward, minimum: 3, epsilon: 1, honest: 3, rowsPerUnit: 2, budget: 5, mechanism: laplace}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := set.Get("a")
	plain, _ := a.SecureTerms("Stay")
	noisy, ok := a.SecureTerms("Visit")
	if plain.Minimum != 3 || plain.EpsilonDen != 0 || !ok || noisy != (Secure{Dataset: "Visit", Minimum: 4, EpsilonNum: 1, EpsilonDen: 4, Honest: 3, RowsPerUnit: 2, Budget: 2_500_000}) {
		t.Error(plain, noisy)
	}
	skellam, _ := a.SecureTerms("Bed")
	laplace, _ := a.SecureTerms("Ward")
	if skellam.Mechanism != "skellam" || skellam.DeltaExponent != 6 || skellam.DeltaBudget != 20_000_000 || laplace.Mechanism != "" {
		t.Error(skellam, laplace)
	}
	if _, ok := a.SecureTerms("Nothing"); ok {
		t.Error("terms for what the agreement does not name")
	}
}

func noise(rest string) string {
	return `{dataset: Stay, minimum: 3, epsilon: "1", honest: 3, rowsPerUnit: 1, budget: "1", ` + rest + `}`
}

func TestSecureTermsThatProtectNobodyAreMistakes(t *testing.T) {
	for _, bad := range []string{`{dataset: Stay}`, `{minimum: 3}`, `{dataset: Stay, minimum: 1}`, `{dataset: Stay, minimum: 3, epsilon: "1"}`,
		`{dataset: Stay, minimum: 3, budget: "1"}`, `{dataset: Stay, minimum: 3, epsilon: "0", honest: 3, rowsPerUnit: 1, budget: "1"}`,
		`{dataset: Stay, minimum: 3, epsilon: "1", honest: 4, rowsPerUnit: 1, budget: "1"}`, `{dataset: Stay, minimum: 3, epsilon: "1.0000001", honest: 3, rowsPerUnit: 1, budget: "1"}`,
		`{dataset: Stay, minimum: 3, extra: 1}`, `{dataset: Stay, minimum: 3, mechanism: skellam, delta: 1e-6, deltaBudget: 1e-4}`,
		noise(`mechanism: gauss`), noise(`mechanism: skellam`), noise(`mechanism: laplace, delta: 1e-6, deltaBudget: 1e-4`), noise(`mechanism: skellam, delta: 1e-6`),
		noise(`mechanism: skellam, delta: 2e-6, deltaBudget: 1e-4`), noise(`mechanism: skellam, delta: 1, deltaBudget: 1`), noise(`mechanism: skellam, delta: 1e-13, deltaBudget: 1e-4`), "{dataset: Stay, minimum: 3}\n  - {dataset: Stay, minimum: 4}"} {
		if _, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(secured + "  - " + bad + "\n")}}); err == nil || !strings.Contains(err.Error(), "secureAggregation") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
