// Package predicate is the closed, typed language of row conditions: what a row rule of a policy, a caller's
// filter, a join's key set and a cursor all become before a source or the gateway evaluates them.
//
// The zero Predicate is Never: a predicate that nobody made lets no row through.
//
// Logic is two-valued. A comparison on a NULL field does not hold, and its negation does: exactly Rego's reading
// of a key that is absent from input.row. A printer for a three-valued language (SQL) must write it so.
//
//	p := predicate.And(predicate.Compare("region", predicate.Eq, predicate.String("north")),
//	    predicate.Not(predicate.Null("admittedOn")))
//
// The package knows nothing of columns, tables or dialects: fields are names, and who prints them binds values.
package predicate

// Kind says what a Node is.
type Kind uint8

const (
	KindNever   Kind = iota // no row
	KindAlways              // every row
	KindAnd                 // all of Kids
	KindOr                  // any of Kids
	KindNot                 // not Kids[0]
	KindCompare             // Field Op Value
	KindIn                  // Field is one of Values
	KindNull                // Field is NULL (or NaN or infinite)
	KindFields              // Field Op Other: two fields of one row
	KindExists              // a row of Relation exists for which Kids[0] holds
)

// Op is a comparison. Text compares by bytes, times by instant, decimals exactly.
type Op uint8

const (
	Eq Op = iota + 1
	Ne
	Lt
	Lte
	Gt
	Gte
	HasPrefix
	HasSuffix
	Contains
	Like // SQL LIKE with % and _, backslash escapes; case-sensitive
)

// Predicate is immutable; the zero value is Never.
type Predicate struct{ node *Node }

// Node is one step of a predicate, for those who print or evaluate it. Do not change one.
type Node struct {
	Kind     Kind
	Kids     []Predicate
	Field    string
	Op       Op
	Value    Value
	Values   []Value
	Other    string
	Relation string
}

var never = &Node{Kind: KindNever}

// Node returns the top step of p.
func (p Predicate) Node() *Node {
	if p.node == nil {
		return never
	}
	return p.node
}

// IsNever reports whether p is literally Never.
func (p Predicate) IsNever() bool { return p.Node().Kind == KindNever }

// IsAlways reports whether p is literally Always.
func (p Predicate) IsAlways() bool { return p.Node().Kind == KindAlways }

// Never holds for no row.
func Never() Predicate { return Predicate{} }

// Always holds for every row.
func Always() Predicate { return Predicate{&Node{Kind: KindAlways}} }

// And holds where all kids do; And() is Always.
func And(kids ...Predicate) Predicate {
	kept := make([]Predicate, 0, len(kids))
	for _, k := range kids {
		switch k.Node().Kind {
		case KindNever:
			return Never()
		case KindAlways:
		case KindAnd:
			kept = append(kept, k.node.Kids...)
		default:
			kept = append(kept, k)
		}
	}
	switch len(kept) {
	case 0:
		return Always()
	case 1:
		return kept[0]
	}
	return Predicate{&Node{Kind: KindAnd, Kids: kept}}
}

// Or holds where any kid does; Or() is Never.
func Or(kids ...Predicate) Predicate {
	kept := make([]Predicate, 0, len(kids))
	for _, k := range kids {
		switch k.Node().Kind {
		case KindAlways:
			return Always()
		case KindNever:
		case KindOr:
			kept = append(kept, k.node.Kids...)
		default:
			kept = append(kept, k)
		}
	}
	switch len(kept) {
	case 0:
		return Never()
	case 1:
		return kept[0]
	}
	return Predicate{&Node{Kind: KindOr, Kids: kept}}
}

// Not holds where p does not.
func Not(p Predicate) Predicate {
	switch p.Node().Kind {
	case KindAlways:
		return Never()
	case KindNever:
		return Always()
	case KindNot:
		return p.node.Kids[0]
	}
	return Predicate{&Node{Kind: KindNot, Kids: []Predicate{p}}}
}

// Compare holds where field is not NULL and `field op value` is true. A NULL value makes it Never.
func Compare(field string, op Op, value Value) Predicate {
	if value.Kind == NullValue {
		return Never()
	}
	return Predicate{&Node{Kind: KindCompare, Field: field, Op: op, Value: value}}
}

// In holds where field is not NULL and equals one of values.
func In(field string, values ...Value) Predicate {
	if len(values) == 0 {
		return Never()
	}
	return Predicate{&Node{Kind: KindIn, Field: field, Values: values}}
}

// Null holds where field is NULL.
func Null(field string) Predicate { return Predicate{&Node{Kind: KindNull, Field: field}} }

// Fields holds where both fields are not NULL and `field op other` is true.
func Fields(field string, op Op, other string) Predicate {
	return Predicate{&Node{Kind: KindFields, Field: field, Op: op, Other: other}}
}

// Exists holds where a visible row of the related type satisfies p.
func Exists(relation string, p Predicate) Predicate {
	return Predicate{&Node{Kind: KindExists, Relation: relation, Kids: []Predicate{p}}}
}

// Names calls visit for every field of the row that p reads, repeats included.
func (p Predicate) Names(visit func(field string)) {
	n := p.Node()
	if n.Field != "" {
		visit(n.Field)
	}
	if n.Other != "" {
		visit(n.Other)
	}
	if n.Kind == KindExists {
		visit(n.Relation)
		return
	}
	for _, k := range n.Kids {
		k.Names(visit)
	}
}
