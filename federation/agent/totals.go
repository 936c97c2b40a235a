package agent

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/secagg"
)

// Totaler is Data whose database can add a question up itself: no row of it then moves. ErrRows where it cannot, or
// where its rows have to say what is wrong.
type Totaler interface {
	Totals(ctx context.Context, q *secagg.Question, t *secagg.Totals) ([]secagg.Cell, error)
}

// ErrRows: a question is computed over rows.
var ErrRows = errors.New("the question needs rows")

// Values is one agency's contribution to a question of that many members: added up by the database where it can, else
// over rows. Both give the same numbers.
func Values(ctx context.Context, d Data, q *secagg.Question, members int) ([]int64, error) {
	values, err := totalled(ctx, d, q, members)
	if !errors.Is(err, ErrRows) {
		return values, err
	}
	table, err := d.Table(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", CodeData.failure(), err)
	}
	return q.Local(table, members)
}

func totalled(ctx context.Context, d Data, q *secagg.Question, members int) ([]int64, error) {
	adds, ok := d.(Totaler)
	if !ok {
		return nil, ErrRows
	}
	t, ok := q.Totals()
	if !ok {
		return nil, ErrRows
	}
	cells, err := adds.Totals(ctx, q, t)
	if errors.Is(err, ErrRows) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", CodeData.failure(), err)
	}
	values, err := q.FromTotals(t, cells, members)
	if errors.Is(err, secagg.ErrOverflow) {
		return nil, ErrRows
	}
	return values, err
}

// Totals implements Totaler: one aggregate statement, of sources that can.
func (r *Rows) Totals(ctx context.Context, q *secagg.Question, t *secagg.Totals) ([]secagg.Cell, error) {
	a, can := r.Source.(source.Totaler)
	if !can || r.covers(q) != nil {
		return nil, ErrRows
	}
	b := totalBuilder{rows: r, question: q, totals: t, witnesses: map[string]bool{}}
	query, ok := b.query()
	if !ok || query.Check() != nil || !a.Totals(query) {
		return nil, ErrRows
	}
	answer, err := r.Source.Fetch(ctx, query)
	if errors.Is(err, source.ErrInvalid) || errors.Is(err, source.ErrTooLarge) {
		return nil, ErrRows
	}
	if err != nil {
		return nil, err
	}
	return b.cells(answer)
}

// totalBuilder writes a question as an aggregate over one relation, and reads its answer.
type totalBuilder struct {
	rows      *Rows
	question  *secagg.Question
	totals    *secagg.Totals
	witnesses map[string]bool // numbers that are only compared
}

func (b *totalBuilder) query() (*source.Query, bool) {
	where, ok := b.condition(b.question.Where)
	if !ok {
		return nil, false
	}
	a := &source.Aggregate{}
	for i, k := range b.totals.Keys {
		g, ok := b.key(k)
		if !ok {
			return nil, false
		}
		g.As = "k" + strconv.Itoa(i)
		a.Group = append(a.Group, g)
	}
	for i, p := range b.totals.Sums {
		m, ok := b.measure(p)
		if !ok {
			return nil, false
		}
		m.As = "s" + strconv.Itoa(i)
		a.Measures = append(a.Measures, m)
	}
	b.witness(a)
	return &source.Query{Relation: b.rows.Relation, Where: predicate.And(b.rows.Where, where), Aggregate: a,
		MaxRows: min(b.rows.MaxRows, secagg.MaxCells)}, true
}

func (b *totalBuilder) field(name string) *secagg.Field {
	for i := range b.question.Fields {
		if b.question.Fields[i].Name == name {
			return &b.question.Fields[i]
		}
	}
	return nil
}

// exact reports whether a column's numbers can be bounded and compared as they are; floats would have to be rounded
// first.
func (b *totalBuilder) exact(name string) bool {
	k := b.rows.Relation.Columns[name].Kind
	return k == privacy.Int || k == privacy.BigInt || k == privacy.Decimal
}

func (b *totalBuilder) text(name string) bool {
	k := b.rows.Relation.Columns[name].Kind
	return k == privacy.String || k == privacy.Date
}

func (b *totalBuilder) key(k secagg.Key) (source.Group, bool) {
	g := source.Group{Field: k.Field}
	f := b.field(k.Field)
	if f.Kind != secagg.Integer {
		return g, b.text(k.Field)
	}
	if k.Edges == nil {
		kind := b.rows.Relation.Columns[k.Field].Kind
		return g, b.exact(k.Field) || kind == privacy.Float || kind == privacy.Bool
	}
	for _, e := range k.Edges {
		g.Edges = append(g.Edges, decimalOf(e, f.Scale))
	}
	b.witnesses[k.Field] = true
	return g, b.exact(k.Field)
}

// decimalOf is an integer of units of 10^-scale.
func decimalOf(v int64, scale int) predicate.Value {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return predicate.Decimal(new(big.Rat).SetFrac(big.NewInt(v), unit).FloatString(scale))
}

