package sqlite

import (
	"strconv"
	"strings"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// Totals implements source.Totaler, of tables that Check or a fetch has looked at.
func (s *Source) Totals(q *source.Query) bool {
	t, ok := s.tables.tables.Load(q.Relation.Table)
	return ok && s.tables.fits(t.(*table), q.Relation) == nil && capabilityOf(t.(*table), q, s.tables.known(q.Related, nil)).query(q)
}

// totals says whether the factors are integers: decimals are texts here.
func (c capability) totals(m source.Measure) bool {
	for _, f := range m.Product.Factors {
		if k := c.relation.Columns[f.Field].Kind; k != privacy.Int && k != privacy.BigInt {
			return false
		}
	}
	return true
}

// total writes the sum of a product of bounded integers. A sum with a double in it is a double, which no reader of
// integers takes: so a cell that is no integer, which every branch turns into a double, is refused and not added.
func (p *printer) total(m source.Measure) string {
	var product []string
	for _, f := range m.Product.Factors {
		product = append(product, p.factor(f))
	}
	if len(product) == 0 {
		product = []string{"1"}
	}
	sum := strings.Join(product, " * ")
	if len(m.Product.Present) == 0 {
		return "sum(" + sum + ")"
	}
	var present []string
	for _, field := range m.Product.Present {
		present = append(present, p.sortable(field)+" IS NOT NULL")
	}
	return "sum(CASE WHEN " + strings.Join(present, " AND ") + " THEN " + sum + " END)"
}

// factor compares first, so that nothing is multiplied that could overflow: any text or blob is above every number.
func (p *printer) factor(f source.Factor) string {
	x := p.value(f.Field)
	from, to := eval.Reach(f)
	held := func(bound int64) string {
		return " THEN CASE typeof(" + x + ") WHEN 'integer' THEN " + strconv.FormatInt(bound, 10) + " ELSE 0.5 END"
	}
	inside := x
	if f.Scale > 0 {
		inside += " * " + strconv.FormatInt(eval.Power(f.Scale), 10)
	}
	return "CASE WHEN " + x + " >= " + strconv.FormatInt(to, 10) + held(f.Upper) +
		" WHEN " + x + " <= " + strconv.FormatInt(from, 10) + held(f.Lower) + " ELSE " + inside + " END"
}
