package secagg

import (
	"fmt"
	"math"
	"math/big"
	"slices"
)

// Result is one measure's answer: one Group per value of the domain of By, or a single one without key.
type Result struct {
	Fn     string  `json:"fn"`
	Field  string  `json:"field,omitempty"`
	By     string  `json:"by,omitempty"`
	Groups []Group `json:"groups"`
}

// Group is one answer. What the sums do not determine (a mean over nothing) is left out.
type Group struct {
	Key      string       `json:"key,omitempty"`
	Count    *int64       `json:"count,omitempty"`
	Exact    string       `json:"exact,omitempty"` // decimal, in the field's scale
	Value    *float64     `json:"value,omitempty"` // the statistic
	Bins     []int64      `json:"bins,omitempty"`
	Cells    [][]int64    `json:"cells,omitempty"`
	ChiSq    *float64     `json:"chiSquare,omitempty"`
	Freedom  int          `json:"degreesOfFreedom,omitempty"`
	OddsR    *float64     `json:"oddsRatio,omitempty"`
	Fit      *Fit         `json:"fit,omitempty"`
	Survival []Step       `json:"survival,omitempty"`
	LogRank  *float64     `json:"logRank,omitempty"` // chi-square over all groups, in the first one
	Range    *[2]*float64 `json:"range,omitempty"`   // the bin that holds a quantile, minimum or maximum; null is open
}

// Finish computes the answers from opened (or plain) sums, one per slot. It is the same code for both, so equal sums
// give identical statistics.
func (q *Question) Finish(sums []int64) ([]Result, error) {
	if len(sums) != q.Slots() {
		return nil, fmt.Errorf("%w: number of sums", ErrProtocol)
	}
	parts := make([][][]int64, len(q.Measures))
	for _, c := range q.Components() {
		part := make([]int64, c.Slots)
		for i := range part {
			part[i] = sums[i] * c.Unit
		}
		parts[c.Measure] = append(parts[c.Measure], part)
		sums = sums[c.Slots:]
	}
	results := make([]Result, len(q.Measures))
	for i := range q.Measures {
		m := &q.Measures[i]
		results[i] = Result{Fn: m.Fn, Field: m.Field, By: m.By, Groups: q.finish(m, parts[i])}
	}
	return results, nil
}

func (q *Question) finish(m *Measure, parts [][]int64) []Group {
	switch m.Fn {
	case Contingency:
		return []Group{contingency(parts[0], len(q.domain(m.Field)), len(q.domain(m.With)))}
	case Regression:
		return []Group{{Fit: q.regress(m, parts)}}
	case Distinct:
		return []Group{linearCounting(parts[0])}
	case Survival:
		return q.survive(m, parts[0], parts[1])
	}
	groups := make([]Group, q.groups(m))
	for g := range groups {
		groups[g] = q.simple(m, parts, g)
		groups[g].Key = q.key(m, g)
	}
	return groups
}

func (q *Question) key(m *Measure, g int) string {
	if m.By == "" {
		return ""
	}
	return q.domain(m.By)[g]
}

func (q *Question) simple(m *Measure, parts [][]int64, g int) Group {
	switch m.Fn {
	case Count:
		return Group{Count: &parts[0][g]}
	case Sum:
		return Group{Exact: decimal(parts[0][g], q.field(m.Field).Scale)}
	case Mean:
		return q.mean(m, parts[0][g], parts[1][g])
	case Variance:
		return q.variance(m, parts[0][g], parts[1][g], parts[2][g])
	}
	n := len(m.Edges) + 1
	return q.fromBins(m, parts[0][g*n:(g+1)*n])
}

// decimal prints v in units of 10^-scale.
func decimal(v int64, scale int) string {
	return new(big.Rat).SetFrac(big.NewInt(v), power(scale)).FloatString(scale)
}

func power(scale int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
}

