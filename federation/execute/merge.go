package execute

import (
	"fmt"
	"slices"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/privacy"
)

// merge puts the shares of several agencies together: by join key, in the order asked for, cut to the page.
type merge struct {
	fetch  *fetch
	shares []*share // by part; nil where the agency failed

	internal *privacy.Table
	released privacy.Released
	origin   []uint16
	place    []int32 // the row of its share that a row was; kept where fields are computed
	key      []int32 // by row; nil at the root
	shown    []int32 // the order of the rows, where they do not lie so
	cut      bool    // some page has more rows
	failed   bool    // some agency failed
	fused    *fused  // nil: the rows are the agencies' own
}

// complete reports whether the merged rows are the whole list.
func (m *merge) complete() bool { return !m.cut && !m.failed }

func (m *merge) result() (*stepResult, error) {
	ok, err := m.gather()
	if err != nil || !ok {
		return nil, err
	}
	return m.paged()
}

// paged cuts the rows that were gathered to pages.
func (m *merge) paged() (*stepResult, error) {
	if err := m.numberKeys(); err != nil {
		return nil, err
	}
	order := m.order()
	byKey, more, kept, err := m.pages(order)
	if err != nil {
		return nil, err
	}
	m.arrange(kept)
	return m.step(byKey, more), nil
}

// gather concatenates the shares; false where there is none.
func (m *merge) gather() (bool, error) {
	var released []privacy.Released
	for i, s := range m.shares {
		if s == nil {
			m.failed = true
			continue
		}
		released = append(released, s.released)
		for range s.raw.Rows {
			m.origin = append(m.origin, uint16(i))
		}
		if len(m.fetch.step.Computed) > 0 {
			m.place = append(m.place, identity(s.raw.Rows)...)
		}
		if err := m.extend(s.raw); err != nil {
			return false, err
		}
	}
	if m.internal == nil {
		return false, nil
	}
	var err error
	m.released, err = privacy.Concat(released)
	return err == nil, err
}

// extend adds the raw columns that every agency was asked for; one that a later share lacks is dropped.
func (m *merge) extend(raw *privacy.Table) error {
	if m.internal == nil {
		m.internal = raw
		if len(m.shares) > 1 { // the share's own columns stay as they are
			m.internal = raw.Gather(identity(raw.Rows))
		}
		return nil
	}
	m.internal.Columns = slices.DeleteFunc(m.internal.Columns, func(c *privacy.Column) bool { return raw.Column(c.Name) == nil })
	for _, c := range m.internal.Columns {
		if err := c.Extend(raw.Column(c.Name)); err != nil {
			return fmt.Errorf("%w: %w", source.ErrInvalid, err)
		}
	}
	m.internal.Rows += raw.Rows
	return nil
}

