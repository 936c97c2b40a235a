// Package source is the contract between the gateway and where data lives. A Source answers a Query over one
// relation with a columnar table; what it cannot do itself the gateway does with the same meaning (package eval).
//
// A Source promises: no row outside Query.Where, no column outside Query.Select, at most Query.MaxRows rows (else
// ErrTooLarge), cancellation within 100 ms of the context's end, and errors that wrap one of the sentinels. It does
// not promise an order unless asked for one.
package source

import (
	"context"
	"errors"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// Errors a Source wraps; nothing else of its error text ever reaches a client.
var (
	ErrUnavailable = errors.New("source unavailable")
	ErrTimeout     = errors.New("source timed out")
	ErrInvalid     = errors.New("source answered something invalid")
	ErrTooLarge    = errors.New("source result too large")
)

// Refused is the error of an agency whose own rules do not answer this question. The caller is told that, and of whom; the
// agency's reason stays there.
type Refused struct{ Agency string }

func (r *Refused) Error() string { return "refused by the rules of " + r.Agency }

// Source fetches. Implementations are safe for concurrent use.
type Source interface {
	Fetch(ctx context.Context, q *Query) (*privacy.Table, error)
}

// Explainer is a Source that can say, without running it, what it would send and what it leaves to the gateway.
type Explainer interface {
	Explain(q *Query) Explanation
}

// Estimator is a Source that can say about how many rows it would read for a query, from its statistics. False: it cannot
// say.
type Estimator interface {
	Estimate(ctx context.Context, q *Query) (rows int64, ok bool)
}

// Explanation is printed by `schema plan`.
type Explanation struct {
	Statement string   // SQL, GraphQL document, or a sentence
	Pushed    []string // "filter", "order", "limit", "keys", "aggregate", "projection"
	Local     []string // what the gateway does itself
	// EstimatedRows is what an Estimator said, for who asked one.
	EstimatedRows *int64
	Relates       bool // no condition on related rows is among it
	Statements    int  // more than one where there are more keys than the source takes at once; else 0
}

// Relation binds an entity type to a source's table.
type Relation struct {
	Type    string
	Table   string
	Columns map[string]Column // by GraphQL field name
}

// Column binds a field to a physical column, or to one that is computed of it.
type Column struct {
	Coordinate privacy.Coordinate
	Physical   string
	Kind       privacy.Kind
	Derived    *Derived // nil: as it is stored
}

// Query is one fetch. Fields are named as in GraphQL; Relation maps them.
type Query struct {
	Relation  *Relation
	Select    []string            // columns of the answer, in this order (row queries)
	Where     predicate.Predicate // the zero value fetches nothing
	Keys      *Keys               // nil: not restricted by key
	Order     []Order             // text by bytes; see Order for NULL
	Limit     int                 // rows, 0: no limit; per key value where Keys.PerKey
	Aggregate *Aggregate          // not nil: Select, Order and Limit are empty
	Related   map[string]*Related // by the names that Where's Exists have; only of a Relater
	MaxRows   int                 // more is ErrTooLarge
}

// Keys restricts to rows whose Field equals one of Values (distinct, not NULL).
type Keys struct {
	Field  string
	Values []predicate.Value
	PerKey bool // Order and Limit hold within each key value (window)
}

// Order is one term of an order. NULL comes last whichever the direction, first with NullsFirst (the reverse of an
// order, for paging backwards).
type Order struct {
	Field      string
	Descending bool
	NullsFirst bool
}

// Aggregate groups rows and measures each group. The answer has one column per Group and Measure, named As.
// Without Group there is exactly one row, also over no rows.
type Aggregate struct {
	Group    []Group
	Measures []Measure
}

// Group is one grouping key, in the field's own kind: the value, or what one of the others makes of it.
type Group struct {
	Field  string
	Grain  Grain
	Zone   string            // with a Grain of times: the IANA time zone of the periods; "" is UTC
	Prefix int               // of texts: so many characters at their beginning; 0: all
	Edges  []predicate.Value // of numbers, ascending: how many of them the value reaches (an Int)
	As     string

	// Via makes it the key of the related row that Query.Related names so and Where lets through: the least key where
	// there are several, NULL where there is none. Only of a Relater, which does the whole query or is not asked it.
	Via   string
	Where predicate.Predicate
}

// Grain makes of a date or time the start of the period that holds it; a date has no hours. In a time zone a period
// begins when its clocks show so: where they skip that time, when they skip it; where they show it twice, the second
// time. Hours that are repeated are two. What would begin before the year 1 begins with it.
type Grain uint8

const (
	NoGrain Grain = iota
	Hour
	Day
	Week // ISO 8601: starts on Monday
	Month
	Quarter
	Year
)

// Func is an aggregate function. Averages are made by the gateway from sums and counts, so that they combine
// exactly over sources.
type Func uint8

const (
	CountRows     Func = iota + 1 // Int
	CountValues                   // Int: rows where Field is not NULL
	Sum                           // Int and BigInt: BigInt, refused on overflow; Float, Decimal: the same; NULL over no values
	Min                           // kind of Field
	Max                           // kind of Field
	CountDistinct                 // Int: distinct values, NULL is none
	Total                         // BigInt: the sum of Product over rows with a value in all its fields; NULL over none. Only of a Totaler
)

// Measure is one aggregate of a group.
type Measure struct {
	Func  Func
	Field string // empty for CountRows and Total
	As    string

	Product *Product // of a Total
}
