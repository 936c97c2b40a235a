package secagg

import (
	"fmt"
	"math"
	"slices"
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuestion, fmt.Sprintf(format, args...))
}

const (
	maxFields   = 64
	maxMeasures = 32
	maxDomain   = 4096
	maxArms     = 32 // groups of a survival comparison: the log-rank statistic solves a system of that size
)

// Check says whether the question can be asked of that many members: everything declared, everything bounded, and no
// sum of the declared bounds over one row beyond what a slot holds.
func (q *Question) Check(members int) error {
	switch {
	case q.Session == "" || q.Querier == "" || q.Agreement == "" || q.Dataset == "":
		return invalid("session, querier, agreement and dataset are required")
	case q.Until <= 0:
		return invalid("until is required")
	case len(q.Fields) > maxFields || len(q.Measures) == 0 || len(q.Measures) > maxMeasures:
		return invalid("number of fields or measures")
	case q.Minimum < 2 || q.Minimum > members:
		return invalid("minimum is between two and the number of members")
	case q.PerUnit < 0 || q.PerUnit > 1<<20:
		return invalid("perUnit")
	}
	if err := q.checkNoise(); err != nil {
		return err
	}
	for i := range q.Fields {
		if err := q.checkField(i); err != nil {
			return err
		}
	}
	if err := q.checkWhere(); err != nil {
		return err
	}
	for i := range q.Measures {
		if err := q.checkMeasure(&q.Measures[i]); err != nil {
			return err
		}
	}
	return q.checkSize(members)
}

func (q *Question) checkNoise() error {
	n := q.Noise
	switch {
	case n == nil:
		return nil
	case n.EpsilonNum < 1 || n.EpsilonNum > 1_000_000 || n.EpsilonDen < 1 || n.EpsilonDen > 1_000_000:
		return invalid("epsilon")
	case n.Mechanism != "" && n.Mechanism != Skellam, (n.Mechanism == Skellam) != (n.DeltaExponent > 0), n.DeltaExponent < 0 || n.DeltaExponent > 12:
		return invalid("mechanism of the noise")
	case n.Honest < 1 || n.Honest > q.Minimum:
		return invalid("honest is between one and minimum")
	case q.PerUnit < 1 || q.PerUnit > 1000:
		return invalid("noise needs a bound on the rows of a unit")
	}
	return nil
}

func (q *Question) checkField(i int) error {
	f := &q.Fields[i]
	twice := slices.ContainsFunc(q.Fields[:i], func(o Field) bool { return o.Name == f.Name })
	if f.Name == "" || len(f.Name) > maxName || twice || f.Scale < 0 || f.Scale > 9 {
		return invalid("field %d", i)
	}
	switch f.Kind {
	case Integer:
		if f.Lower > f.Upper || f.Lower == math.MinInt64 || len(f.Domain) > 0 {
			return invalid("bounds of field %d", i)
		}
	case Text:
		sorted := slices.Sorted(slices.Values(f.Domain))
		if len(f.Domain) == 0 || len(f.Domain) > maxDomain || len(slices.Compact(sorted)) != len(f.Domain) {
			return invalid("domain of field %d", i)
		}
	case Identifier:
	default:
		return invalid("kind of field %d", i)
	}
	return nil
}

// needs says which of a measure's references a function takes.
type needs struct{ integer, text, identifier, edges bool }

func functions() map[string]needs {
	return map[string]needs{
		Count: {}, Sum: {integer: true}, Mean: {integer: true}, Variance: {integer: true},
		Histogram: {integer: true, edges: true}, Quantile: {integer: true, edges: true},
		Min: {integer: true, edges: true}, Max: {integer: true, edges: true},
		Contingency: {text: true}, Regression: {integer: true}, Survival: {integer: true, edges: true},
		Distinct: {identifier: true},
	}
}

func (q *Question) checkMeasure(m *Measure) error {
	need, known := functions()[m.Fn]
	if !known {
		return invalid("function")
	}
	kind := ""
	if f := q.field(m.Field); f != nil {
		kind = f.Kind
	}
	grouped := m.Fn != Contingency && m.Fn != Regression && m.Fn != Distinct
	switch {
	case need == needs{} && m.Field != "", need.integer && kind != Integer, need.text && kind != Text, need.identifier && kind != Identifier:
		return invalid("field of %s", m.Fn)
	case m.By != "" && (!grouped || q.domain(m.By) == nil):
		return invalid("by of %s", m.Fn)
	case need.edges != (len(m.Edges) > 0) || !rising(m.Edges) || len(m.Edges) > maxDomain:
		return invalid("edges of %s", m.Fn)
	case (m.Fn == Quantile) != (m.Permille > 0) || m.Permille < 0 || m.Permille >= 1000:
		return invalid("permille of %s", m.Fn)
	}
	return q.checkOwn(m)
}

// checkOwn checks what only one function has.
func (q *Question) checkOwn(m *Measure) error {
	event := q.field(m.Event)
	switch {
	case (m.Fn == Contingency) != (m.With != "") || m.With != "" && q.domain(m.With) == nil:
		return invalid("with of %s", m.Fn)
	case (m.Fn == Survival) != (m.Event != "") || m.Event != "" && (event == nil || event.Kind != Integer || event.Lower != 0 || event.Upper != 1):
		return invalid("event of %s", m.Fn)
	case m.Fn == Survival && q.groups(m) > maxArms:
		return invalid("too many groups of %s", m.Fn)
	case (m.Fn == Distinct) != (m.Buckets > 0) || m.Buckets < 0 || m.Buckets > maxCiphertexts*half:
		return invalid("buckets of %s", m.Fn)
	case (m.Fn == Regression) != (len(m.Features) > 0) || len(m.Features) > 32:
		return invalid("features of %s", m.Fn)
	}
	for i, name := range m.Features {
		if f := q.field(name); f == nil || f.Kind != Integer || name == m.Field || slices.Contains(m.Features[:i], name) {
			return invalid("features of %s", m.Fn)
		}
	}
	return nil
}

func rising(edges []int64) bool {
	for i := 1; i < len(edges); i++ {
		if edges[i-1] >= edges[i] {
			return false
		}
	}
	return true
}

func (q *Question) checkSize(members int) error {
	if members < 2 || members >= half {
		return invalid("number of members")
	}
	total := 0
	for _, c := range q.Components() {
		total += c.Slots
		if c.PerRow < 1 || c.PerRow > limit(members) {
			return invalid("bounds of a measure")
		}
		if total > maxCiphertexts*perCiphertext(members) {
			return invalid("too many values")
		}
	}
	_, err := q.shares()
	return err
}
