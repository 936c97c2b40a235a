package agent

import (
	"encoding/binary"
	"fmt"
	"math"

	"concordat/federation/source"
	"concordat/privacy"
)

// A table between the two ends is the number of rows, and of each column its cells: first a byte for each cell, 1 where
// it holds a value, then the values of those that do. Texts are a dictionary and codes. Names, kinds and coordinates do
// not travel: both ends know them from the query, and the reader takes nothing else.

// encodeTable writes the columns of a table in the order of a shape.
func encodeTable(t *privacy.Table, shape []privacy.Column) ([]byte, error) {
	out := binary.AppendUvarint(nil, uint64(t.Rows))
	for i := range shape {
		c := t.Column(shape[i].Name)
		if c == nil || c.Kind != shape[i].Kind || c.Len() != t.Rows || !c.Domain.Raw() {
			return nil, fmt.Errorf("a column is not what was asked: %w", source.ErrInvalid)
		}
		var err error
		if out, err = encodeColumn(out, c); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func encodeColumn(out []byte, c *privacy.Column) ([]byte, error) {
	for row := range c.Len() {
		switch c.State(row) {
		case privacy.Value:
			out = append(out, 1)
		case privacy.Null:
			out = append(out, 0)
		default:
			return nil, fmt.Errorf("a cell is neither value nor NULL: %w", source.ErrInvalid)
		}
	}
	if c.Kind.Text() {
		out = binary.AppendUvarint(out, uint64(len(c.Dict)))
		for _, text := range c.Dict {
			out = append(binary.AppendUvarint(out, uint64(len(text))), text...)
		}
	}
	for row := range c.Len() {
		switch {
		case c.IsNull(row):
		case c.Kind.Text():
			out = binary.AppendUvarint(out, uint64(c.Codes[row]))
		case c.Kind == privacy.Float:
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(c.Float(row)))
		default:
			out = binary.AppendVarint(out, c.Int(row))
		}
	}
	return out, nil
}

// decodeTable reads what encodeTable wrote, and nothing else: every length is held against what is left to read before
// anything is allocated for it.
func decodeTable(b []byte, shape []privacy.Column, maxRows int) (*privacy.Table, error) {
	r := tableReader{rest: b}
	rows := r.length(maxRows)
	t := &privacy.Table{Rows: rows}
	for i := range shape {
		c := privacy.NewColumn(shape[i].Name, shape[i].Coordinate, shape[i].Kind, min(rows, len(r.rest)))
		r.column(c, rows)
		t.Columns = append(t.Columns, c)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, fmt.Errorf("the agent's table is malformed: %w", source.ErrInvalid)
	}
	return t, nil
}

type tableReader struct {
	rest []byte
	bad  bool
}

// length reads a number of things of which there are at most so many.
func (r *tableReader) length(most int) int {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > uint64(most) {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

func (r *tableReader) take(n int) []byte {
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *tableReader) column(c *privacy.Column, rows int) {
	present := r.take(rows)
	var dict []string
	if c.Kind.Text() {
		n := r.length(len(r.rest)) // each text takes a byte at least
		for range n {
			dict = append(dict, string(r.take(r.length(len(r.rest)))))
		}
	}
	for _, p := range present {
		switch {
		case r.bad || p > 1:
			r.bad = true
			return
		case p == 0:
			c.AppendNull()
		default:
			r.value(c, dict)
		}
	}
}

func (r *tableReader) value(c *privacy.Column, dict []string) {
	switch {
	case c.Kind.Text():
		if code := r.length(math.MaxInt32); code < len(dict) {
			c.AppendText(dict[code])
			return
		}
		r.bad = true
	case c.Kind == privacy.Float:
		bits := r.take(8)
		if r.bad {
			return
		}
		v := math.Float64frombits(binary.LittleEndian.Uint64(bits))
		r.bad = v-v != 0 // NaN and infinities are no values
		c.AppendFloat(v)
	default:
		v, n := binary.Varint(r.rest)
		if n <= 0 || c.Kind == privacy.Bool && v != 0 && v != 1 {
			r.bad, r.rest = true, nil
			return
		}
		r.rest = r.rest[n:]
		c.AppendInt(v)
	}
}
