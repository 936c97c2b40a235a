package predicate

// Row gives the fields of one row; NULL is the zero Value.
type Row interface {
	Value(field string) Value
}

// Related is a Row that can also answer Exists. A Row that cannot makes any predicate that turns on an Exists fail.
type Related interface {
	Exists(relation string, p Predicate) bool
}

// truth is two-valued but for broken: an answer that cannot be had, from values that cannot be compared or a row
// that does not know its relations. Neither a broken step nor its negation holds.
type truth uint8

const (
	no truth = iota
	yes
	broken
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// Holds evaluates p on one row. It is the plain reference for every printer of predicates.
func (p Predicate) Holds(row Row) bool { return p.on(row) == yes }

func (p Predicate) on(row Row) truth {
	n := p.Node()
	switch n.Kind {
	case KindAlways:
		return yes
	case KindAnd:
		return junction(n.Kids, row, no)
	case KindOr:
		return junction(n.Kids, row, yes)
	case KindNot:
		return not(n.Kids[0].on(row))
	case KindNull:
		return truthOf(null(row.Value(n.Field)))
	case KindCompare:
		return comparison(row.Value(n.Field), n.Op, n.Value)
	case KindFields:
		return comparison(row.Value(n.Field), n.Op, row.Value(n.Other))
	case KindIn:
		return member(row.Value(n.Field), n.Values)
	case KindExists:
		if related, ok := row.(Related); ok {
			return truthOf(related.Exists(n.Relation, n.Kids[0]))
		}
		return broken
	}
	return no
}

// junction is And with stop = no, and Or with stop = yes: one kid that says stop decides.
func junction(kids []Predicate, row Row, stop truth) truth {
	result := not(stop)
	for _, k := range kids {
		switch k.on(row) {
		case stop:
			return stop
		case broken:
			result = broken
		}
	}
	return result
}

func not(t truth) truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return broken
}

func member(v Value, values []Value) truth {
	if null(v) {
		return no
	}
	result := no
	for _, other := range values {
		switch comparison(v, Eq, other) {
		case yes:
			return yes
		case broken:
			result = broken
		}
	}
	return result
}

func comparison(a Value, op Op, b Value) truth {
	if null(a) || null(b) {
		return no
	}
	switch op {
	case HasPrefix, HasSuffix, Contains, Like:
		if a.Kind != TextValue || b.Kind != TextValue {
			return broken
		}
		return truthOf(textTest(a.Text, op, b.Text))
	}
	order, ok := Order(a, b)
	if !ok {
		return broken
	}
	switch op {
	case Eq:
		return truthOf(order == 0)
	case Ne:
		return truthOf(order != 0)
	case Lt:
		return truthOf(order < 0)
	case Lte:
		return truthOf(order <= 0)
	case Gt:
		return truthOf(order > 0)
	case Gte:
		return truthOf(order >= 0)
	}
	return broken
}

// null reports whether v counts as NULL: also NaN and infinities that were not made by Float.
func null(v Value) bool {
	return v.Kind == NullValue || v.Kind == FloatValue && v.Float-v.Float != 0
}
