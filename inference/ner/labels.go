package ner

import (
	"fmt"
	"math"
	"strings"
)

// labelSet is a BIO label list: number 0 is O, and every other label is B-TYPE or I-TYPE.
type labelSet struct {
	types []string
	begin []int // label number of B-type, by type
	in    []int // label number of I-type
}

func newLabelSet(labels []string) (*labelSet, error) {
	s := &labelSet{}
	number := map[string]int{}
	for i, l := range labels {
		number[l] = i
	}
	if len(number) != len(labels) || labels[0] != "O" {
		return nil, fmt.Errorf("%w: labels repeat, or do not begin with O", ErrModel)
	}
	for _, l := range labels[1:] {
		name, ok := strings.CutPrefix(l, "B-")
		if !ok {
			continue
		}
		in, ok := number["I-"+name]
		if !ok {
			return nil, fmt.Errorf("%w: label %.40s has no I", ErrModel, l)
		}
		s.types = append(s.types, name)
		s.begin = append(s.begin, number[l])
		s.in = append(s.in, in)
	}
	if 2*len(s.types)+1 != len(labels) {
		return nil, fmt.Errorf("%w: labels are not BIO", ErrModel)
	}
	return s, nil
}

// bio is the working memory of one decoding.
type bio struct {
	prev, next []float32
	back       []int16 // word x label
	path       []int16
}

// decode finds the likeliest label sequence in which I-x follows B-x or I-x of the same type. probs holds one row of
// label probabilities a word. The result is valid until the next call.
func (s *labelSet) decode(probs []float32, words int, b *bio) []int16 {
	n := 2*len(s.types) + 1
	b.prev, b.next = resize(b.prev, n), resize(b.next, n)
	b.back, b.path = resize(b.back, words*n), resize(b.path, words)
	if words == 0 {
		return nil
	}
	for l := range n {
		b.prev[l] = logOf(probs[l])
	}
	for _, in := range s.in {
		b.prev[in] = -1e30
	}
	for w := 1; w < words; w++ {
		s.step(probs[w*n:(w+1)*n], b, b.back[w*n:(w+1)*n])
	}
	best := argmax(b.prev)
	for w := words - 1; w >= 0; w-- {
		b.path[w] = best
		best = b.back[w*n+int(best)]
	}
	return b.path
}

// step needs only the best label before, and the best of each type: the constraint allows nothing else.
func (s *labelSet) step(probs []float32, b *bio, back []int16) {
	any := argmax(b.prev)
	for l := range b.next {
		b.next[l], back[l] = b.prev[any]+logOf(probs[l]), any
	}
	for t, in := range s.in {
		from := int16(s.begin[t])
		if b.prev[in] > b.prev[from] {
			from = int16(in)
		}
		b.next[in], back[in] = b.prev[from]+logOf(probs[in]), from
	}
	b.prev, b.next = b.next, b.prev
}

func logOf(p float32) float32 { return float32(math.Log(float64(p) + 1e-12)) }

func argmax(x []float32) int16 {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return int16(best)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n+n/4)[:n]
	}
	return s[:n]
}

// span is an entity in words.
type span struct {
	kind     int // index of labelSet.types
	from, to int
	score    float32
}

// spans reads entities off a path; the score is the mean probability of the type.
func (s *labelSet) spans(path []int16, probs []float32, out []span) []span {
	n := 2*len(s.types) + 1
	for i := 0; i < len(path); i++ {
		kind := s.kindOf(path[i])
		if kind < 0 {
			continue
		}
		at := i
		sum := float32(0)
		for ; i == at || i < len(path) && int(path[i]) == s.in[kind]; i++ {
			sum += probs[i*n+s.begin[kind]] + probs[i*n+s.in[kind]]
		}
		out = append(out, span{kind, at, i, min(1, sum/float32(i-at))})
		i--
	}
	return out
}

func (s *labelSet) kindOf(label int16) int {
	if label == 0 {
		return -1
	}
	for k := range s.types {
		if s.begin[k] == int(label) || s.in[k] == int(label) {
			return k
		}
	}
	return -1
}
