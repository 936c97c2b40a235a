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
//
// Epsilon asks for noise in every answer; honest, rowsPerUnit and budget go with it.
type Secure struct {
	Dataset string
	Minimum int // of contributors, at least two
	// EpsilonNum / EpsilonDen is what one question spends; 0 / 0: no noise.
	EpsilonNum, EpsilonDen int64
	Honest                 int   // contributors who are assumed to keep their share of the noise secret
	RowsPerUnit            int   // how many rows of one person count, at one agency
	Budget                 int64 // millionths of epsilon for all questions together
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
		m := r.members(item, path, "dataset", "minimum", "epsilon", "honest", "rowsPerUnit", "budget")
		s := Secure{Minimum: r.count(m["minimum"], path+".minimum", 2)}
		if m["dataset"] == nil || m["minimum"] == nil {
			r.fail(item.Line, path, "dataset and minimum are required")
		} else {
			s.Dataset = r.text(m["dataset"], path+".dataset", "!!str")
		}
		if m["epsilon"] != nil {
			r.noise(item, path, m, &s)
		} else if m["honest"] != nil || m["rowsPerUnit"] != nil || m["budget"] != nil {
			r.fail(item.Line, path, "honest, rowsPerUnit and budget go with epsilon")
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
