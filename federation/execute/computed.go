package execute

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"concordat/federation/plan"
	"concordat/inference"
	"concordat/privacy"
)

// computing is the work of a step's computed fields: one batch of distinct texts for all of them.
type computing struct {
	merge *merge
	rows  *stepResult
	texts []string
	index map[string]int32
	of    map[string][]int32 // by field, by row: the number of its text; -1: none
	left  map[string]bool    // fields with a text that no model reads
}

// errUnread is of a text that is too long, or none: it costs its own row, not those beside it.
var errUnread = fmt.Errorf("%w: a text that no model reads", inference.ErrFailed)

// compute fills in the computed fields of the rows that are shown. A failure is an error of its own field, which is
// null; the rows still answer.
func (m *merge) compute(ctx context.Context, res *stepResult) {
	c := &computing{merge: m, rows: res, index: map[string]int32{}, of: map[string][]int32{}, left: map[string]bool{}}
	computed := map[string]*stepResult{}
	defer func() { res.computed = computed }()
	for _, name := range m.fetch.step.Computed {
		if err := c.collect(name); err != nil {
			m.computeFailed(name, "INTERNAL", err)
			delete(c.of, name)
		}
		if c.left[name] {
			m.computeFailed(name, nameError(errUnread), errUnread)
		}
	}
	if len(c.texts) == 0 {
		return // nothing to read: null in every row
	}
	run := m.fetch.run
	found, err := run.executor.Names.find(ctx, run.caller, c.texts)
	if err == nil {
		run.usedModels(run.executor.Names.models)
	}
	for _, name := range m.fetch.step.Computed {
		at, ok := c.of[name]
		switch {
		case !ok:
		case err != nil:
			m.computeFailed(name, nameError(err), err)
		default:
			list, err := c.table(name, at, found)
			if err != nil { // fail closed, as for any table
				m.computeFailed(name, "INTERNAL", err)
				continue
			}
			computed[name] = list
		}
	}
}

func (m *merge) computeFailed(name, code string, err error) {
	m.fetch.run.fail(Error{Code: code, Path: m.fetch.step.ErrorPath(name), Detail: err})
}

// collect numbers the texts of one field, agency by agency. A field that no row has a text for is left out.
func (c *computing) collect(name string) error {
	at := make([]int32, len(c.merge.origin))
	for i := range at {
		at[i] = -1
	}
	some := false
	for i := range c.merge.shares {
		rows, comp := c.rowsOf(i), c.computation(i, name)
		if comp == nil || len(rows) == 0 {
			continue
		}
		texts, err := c.input(i, rows, comp)
		if err != nil {
			return err
		}
		for k, row := range rows {
			switch text := texts.Text(k); {
			case texts.IsNull(k):
			case inference.CheckTexts([]string{text}) != nil:
				c.left[name] = true
			default:
				at[row], some = c.number(text), true
			}
		}
	}
	if some {
		c.of[name] = at
	}
	return nil
}

// rowsOf are the merged rows that one agency gave.
func (c *computing) rowsOf(share int) []int {
	var rows []int
	for row, origin := range c.merge.origin {
		if int(origin) == share {
			rows = append(rows, row)
		}
	}
	return rows
}

func (c *computing) computation(share int, name string) *plan.Computation {
	all := c.merge.fetch.step.Parts[share].Computed
	for i := range all {
		if all[i].Field.Name == name {
			return &all[i]
		}
	}
	return nil
}

// input is the texts of an agency's rows, as the computation may read them: through Apply, like all that is seen.
func (c *computing) input(share int, rows []int, comp *plan.Computation) (*privacy.Column, error) {
	from := make([]int32, len(rows))
	for i, row := range rows {
		from[i] = c.merge.place[row]
	}
	for _, o := range c.merge.fetch.step.Parts[share].Outputs {
		if o == comp.Input { // shown too: what is shown is what is read
			return c.merge.shares[share].released.Column(o.As).Gather(from), nil
		}
	}
	run := c.merge.fetch.run
	seen, err := privacy.Apply(c.merge.shares[share].raw.Gather(from), []privacy.Output{comp.Input}, run.transforms, run.caller.Scope)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRelease, err)
	}
	return seen.Column(comp.Input.As), nil
}

func (c *computing) number(text string) int32 {
	n, ok := c.index[text]
	if !ok {
		n = int32(len(c.texts))
		c.index[text], c.texts = n, append(c.texts, text)
	}
	return n
}

// table is the names of one field as a table of its own, released as policy says for each agency's rows.
func (c *computing) table(name string, at []int32, found [][]Name) (*stepResult, error) {
	out := &stepResult{step: c.rows.step, spans: make([]span, len(at))}
	for row := range out.spans {
		out.spans[row] = span{-1, -1} // null
	}
	var released []privacy.Released
	end := int32(0)
	for i := range c.merge.shares {
		comp := c.computation(i, name)
		if comp == nil {
			continue
		}
		raw := newNameTable(comp.Outputs)
		for _, row := range c.rowsOf(i) {
			if at[row] < 0 {
				continue
			}
			from := end
			for _, n := range raw.shown(found[at[row]]) {
				raw.add(c.texts[at[row]], n)
				end++
			}
			out.spans[row] = span{from, end}
		}
		part, err := privacy.Apply(&raw.Table, comp.Outputs, nil, privacy.Scope{})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errRelease, err)
		}
		released = append(released, part)
	}
	var err error
	out.released, err = privacy.Concat(released)
	return out, err
}

// nameTable is names as columns; what is denied is not even written down.
type nameTable struct {
	privacy.Table
	labels bool // words and places are not shown
}

func newNameTable(outs []privacy.Output) *nameTable {
	t := &nameTable{}
	for _, o := range outs {
		if o.Release == privacy.ReleaseRaw {
			t.Columns = append(t.Columns, privacy.NewColumn(o.Column, o.Coordinate, o.Kind, 0))
		}
	}
	t.labels = t.Column("text") == nil
	return t
}

// shown is names in the order that they are shown in: where words are not shown, the order in which they stand tells
// nothing either.
func (t *nameTable) shown(names []Name) []Name {
	if !t.labels {
		return names
	}
	names = slices.Clone(names)
	slices.SortFunc(names, func(a, b Name) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Model, b.Model), cmp.Compare(b.Score, a.Score))
	})
	return names
}

// score is rounded: beyond four decimals processors differ, and beyond one a score shown without its words would tell
// which of some guessed names the model had read.
func (t *nameTable) score(s float32) float64 {
	if t.labels {
		return math.Round(float64(s)*10) / 10
	}
	return math.Round(float64(s)*1e4) / 1e4
}

func (t *nameTable) add(text string, n Name) {
	t.Rows++
	for _, c := range t.Columns {
		switch c.Name {
		case "text":
			c.AppendText(text[n.ByteStart:n.ByteEnd])
		case "label":
			c.AppendText(n.Label)
		case "start":
			c.AppendInt(int64(n.Start))
		case "end":
			c.AppendInt(int64(n.End))
		case "byteStart":
			c.AppendInt(int64(n.ByteStart))
		case "byteEnd":
			c.AppendInt(int64(n.ByteEnd))
		case "score":
			c.AppendFloat(t.score(n.Score))
		case "model":
			c.AppendText(n.Model)
		}
	}
}
