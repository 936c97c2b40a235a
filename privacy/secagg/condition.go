package secagg

import (
	"cmp"
	"slices"
	"strings"
)

// Condition says which rows count. Logic is two-valued: a comparison with NULL does not hold, and its negation does.
// Values are as the data has them, before any clipping; numbers are in units of 10^-Scale of their field, texts compare
// by bytes.
type Condition struct {
	Op       string      `json:"op"`
	Of       []Condition `json:"of,omitempty"`       // of and, or, not
	Field    string      `json:"field,omitempty"`    // of the others but never
	Integers []int64     `json:"integers,omitempty"` // compared with; one, or several of in
	Texts    []string    `json:"texts,omitempty"`
}

// Operators of a condition.
const (
	All      = "and"
	Any      = "or"
	None     = "not"   // of one
	Nothing  = "never" // no row
	Equal    = "eq"
	Unequal  = "ne"
	Less     = "lt"
	AtMost   = "lte"
	Greater  = "gt"
	AtLeast  = "gte"
	OneOf    = "in"
	Prefix   = "prefix"
	Suffix   = "suffix"
	Contains = "contains"
	IsNull   = "null"
)

const (
	maxConditionDepth = 16
	maxConditionTerms = 256
	maxConditionList  = 1000
)

// checkWhere refuses a condition that has no meaning on the declared fields.
func (q *Question) checkWhere() error {
	if q.Where == nil {
		return nil
	}
	terms := 0
	return q.checkCondition(q.Where, 0, &terms)
}

func (q *Question) checkCondition(c *Condition, depth int, terms *int) error {
	if *terms++; *terms > maxConditionTerms || depth > maxConditionDepth {
		return invalid("the condition is too large")
	}
	switch c.Op {
	case All, Any, None:
		if len(c.Of) == 0 || c.Op == None && len(c.Of) != 1 || c.compares() {
			return invalid("condition %s", c.Op)
		}
		for i := range c.Of {
			if err := q.checkCondition(&c.Of[i], depth+1, terms); err != nil {
				return err
			}
		}
		return nil
	case Nothing:
		if c.compares() || len(c.Of) > 0 {
			return invalid("condition never")
		}
		return nil
	}
	return q.checkComparison(c)
}

func (c *Condition) compares() bool { return c.Field != "" || len(c.Integers)+len(c.Texts) > 0 }

func (q *Question) checkComparison(c *Condition) error {
	f := q.field(c.Field)
	values, wrong := len(c.Integers), len(c.Texts)
	if f != nil && f.Kind != Integer {
		values, wrong = wrong, values
	}
	text := c.Op == Prefix || c.Op == Suffix || c.Op == Contains
	switch {
	case f == nil || len(c.Of) > 0 || wrong > 0 || text && f.Kind == Integer:
	case c.Op == IsNull && values == 0, c.Op == OneOf && values > 0 && values <= maxConditionList:
		return nil
	case c.Op == Equal, c.Op == Unequal, c.Op == Less, c.Op == AtMost, c.Op == Greater, c.Op == AtLeast, text:
		if values == 1 {
			return nil
		}
	}
	return invalid("condition on a field")
}

// holds decides one row of a table whose columns were found to be there.
func (l *local) holds(c *Condition, r int) bool {
	switch c.Op {
	case All:
		return !slices.ContainsFunc(c.Of, func(k Condition) bool { return !l.holds(&k, r) })
	case Any:
		return slices.ContainsFunc(c.Of, func(k Condition) bool { return l.holds(&k, r) })
	case None:
		return !l.holds(&c.Of[0], r)
	case Nothing:
		return false
	case IsNull:
		return l.null(c.Field, r)
	}
	if l.null(c.Field, r) {
		return false
	}
	if len(c.Integers) > 0 {
		return compared(c.Op, l.table.Integers[c.Field][r], c.Integers)
	}
	v := l.table.Texts[c.Field][r]
	switch c.Op {
	case Prefix:
		return strings.HasPrefix(v, c.Texts[0])
	case Suffix:
		return strings.HasSuffix(v, c.Texts[0])
	case Contains:
		return strings.Contains(v, c.Texts[0])
	}
	return compared(c.Op, v, c.Texts)
}

func compared[T cmp.Ordered](op string, v T, with []T) bool {
	if op == OneOf {
		return slices.Contains(with, v)
	}
	order := cmp.Compare(v, with[0])
	switch op {
	case Equal:
		return order == 0
	case Unequal:
		return order != 0
	case Less:
		return order < 0
	case AtMost:
		return order <= 0
	case Greater:
		return order > 0
	}
	return order >= 0 // AtLeast; Check knows no other
}

// readable reports whether the table has every column that the condition reads.
func (l *local) readable(c *Condition) bool {
	if slices.ContainsFunc(c.Of, func(k Condition) bool { return !l.readable(&k) }) {
		return false
	}
	f := l.question.field(c.Field)
	switch {
	case f == nil:
		return c.Field == ""
	case f.Kind == Integer:
		return len(l.table.Integers[c.Field]) == l.table.Rows
	}
	return len(l.table.Texts[c.Field]) == l.table.Rows
}
