package secagg

import "math/big"

// Step is one time bin of a survival curve.
type Step struct {
	From     *float64 `json:"from"` // lower edge; null in the first bin
	AtRisk   int64    `json:"atRisk"`
	Events   int64    `json:"events"`
	Survival float64  `json:"survival"` // Kaplan-Meier, after this bin
}

// survive makes a Kaplan-Meier curve per group and the log-rank statistic over them. Within a bin events come before
// leaving, as usual for ties; with an edge at every possible time the curves are exact.
func (q *Question) survive(m *Measure, events, exits []int64) []Group {
	n := len(m.Edges) + 1
	groups := make([]Group, q.groups(m))
	risk := make([][]int64, len(groups))
	for g := range groups {
		risk[g] = atRisk(exits[g*n : (g+1)*n])
		groups[g].Key = q.key(m, g)
		s := 1.0
		for i := range n {
			if r := risk[g][i]; r > 0 {
				s *= 1 - float64(events[g*n+i])/float64(r)
			}
			step := Step{AtRisk: risk[g][i], Events: events[g*n+i], Survival: s}
			step.From = q.binRange(m, i)[0]
			groups[g].Survival = append(groups[g].Survival, step)
		}
	}
	if len(groups) > 1 {
		groups[0].LogRank = logRank(events, risk, n)
	}
	return groups
}

// atRisk counts, per bin, those who have not left before it.
func atRisk(exits []int64) []int64 {
	out := make([]int64, len(exits))
	var rest int64
	for i := len(exits) - 1; i >= 0; i-- {
		rest += exits[i]
		out[i] = rest
	}
	return out
}

// logRank is the Mantel-Haenszel statistic (O-E)' V^-1 (O-E) over all groups but the last, which the others determine.
func logRank(events []int64, risk [][]int64, n int) *float64 {
	k := len(risk) - 1
	// One augmented system: the covariance, with the differences as its right-hand side.
	system := make([][]*big.Rat, k+1)
	for i := range system {
		system[i] = make([]*big.Rat, k+1)
		for j := range system[i] {
			system[i][j] = new(big.Rat)
		}
	}
	for t := range n {
		addTime(system, events, risk, n, t)
	}
	x := solve(system)
	if x == nil {
		return nil
	}
	chi := new(big.Rat)
	for i := range x {
		chi.Add(chi, new(big.Rat).Mul(x[i], system[i][k]))
	}
	return nearest(chi)
}

func addTime(system [][]*big.Rat, events []int64, risk [][]int64, n, t int) {
	var d, r int64
	for g := range risk {
		d += events[g*n+t]
		r += risk[g][t]
	}
	if d <= 0 || r < 2 {
		return
	}
	k := len(risk) - 1
	spread := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(d), big.NewInt(r-d)), big.NewInt(r-1))
	for i := range k {
		pi := big.NewRat(risk[i][t], r)
		expected := new(big.Rat).Mul(pi, big.NewRat(d, 1))
		diff := new(big.Rat).SetInt64(events[i*n+t])
		system[i][k].Add(system[i][k], diff.Sub(diff, expected))
		for j := range k {
			v := new(big.Rat).Neg(big.NewRat(risk[j][t], r))
			if i == j {
				v.Add(v, big.NewRat(1, 1))
			}
			v.Mul(v, pi).Mul(v, spread)
			system[i][j].Add(system[i][j], v)
		}
	}
}
