package agreement

import (
	"fmt"
	"math/big"

	"gopkg.in/yaml.v3"
)

// Secure is what the parties agreed about sums that only the caller can open, of one dataset:
//
//	secureAggregation:
//	  - {dataset: Admission, minimum: 3}
//	  - {dataset: Stay, minimum: 3, epsilon: "0.5", honest: 3, rowsPerUnit: 4, budget: "10"}
//	  - {dataset: Visit, minimum: 3, epsilon: "0.5", honest: 3, rowsPerUnit: 4, budget: "10", mechanism: skellam, delta: 1e-6, deltaBudget: "0.0001"}
//
// Epsilon asks for noise in every answer; honest, rowsPerUnit and budget go with it. The noise is discrete Laplace, or
// Skellam with a delta, a power of ten, of its own.
type Secure struct {
	Dataset string
	Minimum int // of contributors, at least two
	// EpsilonNum / EpsilonDen is what one question spends; 0 / 0: no noise.
	EpsilonNum, EpsilonDen int64
	Honest                 int    // contributors who are assumed to keep their share of the noise secret
	RowsPerUnit            int    // how many rows of one person count, at one agency
	Budget                 int64  // millionths of epsilon for all questions together
	Mechanism              string // empty, or skellam with the two below
	DeltaExponent          int    // a question's delta is 10^-DeltaExponent
	DeltaBudget            int64  // trillionths of delta for all questions together
}

// SecureTerms is what the agreement says of a dataset; false where it says nothing.
func (a Agreement) SecureTerms(dataset string) (Secure, bool) {
	for _, s := range a.Secure {
		if s.Dataset == dataset {
			return s, true
		}
	}
	return Secure{}, false
}

func (r *reader) secure() []Secure {
	var all []Secure
	for i, item := range r.items("secureAggregation") {
		path := fmt.Sprintf("secureAggregation[%d]", i)
		m := r.members(item, path, "dataset", "minimum", "epsilon", "honest", "rowsPerUnit", "budget", "mechanism", "delta", "deltaBudget")
		s := Secure{Minimum: r.count(m["minimum"], path+".minimum", 2)}
		if m["dataset"] == nil || m["minimum"] == nil {
			r.fail(item.Line, path, "dataset and minimum are required")
		} else {
			s.Dataset = r.text(m["dataset"], path+".dataset", "!!str")
		}
		if m["epsilon"] != nil {
			r.noise(item, path, m, &s)
		} else if m["honest"] != nil || m["rowsPerUnit"] != nil || m["budget"] != nil || m["mechanism"] != nil || m["delta"] != nil || m["deltaBudget"] != nil {
			r.fail(item.Line, path, "honest, rowsPerUnit, budget and mechanism go with epsilon")
		}
		for _, other := range all {
			if other.Dataset == s.Dataset {
				r.fail(item.Line, path, "the dataset is listed twice")
			}
		}
		all = append(all, s)
	}
	return all
}

func (r *reader) noise(item *yaml.Node, path string, m map[string]*yaml.Node, s *Secure) {
	if m["honest"] == nil || m["rowsPerUnit"] == nil || m["budget"] == nil {
		r.fail(item.Line, path, "noise needs honest, rowsPerUnit and budget")
		return
	}
	s.Honest, s.RowsPerUnit = r.count(m["honest"], path+".honest", 1), r.count(m["rowsPerUnit"], path+".rowsPerUnit", 1)
	if s.Honest > s.Minimum {
		r.fail(m["honest"].Line, path+".honest", "is at most minimum: more may not be there")
	}
	epsilon := r.epsilon(m["epsilon"], path+".epsilon")
	s.EpsilonNum, s.EpsilonDen = epsilon, 1_000_000
	if g := new(big.Int).GCD(nil, nil, big.NewInt(epsilon), big.NewInt(1_000_000)).Int64(); g > 0 {
		s.EpsilonNum, s.EpsilonDen = epsilon/g, 1_000_000/g
	}
	s.Budget = r.epsilon(m["budget"], path+".budget")
	r.mechanism(item, path, m, s)
}

// mechanism reads which noise, and of Skellam the delta, which is a power of ten.
func (r *reader) mechanism(item *yaml.Node, path string, m map[string]*yaml.Node, s *Secure) {
	if m["mechanism"] != nil {
		s.Mechanism = r.text(m["mechanism"], path+".mechanism", "!!str")
	}
	switch {
	case s.Mechanism == "laplace":
		s.Mechanism = ""
	case s.Mechanism != "" && s.Mechanism != "skellam":
		r.fail(m["mechanism"].Line, path+".mechanism", "must be laplace or skellam")
		return
	}
	if (s.Mechanism == "skellam") != (m["delta"] != nil) || (m["delta"] != nil) != (m["deltaBudget"] != nil) {
		r.fail(item.Line, path, "delta and deltaBudget go with the mechanism skellam, and it with them")
		return
	}
	if s.Mechanism == "" {
		return
	}
	delta := r.delta(m["delta"], path+".delta")
	for s.DeltaExponent = 1; s.DeltaExponent < 12 && delta != pow10(12-s.DeltaExponent); s.DeltaExponent++ {
	}
	if delta != pow10(12-s.DeltaExponent) {
		r.fail(m["delta"].Line, path+".delta", "must be a power of ten, from 1e-12 to 0.1")
	}
	s.DeltaBudget = r.delta(m["deltaBudget"], path+".deltaBudget")
}

func pow10(n int) int64 {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil).Int64()
}

// delta reads a decimal, as trillionths.
func (r *reader) delta(node *yaml.Node, path string) int64 {
	v, ok := new(big.Rat).SetString(r.text(node, path, "!!str", "!!int", "!!float"))
	if ok {
		v.Mul(v, big.NewRat(1_000_000_000_000, 1))
	}
	if !ok || !v.IsInt() || v.Sign() <= 0 || v.Num().Cmp(big.NewInt(1_000_000_000_000)) > 0 {
		r.fail(node.Line, path, "must be above 0 and at most 1, with at most twelve decimals")
		return 1
	}
	return v.Num().Int64()
}

// count reads a whole number of at least least and at most a thousand.
func (r *reader) count(node *yaml.Node, path string, least int) int {
	if node == nil {
		return 0
	}
	var n int
	if node.ShortTag() != "!!int" || node.Decode(&n) != nil || n < least || n > 1000 {
		r.fail(node.Line, path, fmt.Sprintf("must be a whole number from %d to 1000", least))
	}
	return n
}

// epsilon reads a decimal, as millionths.
func (r *reader) epsilon(node *yaml.Node, path string) int64 {
	v, ok := new(big.Rat).SetString(r.text(node, path, "!!str", "!!int", "!!float"))
	if ok {
		v.Mul(v, big.NewRat(1_000_000, 1))
	}
	if !ok || !v.IsInt() || v.Sign() <= 0 || v.Num().Cmp(big.NewInt(1_000_000_000)) > 0 {
		r.fail(node.Line, path, "must be above 0 and at most 1000, with at most six decimals")
		return 1
	}
	return v.Num().Int64()
}

// securedData is what rules read of it.
func securedData(all []Secure) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = map[string]any{"dataset": s.Dataset, "minimum": float64(s.Minimum), "noise": s.EpsilonDen > 0}
	}
	return out
}
