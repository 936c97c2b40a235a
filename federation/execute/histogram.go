package execute

import (
	"fmt"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/privacy"
)

// histogram adds up what the agencies say of one histogram. A group that came into being between two statements of a
// source is not there.
func (f *fetch) histogram(a *adder, m plan.Measure, tables []*privacy.Table) error {
	all := make([][]int64, len(a.rows))
	bins := len(f.step.Edges[m.Func]) + 1
	for i := range all {
		all[i] = make([]int64, bins)
	}
	for _, t := range tables {
		if t == nil {
			continue
		}
		times, reached := t.Column(plan.CountColumn), t.Column(plan.BinColumn)
		for row := range t.Rows {
			key, err := f.keyOf(t, row)
			if err != nil {
				return err
			}
			n, ok := a.index[groupID(key, a.id(t, row))]
			if !ok || reached.IsNull(row) {
				continue
			}
			bin := reached.Int(row)
			if bin < 0 || bin >= int64(bins) {
				return fmt.Errorf("%w: a bin that was not asked for", source.ErrInvalid)
			}
			all[n][bin] += times.Int(row)
		}
	}
	if a.histograms == nil {
		a.histograms = map[plan.Measure][][]int64{}
	}
	a.histograms[m] = all
	return nil
}

// bins is a column for each bin of a histogram. What is too small to be shown holds no value.
func (a *adder) bins(m plan.Measure) []*privacy.Column {
	f := a.step.Entity.Members[m.Field].Field
	out := make([]*privacy.Column, len(a.step.Edges[m.Func])+1)
	for i := range out {
		out[i] = privacy.NewColumn(m.Bin(i), f.Coordinate, privacy.Int, len(a.rows))
	}
	for _, counts := range a.histograms[m] {
		hidden := hiddenBins(counts, int64(a.step.MinimumGroup))
		for i, c := range out {
			if hidden[i] {
				c.AppendState(privacy.Suppressed)
			} else {
				c.AppendInt(counts[i])
			}
		}
	}
	return out
}

// hiddenBins says which bins are not shown: each that is below the minimum, empty ones too; and, as long as those that
// hold anything could be told from the rest of the group, the smallest of the others. They could where they hold fewer
// than the minimum together, or where one alone does.
func hiddenBins(counts []int64, minimum int64) []bool {
	hidden := make([]bool, len(counts))
	if minimum <= 1 {
		return hidden
	}
	var rows int64
	filled := 0
	for i, n := range counts {
		if hidden[i] = n < minimum; hidden[i] && n > 0 {
			rows += n
			filled++
		}
	}
	for filled > 0 && (rows < minimum || filled < 2) {
		least := -1
		for i, n := range counts {
			if !hidden[i] && (least < 0 || n < counts[least]) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		hidden[least] = true
		rows += counts[least]
		filled++
	}
	return hidden
}

// hidesBins reports whether a bin of the table is not shown.
func (f *fetch) hidesBins(t *privacy.Table) bool {
	for _, m := range f.step.Histograms() {
		for i := range len(f.step.Edges[m.Func]) + 1 {
			c := t.Column(m.Bin(i))
			for row := range t.Rows {
				if c.State(row) == privacy.Suppressed {
					return true
				}
			}
		}
	}
	return false
}

// histogram writes the bins of a group; null where they are withheld.
func (w *writer) histogram(dst []byte, n *plan.Node, at *stepResult, row int) []byte {
	edges := at.step.Edges[n.Measure.Func]
	if at.released.Column(n.Measure.Bin(0)) == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for bin := range len(edges) + 1 {
		if bin > 0 {
			dst = append(dst, ',')
		}
		dst = w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
			switch k.Kind {
			case plan.NodeLower:
				return edge(dst, edges, bin-1)
			case plan.NodeUpper:
				return edge(dst, edges, bin)
			}
			return w.cell(dst, n.Measure.Bin(bin), at, row)
		})
	}
	return append(dst, ']')
}

// edge writes one of the caller's own numbers.
func edge(dst []byte, edges []float64, i int) []byte {
	if i < 0 || i >= len(edges) {
		return append(dst, "null"...)
	}
	c := privacy.NewColumn("", "", privacy.Float, 1)
	c.AppendFloat(edges[i])
	out, err := privacy.AppendJSON(dst, c, 0)
	if err != nil { // finite, so always written
		return append(dst, "null"...)
	}
	return out
}
