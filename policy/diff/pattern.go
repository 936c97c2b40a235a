package diff

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"concordat/policy/predicate"
)

// Bounds of the texts tried for a field that is asked for parts of text. More leaves the search incomplete.
const (
	manyStates   = 20_000
	manyMachines = 200
)

// patternValues gives a text of every class that comparisons, lists, prefixes, suffixes and parts can tell apart.
//
// Each condition is a finite automaton over the text's characters, of which only those that occur in a literal and one
// from each range between them matter. A walk in breadth over the product of the automata meets every reachable
// combination of answers by its shortest text.
func patternValues(conditions []predicate.Predicate) (list []predicate.Value, whole bool) {
	var machines []machine
	var literals []string
	whole = true
	for _, c := range conditions {
		n := c.Node()
		whole = whole && !(n.Kind == predicate.KindCompare && n.Op == predicate.Like) // its pattern is no literal
		for _, m := range machinesOf(c) {
			machines = append(machines, m)
			literals = append(literals, m.literal())
		}
	}
	if len(machines) > manyMachines {
		return texts(literalsOf(conditions), 1), false
	}
	alphabet := letters(literals)
	start := make([]int, len(machines))
	type place struct {
		states []int
		text   string
	}
	queue := []place{{start, ""}}
	seen := map[string]bool{key(start): true}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		list = append(list, predicate.String(at.text))
		for _, r := range alphabet {
			next := make([]int, len(machines))
			for i, m := range machines {
				next[i] = m.step(at.states[i], r)
			}
			if k := key(next); !seen[k] {
				if len(seen) >= manyStates {
					return list, false
				}
				seen[k] = true
				queue = append(queue, place{next, at.text + string(r)})
			}
		}
	}
	return list, whole
}

func key(states []int) string {
	b := make([]byte, 0, 4*len(states))
	for _, s := range states {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(s)))
	}
	return string(b)
}

// machine follows one condition through a text, from state 0.
type machine interface {
	literal() string
	step(state int, r rune) int
}

func machinesOf(c predicate.Predicate) []machine {
	n := c.Node()
	switch {
	case n.Kind == predicate.KindIn:
		out := make([]machine, len(n.Values))
		for i, v := range n.Values {
			out[i] = ordered{[]rune(v.Text), v.Text}
		}
		return out
	case n.Kind != predicate.KindCompare:
		return nil
	case n.Op == predicate.HasSuffix:
		return []machine{occurrence{text: []rune(textOf(c)), raw: textOf(c)}}
	case n.Op == predicate.Contains:
		return []machine{occurrence{text: []rune(textOf(c)), raw: textOf(c), once: true}}
	}
	return []machine{ordered{[]rune(textOf(c)), textOf(c)}} // a prefix is followed as far as order is
}

// ordered knows how much of its literal has been read, and once the text leaves it, on which side. It answers for
// comparisons and for prefixes: what has the literal before it is longer.
type ordered struct {
	text []rune
	raw  string
}

const (
	below  = -1
	above  = -2
	longer = -3
)

func (o ordered) literal() string { return o.raw }
func (o ordered) step(state int, r rune) int {
	switch {
	case state < 0:
		return state
	case state == len(o.text):
		return longer
	case r < o.text[state]:
		return below
	case r > o.text[state]:
		return above
	}
	return state + 1
}

// occurrence knows the longest end of the text that begins its literal; with once, it stays where the literal has been
// met.
type occurrence struct {
	text []rune
	raw  string
	once bool
}

func (o occurrence) literal() string { return o.raw }
func (o occurrence) step(state int, r rune) int {
	if o.once && state == len(o.text) {
		return state
	}
	read := append(slices.Clone(o.text[:state]), r)
	for from := range len(read) + 1 {
		if end := read[from:]; len(end) <= len(o.text) && slices.Equal(end, o.text[:len(end)]) {
			return len(end)
		}
	}
	return 0
}

// letters are the characters of the literals, and one from each range between, below and above them.
func letters(literals []string) []rune {
	known := []rune(strings.Join(literals, ""))
	slices.Sort(known)
	known = slices.Compact(known)
	out := slices.Clone(known)
	previous := rune(-1)
	for _, r := range append(known, utf8.MaxRune+1) {
		if between, ok := inside(previous+1, r-1); ok {
			out = append(out, between)
		}
		previous = r
	}
	return out
}

// inside is a character of a range, one that can be read where there is any.
func inside(first, last rune) (rune, bool) {
	for _, good := range []rune{'a', 'A', '0', ' ', 'z', '中'} {
		if first <= good && good <= last {
			return good, true
		}
	}
	for r := first; r <= last; r++ {
		if utf8.ValidRune(r) {
			return r, true
		}
		if r >= 0xD800 && r < 0xE000 {
			r = 0xDFFF
		}
	}
	return 0, false
}