func identity(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// numberKeys finds each row's join key. A row of a key that was not asked for is the source's mistake, and never
// reaches another parent.
func (m *merge) numberKeys() error {
	keys := m.fetch.keys
	if keys == nil {
		return nil
	}
	m.key = make([]int32, m.internal.Rows)
	to := m.internal.Column(keys.field)
	if to == nil && m.internal.Rows > 0 {
		return fmt.Errorf("%w: the join key is missing", source.ErrInvalid)
	}
	for row := range m.key {
		n, ok := keys.find(to, row)
		if !ok {
			return fmt.Errorf("%w: a row of a key that was not asked for", source.ErrInvalid)
		}
		m.key[row] = n
	}
	return nil
}

// order lists the rows by join key, then as the step orders them. One agency's rows of one key come ordered already;
// several agencies' are merged by the raw values of the order's fields. Rows of two agencies that are equal in all of
// them stand in the order of the agencies' sources, which a page counted from the end has reversed like the rest.
func (m *merge) order() []int32 {
	rows := identity(m.internal.Rows)
	merging := len(m.shares) > 1 && m.fetch.step.Kind == plan.List
	if m.key == nil && !merging {
		return rows
	}
	var terms []source.Order
	if merging {
		terms = m.fetch.step.Query(&m.fetch.step.Parts[0]).Order
	}
	slices.SortStableFunc(rows, func(a, b int32) int {
		if m.key != nil && m.key[a] != m.key[b] {
			return int(m.key[a]) - int(m.key[b])
		}
		if d := compareRows(m.internal, terms, int(a), int(b)); d != 0 || !m.fetch.step.Backward {
			return d
		}
		return int(m.origin[b]) - int(m.origin[a])
	})
	return rows
}

// pages cuts each key's rows to the page and says where each page lies among the rows kept.
func (m *merge) pages(rows []int32) (byKey []span, more []bool, kept []int32, err error) {
	n := 1
	if m.fetch.keys != nil {
		n = len(m.fetch.keys.values)
	}
	byKey, more = make([]span, n), make([]bool, n)
	kept = rows[:0:len(rows)]
	for from := 0; from < len(rows); {
		key, to := m.run(rows, from)
		page, rest, err := m.page(rows[from:to])
		if err != nil {
			return nil, nil, nil, err
		}
		byKey[key] = span{int32(len(kept)), int32(len(kept) + len(page))}
		more[key] = rest
		m.cut = m.cut || rest
		kept = append(kept, page...)
		from = to
	}
	return byKey, more, kept, nil
}

// run is the end of the rows that share the key of rows[from].
func (m *merge) run(rows []int32, from int) (key int32, to int) {
	if m.key == nil {
		return 0, len(rows)
	}
	key = m.key[rows[from]]
	to = from
	for to < len(rows) && m.key[rows[to]] == key {
		to++
	}
	return key, to
}

func (m *merge) page(rows []int32) (page []int32, more bool, err error) {
	s := m.fetch.step
	if s.Kind == plan.ByKey {
		return m.single(rows)
	}
	if len(rows) > s.Size {
		rows, more = rows[:s.Size], true
	}
	if s.Backward {
		slices.Reverse(rows)
	}
	return rows, more, nil
}

// single picks the one row of a key. Two rows of one agency are its mistake; of several agencies the first in the
// order of their names is shown.
func (m *merge) single(rows []int32) ([]int32, bool, error) {
	for i, a := range rows {
		for _, b := range rows[:i] {
			if m.origin[a] == m.origin[b] {
				return nil, false, fmt.Errorf("%w: two rows of one key", source.ErrInvalid)
			}
		}
	}
	return rows[:1], false, nil
}

// arrange leaves only the kept rows, or, where all are kept, notes their order.
func (m *merge) arrange(kept []int32) {
	if len(kept) == m.internal.Rows {
		if !slices.IsSorted(kept) {
			m.shown = kept
		}
		return
	}
	m.internal, m.released = m.internal.Gather(kept), m.released.Gather(kept)
	origin := make([]uint16, len(kept))
	for i, row := range kept {
		origin[i] = m.origin[row]
	}
	m.origin = origin
	if m.place != nil {
		place := make([]int32, len(kept))
		for i, row := range kept {
			place[i] = m.place[row]
		}
		m.place = place
	}
}

func (m *merge) step(byKey []span, more []bool) *stepResult {
	out := &stepResult{fused: m.fused, step: m.fetch.step, released: m.released, internal: m.internal, origin: m.origin, order: m.shown, spans: byKey}
	keys := m.fetch.keys
	if keys != nil {
		out.spans = keys.spread(byKey)
	}
	out.info = make([]listInfo, len(out.spans))
	for row := range out.info {
		key := int32(0)
		if keys != nil {
			key = keys.ofParent[row]
		}
		if key >= 0 {
			out.info[row].more = more[key]
		}
	}
	return out
}

// compareRows orders two rows of a raw table as a source would: text by bytes, NULL last unless NullsFirst.
func compareRows(t *privacy.Table, terms []source.Order, a, b int) int {
	for _, o := range terms {
		c := t.Column(o.Field)
		if c == nil {
			continue
		}
		if d := compareCells(c, a, b, o); d != 0 {
			return d
		}
	}
	return 0
}

func compareCells(c *privacy.Column, a, b int, o source.Order) int {
	nullA, nullB := c.IsNull(a), c.IsNull(b)
	switch {
	case nullA && nullB:
		return 0
	case nullA != nullB:
		if nullA == o.NullsFirst {
			return -1
		}
		return 1
	}
	d := c.Compare(a, b)
	if o.Descending {
		return -d
	}
	return d
}
