package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

// Formats of the wire protocol.
const (
	asText   = 0
	asBinary = 1
)

// formats asks for numbers and times in binary, and for everything else as text.
func formats(st *sql.Statement) []int16 {
	if len(st.Columns) == 0 {
		return []int16{asText}
	}
	f := make([]int16, len(st.Columns))
	for i, c := range st.Columns {
		f[i] = asText
		if !c.Kind.Text() && !(c.Sum && c.Kind != privacy.Float) {
			f[i] = asBinary
		}
	}
	return f
}

// reader appends one cell to its column and reports whether the cell is of the column's kind.
type reader func(b []byte, c *privacy.Column) bool

// rows is a result as it comes: pgconn's.
type rows interface {
	NextRow() bool
	Values() [][]byte
}

func scan(rows rows, st *sql.Statement) (*privacy.Table, error) {
	t := &privacy.Table{Columns: make([]*privacy.Column, len(st.Columns))}
	readers := make([]reader, len(st.Columns))
	for i, c := range st.Columns {
		t.Columns[i] = privacy.NewColumn(c.Name, c.Coordinate, c.Kind, 16)
		readers[i] = readerOf(c)
		if c.Derived != nil {
			t.Columns[i].Domain = c.Derived.Is.Domain()
		}
	}
	for rows.NextRow() {
		if t.Rows++; t.Rows > st.MaxRows {
			return nil, fmt.Errorf("more than %d rows: %w", st.MaxRows, source.ErrTooLarge)
		}
		values := rows.Values()
		for i, c := range t.Columns {
			if values[i] == nil {
				c.AppendNull()
			} else if st.Columns[i].Sum && c.Kind == privacy.Float && isNaN(values[i]) {
				return nil, errCancelled
			} else if !readers[i](values[i], c) {
				return nil, fmt.Errorf("%s: a cell is not of its field's kind: %w", c.Coordinate, source.ErrInvalid)
			}
		}
	}
	return t, nil
}

func readerOf(c sql.Template) reader {
	switch c.Kind {
	case privacy.Bool, privacy.Int, privacy.BigInt:
		if c.Sum {
			return readSum
		}
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

func readInt(b []byte, c *privacy.Column) bool {
	switch len(b) {
	case 1:
		c.AppendInt(int64(b[0]))
	case 2:
		c.AppendInt(int64(int16(binary.BigEndian.Uint16(b))))
	case 4:
		c.AppendInt(int64(int32(binary.BigEndian.Uint32(b))))
	case 8:
		c.AppendInt(int64(binary.BigEndian.Uint64(b)))
	default:
		return false
	}
	return true
}

// readSum refuses what 64 bits do not hold.
func readSum(b []byte, c *privacy.Column) bool {
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err == nil {
		c.AppendInt(v)
	}
	return err == nil
}

func readFloat(b []byte, c *privacy.Column) bool {
	if len(b) != 8 {
		return false
	}
	c.AppendFloat(math.Float64frombits(binary.BigEndian.Uint64(b)))
	return true
}

// errCancelled says that the terms of a sum of doubles cancel each other out: the gateway has to add them.
var errCancelled = errors.New("a sum that has to be added with more care")

func isNaN(b []byte) bool {
	return len(b) == 8 && math.IsNaN(math.Float64frombits(binary.BigEndian.Uint64(b)))
}

func readDecimal(b []byte, c *privacy.Column) bool {
	if last := b[len(b)-1]; last == 'N' || last == 'y' { // NaN, Infinity
		c.AppendNull()
		return true
	}
	if !cell.Decimal(b) {
		return false
	}
	c.AppendBytes(b)
	return true
}

// readDate reads infinity as NULL; a year that is not 1 to 9999 is no date.
func readDate(b []byte, c *privacy.Column) bool {
	if last := b[len(b)-1]; last == 'y' {
		c.AppendNull()
		return true
	}
	if !cell.Date(b) {
		return false
	}
	c.AppendBytes(b)
	return true
}

// epoch is 2000-01-01, from which PostgreSQL counts, in microseconds of Unix time.
const epoch = 946_684_800_000_000

// Years 1 to 9999, in microseconds of Unix time.
const (
	firstMicros = -62_135_596_800_000_000
	afterMicros = 253_402_300_800_000_000
)

func readTime(b []byte, c *privacy.Column) bool {
	if len(b) != 8 {
		return false
	}
	v := int64(binary.BigEndian.Uint64(b))
	if v == math.MaxInt64 || v == math.MinInt64 { // infinity
		c.AppendNull()
		return true
	}
	if v < firstMicros-epoch || v >= afterMicros-epoch {
		return false
	}
	c.AppendInt(v + epoch)
	return true
}

func readText(b []byte, c *privacy.Column) bool {
	if !utf8.Valid(b) {
		return false
	}
	c.AppendBytes(b)
	return true
}
