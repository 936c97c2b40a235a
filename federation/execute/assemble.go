package execute

import (
	"strconv"

	"concordat/federation/plan"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Append appends the JSON value of one root field, straight from released columns. canonical asks for the member
// order of RFC 8785 instead of the query's. A cell that has no JSON form (an Int beyond 32 bits) is null, with an
// error.
func (r *Result) Append(dst []byte, root *plan.Node, canonical bool) []byte {
	w := writer{run: r.run, canonical: canonical}
	return w.value(dst, root, nil, 0)
}

// SizeHint is about how many bytes the answer takes as JSON: room for it is made once, not by doubling.
func (r *Result) SizeHint() int {
	const cell = 32 // a name and a short value
	n := 1024
	for _, s := range r.steps {
		if s != nil {
			n += cell * s.released.Rows() * (1 + s.released.Width())
		}
	}
	return n
}

type writer struct {
	run       *run
	canonical bool
}

// value writes node n, which belongs to row `row` of the table `at` (nil at the root).
func (w *writer) value(dst []byte, n *plan.Node, at *stepResult, row int) []byte {
	switch n.Kind {
	case plan.NodeTypename:
		return text(dst, n.Name)
	case plan.NodeColumn, plan.NodeMeasure:
		return w.cell(dst, n.Name, at, row)
	case plan.NodeCount:
		return w.cell(dst, plan.CountColumn, at, row)
	case plan.NodeComputed:
		return w.computed(dst, n, at, row)
	case plan.NodeOrigin:
		return text(dst, at.sources(row))
	case plan.NodeConflicts:
		return w.conflicts(dst, n, at, row)
	case plan.NodeHistogram:
		return w.histogram(dst, n, at, row)
	case plan.NodeAbstract:
		return w.abstract(dst, n)
	case plan.NodeStruct:
		return w.object(dst, n, at, row)
	}
	return w.joined(dst, n, at, row)
}

// joined writes a field that a step of its own fills.
func (w *writer) joined(dst []byte, n *plan.Node, at *stepResult, row int) []byte {
	res := w.run.result.steps[n.Step.ID]
	if res == nil {
		return append(dst, "null"...)
	}
	if n.Kind == plan.NodeSecure {
		return w.secure(dst, n, res.secure)
	}
	rows := res.spans[row]
	if n.Kind == plan.NodeObject {
		if rows.from == rows.to {
			return append(dst, "null"...)
		}
		return w.object(dst, n, res, res.row(rows.from))
	}
	return w.plumbing(dst, n, res, row)
}

func (w *writer) kids(n *plan.Node) []*plan.Node {
	if w.canonical {
		return n.Sorted
	}
	return n.Kids
}

func (w *writer) object(dst []byte, n *plan.Node, at *stepResult, row int) []byte {
	dst = append(dst, '{')
	for i, k := range w.kids(n) {
		dst = key(dst, i, k.Key)
		dst = w.value(dst, k, at, row)
	}
	return append(dst, '}')
}

// members writes an object's members, of which __typename is the same everywhere.
func (w *writer) members(dst []byte, n *plan.Node, value func([]byte, *plan.Node) []byte) []byte {
	dst = append(dst, '{')
	for i, k := range w.kids(n) {
		dst = key(dst, i, k.Key)
		if k.Kind == plan.NodeTypename {
			dst = text(dst, k.Name)
			continue
		}
		dst = value(dst, k)
	}
	return append(dst, '}')
}

// plumbing writes a connection or aggregate of the parent's row.
func (w *writer) plumbing(dst []byte, n *plan.Node, res *stepResult, parent int) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		switch k.Kind {
		case plan.NodeTotal:
			return total(dst, res.info[parent].total)
		case plan.NodeWithheld:
			return strconv.AppendBool(dst, res.info[parent].withheld)
		case plan.NodeNodes, plan.NodeGroups:
			return w.list(dst, k, res, parent, w.object)
		case plan.NodeEdges:
			return w.list(dst, k, res, parent, w.edge)
		case plan.NodePageInfo:
			return w.pageInfo(dst, k, res, parent)
		}
		return dst
	})
}