func (b *totalBuilder) measure(p secagg.Product) (source.Measure, bool) {
	if len(p.Factors) == 0 && len(p.Present) == 0 {
		return source.Measure{Func: source.CountRows}, true
	}
	out := &source.Product{Present: p.Present}
	for _, name := range p.Factors {
		if !b.exact(name) {
			return source.Measure{}, false
		}
		f := b.field(name)
		out.Factors = append(out.Factors, source.Factor{Field: name, Scale: f.Scale, Lower: f.Lower, Upper: f.Upper})
	}
	return source.Measure{Func: source.Total, Product: out}, true
}

// witness adds up the numbers that are only compared, within 0 and 1: so that a cell that is none is found here too.
func (b *totalBuilder) witness(a *source.Aggregate) {
	for i := range b.question.Fields {
		f := &b.question.Fields[i]
		if b.witnesses[f.Name] {
			p := &source.Product{Factors: []source.Factor{{Field: f.Name, Scale: f.Scale, Upper: 1}}}
			a.Measures = append(a.Measures, source.Measure{Func: source.Total, Product: p, As: "w" + strconv.Itoa(i)})
		}
	}
}

// condition is the question's condition on the relation's own columns, false where the two could differ.
func (b *totalBuilder) condition(c *secagg.Condition) (predicate.Predicate, bool) {
	if c == nil {
		return predicate.Always(), true
	}
	switch c.Op {
	case secagg.All, secagg.Any, secagg.None:
		return b.several(c)
	case secagg.Nothing:
		return predicate.Never(), true
	}
	f := b.field(c.Field)
	number := f.Kind == secagg.Integer
	if number && !b.exact(c.Field) || !number && !b.text(c.Field) {
		return predicate.Never(), false
	}
	b.witnesses[c.Field] = b.witnesses[c.Field] || number
	if c.Op == secagg.IsNull {
		return predicate.Null(c.Field), true
	}
	var values []predicate.Value
	for _, v := range c.Integers {
		if v == math.MaxInt64 || v <= -math.MaxInt64 { // where the rows' numbers are clipped
			return predicate.Never(), false
		}
		values = append(values, decimalOf(v, f.Scale))
	}
	for _, v := range c.Texts {
		values = append(values, predicate.String(v))
	}
	if c.Op == secagg.OneOf {
		return predicate.In(c.Field, values...), true
	}
	op, known := comparisons()[c.Op]
	return predicate.Compare(c.Field, op, values[0]), known
}

func comparisons() map[string]predicate.Op {
	return map[string]predicate.Op{secagg.Equal: predicate.Eq, secagg.Unequal: predicate.Ne, secagg.Less: predicate.Lt, secagg.AtMost: predicate.Lte,
		secagg.Greater: predicate.Gt, secagg.AtLeast: predicate.Gte, secagg.Prefix: predicate.HasPrefix, secagg.Suffix: predicate.HasSuffix,
		secagg.Contains: predicate.Contains}
}

func (b *totalBuilder) several(c *secagg.Condition) (predicate.Predicate, bool) {
	kids := make([]predicate.Predicate, len(c.Of))
	for i := range c.Of {
		kid, ok := b.condition(&c.Of[i])
		if !ok {
			return kid, false
		}
		kids[i] = kid
	}
	switch c.Op {
	case secagg.All:
		return predicate.And(kids...), true
	case secagg.Any:
		return predicate.Or(kids...), true
	}
	return predicate.Not(kids[0]), true
}

// cells reads the groups of an answer.
func (b *totalBuilder) cells(t *privacy.Table) ([]secagg.Cell, error) {
	keys, sums := len(b.totals.Keys), len(b.totals.Sums)
	if len(t.Columns) < keys+sums {
		return nil, fmt.Errorf("%w: the source left a column out", errData)
	}
	out := make([]secagg.Cell, t.Rows)
	values, numbers := make([]secagg.KeyValue, t.Rows*keys), make([]int64, t.Rows*sums)
	for row := range out {
		out[row] = secagg.Cell{Keys: values[row*keys : (row+1)*keys], Sums: numbers[row*sums : (row+1)*sums]}
		for i, k := range b.totals.Keys {
			v, err := b.keyValue(k, t.Columns[i], row)
			if err != nil {
				return nil, ErrRows
			}
			out[row].Keys[i] = v
		}
		for i := range sums {
			if c := t.Columns[keys+i]; !c.IsNull(row) {
				out[row].Sums[i] = c.Int(row)
			}
		}
	}
	return out, nil
}

func (b *totalBuilder) keyValue(k secagg.Key, c *privacy.Column, row int) (secagg.KeyValue, error) {
	f := b.field(k.Field)
	switch {
	case c.IsNull(row):
		return secagg.KeyValue{Null: true}, nil
	case f.Kind != secagg.Integer:
		return secagg.KeyValue{Text: c.Text(row)}, nil
	case k.Edges != nil:
		return secagg.KeyValue{Number: c.Int(row)}, nil
	}
	n, err := number(c, row, f.Scale)
	return secagg.KeyValue{Number: n}, err
}
