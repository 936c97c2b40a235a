package diff

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// atoms are the conditions of a predicate by the field they ask.
type atoms struct {
	fields map[string][]predicate.Predicate
	linked map[string][]string // fields that are compared with each other
	opaque bool                // turns on a relation
}

func collect(p predicate.Predicate) *atoms {
	a := &atoms{fields: map[string][]predicate.Predicate{}, linked: map[string][]string{}}
	a.add(p)
	return a
}

func (a *atoms) add(p predicate.Predicate) {
	n := p.Node()
	switch n.Kind {
	case predicate.KindCompare, predicate.KindIn, predicate.KindNull:
		a.fields[n.Field] = append(a.fields[n.Field], p)
	case predicate.KindFields:
		a.fields[n.Field], a.fields[n.Other] = append(a.fields[n.Field], p), append(a.fields[n.Other], p)
		a.linked[n.Field], a.linked[n.Other] = append(a.linked[n.Field], n.Other), append(a.linked[n.Other], n.Field)
	case predicate.KindExists:
		a.opaque = true
		return
	}
	for _, k := range n.Kids {
		a.add(k)
	}
}

// together are the fields whose order against each other matters, name among them.
func (a *atoms) together(name string) []string {
	out := []string{name}
	for i := 0; i < len(out); i++ {
		for _, other := range a.linked[out[i]] {
			if !slices.Contains(out, other) {
				out = append(out, other)
			}
		}
	}
	return out
}

// manyValues bounds the values tried for a field that is compared with others.
const manyValues = 300

// candidates are values of a field, one at least of every class that its conditions tell apart; NULL comes last. whole
// is false where a class may be missing.
func (a *atoms) candidates(name string, kinds map[string]privacy.Kind) (list []predicate.Value, whole bool) {
	group := a.together(name)
	var literals []predicate.Value
	for _, field := range group {
		literals = append(literals, literalsOf(a.fields[field])...)
	}
	kind := kinds[name]
	if kind.Text() && kind != privacy.Date && a.patterned(group) {
		list, whole = patternValues(a.fields[name])
		whole = whole && len(group) == 1
	} else {
		list, whole = around(kind, literals, len(group)), true
	}
	if len(group) == 1 {
		list = a.distinct(name, list)
	} else if len(list) > manyValues {
		list, whole = list[:manyValues], false
	}
	return append(list, predicate.Value{}), whole
}

func literalsOf(conditions []predicate.Predicate) []predicate.Value {
	var out []predicate.Value
	for _, c := range conditions {
		switch n := c.Node(); n.Kind {
		case predicate.KindCompare:
			out = append(out, n.Value)
		case predicate.KindIn:
			out = append(out, n.Values...)
		}
	}
	return out
}

// patterned: some condition asks for a part of a text.
func (a *atoms) patterned(fields []string) bool {
	for _, field := range fields {
		for _, c := range a.fields[field] {
			if n := c.Node(); n.Kind == predicate.KindCompare && n.Op >= predicate.HasPrefix {
				return true
			}
		}
	}
	return false
}

// distinct keeps one value of each class: those that every condition answers alike.
func (a *atoms) distinct(name string, list []predicate.Value) []predicate.Value {
	conditions := a.fields[name]
	members := make([]map[predicate.Value]bool, len(conditions))
	for i, c := range conditions {
		if n := c.Node(); n.Kind == predicate.KindIn {
			members[i] = make(map[predicate.Value]bool, len(n.Values))
			for _, v := range n.Values {
				members[i][normal(v)] = true
			}
		}
	}
	seen := map[string]bool{}
	var out []predicate.Value
	class := make([]byte, len(conditions))
	for _, v := range list {
		for i, c := range conditions {
			class[i] = '0'
			if members[i] != nil && members[i][normal(v)] || members[i] == nil && c.Holds(Row{name: v}) {
				class[i] = '1'
			}
		}
		if !seen[string(class)] {
			seen[string(class)] = true
			out = append(out, v)
		}
	}
	return out
}

// normal makes equal values of one kind the same.
func normal(v predicate.Value) predicate.Value {
	if v.Kind == predicate.DecimalValue {
		if r, ok := new(big.Rat).SetString(v.Text); ok {
			v.Text = r.RatString()
		}
	}
	if v.Kind == predicate.FloatValue && v.Float == 0 {
		v.Float = 0 // minus zero is zero
	}
	return v
}

// around gives each literal and k values of every gap between, below and above them: k fields that are compared with
// each other can then stand in any order within a gap. Text also gets the empty one.
func around(kind privacy.Kind, literals []predicate.Value, k int) []predicate.Value {
	switch kind {
	case privacy.Bool:
		return []predicate.Value{predicate.Bool(true), predicate.Bool(false)}
	case privacy.JSON:
		return []predicate.Value{predicate.String("{}")}
	case privacy.Int, privacy.BigInt:
		return whole(literals, k, 0, math.MinInt64, math.MaxInt64, predicate.Int)
	case privacy.Time:
		return whole(literals, k, 946684800e6, -62135596800e6, 253402300799e6, predicate.Micros)
	case privacy.Date:
		return days(literals, k)
	case privacy.Float:
		return floats(literals, k)
	case privacy.Decimal:
		return decimals(literals, k)
	}
	return texts(literals, k)
}

