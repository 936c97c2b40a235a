package secagg

import (
	"reflect"
	"slices"
)

// Totals is a question as one aggregate over the rows that its condition lets through: rows in groups by Keys, and of
// each group Sums. It is what a database can do in place of giving its rows away.
type Totals struct {
	Keys []Key
	Sums []Product
	uses []use
}

// Key is what rows are grouped by: the value of a field or, with Edges, how many of them its number reaches, before it
// is clipped.
type Key struct {
	Field string
	Edges []int64
}

// Product is, of the rows that have a value in each of Factors and Present, the sum of the product of Factors, each
// clipped to its field's bounds. Without either it is the number of rows.
type Product struct {
	Factors, Present []string
}

// Cell is one group: its keys in their order, and its sums.
type Cell struct {
	Keys []KeyValue
	Sums []int64
}

// KeyValue is one key of a group: a text, a number in the field's scale, or how many edges were reached.
type KeyValue struct {
	Null   bool
	Text   string
	Number int64
}

// use is where a measure finds its parts; -1 where it has no such key.
type use struct {
	group, value, other int
	sums                []int
}

const (
	// maxReached is the longest list of edges that rows are compared with one after the other.
	maxReached = 64
	// MaxCells is how many groups a question may make; where its keys could make more it is computed over rows.
	MaxCells = 1 << 16
)

// Totals is false where the question needs rows: those of a unit are counted, or its keys together make too many groups.
func (q *Question) Totals() (*Totals, bool) {
	if q.PerUnit > 0 {
		return nil, false
	}
	t := &Totals{}
	for i := range q.Measures {
		t.uses = append(t.uses, t.use(&q.Measures[i]))
	}
	cells := 1
	for _, k := range t.Keys {
		if cells *= q.spread(k); cells > MaxCells {
			return nil, false
		}
	}
	return t, true
}

// spread is about how many values a key has.
func (q *Question) spread(k Key) int {
	f := q.field(k.Field)
	switch {
	case f.Kind == Text:
		return len(f.Domain) + 2
	case f.Kind == Identifier:
		return 1 // not known; too many are found out
	case k.Edges != nil:
		return len(k.Edges) + 2
	}
	return int(min(uint64(f.Upper)-uint64(f.Lower), 1024)) + 3
}

func (t *Totals) use(m *Measure) use {
	u := use{group: t.key(m.By, nil), value: -1, other: -1}
	rows := Product{}
	switch m.Fn {
	case Sum, Mean, Variance:
		one := []string{m.Field}
		u.sums = []int{t.sum(Product{Present: one}), t.sum(Product{Factors: one})}
		if m.Fn == Variance {
			u.sums = append(u.sums, t.sum(Product{Factors: []string{m.Field, m.Field}}))
		}
		return u
	case Regression:
		u.sums = t.moments(m)
		return u
	case Contingency:
		u.value, u.other = t.key(m.Field, nil), t.key(m.With, nil)
	case Distinct:
		u.value = t.key(m.Field, nil)
	case Histogram, Quantile, Min, Max, Survival:
		edges := m.Edges
		if len(edges) > maxReached {
			edges = nil
		}
		u.value, u.other = t.key(m.Field, edges), t.key(m.Event, nil)
	}
	u.sums = []int{t.sum(rows)}
	return u
}

// moments are the sums of x_i x_j over complete rows, in the order of the question's components; x_0 is 1.
func (t *Totals) moments(m *Measure) []int {
	names := append([]string{""}, append(slices.Clone(m.Features), m.Field)...)
	var out []int
	for i := range names {
		for j := i; j < len(names); j++ {
			p := Product{Present: names[1:]}
			for _, name := range []string{names[i], names[j]} {
				if name != "" {
					p.Factors = append(p.Factors, name)
				}
			}
			out = append(out, t.sum(p))
		}
	}
	return out
}

func (t *Totals) key(field string, edges []int64) int {
	if field == "" {
		return -1
	}
	k := Key{field, edges}
	for i := range t.Keys {
		if reflect.DeepEqual(t.Keys[i], k) {
			return i
		}
	}
	t.Keys = append(t.Keys, k)
	return len(t.Keys) - 1
}

func (t *Totals) sum(p Product) int {
	for i := range t.Sums {
		if reflect.DeepEqual(t.Sums[i], p) {
			return i
		}
	}
	t.Sums = append(t.Sums, p)
	return len(t.Sums) - 1
}

// FromTotals is Local from what a database added up. ErrOverflow may be of a group that others would have made up for:
// over rows the question may still have an answer.
func (q *Question) FromTotals(t *Totals, cells []Cell, members int) ([]int64, error) {
	out := make([]int64, 0, q.Slots())
	for i := range q.Measures {
		m := &q.Measures[i]
		c := collector{question: q, measure: m, use: t.uses[i], slots: slots{make([]int64, q.taken(m)), limit(members)}}
		c.prepare()
		for j := range cells {
			if err := c.add(&cells[j]); err != nil {
				return nil, err
			}
		}
		out = append(out, c.slots.to...)
	}
	return q.inUnits(out), nil
}

// taken is how many slots a measure takes.
func (q *Question) taken(m *Measure) int {
	n := 0
	for _, c := range q.components(m) {
		n += c.Slots
	}
	return n
}
