package secagg

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// Table is what an agency computes over, already under its own row rules. Columns are keyed by field name; numbers are
// in the field's own scale. A column that a question does not mention is not looked at.
type Table struct {
	Rows     int
	Integers map[string][]int64
	Texts    map[string][]string
	Null     map[string][]bool // optional per column
	Unit     []string          // privacy unit of each row; needed where the question bounds the rows of a unit
}

// Local computes one agency's values, one per slot, in exact integers: clipped to the declared bounds, limited per
// unit, and refused with ErrOverflow where a sum over that many members could wrap around.
func (q *Question) Local(t *Table, members int) ([]int64, error) {
	l := &local{question: q, table: t, limit: limit(members)}
	if q.Where != nil && !l.readable(q.Where) {
		return nil, invalid("the data has no such column")
	}
	var err error
	if l.rows, err = l.counted(); err != nil {
		return nil, err
	}
	for i := range q.Measures {
		if err := l.measure(&q.Measures[i]); err != nil {
			return nil, err
		}
	}
	return q.inUnits(l.out), nil
}

// inUnits expresses each slot in its component's unit.
func (q *Question) inUnits(out []int64) []int64 {
	at := 0
	for _, c := range q.Components() {
		for i := range c.Slots {
			out[at+i] = roundTo(out[at+i], c.Unit)
		}
		at += c.Slots
	}
	return out
}

// roundTo expresses v in units, to the nearest.
func roundTo(v, unit int64) int64 {
	if unit == 1 {
		return v
	}
	w := v + unit/2
	n := w / unit
	if w%unit < 0 {
		n--
	}
	return n
}

