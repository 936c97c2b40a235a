package privacy

import "fmt"

// mixed is the domain of a released column whose rows come from agencies that owe different transforms: it can be
// printed, and it compares with nothing.
var mixed = Domain{Method: "mixed"}

// Rows is the number of rows.
func (r Released) Rows() int { return r.rows }

// Width is the number of columns.
func (r Released) Width() int { return len(r.columns) }

// Column finds a column by its released name, nil where there is none.
func (r Released) Column(name string) *Column {
	for _, c := range r.columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Gather is the released table of the given rows, in that order; a negative row has a NULL in each column.
func (r Released) Gather(rows []int32) Released {
	g := Released{rows: len(rows), columns: make([]*Column, len(r.columns))}
	for i, c := range r.columns {
		g.columns[i] = c.Gather(rows)
	}
	return g
}

// Pick is the released table of n rows whose row i has, in each column, the cell of the row that rows says for it: rows
// of several agencies that became one.
func (r Released) Pick(n int, rows func(c *Column) []int32) Released {
	g := Released{rows: n, columns: make([]*Column, len(r.columns))}
	for i, c := range r.columns {
		g.columns[i] = c.Gather(rows(c))
	}
	return g
}

// Concat puts the rows of several agencies one after the other. The parts have the same columns; a zero part has
// no rows and is passed over. Columns whose domains differ become mixed.
func Concat(parts []Released) (Released, error) {
	parts = nonZero(parts)
	switch len(parts) {
	case 0:
		return Released{}, nil
	case 1:
		return parts[0], nil
	}
	var all Released
	for _, p := range parts {
		all.rows += p.rows
	}
	for _, first := range parts[0].columns {
		c, err := concatColumn(first, parts, all.rows)
		if err != nil {
			return Released{}, fmt.Errorf("concat %s: %w", first.Coordinate, err)
		}
		all.columns = append(all.columns, c)
	}
	return all, nil
}

func nonZero(parts []Released) []Released {
	var some []Released
	for _, p := range parts {
		if p.rows > 0 || len(p.columns) > 0 {
			some = append(some, p)
		}
	}
	return some
}

func concatColumn(first *Column, parts []Released, rows int) (*Column, error) {
	c := NewColumn(first.Name, first.Coordinate, first.Kind, rows)
	for _, p := range parts {
		next := p.Column(first.Name)
		switch {
		case next == nil || len(p.columns) != len(parts[0].columns):
			return nil, ErrMissing
		case next.Coordinate != first.Coordinate:
			return nil, ErrMalformed
		}
		d, ok := c.commonDomain(next)
		if !ok {
			d = mixed
		}
		if err := c.extend(next); err != nil {
			return nil, err
		}
		c.Domain = d
	}
	return c, nil
}

// ControlPlane is an answer of the gateway about itself (agreements, receipts, health): it holds no agency data and
// takes the same last step as a Released table. The zero value answers nothing.
type ControlPlane struct {
	name string
	json []byte
}

// ControlPlaneData marks a JSON document as holding no agency data: its caller vouches for that.
func ControlPlaneData(name string, json []byte) ControlPlane {
	return ControlPlane{name: name, json: json}
}

// Name is what was answered: a root field of the control plane.
func (c ControlPlane) Name() string { return c.name }

// JSON is the document.
func (c ControlPlane) JSON() []byte { return c.json }
