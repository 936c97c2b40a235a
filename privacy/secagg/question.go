package secagg

import (
	"fmt"
	"math/bits"
	"slices"
)

// Question is what is asked of every agency, in terms that need no data to be understood: public domains, public
// edges, declared bounds. Its canonical form is hashed into the session token and into every message about it.
type Question struct {
	Session   string    `json:"session"` // of the ceremony
	Agreement string    `json:"agreement"`
	Dataset   string    `json:"dataset"`
	Purpose   string    `json:"purpose"`
	Decision  string    `json:"decision"` // of the middle's policy, for the record; an agency has its own
	Fields    []Field   `json:"fields"`
	Measures  []Measure `json:"measures"`
	// Where says which rows count; nil: all of them.
	Where *Condition `json:"where,omitempty"`
	// Minimum is the least number of contributors; at least two. An agency may demand more.
	Minimum int `json:"minimum"`
	// PerUnit is how many rows of one privacy unit count, at one agency; 0: units are not told apart, which noise
	// does not allow.
	PerUnit int `json:"perUnit"`
	// Noise is nil where the agreement asks for none.
	Noise *Noise `json:"noise"`
	// Until is when the session ends, in Unix seconds: an agency releases nothing later.
	Until int64 `json:"until"`
	// Querier is the thumbprint of the key that opens the sum.
	Querier string `json:"querier"`
}

// Noise is discrete Laplace or Skellam over the whole question, made of one share per contributor.
type Noise struct {
	// Mechanism is empty for discrete Laplace, which costs an epsilon, or Skellam, which costs a delta beside it.
	Mechanism string `json:"mechanism,omitempty"`
	// DeltaExponent is of Skellam: its delta is 10^-DeltaExponent.
	DeltaExponent int `json:"deltaExponent,omitempty"`
	// EpsilonNum / EpsilonDen is what the whole question spends. Discrete Laplace splits it evenly over components.
	EpsilonNum int64 `json:"epsilonNum"`
	EpsilonDen int64 `json:"epsilonDen"`
	// Honest is how many contributors are assumed to keep their share secret. Each share has shape 1/Honest, so that
	// many already make the full noise; what the others add is on top. At most Minimum.
	Honest int `json:"honest"`
}

// Skellam is the Mechanism of that name.
const Skellam = "skellam"

// Kind of a field.
const (
	Integer    = "integer"    // whole numbers in units of 10^-Scale
	Text       = "text"       // one of Domain
	Identifier = "identifier" // any text; only for distinct
)

// Field declares a column. Values outside the bounds are clipped at the agency; texts outside the domain do not count.
type Field struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Scale  int      `json:"scale"` // decimal digits, 0 to 9
	Lower  int64    `json:"lower"`
	Upper  int64    `json:"upper"`
	Domain []string `json:"domain"`
}

// Functions of a measure.
const (
	Count       = "count"
	Sum         = "sum"
	Mean        = "mean"
	Variance    = "variance"
	Histogram   = "histogram"
	Quantile    = "quantile"
	Min         = "min"
	Max         = "max"
	Contingency = "contingency"
	Regression  = "regression"
	Survival    = "survival"
	Distinct    = "distinct"
)

// Measure is one thing asked.
type Measure struct {
	Fn    string  `json:"fn"`
	Field string  `json:"field"` // not for count
	By    string  `json:"by"`    // a text field: one answer per value of its domain
	Edges []int64 `json:"edges"` // strictly rising; bin i holds edges[i-1] <= x < edges[i]
	// Permille is the quantile asked for, 500 the median.
	Permille int `json:"permille"`
	// With is the column variable of a contingency table; Field is its row variable.
	With string `json:"with"`
	// Features predict Field in a regression.
	Features []string `json:"features"`
	// Event is 1 in rows where Field is the time of an event, 0 where it is the time of leaving.
	Event string `json:"event"`
	// Buckets of linear counting.
	Buckets int `json:"buckets"`
}

// ParseQuestion reads what a peer sent, in its canonical form only, and checks that it can be asked of that many
// members.
func ParseQuestion(text []byte, members int) (*Question, error) {
	var q Question
	if err := parseCanonical(text, &q); err != nil {
		return nil, err
	}
	return &q, q.Check(members)
}

// Encode is the canonical form.
func (q *Question) Encode() []byte { return canonical(q) }

// Hash is what a session token names.
func (q *Question) Hash() [32]byte { return digest("question", canonical(q)) }

