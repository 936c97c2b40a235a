package sqlite

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/federation/source/sqlite/lite"
	"concordat/privacy"
)

func itoa(i int) string { return strconv.Itoa(i) }

// reader appends one cell to its column and reports whether the cell has the column's type.
type reader func(s *lite.Stmt, i int, c *privacy.Column) bool

// scan reads the rows of a running statement into new columns.
func scan(s *lite.Stmt, st *statement) (*privacy.Table, error) {
	t := &privacy.Table{Columns: make([]*privacy.Column, len(st.columns))}
	readers := make([]reader, len(st.columns))
	for i, c := range st.columns {
		t.Columns[i] = privacy.NewColumn(c.name, c.coordinate, c.kind, 32)
		readers[i] = readerOf(c.kind, c.sum)
		if c.derived != nil {
			t.Columns[i].Domain = c.derived.Is.Domain()
			if c.kind.Text() { // a year is no date
				readers[i] = readText
			}
		}
	}
	for s.Next() {
		if t.Rows++; t.Rows > st.maxRows {
			return nil, fmt.Errorf("more than %d rows: %w", st.maxRows, source.ErrTooLarge)
		}
		for i, c := range t.Columns {
			if s.Type(i) == lite.Null {
				c.AppendNull()
				continue
			}
			if !readers[i](s, i, c) {
				return nil, fmt.Errorf("%s: a cell has another type than its field: %w", c.Coordinate, source.ErrInvalid)
			}
		}
	}
	return t, nil
}

func readerOf(k privacy.Kind, sum bool) reader {
	switch k {
	case privacy.Bool:
		return readBool
	case privacy.Int, privacy.BigInt:
		return readInt
	case privacy.Float:
		if sum {
			return readSum
		}
		return readFloat
	case privacy.Decimal:
		return readDecimal
	case privacy.Date:
		return readDate
	case privacy.Time:
		return readTime
	}
	return readText
}

func readBool(s *lite.Stmt, i int, c *privacy.Column) bool {
	v := s.Int(i)
	if s.Type(i) != lite.Integer || v&^1 != 0 {
		return false
	}
	c.AppendInt(v)
	return true
}

func readInt(s *lite.Stmt, i int, c *privacy.Column) bool {
	if s.Type(i) != lite.Integer {
		return false
	}
	c.AppendInt(s.Int(i))
	return true
}

// readFloat takes an integer where a double holds it exactly; infinities become NULL.
func readFloat(s *lite.Stmt, i int, c *privacy.Column) bool {
	switch s.Type(i) {
	case lite.Real:
		c.AppendFloat(s.Float(i))
		return true
	case lite.Integer:
		v := s.Int(i)
		f := float64(v)
		if f >= 1<<63 || int64(f) != v {
			return false
		}
		c.AppendFloat(f)
		return true
	}
	return false
}

// readSum refuses an infinity: the cells were finite, so the sum overflowed.
func readSum(s *lite.Stmt, i int, c *privacy.Column) bool {
	return !math.IsInf(s.Float(i), 0) && readFloat(s, i, c)
}

func readText(s *lite.Stmt, i int, c *privacy.Column) bool {
	if s.Type(i) != lite.Text {
		return false
	}
	b := s.Bytes(i)
	if !utf8.Valid(b) {
		return false
	}
	c.AppendBytes(b)
	return true
}

func readDecimal(s *lite.Stmt, i int, c *privacy.Column) bool {
	switch s.Type(i) {
	case lite.Integer:
		c.AppendText(strconv.FormatInt(s.Int(i), 10))
		return true
	case lite.Real:
		f := s.Float(i)
		if math.IsInf(f, 0) {
			c.AppendNull()
			return true
		}
		c.AppendText(strconv.FormatFloat(f, 'f', -1, 64))
		return true
	case lite.Text:
		b := s.Bytes(i)
		if !cell.Decimal(b) {
			return false
		}
		c.AppendBytes(b)
		return true
	}
	return false
}

func readDate(s *lite.Stmt, i int, c *privacy.Column) bool {
	if s.Type(i) != lite.Text {
		return false
	}
	b := s.Bytes(i)
	if !cell.Date(b) {
		return false
	}
	c.AppendBytes(b)
	return true
}

func readTime(s *lite.Stmt, i int, c *privacy.Column) bool {
	if s.Type(i) != lite.Text {
		return false
	}
	micros, ok := cell.Time(s.Bytes(i))
	if ok {
		c.AppendInt(micros)
	}
	return ok
}