// counted are the rows that count: those where the condition holds, and of each unit the first PerUnit of them.
func (l *local) counted() ([]int, error) {
	q, t := l.question, l.table
	rows := make([]int, 0, t.Rows)
	if q.PerUnit > 0 && len(t.Unit) != t.Rows {
		return nil, invalid("the data has no privacy unit")
	}
	seen := map[string]int{}
	for r := range t.Rows {
		if q.Where != nil && !l.holds(q.Where, r) {
			continue
		}
		if q.PerUnit > 0 {
			if seen[t.Unit[r]]++; seen[t.Unit[r]] > q.PerUnit {
				continue
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// local is one agency's computation on its way. out grows by a measure's slots at a time.
type local struct {
	question *Question
	table    *Table
	rows     []int
	limit    int64
	out      []int64
}

func (l *local) measure(m *Measure) error {
	at := len(l.out)
	l.out = append(l.out, make([]int64, l.question.taken(m))...)
	slots := slots{l.out[at:], l.limit}
	switch m.Fn {
	case Contingency:
		return l.contingency(m, slots)
	case Regression:
		return l.regression(m, slots)
	case Distinct:
		return l.distinct(m, slots)
	}
	return l.grouped(m, slots)
}

// slots adds with a guard: neither the sum nor the addend exceeds 2^57, so int64 cannot wrap before the guard sees it.
type slots struct {
	to    []int64
	limit int64
}

func (s slots) add(i int, v int64) error {
	s.to[i] += v
	if s.to[i] > s.limit || s.to[i] < -s.limit {
		return ErrOverflow
	}
	return nil
}

func (l *local) grouped(m *Measure, s slots) error {
	groups := l.question.groups(m)
	group, err := l.codes(m.By)
	if err != nil {
		return err
	}
	value, err := l.numbers(m.Field)
	if err != nil {
		return err
	}
	event, err := l.numbers(m.Event)
	if err != nil {
		return err
	}
	bins := len(m.Edges) + 1
	for _, r := range l.rows {
		g, ok := group(r)
		v, has := value(r)
		e, told := event(r)
		if !ok || !has || !told {
			continue
		}
		if err := addRow(m, s, groups, bins, g, v, e); err != nil {
			return err
		}
	}
	return nil
}

// addRow adds one row of group g with value v to a grouped measure's slots.
func addRow(m *Measure, s slots, groups, bins, g int, v, event int64) error {
	switch m.Fn {
	case Count:
		return s.add(g, 1)
	case Sum:
		return s.add(g, v)
	case Mean, Variance:
		if err := s.add(g, 1); err != nil {
			return err
		}
		if err := s.add(groups+g, v); err != nil || m.Fn == Mean {
			return err
		}
		return s.add(2*groups+g, v*v)
	case Survival:
		at := g*bins + bin(m.Edges, v)
		if err := s.add(at, event); err != nil {
			return err
		}
		return s.add(groups*bins+at, 1)
	}
	return s.add(g*bins+bin(m.Edges, v), 1)
}

// bin is how many edges are at or below v.
func bin(edges []int64, v int64) int {
	i, found := slices.BinarySearch(edges, v)
	if found {
		i++
	}
	return i
}

func (l *local) contingency(m *Measure, s slots) error {
	row, err := l.codes(m.Field)
	if err != nil {
		return err
	}
	column, err := l.codes(m.With)
	if err != nil {
		return err
	}
	width := len(l.question.domain(m.With))
	for _, r := range l.rows {
		i, ok := row(r)
		j, has := column(r)
		if !ok || !has {
			continue
		}
		if err := s.add(i*width+j, 1); err != nil {
			return err
		}
	}
	return nil
}

func (l *local) regression(m *Measure, s slots) error {
	names := append(slices.Clone(m.Features), m.Field)
	columns := make([]func(int) (int64, bool), len(names))
	for i, name := range names {
		var err error
		if columns[i], err = l.numbers(name); err != nil {
			return err
		}
	}
	x := make([]int64, len(names)+1)
	for _, r := range l.rows {
		x[0] = 1
		complete := true
		for i, column := range columns {
			v, ok := column(r)
			x[i+1], complete = v, complete && ok
		}
		if !complete {
			continue
		}
		at := 0
		for i := range x {
			for j := i; j < len(x); j++ {
				if err := s.add(at, x[i]*x[j]); err != nil {
					return err
				}
				at++
			}
		}
	}
	return nil
}

// distinct marks one bucket per identifier (linear counting, Whang et al. 1990). The buckets depend on the session, so
// that two answers cannot be laid over each other.
func (l *local) distinct(m *Measure, s slots) error {
	column, ok := l.table.Texts[m.Field]
	if !ok || len(column) != l.table.Rows {
		return invalid("the data has no such column")
	}
	for _, r := range l.rows {
		if l.null(m.Field, r) {
			continue
		}
		s.to[bucket(l.question.Session, column[r], m.Buckets)] = 1
	}
	return nil
}

func bucket(session, id string, buckets int) int {
	h := sha256.Sum256([]byte(fmt.Sprintf("concordat-secagg/1 bucket %d %s %s", len(session), session, id)))
	return int(binary.BigEndian.Uint64(h[:]) % uint64(buckets))
}

func (l *local) null(field string, r int) bool {
	n := l.table.Null[field]
	return n != nil && n[r]
}

// codes reads a text column as places in its domain; values outside do not count. Without a field all rows are one
// group.
func (l *local) codes(field string) (func(int) (int, bool), error) {
	if field == "" {
		return func(int) (int, bool) { return 0, true }, nil
	}
	column, ok := l.table.Texts[field]
	if !ok || len(column) != l.table.Rows {
		return nil, invalid("the data has no such column")
	}
	place := map[string]int{}
	for i, v := range l.question.domain(field) {
		place[v] = i
	}
	return func(r int) (int, bool) {
		i, ok := place[column[r]]
		return i, ok && !l.null(field, r)
	}, nil
}

// numbers reads a number column, clipped to its bounds. Without a field every row is 0.
func (l *local) numbers(field string) (func(int) (int64, bool), error) {
	if field == "" {
		return func(int) (int64, bool) { return 0, true }, nil
	}
	column, ok := l.table.Integers[field]
	if !ok || len(column) != l.table.Rows {
		return nil, invalid("the data has no such column")
	}
	f := l.question.field(field)
	return func(r int) (int64, bool) { return min(max(column[r], f.Lower), f.Upper), !l.null(field, r) }, nil
}
