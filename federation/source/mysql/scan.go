package mysql

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

// reader appends one cell to its column and reports whether the cell is of the column's kind.
type reader func(v any, c *privacy.Column) bool

func scan(next func([]any) error, st *sql.Statement) (*privacy.Table, error) {
	t := &privacy.Table{Columns: make([]*privacy.Column, len(st.Columns))}
	readers := make([]reader, len(st.Columns))
	for i, c := range st.Columns {
		t.Columns[i] = privacy.NewColumn(c.Name, c.Coordinate, c.Kind, 16)
		readers[i] = readerOf(c)
		if c.Derived != nil {
			t.Columns[i].Domain = c.Derived.Is.Domain()
		}
	}
	row := make([]any, max(1, len(st.Columns)))
	for {
		if err := next(row); err == io.EOF {
			return t, nil
		} else if err != nil {
			return nil, err
		}
		if t.Rows++; t.Rows > st.MaxRows {
			return nil, fmt.Errorf("more than %d rows: %w", st.MaxRows, source.ErrTooLarge)
		}
		for i, c := range t.Columns {
			if row[i] == nil {
				c.AppendNull()
			} else if !readers[i](row[i], c) {
				return nil, fmt.Errorf("%s: a cell is not of its field's kind: %w", c.Coordinate, source.ErrInvalid)
			}
		}
	}
}

func readerOf(c sql.Template) reader {
	switch c.Kind {
	case privacy.Bool:
		return readBool
	case privacy.Int, privacy.BigInt:
		return readInt
	case privacy.Float:
		return readFloat
	case privacy.Decimal:
		return readDecimal
	case privacy.Time:
		return readTime
	case privacy.Date:
		if c.Derived == nil { // a year is no date
			return readDate
		}
	}
	return readText
}

func readBool(v any, c *privacy.Column) bool {
	n, ok := whole(v)
	if !ok || n&^1 != 0 {
		return false
	}
	c.AppendInt(n)
	return true
}

func readInt(v any, c *privacy.Column) bool {
	n, ok := whole(v)
	if ok {
		c.AppendInt(n)
	}
	return ok
}

// whole is an integer of up to 64 bits with a sign; a sum comes as a decimal without a fraction.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v < 1<<63
	case []byte:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func readFloat(v any, c *privacy.Column) bool {
	switch v := v.(type) {
	case float64:
		c.AppendFloat(v)
	case float32:
		c.AppendFloat(float64(v))
	default:
		return false
	}
	return true
}

func readDecimal(v any, c *privacy.Column) bool {
	switch v := v.(type) {
	case int64:
		c.AppendText(strconv.FormatInt(v, 10))
		return true
	case uint64:
		c.AppendText(strconv.FormatUint(v, 10))
		return true
	case []byte:
		if cell.Decimal(v) {
			c.AppendBytes(v)
			return true
		}
	}
	return false
}

// zeroDate is what MySQL stores for no date at all.
const zeroDate = "0000-00-00"

func readDate(v any, c *privacy.Column) bool {
	b, ok := v.([]byte)
	switch {
	case ok && string(b) == zeroDate:
		c.AppendNull()
		return true
	case !ok || !cell.Date(b):
		return false
	}
	c.AppendBytes(b)
	return true
}

func readTime(v any, c *privacy.Column) bool {
	b, ok := v.([]byte)
	if ok && bytes.HasPrefix(b, []byte(zeroDate)) {
		c.AppendNull()
		return true
	}
	t, err := time.Parse("2006-01-02 15:04:05.999999", string(b))
	if !ok || err != nil || t.Year() < 1 {
		return false
	}
	c.AppendInt(t.UnixMicro())
	return true
}

func readText(v any, c *privacy.Column) bool {
	b, ok := v.([]byte)
	if !ok || !utf8.Valid(b) {
		return false
	}
	c.AppendBytes(b)
	return true
}
