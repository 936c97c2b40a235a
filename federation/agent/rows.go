package agent

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/secagg"
)

// Rows is an agency's data as a source of the gateway's kinds: a database table or view. Only the columns that the
// question declares are fetched.
type Rows struct {
	Source   source.Source
	Relation *source.Relation
	Where    predicate.Predicate // this agency's row rule; the zero value lets nothing through
	Unit     string              // field of the privacy unit; optional
	MaxRows  int                 // more is an error; required
}

// Table implements Data.
func (r *Rows) Table(ctx context.Context, q *secagg.Question) (*secagg.Table, error) {
	names := make([]string, 0, len(q.Fields)+1)
	unit := r.Unit != ""
	for _, f := range q.Fields {
		names = append(names, f.Name)
		unit = unit && f.Name != r.Unit
	}
	if unit {
		names = append(names, r.Unit)
	}
	if err := r.covers(q); err != nil {
		return nil, err
	}
	if len(names) == 0 { // a count over rows: any column will do
		for name := range r.Relation.Columns {
			names = append(names, name)
			break
		}
	}
	rows, err := r.Source.Fetch(ctx, &source.Query{Relation: r.Relation, Select: names, Where: r.Where, MaxRows: r.MaxRows})
	if err != nil {
		return nil, err
	}
	return r.convert(rows, q)
}

// covers reports whether there is a column for every declared field, and for the privacy unit.
func (r *Rows) covers(q *secagg.Question) error {
	for _, f := range q.Fields {
		if _, ok := r.Relation.Columns[f.Name]; !ok {
			return fmt.Errorf("%w: no column for a declared field", errData)
		}
	}
	if _, ok := r.Relation.Columns[r.Unit]; r.Unit != "" && !ok {
		return fmt.Errorf("%w: no column for the privacy unit", errData)
	}
	return nil
}

func (r *Rows) convert(rows *privacy.Table, q *secagg.Question) (*secagg.Table, error) {
	t := &secagg.Table{Rows: rows.Rows, Integers: map[string][]int64{}, Texts: map[string][]string{}, Null: map[string][]bool{}}
	for _, f := range q.Fields {
		c := rows.Column(f.Name)
		if c == nil {
			return nil, fmt.Errorf("%w: the source left a column out", errData)
		}
		if err := convertColumn(t, f, c); err != nil {
			return nil, err
		}
	}
	if r.Unit == "" {
		return t, nil
	}
	c := rows.Column(r.Unit)
	if c == nil || !c.Kind.Text() {
		return nil, fmt.Errorf("%w: the privacy unit is not a text", errData)
	}
	for i := range rows.Rows {
		t.Unit = append(t.Unit, c.Text(i)) // NULL is one unit: rows of nobody known count together
	}
	return t, nil
}

func convertColumn(t *secagg.Table, f secagg.Field, c *privacy.Column) error {
	null := make([]bool, t.Rows)
	for i := range null {
		null[i] = c.IsNull(i)
	}
	t.Null[f.Name] = null
	if f.Kind != secagg.Integer {
		return convertTexts(t, f, c)
	}
	out := make([]int64, t.Rows)
	for i := range out {
		if null[i] {
			continue
		}
		v, err := number(c, i, f.Scale)
		if err != nil {
			return err
		}
		out[i] = v
	}
	t.Integers[f.Name] = out
	return nil
}

func convertTexts(t *secagg.Table, f secagg.Field, c *privacy.Column) error {
	if !c.Kind.Text() {
		return fmt.Errorf("%w: not a text", errData)
	}
	out := make([]string, t.Rows)
	for i := range out {
		if !t.Null[f.Name][i] {
			out[i] = c.Text(i)
		}
	}
	t.Texts[f.Name] = out
	return nil
}

// number reads a cell in units of 10^-scale. Integers and decimals are exact; a float is rounded to the nearest unit.
// What does not fit is clipped to the largest number, as it would be at the declared bounds.
func number(c *privacy.Column, row, scale int) (int64, error) {
	var v *big.Rat
	switch {
	case c.Kind == privacy.Decimal:
		return scaled(c.Text(row), scale)
	case c.Kind == privacy.Float:
		if v = new(big.Rat).SetFloat64(c.Float(row)); v == nil {
			return 0, errNumber
		}
	case c.Kind == privacy.Bool || c.Kind == privacy.Int || c.Kind == privacy.BigInt:
		if scale == 0 {
			return max(c.Int(row), -math.MaxInt64), nil
		}
		v = new(big.Rat).SetInt64(c.Int(row))
	default:
		return 0, fmt.Errorf("%w: not a number", errData)
	}
	v.Mul(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	return clip(v), nil
}

func clip(v *big.Rat) int64 {
	n, ok := new(big.Int).SetString(v.FloatString(0), 10) // rounded half away from zero
	switch {
	case ok && n.IsInt64():
		return max(n.Int64(), -math.MaxInt64)
	case v.Sign() < 0:
		return -math.MaxInt64
	}
	return math.MaxInt64
}
