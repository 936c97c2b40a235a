package sql

import (
	"strconv"
	"strings"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// Totals reports whether a query is one statement of the dialect's.
func Totals(d Dialect, t *Table, q *source.Query, tables Tables) bool {
	return t != nil && t.Fits(q.Relation) == nil && able{newPrinter(d, t, q, tables), q}.query(q)
}

// totals asks about the factors: integers, or decimals that are declared with no more digits than asked for.
func (a able) totals(m source.Measure) bool {
	for _, f := range m.Product.Factors {
		o := a.p.operand(f.Field)
		if !o.Class.Whole() && (o.Class != Decimal || o.Scale < 0 || o.Scale > f.Scale) {
			return false
		}
	}
	return true
}

// total writes the sum of a product of bounded numbers.
func (p *Printer) total(m source.Measure) string {
	var product, present []string
	for _, f := range m.Product.Factors {
		product = append(product, p.factor(f))
	}
	if len(product) == 0 {
		product = []string{"1"}
	}
	sum := strings.Join(product, " * ")
	for _, field := range m.Product.Present {
		present = append(present, p.dialect.Sortable(p.operand(field))+" IS NOT NULL")
	}
	if len(present) > 0 {
		sum = "CASE WHEN " + strings.Join(present, " AND ") + " THEN " + sum + " END"
	}
	return p.dialect.Total(sum)
}

// factor compares first, so that nothing is multiplied that could overflow.
func (p *Printer) factor(f source.Factor) string {
	o := p.operand(f.Field)
	x := p.dialect.Sortable(o)
	upper, lower := p.bound(f.Upper), p.bound(f.Lower)
	if o.Kind == privacy.Decimal && !o.Class.Whole() {
		return "CASE WHEN " + x + " >= " + point(f.Upper, f.Scale) + " THEN " + upper + " WHEN " + x + " <= " + point(f.Lower, f.Scale) +
			" THEN " + lower + " ELSE " + p.dialect.Whole("("+x+") * "+strconv.FormatInt(eval.Power(f.Scale), 10)) + " END"
	}
	from, to := eval.Reach(f)
	inside := p.dialect.Whole(x)
	if f.Scale > 0 {
		inside += " * " + strconv.FormatInt(eval.Power(f.Scale), 10)
	}
	return "CASE WHEN " + x + " >= " + strconv.FormatInt(to, 10) + " THEN " + upper + " WHEN " + x + " <= " + strconv.FormatInt(from, 10) +
		" THEN " + lower + " ELSE " + inside + " END"
}

func (p *Printer) bound(v int64) string { return p.dialect.Whole(strconv.FormatInt(v, 10)) }

// point is an integer of units of 10^-scale as a decimal.
func point(v int64, scale int) string {
	sign, digits := "", strconv.FormatInt(v, 10)
	if v < 0 {
		sign, digits = "-", digits[1:]
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	if scale == 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}
