package secagg

import "math/big"

// Fit is a linear regression by least squares, solved exactly and rounded once.
type Fit struct {
	Intercept float64   `json:"intercept"`
	Slopes    []float64 `json:"slopes"` // in the order of the features
	RSquared  *float64  `json:"rSquared,omitempty"`
	Count     int64     `json:"count"`
	// Covariance of features and target, in that order, with n-1.
	Covariance [][]float64 `json:"covariance"`
}

// regress solves the normal equations in rational numbers, where no cancellation happens; nil where they are singular.
func (q *Question) regress(m *Measure, parts [][]int64) *Fit {
	n := len(m.Features) + 2
	moments := make([][]*big.Rat, n)
	for i := range moments {
		moments[i] = make([]*big.Rat, n)
	}
	scales := []*big.Int{big.NewInt(1)}
	for _, name := range append(append([]string{}, m.Features...), m.Field) {
		scales = append(scales, power(q.field(name).Scale))
	}
	at := 0
	for i := range n {
		for j := i; j < n; j++ {
			r := new(big.Rat).SetFrac(big.NewInt(parts[at][0]), new(big.Int).Mul(scales[i], scales[j]))
			moments[i][j], moments[j][i] = r, r
			at++
		}
	}
	if parts[0][0] < 2 {
		return nil
	}
	beta := solve(moments)
	if beta == nil {
		return nil
	}
	return describe(moments, beta, parts[0][0])
}

func describe(moments [][]*big.Rat, beta []*big.Rat, count int64) *Fit {
	fit := &Fit{Count: count, Covariance: covariance(moments)}
	for i, b := range beta {
		f, _ := b.Float64()
		if i == 0 {
			fit.Intercept = f
		} else {
			fit.Slopes = append(fit.Slopes, f)
		}
	}
	n := len(moments)
	explained := new(big.Rat)
	for i, b := range beta {
		explained.Add(explained, new(big.Rat).Mul(b, moments[i][n-1]))
	}
	mean2 := new(big.Rat).Mul(moments[0][n-1], moments[0][n-1])
	mean2.Quo(mean2, moments[0][0])
	total := new(big.Rat).Sub(moments[n-1][n-1], mean2)
	if total.Sign() > 0 {
		fit.RSquared = nearest(new(big.Rat).Quo(explained.Sub(explained, mean2), total))
	}
	return fit
}

func covariance(moments [][]*big.Rat) [][]float64 {
	n := len(moments)
	less := new(big.Rat).Sub(moments[0][0], big.NewRat(1, 1))
	out := make([][]float64, n-1)
	for i := 1; i < n; i++ {
		for j := 1; j < n; j++ {
			centre := new(big.Rat).Mul(moments[0][i], moments[0][j])
			centre.Quo(centre, moments[0][0])
			c := new(big.Rat).Sub(moments[i][j], centre)
			f, _ := c.Quo(c, less).Float64()
			out[i-1] = append(out[i-1], f)
		}
	}
	return out
}

// solve does Gauss-Jordan elimination on the normal equations; moments has the right-hand side in its last column.
func solve(moments [][]*big.Rat) []*big.Rat {
	n := len(moments) - 1
	a := make([][]*big.Rat, n)
	for i := range a {
		for _, v := range moments[i] {
			a[i] = append(a[i], new(big.Rat).Set(v))
		}
	}
	for c := range n {
		pivot := c
		for pivot < n && a[pivot][c].Sign() == 0 {
			pivot++
		}
		if pivot == n {
			return nil
		}
		a[c], a[pivot] = a[pivot], a[c]
		eliminate(a, c)
	}
	beta := make([]*big.Rat, n)
	for i := range beta {
		beta[i] = new(big.Rat).Quo(a[i][n], a[i][i])
	}
	return beta
}

func eliminate(a [][]*big.Rat, c int) {
	for r := range a {
		if r == c || a[r][c].Sign() == 0 {
			continue
		}
		factor := new(big.Rat).Quo(a[r][c], a[c][c])
		for k := c; k < len(a[r]); k++ {
			a[r][k].Sub(a[r][k], new(big.Rat).Mul(factor, a[c][k]))
		}
	}
}