// whole numbers: k on either side of each literal fill every gap, or all of it.
func whole(literals []predicate.Value, k int, without, least, most int64, make func(int64) predicate.Value) []predicate.Value {
	var out []int64
	for _, v := range literals {
		out = append(out, v.Int)
	}
	if len(out) == 0 {
		out = append(out, without)
	}
	for _, v := range slices.Clone(out) {
		for step := int64(1); step <= int64(k); step++ {
			if v >= least+step {
				out = append(out, v-step)
			}
			if v <= most-step {
				out = append(out, v+step)
			}
		}
	}
	return unique(out, make)
}

// unique keeps the first of equal values: literals come first, since they read best.
func unique[T comparable](values []T, make func(T) predicate.Value) []predicate.Value {
	seen := map[T]bool{}
	var out []predicate.Value
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, make(v))
		}
	}
	return out
}

func days(literals []predicate.Value, k int) []predicate.Value {
	var numbers []predicate.Value
	for _, v := range literals {
		if day, err := time.Parse(time.DateOnly, v.Text); err == nil {
			numbers = append(numbers, predicate.Int(day.Unix()/86400))
		}
	}
	return whole(numbers, k, 10957, -719162, 2932896, func(day int64) predicate.Value {
		return predicate.String(time.Unix(day*86400, 0).UTC().Format(time.DateOnly))
	})
}

func floats(literals []predicate.Value, k int) []predicate.Value {
	var out []float64
	for _, v := range literals {
		out = append(out, v.Float)
	}
	if len(out) == 0 {
		out = append(out, 0)
	}
	for _, v := range slices.Clone(out) {
		below, above := v, v
		for range k {
			below, above = math.Nextafter(below, math.Inf(-1)), math.Nextafter(above, math.Inf(1))
			out = append(out, below, above)
		}
	}
	out = slices.DeleteFunc(out, func(v float64) bool { return math.IsInf(v, 0) })
	return unique(out, predicate.Float)
}

// decimals are dense: every gap has k values, evenly spread.
func decimals(literals []predicate.Value, k int) []predicate.Value {
	var sorted []*big.Rat
	for _, v := range literals {
		if r, ok := new(big.Rat).SetString(v.Text); ok {
			sorted = append(sorted, r)
		}
	}
	if len(sorted) == 0 {
		sorted = append(sorted, new(big.Rat))
	}
	slices.SortFunc(sorted, (*big.Rat).Cmp)
	out := slices.Clone(sorted)
	for step := int64(1); step <= int64(k); step++ {
		out = append(out, new(big.Rat).Sub(sorted[0], big.NewRat(step, 1)), new(big.Rat).Add(sorted[len(sorted)-1], big.NewRat(step, 1)))
		for i := 1; i < len(sorted); i++ {
			out = append(out, between(sorted[i-1], sorted[i], step))
		}
	}
	var text []string
	for _, r := range out {
		digits, _ := r.FloatPrec()
		text = append(text, r.FloatString(digits))
	}
	return unique(text, predicate.Decimal)
}

// between is a + (b-a)/2^step: a decimal fraction has those as decimal fractions.
func between(a, b *big.Rat, step int64) *big.Rat {
	gap := new(big.Rat).Sub(b, a)
	gap.Quo(gap, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(step))))
	return gap.Add(gap, a)
}

// texts between literals: a text's successor is the text with a zero byte after it, so what lies between two texts is
// either nothing or holds a longer form of the first.
func texts(literals []predicate.Value, k int) []predicate.Value {
	var sorted []string
	for _, v := range literals {
		sorted = append(sorted, v.Text)
	}
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	out := append(slices.Clone(sorted), "")
	for i, s := range append([]string{""}, sorted...) {
		next := ""
		if i < len(sorted) {
			next = sorted[i]
		}
		out = append(out, after(s, next, k)...)
	}
	return unique(out, predicate.String)
}

// after gives k texts above s and below next, "" for no bound: all there are where there are fewer.
func after(s, next string, k int) []string {
	if k == 1 {
		for _, more := range []string{"a", "0", " ", "\x01"} {
			if next == "" || s+more < next {
				return []string{s + more}
			}
		}
	}
	var out []string
	for range k {
		if s += "\x00"; next != "" && s >= next {
			break
		}
		out = append(out, s)
	}
	return out
}

// textOf is the literal of a condition on text.
func textOf(c predicate.Predicate) string { return strings.ToValidUTF8(c.Node().Value.Text, "\uFFFD") }
