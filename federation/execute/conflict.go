package execute

import (
	"slices"
	"strings"

	"concordat/federation/plan"
	"concordat/privacy"
)

// parts lists whose rows a row is made of.
func (s *stepResult) parts(row int) []uint16 {
	if s.fused == nil {
		return s.origin[row : row+1]
	}
	var out []uint16
	for _, r := range s.fused.of(s, row) {
		out = append(out, s.fused.part[r])
	}
	return out
}

// sources names them, the most trusted first.
func (s *stepResult) sources(row int) string {
	if s.fused == nil {
		return s.step.Parts[s.origin[row]].Source
	}
	names := make([]string, 0, len(s.step.Parts))
	for _, r := range s.fused.of(s, row) {
		names = append(names, s.fused.source(r))
	}
	return strings.Join(names, " ")
}

// of lists the rows that a row of the result is made of, the most trusted first.
func (z *fused) of(s *stepResult, row int) []int32 {
	rows := slices.Clone(z.rows[s.internal.Column(rowColumn).Int(row)])
	trust := s.step.Entity.Fusion.Trust
	slices.SortFunc(rows, func(a, b int32) int { return slices.Index(trust, z.source(a)) - slices.Index(trust, z.source(b)) })
	return rows
}

// held is one agency's value of a field.
type heldValue struct {
	source string
	column *privacy.Column
	row    int
}

// values lists what the agencies hold of a field, each as its own ruling lets it be seen. What it hides takes no part.
func (z *fused) values(rows []int32, field string) []heldValue {
	var out []heldValue
	for _, r := range rows {
		part := z.part[r]
		c := z.shares[part].released.Column(field)
		row := int(r) - z.begin(part)
		if c != nil && !c.IsNull(row) {
			out = append(out, heldValue{z.source(r), c, row})
		}
	}
	return out
}

// begin is where an agency's rows begin among all.
func (z *fused) begin(part uint16) int {
	at, _ := slices.BinarySearch(z.part, part)
	return at
}

// differ reports whether two of the values are different ones. Values of two domains compare with nothing: that a raw
// value and its year look different is no conflict.
func differ(values []heldValue) bool {
	for i, a := range values {
		for _, b := range values[:i] {
			if a.column.Domain == b.column.Domain && privacy.CompareCells(a.column, a.row, b.column, b.row) != 0 {
				return true
			}
		}
	}
	return false
}

// conflicts writes the fields of a row of which agencies hold different values. A row of one agency alone has none.
func (w *writer) conflicts(dst []byte, n *plan.Node, at *stepResult, row int) []byte {
	dst = append(dst, '[')
	if at.fused != nil {
		rows := at.fused.of(at, row)
		first := true
		for _, field := range at.step.Fields {
			values := at.fused.values(rows, field)
			if !differ(values) {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = w.conflict(dst, n, at, field, values)
		}
	}
	return append(dst, ']')
}

func (w *writer) conflict(dst []byte, n *plan.Node, at *stepResult, field string, values []heldValue) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		if k.Kind == plan.NodeConflictField {
			return text(dst, field)
		}
		return listOf(dst, values, func(dst []byte, v heldValue) []byte { return w.heldValue(dst, k, at, field, v) })
	})
}

func (w *writer) heldValue(dst []byte, n *plan.Node, at *stepResult, field string, v heldValue) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		if k.Kind == plan.NodeConflictSource {
			return text(dst, v.source)
		}
		return w.json(dst, v.column, v.row, at.step.ErrorPath(field))
	})
}
