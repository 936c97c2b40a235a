package plan

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// histogramMark begins the Func of a histogram, as percentileMark does that of a percentile.
const histogramMark = "histogram@"

// maxEdges bounds a histogram: each bin is a group of its own in every group.
const maxEdges = 100

// BinColumn is the column of a histogram's query that numbers the bin: how many edges the value reaches.
const BinColumn = "#bin"

// IsHistogram reports whether a measure is a histogram.
func (m Measure) IsHistogram() bool { return strings.HasPrefix(m.Func, histogramMark) }

// Bin names the column of a group table that counts the values in one bin.
func (m Measure) Bin(i int) string { return column(m.Func, m.Field) + "#" + strconv.Itoa(i) }

// bins names the columns of a histogram with so many edges.
func (m Measure) bins(edges int) []string {
	out := make([]string, edges+1)
	for i := range out {
		out[i] = m.Bin(i)
	}
	return out
}

// histogramNode plans one field of a histogram: a list of bins.
func (b *builder) histogramNode(n *Node, fn string, f *collected) {
	n.Kind, n.Measure = NodeHistogram, Measure{Func: fn, Field: f.Name}
	for _, sub := range b.collect.sub("", f.asList()) {
		k := &Node{Key: sub.Alias, Kind: map[string]NodeKind{"lower": NodeLower, "upper": NodeUpper, "count": NodeCount}[sub.Name]}
		if sub.Name == "__typename" {
			k.Kind, k.Name = NodeTypename, f.Definition.Type.Name()
		}
		n.Kids = append(n.Kids, k)
	}
	*n = *node(n)
}

// bindHistograms reads the edges.
func (s *Step) bindHistograms(d *Document, variables map[string]any, a *Arguments) error {
	for fn, position := range s.histograms {
		items := list(d.arguments(position, variables)["edges"])
		if len(items) == 0 || len(items) > maxEdges {
			return &InputError{Path: s.Path, Message: "a histogram has 1 to 100 edges"}
		}
		edges := make([]float64, len(items))
		for i, item := range items {
			v, ok := float(item)
			if !ok || math.IsInf(v, 0) || math.IsNaN(v) || i > 0 && v <= edges[i-1] {
				return &InputError{Path: s.Path, Message: "the edges of a histogram are numbers that ascend"}
			}
			edges[i] = v
		}
		if a.Edges == nil {
			a.Edges = map[string][]float64{}
		}
		a.Edges[fn] = edges
	}
	return nil
}

// edgesOf are the edges as values that compare with a field: with decimals by the shortest decimal, not by the double
// that is nearest to it.
func (s *AuthorizedStep) edgesOf(fn string, f *compose.Field) []predicate.Value {
	out := make([]predicate.Value, len(s.Edges[fn]))
	for i, v := range s.Edges[fn] {
		out[i] = predicate.Float(v)
		if f.Kind == privacy.Decimal {
			out[i] = predicate.Decimal(strconv.FormatFloat(v, 'f', -1, 64))
		}
	}
	return out
}

// Histograms lists the histograms to fetch.
func (s *AuthorizedStep) Histograms() []Measure {
	return slices.DeleteFunc(s.Measured(), func(m Measure) bool { return !m.IsHistogram() })
}

// Histogram asks one agency how many values of each group lie in each bin. What is seen transformed is counted so.
func (s *AuthorizedStep) Histogram(p *AuthorizedPart, m Measure) *source.Query {
	g := source.Group{Field: m.Field, As: BinColumn, Edges: s.edgesOf(m.Func, s.Entity.Members[m.Field].Field)}
	if d := s.derivation(shownColumn + m.Field); d != nil {
		g.Field = d.Name
	}
	return &source.Query{Relation: &p.Relation, Where: p.Where, Related: p.Related, Aggregate: &source.Aggregate{
		Group: append(slices.Clone(s.Group), g), Measures: []source.Measure{{Func: source.CountRows, As: CountColumn}}}}
}

// bins moves a histogram to what is seen: no edge may lie inside a bucket.
func (u *uses) bins(v sight, m Measure) error {
	if err := u.permitted(v, useRange); err != nil {
		return err
	}
	o, err := u.operands(v)
	if err != nil {
		return err
	}
	for _, edge := range u.step.edgesOf(m.Func, v.field) {
		if v.field.Kind == privacy.Int || v.field.Kind == privacy.BigInt {
			if edge.Float != math.Trunc(edge.Float) || math.Abs(edge.Float) > 1<<53 {
				return u.refuse(v)
			}
			edge = predicate.Int(int64(edge.Float))
		}
		if _, ok := o.value(predicate.Lt, edge); !ok {
			return u.refuse(v)
		}
	}
	u.step.shownAs(v)
	u.oblige(v.field.Coordinate, v.obligation.Method)
	return nil
}
