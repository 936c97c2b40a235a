package sqlite

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"concordat/federation/source"
	"concordat/federation/source/eval"
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
		t.Columns[i] = privacy.NewColumn(c.Name, c.Coordinate, c.Kind, 16)
		readers[i] = readerOf(c.Kind, st.sums[i])
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
		if !eval.DecimalSyntax(string(b)) {
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
	if _, ok := days(b); len(b) != 10 || !ok {
		return false
	}
	c.AppendBytes(b)
	return true
}

func readTime(s *lite.Stmt, i int, c *privacy.Column) bool {
	if s.Type(i) != lite.Text {
		return false
	}
	micros, ok := parseTime(s.Bytes(i))
	if ok {
		c.AppendInt(micros)
	}
	return ok
}

// parseTime reads YYYY-MM-DDTHH:MM:SSZ.
func parseTime(b []byte) (int64, bool) {
	if len(b) != len(timeLayout) || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != 'Z' {
		return 0, false
	}
	day, ok := days(b[:10])
	h, m, sec := pair(b[11:]), pair(b[14:]), pair(b[17:])
	if !ok || h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 {
		return 0, false
	}
	return ((day*24+h)*60+m)*60_000_000 + sec*1_000_000, true
}

// days counts the days from 1970-01-01 to YYYY-MM-DD in the proleptic Gregorian calendar (years 1 to 9999).
func days(b []byte) (int64, bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	century, year, m, d := pair(b), pair(b[2:]), pair(b[5:]), pair(b[8:])
	y := century*100 + year
	if century < 0 || year < 0 || y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	if m <= 2 { // the year starts in March, so that its odd day is the last one
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*m-457)/5 + d - 719469, true
}

func daysIn(y, m int64) int64 {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// pair is two decimal digits, -1 where they are none.
func pair(b []byte) int64 {
	tens, units := b[0]-'0', b[1]-'0'
	if tens > 9 || units > 9 {
		return -1
	}
	return int64(tens)*10 + int64(units)
}