func (q *Question) bind(c *Ceremony, transcript [32]byte) [32]byte {
	ceremony := c.bind()
	return digest("asked", ceremony[:], transcript[:], canonical(q))
}

// Component is a run of slots with one meaning.
type Component struct {
	Measure int
	Name    string
	Slots   int
	// PerRow bounds what one row changes over all of the slots together, in absolute value.
	PerRow int64
	// Unit is what one step of a slot is worth: above 1 only with noise, where a fine grain would make sampling slow
	// and not the answer better.
	Unit int64
}

// grain is how many steps a row can move a noisy component at most.
const grain = 64

// Components lays the question out: the order of the slots.
func (q *Question) Components() []Component {
	var all []Component
	for i := range q.Measures {
		for _, c := range q.components(&q.Measures[i]) {
			c.Measure, c.Unit = i, 1
			for q.Noise != nil && c.PerRow/c.Unit > grain {
				c.Unit *= 2
			}
			all = append(all, c)
		}
	}
	return all
}

func (q *Question) components(m *Measure) []Component {
	g := q.groups(m)
	switch m.Fn {
	case Count:
		return []Component{{Name: "count", Slots: g, PerRow: 1}}
	case Sum:
		return []Component{{Name: "sum", Slots: g, PerRow: q.reach(m.Field)}}
	case Mean, Variance:
		parts := []Component{{Name: "count", Slots: g, PerRow: 1}, {Name: "sum", Slots: g, PerRow: q.reach(m.Field)}}
		if m.Fn == Variance {
			parts = append(parts, Component{Name: "squares", Slots: g, PerRow: square(q.reach(m.Field))})
		}
		return parts
	case Histogram, Quantile, Min, Max:
		return []Component{{Name: "bins", Slots: g * (len(m.Edges) + 1), PerRow: 1}}
	case Contingency:
		return []Component{{Name: "cells", Slots: len(q.domain(m.Field)) * len(q.domain(m.With)), PerRow: 1}}
	case Regression:
		return q.moments(m)
	case Survival:
		n := g * (len(m.Edges) + 1)
		return []Component{{Name: "events", Slots: n, PerRow: 1}, {Name: "exits", Slots: n, PerRow: 1}}
	case Distinct:
		return []Component{{Name: "buckets", Slots: m.Buckets, PerRow: 1}}
	}
	return nil
}

// moments are the entries of X'X, X'y and y'y on and above the diagonal, for X = (1, features) and y last.
func (q *Question) moments(m *Measure) []Component {
	reach := []int64{1}
	for _, f := range append(slices.Clone(m.Features), m.Field) {
		reach = append(reach, q.reach(f))
	}
	var parts []Component
	for i := range reach {
		for j := i; j < len(reach); j++ {
			parts = append(parts, Component{Name: fmt.Sprintf("moment %d %d", i, j), Slots: 1, PerRow: product(reach[i], reach[j])})
		}
	}
	return parts
}

func (q *Question) groups(m *Measure) int {
	if m.By == "" {
		return 1
	}
	return len(q.domain(m.By))
}

func (q *Question) field(name string) *Field {
	for i := range q.Fields {
		if q.Fields[i].Name == name {
			return &q.Fields[i]
		}
	}
	return nil
}

func (q *Question) domain(name string) []string {
	if f := q.field(name); f != nil && f.Kind == Text {
		return f.Domain
	}
	return nil
}

// reach is the largest absolute value of a bounded field; 0 where there is none.
func (q *Question) reach(name string) int64 {
	f := q.field(name)
	if f == nil || f.Kind != Integer {
		return 0
	}
	return max(f.Upper, -f.Lower, f.Lower, -f.Upper)
}

func square(v int64) int64 { return product(v, v) }

// product saturates, so that a bound that is too wide is seen as such and not as a small number.
func product(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > 1<<62 {
		return 1 << 62
	}
	return int64(lo)
}

// Slots is how many values the question takes.
func (q *Question) Slots() int {
	n := 0
	for _, c := range q.Components() {
		n += c.Slots
	}
	return n
}

// limit is the largest absolute value one of members may put into a slot: sums of that many cannot wrap around.
func limit(members int) int64 { return int64(plainModulus/2) / int64(members) }

// perCiphertext is how many values fit beside the participation slots.
func perCiphertext(members int) int { return half - members }

// Ciphertexts is how many ciphertexts carry the question for that many members.
func (q *Question) Ciphertexts(members int) int {
	per := perCiphertext(members)
	return (q.Slots() + per - 1) / per
}
