// Package drift tells how far what a model reads and says has moved from what it read and said when its card was written:
// the population stability index of two distributions, the labels of what it finds and the lengths of its texts.
//
//	m := drift.New(card.Reference)
//	m.Observe(texts, results)
//	labels, lengths, ok := m.Index()
//
// The index is the sum over the parts of (now - then) ln(now / then): the two relative entropies added (Siddiqi 2006,
// Credit Risk Scorecards, chapter 5; by habit below 0.1 is no change, above 0.25 a large one). It is taken over the last
// 10,000 to 20,000 texts, and not before 500. A Monitor holds counts, and nothing of any text.
//
// Not promised: that a model which reads the same sort of text reads it well, or that an index above a threshold is an error:
// a card's texts are those that its model was measured on, not those of the gateway that runs it.
package drift

import (
	"maps"
	"math"
	"slices"
	"sync"
	"unicode/utf8"

	"concordat/inference"
)

const (
	generation = 10_000 // texts
	least      = 500    // texts before there is an index
	floor      = 1e-4   // of a share: one that is zero would make the index infinite
	none       = ""     // the label of a text in which nothing is found
)

// edges are where classes of length begin, in characters.
func edges() []int { return []int{16, 32, 64, 128, 256, 512, 1024, 4096} }

// counts are what one generation of texts held.
type counts struct {
	texts   int
	lengths []int
	labels  map[string]int
}

func newCounts() *counts {
	return &counts{lengths: make([]int, len(edges())+1), labels: map[string]int{}}
}

func (c *counts) add(text string, r inference.Result) {
	c.texts++
	n := utf8.RuneCountInString(text)
	class := 0
	for class < len(edges()) && n >= edges()[class] {
		class++
	}
	c.lengths[class]++
	for _, e := range r.Entities {
		c.labels[e.Label]++
	}
	if len(r.Entities) == 0 {
		c.labels[none]++
	}
}

// Monitor counts what one model reads and says. Safe for concurrent use; nil counts nothing.
type Monitor struct {
	then      inference.Reference
	mu        sync.Mutex
	now, last *counts
}

// New compares with a card's distributions; nil where the card has none.
func New(then *inference.Reference) *Monitor {
	if then == nil {
		return nil
	}
	return &Monitor{then: *then, now: newCounts(), last: newCounts()}
}

// Observe counts texts with their results.
func (m *Monitor) Observe(texts []string, results []inference.Result) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, t := range texts {
		m.now.add(t, results[i])
	}
	if m.now.texts >= generation {
		m.last, m.now = m.now, newCounts()
	}
}

// Index is both indices, once there are texts enough.
func (m *Monitor) Index() (labels, lengths float64, ok bool) {
	if m == nil {
		return 0, 0, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.texts+m.last.texts < least {
		return 0, 0, false
	}
	seen := newCounts()
	for _, c := range []*counts{m.now, m.last} {
		for i, n := range c.lengths {
			seen.lengths[i] += n
		}
		for l, n := range c.labels {
			seen.labels[l] += n
		}
	}
	now := seen.reference("")
	return index(named(m.then.Labels, now.Labels), named(now.Labels, m.then.Labels)), index(m.then.Lengths, now.Lengths), true
}

// Of is the distributions of texts and results, for a card. of says which texts they are.
func Of(of string, texts []string, results []inference.Result) inference.Reference {
	c := newCounts()
	for i, t := range texts {
		c.add(t, results[i])
	}
	return c.reference(of)
}

func (c *counts) reference(of string) inference.Reference {
	r := inference.Reference{Of: of, Lengths: shares(c.lengths), Labels: map[string]float64{}}
	keys := slices.Sorted(maps.Keys(c.labels))
	values := make([]int, len(keys))
	for i, k := range keys {
		values[i] = c.labels[k]
	}
	for i, s := range shares(values) {
		r.Labels[keys[i]] = s
	}
	return r
}

// shares are rounded to four decimals: a card is read by people.
func shares(n []int) []float64 {
	all := 0
	for _, v := range n {
		all += v
	}
	out := make([]float64, len(n))
	for i, v := range n {
		out[i] = math.Round(1e4*float64(v)/float64(max(all, 1))) / 1e4
	}
	return out
}

// named is a's shares in the order of the labels that either has.
func named(a, b map[string]float64) []float64 {
	all := maps.Clone(a)
	for l := range b {
		if _, ok := all[l]; !ok {
			all[l] = 0
		}
	}
	var out []float64
	for _, l := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[l])
	}
	return out
}

// index is the population stability index of two lists of shares; of different lengths, all of it has moved.
func index(then, now []float64) float64 {
	if len(then) != len(now) {
		return math.Inf(1)
	}
	sum := 0.0
	for i := range then {
		a, b := max(then[i], floor), max(now[i], floor)
		sum += (b - a) * math.Log(b/a)
	}
	return sum
}
