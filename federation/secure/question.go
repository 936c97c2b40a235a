package secure

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"concordat/federation/compose"
	"concordat/federation/plan"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/secagg"
)

// question is the step in the agents' words. Session and end are filled in once a session stands.
func (s *Service) question(step *plan.AuthorizedStep, a Asking) (*secagg.Question, error) {
	q := &secagg.Question{Session: "unnamed", Agreement: a.Subject.Agreement, Dataset: step.Entity.Name, Purpose: a.Subject.Purpose, Decision: a.Decision,
		Minimum: s.minimum(a), Until: 1, Querier: step.Secure.Key}
	if t := a.Terms; t.EpsilonDen > 0 {
		q.PerUnit, q.Noise = t.RowsPerUnit, &secagg.Noise{Mechanism: t.Mechanism, DeltaExponent: t.DeltaExponent, EpsilonNum: t.EpsilonNum, EpsilonDen: t.EpsilonDen, Honest: t.Honest}
	}
	b := fields{step: step, question: q}
	for i := range step.Secure.Measures {
		m := step.Secure.Measures[i]
		for _, name := range m.Fields() {
			b.declare(name)
		}
		q.Measures = append(q.Measures, secagg.Measure(m))
	}
	where, err := b.where()
	if err != nil {
		return nil, err
	}
	q.Where = where
	return q, nil
}

func (s *Service) minimum(a Asking) int {
	switch {
	case a.Terms.Minimum > 0:
		return a.Terms.Minimum
	case s.Minimum > 1:
		return s.Minimum
	}
	return 3
}

// fields declares what the question reads, each field once.
type fields struct {
	step     *plan.AuthorizedStep
	question *secagg.Question
}

func (b *fields) field(name string) *compose.Field {
	if m := b.step.Entity.Members[name]; m.Role == compose.RoleScalar {
		return m.Field
	}
	return nil
}

// declare declares a field for a measure: with its public bounds or domain.
func (b *fields) declare(name string) {
	if slices.ContainsFunc(b.question.Fields, func(f secagg.Field) bool { return f.Name == name }) {
		return
	}
	s := b.field(name).Secure // plan refused a measure over a field without one
	b.question.Fields = append(b.question.Fields, secagg.Field{Name: name, Kind: string(s.Kind), Scale: s.Scale, Lower: s.Lower, Upper: s.Upper, Domain: s.Domain})
}

// read declares a field for the filter alone: false where an agent could not compare it.
func (b *fields) read(name string) bool {
	f := b.field(name)
	if f == nil {
		return false
	}
	if f.Secure != nil {
		b.declare(name)
		return true
	}
	if slices.ContainsFunc(b.question.Fields, func(o secagg.Field) bool { return o.Name == name }) {
		return true
	}
	switch f.Kind {
	case privacy.Int, privacy.BigInt, privacy.Bool:
		b.question.Fields = append(b.question.Fields, secagg.Field{Name: name, Kind: secagg.Integer, Lower: -math.MaxInt64, Upper: math.MaxInt64})
	case privacy.String, privacy.Date:
		b.question.Fields = append(b.question.Fields, secagg.Field{Name: name, Kind: secagg.Identifier})
	default:
		return false
	}
	return true
}

// where is the caller's filter and the agencies' row rules, which are the same for all: one question is put to all.
func (b *fields) where() (*secagg.Condition, error) {
	var first *secagg.Condition
	var spelled []byte
	for i, p := range b.step.Parts {
		c, ok := b.condition(p.Where)
		if !ok {
			if _, own := b.condition(b.step.Where); !own {
				return nil, refuse("BAD_USER_INPUT", errCondition)
			}
			return nil, refuse("FORBIDDEN", errRows)
		}
		text, err := json.Marshal(c)
		if err != nil {
			return nil, refuse("INTERNAL", err)
		}
		if i == 0 {
			first, spelled = c, text
		} else if !bytes.Equal(text, spelled) {
			return nil, refuse("FORBIDDEN", errRows)
		}
	}
	return first, nil
}

// condition is a predicate in the agents' words; nil for every row, false where it has none.
func (b *fields) condition(p predicate.Predicate) (*secagg.Condition, bool) {
	n := p.Node()
	switch n.Kind {
	case predicate.KindAlways:
		return nil, true
	case predicate.KindNever:
		return &secagg.Condition{Op: secagg.Nothing}, true
	case predicate.KindAnd:
		return b.several(secagg.All, n.Kids)
	case predicate.KindOr:
		return b.several(secagg.Any, n.Kids)
	case predicate.KindNot:
		return b.several(secagg.None, n.Kids)
	case predicate.KindNull:
		return &secagg.Condition{Op: secagg.IsNull, Field: n.Field}, b.read(n.Field)
	case predicate.KindCompare:
		op, known := ops()[n.Op]
		c := &secagg.Condition{Op: op, Field: n.Field}
		return c, known && b.value(c, n.Value)
	case predicate.KindIn:
		c := &secagg.Condition{Op: secagg.OneOf, Field: n.Field}
		return c, !slices.ContainsFunc(n.Values, func(v predicate.Value) bool { return !b.value(c, v) })
	}
	return nil, false // two fields, or another type's rows: an agent compares neither
}

func ops() map[predicate.Op]string {
	return map[predicate.Op]string{predicate.Eq: secagg.Equal, predicate.Ne: secagg.Unequal, predicate.Lt: secagg.Less, predicate.Lte: secagg.AtMost,
		predicate.Gt: secagg.Greater, predicate.Gte: secagg.AtLeast, predicate.HasPrefix: secagg.Prefix, predicate.HasSuffix: secagg.Suffix,
		predicate.Contains: secagg.Contains}
}

func (b *fields) several(op string, kids []predicate.Predicate) (*secagg.Condition, bool) {
	c := &secagg.Condition{Op: op}
	for _, k := range kids {
		one, ok := b.condition(k)
		if !ok || one == nil {
			return nil, false
		}
		c.Of = append(c.Of, *one)
	}
	return c, true
}

// value adds what a field is compared with. A number that its field's scale cannot spell is refused, not rounded.
func (b *fields) value(c *secagg.Condition, v predicate.Value) bool {
	if !b.read(c.Field) {
		return false
	}
	f := b.field(c.Field)
	number := f.Secure != nil && f.Secure.Kind == compose.SecureInteger || f.Secure == nil && (f.Kind == privacy.Int || f.Kind == privacy.BigInt || f.Kind == privacy.Bool)
	scale := 0
	if f.Secure != nil {
		scale = f.Secure.Scale
	}
	text, isNumber := spelled(v)
	switch {
	case number && isNumber:
		n, exact := compose.Scaled(text, scale)
		c.Integers = append(c.Integers, n)
		return exact
	case !number && v.Kind == predicate.TextValue:
		c.Texts = append(c.Texts, v.Text)
		return true
	}
	return false
}

// spelled is a number as a decimal.
func spelled(v predicate.Value) (string, bool) {
	switch v.Kind {
	case predicate.IntValue, predicate.BoolValue:
		return strconv.FormatInt(v.Int, 10), true
	case predicate.FloatValue:
		return strconv.FormatFloat(v.Float, 'f', -1, 64), true
	case predicate.DecimalValue:
		return v.Text, true
	}
	return "", false
}