// nearest is the float nearest to the exact fraction; nil where there is none.
func nearest(r *big.Rat) *float64 {
	f, _ := r.Float64()
	if math.IsInf(f, 0) {
		return nil
	}
	return &f
}

func (q *Question) mean(m *Measure, n, sum int64) Group {
	if n <= 0 {
		return Group{Count: &n}
	}
	exact := new(big.Rat).SetFrac(big.NewInt(sum), new(big.Int).Mul(big.NewInt(n), power(q.field(m.Field).Scale)))
	return Group{Count: &n, Value: nearest(exact)}
}

// variance is the sample variance (n-1), computed exactly before it is rounded once.
func (q *Question) variance(m *Measure, n, sum, squares int64) Group {
	if n < 2 {
		return Group{Count: &n}
	}
	s, nn := big.NewInt(sum), big.NewInt(n)
	top := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(squares), nn), new(big.Int).Mul(s, s))
	scale := power(q.field(m.Field).Scale)
	bottom := new(big.Int).Mul(nn, big.NewInt(n-1))
	bottom.Mul(bottom, scale).Mul(bottom, scale)
	return Group{Count: &n, Value: nearest(new(big.Rat).SetFrac(top, bottom))}
}

func (q *Question) fromBins(m *Measure, bins []int64) Group {
	if m.Fn == Histogram {
		return Group{Bins: bins}
	}
	var total int64
	for _, b := range bins {
		total += max(b, 0)
	}
	if total == 0 {
		return Group{}
	}
	var rank int64 // of the row that is asked for, from one
	switch m.Fn {
	case Min:
		rank = 1
	case Max:
		rank = total
	case Quantile: // the smallest value with at least that share at or below it
		p := int64(m.Permille)
		rank = max(1, total/1000*p+(total%1000*p+999)/1000)
	}
	for i, b := range bins {
		if rank -= max(b, 0); rank <= 0 {
			return Group{Count: &total, Range: q.binRange(m, i)}
		}
	}
	return Group{}
}

func (q *Question) binRange(m *Measure, i int) *[2]*float64 {
	scale := power(q.field(m.Field).Scale)
	at := func(edge int64) *float64 { return nearest(new(big.Rat).SetFrac(big.NewInt(edge), scale)) }
	var out [2]*float64
	if i > 0 {
		out[0] = at(m.Edges[i-1])
	}
	if i < len(m.Edges) {
		out[1] = at(m.Edges[i])
	}
	return &out
}

// contingency is Pearson's chi-square without continuity correction, and for two by two the odds ratio.
func contingency(cells []int64, rows, columns int) Group {
	out := Group{Freedom: (rows - 1) * (columns - 1)}
	rowSum, columnSum, total := make([]int64, rows), make([]int64, columns), int64(0)
	for i := range rows {
		out.Cells = append(out.Cells, slices.Clone(cells[i*columns:(i+1)*columns]))
		for j := range columns {
			rowSum[i] += cells[i*columns+j]
			columnSum[j] += cells[i*columns+j]
			total += cells[i*columns+j]
		}
	}
	var chi float64
	for i := range rows {
		for j := range columns {
			expected := float64(rowSum[i]) * float64(columnSum[j]) / float64(total)
			chi += (float64(cells[i*columns+j]) - expected) * (float64(cells[i*columns+j]) - expected) / expected
		}
	}
	out.ChiSq = finite(chi)
	if rows == 2 && columns == 2 {
		out.OddsR = finite(float64(cells[0]) * float64(cells[3]) / (float64(cells[1]) * float64(cells[2])))
	}
	return out
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// linearCounting estimates how many distinct identifiers filled the buckets (Whang, Vander-Zanden and Taylor 1990).
func linearCounting(buckets []int64) Group {
	empty := 0
	for _, b := range buckets {
		if b <= 0 {
			empty++
		}
	}
	m := float64(len(buckets))
	return Group{Value: finite(-m * math.Log(float64(empty)/m))}
}
