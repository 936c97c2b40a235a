package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// Check reports what makes q impossible to answer, wrapping ErrInvalid. Sources call it before anything else: a
// query that is wrong must not be answered with a guess.
func (q *Query) Check() error {
	if q.Relation == nil {
		return fmt.Errorf("query without a relation: %w", ErrInvalid)
	}
	if q.MaxRows <= 0 {
		return fmt.Errorf("query of %s without a bound on rows: %w", q.Relation.Type, ErrInvalid)
	}
	if err := q.known(q.names()...); err != nil {
		return err
	}
	if err := relations(q.Relation, q.Related, q.Where); err != nil {
		return err
	}
	if q.Aggregate == nil {
		return nil
	}
	if len(q.Select) > 0 || len(q.Order) > 0 || q.Limit != 0 {
		return fmt.Errorf("aggregate of %s with columns, order or limit: %w", q.Relation.Type, ErrInvalid)
	}
	if err := q.relatedKeys(); err != nil {
		return err
	}
	return q.checkAggregate()
}

func (q *Query) known(fields ...string) error {
	for _, f := range fields {
		if _, ok := q.Relation.Columns[f]; !ok {
			return fmt.Errorf("%s has no column %q: %w", q.Relation.Type, f, ErrInvalid)
		}
	}
	return nil
}

// names lists every field the query reads, repeats included.
func (q *Query) names() []string {
	names := append([]string(nil), q.Select...)
	q.Where.Names(func(f string) {
		if r := q.Related[f]; r != nil {
			f = r.From
		}
		names = append(names, f)
	})
	if q.Keys != nil {
		names = append(names, q.Keys.Field)
	}
	for _, o := range q.Order {
		names = append(names, o.Field)
	}
	if q.Aggregate != nil {
		names = append(names, q.Aggregate.names(q.Related)...)
	}
	return names
}

// Needed is the distinct fields that answering q reads, selected ones first: what a source that leaves part of q
// to the gateway has to fetch.
func (q *Query) Needed() []string {
	seen := map[string]bool{}
	var needed []string
	for _, f := range q.names() {
		if !seen[f] {
			seen[f] = true
			needed = append(needed, f)
		}
	}
	return needed
}

// Empty reports whether the query cannot match a row.
func (q *Query) Empty() bool {
	return q.Where.IsNever() || (q.Keys != nil && len(q.Keys.Values) == 0)
}

func (a *Aggregate) names(related map[string]*Related) []string {
	var names []string
	for _, g := range a.Group {
		if r := related[g.Via]; g.Via != "" && r != nil {
			g.Field = r.From
		}
		names = append(names, g.Field)
	}
	for _, m := range a.Measures {
		names = append(names, m.reads()...)
	}
	return names
}

func (q *Query) checkAggregate() error {
	a, r := q.Aggregate, q.Relation
	for _, g := range a.Group {
		if !g.fits(q.Key(g).Kind) {
			return fmt.Errorf("%s.%s cannot be grouped so: %w", r.Type, g.Field, ErrInvalid)
		}
	}
	for _, m := range a.Measures {
		if m.Func == Total {
			if err := m.checkTotal(r); err != nil {
				return err
			}
			continue
		}
		if m.Func == CountRows {
			continue
		}
		if m.Result(r.Columns[m.Field].Kind) == 0 {
			return fmt.Errorf("%s.%s has no such measure: %w", r.Type, m.Field, ErrInvalid)
		}
	}
	return nil
}

// fits reports whether a column of kind k has the key: one way to make it, and a zone only for periods of times.
func (g Group) fits(k privacy.Kind) bool {
	ways := 0
	for _, way := range []bool{g.Grain != NoGrain, g.Prefix != 0, g.Edges != nil} {
		if way {
			ways++
		}
	}
	switch {
	case ways > 1, g.Prefix < 0, g.Prefix > 0 && k != privacy.String, g.Zone != "" && (g.Grain == NoGrain || k != privacy.Time):
		return false
	case g.Edges != nil:
		return len(g.Edges) > 0 && g.Key(k) == privacy.Int && !slices.ContainsFunc(g.Edges, func(v predicate.Value) bool { return !Comparable(k, v.Kind) })
	}
	return g.Grain.fits(k)
}

// Key is the kind of the key over a column of kind k.
func (g Group) Key(k privacy.Kind) privacy.Kind {
	if g.Edges != nil && (k == privacy.Int || k == privacy.BigInt || k == privacy.Float || k == privacy.Decimal) {
		return privacy.Int
	}
	return k
}

func (g Grain) fits(k privacy.Kind) bool {
	switch {
	case g == NoGrain:
		return true
	case g == Hour:
		return k == privacy.Time
	}
	return g <= Year && (k == privacy.Date || k == privacy.Time)
}

// Result is the kind of the measure over a column of kind k, zero where it has none.
func (m Measure) Result(k privacy.Kind) privacy.Kind {
	switch m.Func {
	case CountRows, CountValues:
		return privacy.Int
	case Total:
		return privacy.BigInt
	case Sum:
		switch k {
		case privacy.Int, privacy.BigInt:
			return privacy.BigInt
		case privacy.Float, privacy.Decimal:
			return k
		}
	case CountDistinct:
		if k != privacy.JSON {
			return privacy.Int
		}
	case Min, Max:
		if k != privacy.JSON {
			return k
		}
	}
	return 0
}

// Comparable reports whether a value of kind v can be compared with a column of kind k. What cannot be compared is
// refused instead of read as false: its negation would let every row through.
func Comparable(k privacy.Kind, v predicate.ValueKind) bool {
	switch k {
	case privacy.Bool:
		return v == predicate.BoolValue
	case privacy.Int, privacy.BigInt, privacy.Float, privacy.Decimal:
		return v == predicate.IntValue || v == predicate.FloatValue || v == predicate.DecimalValue
	case privacy.String, privacy.Date, privacy.JSON:
		return v == predicate.TextValue
	case privacy.Time:
		return v == predicate.TimeValue
	}
	return false
}

// Ended is the error of a fetch whose context ended: ErrTimeout at its deadline, ErrUnavailable where it was
// cancelled. It wraps the context's error too.
func Ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