func (w *writer) list(dst []byte, n *plan.Node, res *stepResult, parent int,
	item func([]byte, *plan.Node, *stepResult, int) []byte) []byte {
	dst = append(dst, '[')
	rows := res.spans[parent]
	for place := rows.from; place < rows.to; place++ {
		if place > rows.from {
			dst = append(dst, ',')
		}
		dst = item(dst, n, res, res.row(place))
	}
	return append(dst, ']')
}

// computed writes a list that belongs to the row; null where there was no text, or no leave to read it.
func (w *writer) computed(dst []byte, n *plan.Node, at *stepResult, row int) []byte {
	res := at.computed[n.Name]
	if res == nil || res.spans[row].from < 0 {
		return append(dst, "null"...)
	}
	return w.list(dst, n, res, row, w.object)
}

func (w *writer) edge(dst []byte, n *plan.Node, res *stepResult, row int) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		if k.Kind == plan.NodeCursor {
			return w.cursor(dst, res, row)
		}
		return w.object(dst, k, res, row)
	})
}

func (w *writer) pageInfo(dst []byte, n *plan.Node, res *stepResult, parent int) []byte {
	rows := res.spans[parent]
	p := pageEdges{backward: res.step.Backward, cursor: res.step.Cursor != "", more: res.info[parent].more, empty: rows.from == rows.to}
	return w.pageMembers(dst, n, p, func(dst []byte, last bool) []byte {
		place := rows.from
		if last {
			place = rows.to - 1
		}
		return w.cursor(dst, res, res.row(place))
	})
}

// pageEdges is what a page knows of the rows beside it.
type pageEdges struct{ backward, cursor, more, empty bool }

// pageMembers writes a PageInfo; cursor writes that of the first or last row.
func (w *writer) pageMembers(dst []byte, n *plan.Node, p pageEdges, cursor func(dst []byte, last bool) []byte) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		switch k.Kind {
		case plan.NodeHasNext: // the other direction of a page is known only to have rows where a cursor says so
			return strconv.AppendBool(dst, p.backward && p.cursor || !p.backward && p.more)
		case plan.NodeHasPrevious:
			return strconv.AppendBool(dst, !p.backward && p.cursor || p.backward && p.more)
		}
		if p.empty {
			return append(dst, "null"...)
		}
		return cursor(dst, k.Kind == plan.NodeEndCursor)
	})
}

func (w *writer) cursor(dst []byte, res *stepResult, row int) []byte {
	values := make([]predicate.Value, len(res.step.Order), len(res.step.Order)+1)
	for i, o := range res.step.Order {
		values[i] = constantOf(res.internal.Column(o.Field), row)
	}
	f := fetch{run: w.run, step: res.step}
	at := place{values: values, source: res.step.Parts[res.origin[row]].Source}
	return text(dst, w.run.executor.Cursors.sealPlace(at, f.binding()))
}

// cell writes a cell of a released column. A measure that is withheld, or a key that is not grouped by, has no column
// and is null.
func (w *writer) cell(dst []byte, name string, at *stepResult, row int) []byte {
	c := at.released.Column(name)
	if c == nil {
		return append(dst, "null"...)
	}
	return w.json(dst, c, row, at.step.ErrorPath(name))
}

// json writes a cell; null, with an error, where it has no JSON form.
func (w *writer) json(dst []byte, c *privacy.Column, row int, path []string) []byte {
	out, err := privacy.AppendJSON(dst, c, row)
	if err != nil {
		w.run.fail(Error{Code: "SOURCE_INVALID", Path: path, Detail: err})
		return append(dst, "null"...)
	}
	return out
}

// listOf writes an array.
func listOf[T any](dst []byte, list []T, item func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item(dst, v)
	}
	return append(dst, ']')
}

func total(dst []byte, n int64) []byte {
	if n < 0 || n > 1<<31-1 {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, n, 10)
}

// key writes a member's name. Response keys are GraphQL names: they need no escapes.
func key(dst []byte, i int, name string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

// text writes a string of our own making: a name, a cursor, a source.
func text(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
