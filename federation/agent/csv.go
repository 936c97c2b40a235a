package agent

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"concordat/privacy/secagg"
)

// CSV is an agency's data as a file (RFC 4180, with a header row). Columns are found by field name; an empty cell is
// NULL. The file is read anew for each question.
type CSV struct {
	Path string
	Unit string // column of the privacy unit; optional
}

var errData = errors.New("data")

// Table implements Data: only the columns that the question declares are kept.
func (c *CSV) Table(ctx context.Context, q *secagg.Question) (*secagg.Table, error) {
	f, err := os.Open(c.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", errData, err)
	}
	b, err := newBuilder(header, q, c.Unit)
	if err != nil {
		return nil, err
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return b.table, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = b.row(record)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", errData, b.table.Rows+1, err)
		}
	}
}

type builder struct {
	table *secagg.Table
	at    []int // column of each field
	field []secagg.Field
	unit  int // -1: none
}

func newBuilder(header []string, q *secagg.Question, unit string) (*builder, error) {
	place := map[string]int{}
	for i, name := range header {
		place[name] = i
	}
	b := &builder{unit: -1, table: &secagg.Table{Integers: map[string][]int64{}, Texts: map[string][]string{}, Null: map[string][]bool{}}}
	for _, f := range q.Fields {
		i, ok := place[f.Name]
		if !ok {
			return nil, fmt.Errorf("%w: no column for a declared field", errData)
		}
		b.at, b.field = append(b.at, i), append(b.field, f)
	}
	if unit != "" {
		i, ok := place[unit]
		if !ok {
			return nil, fmt.Errorf("%w: no column for the privacy unit", errData)
		}
		b.unit = i
	}
	return b, nil
}

func (b *builder) row(record []string) error {
	t := b.table
	for i, f := range b.field {
		cell := record[b.at[i]]
		t.Null[f.Name] = append(t.Null[f.Name], cell == "")
		if f.Kind != secagg.Integer {
			t.Texts[f.Name] = append(t.Texts[f.Name], strings.Clone(cell))
			continue
		}
		var v int64
		if cell != "" {
			var err error
			if v, err = scaled(cell, f.Scale); err != nil {
				return err
			}
		}
		t.Integers[f.Name] = append(t.Integers[f.Name], v)
	}
	if b.unit >= 0 {
		t.Unit = append(t.Unit, strings.Clone(record[b.unit]))
	}
	t.Rows++
	return nil
}

var errNumber = errors.New("not a decimal number of the declared scale")

// scaled reads a decimal as an integer of 10^-scale, exactly. More decimals than declared are an error, not rounded:
// the declaration would be wrong. What does not fit 63 bits is clipped there, as it would be at the declared bounds.
func scaled(cell string, scale int) (int64, error) {
	whole, fraction, _ := strings.Cut(cell, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > scale || strings.ContainsAny(fraction, "+-_") {
		return 0, errNumber
	}
	digits := whole + fraction + strings.Repeat("0", scale-len(fraction))
	v, err := strconv.ParseInt(digits, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		if v < 0 {
			return -math.MaxInt64, nil
		}
		return math.MaxInt64, nil
	}
	if err != nil {
		return 0, errNumber
	}
	return v, nil
}
