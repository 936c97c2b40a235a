package memory

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/privacy"
)

// maxBytes bounds a table after decompression.
const maxBytes = 1 << 30

// Load reads CSV (RFC 4180, gzip or plain) whose first line names the physical columns. An empty cell is NULL. An
// error names line and column, never the value.
func Load(r io.Reader, rel *source.Relation) (*privacy.Table, error) {
	plain, err := decompressed(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rel.Table, err)
	}
	in := csv.NewReader(plain)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: no header: %w", rel.Table, source.ErrInvalid)
	}
	t, at, err := layout(header, rel)
	if err != nil {
		return nil, err
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rel.Table, broken(err))
		}
		line, _ := in.FieldPos(0)
		if name, ok := appendRecord(t, at, record); !ok {
			return nil, fmt.Errorf("%s: line %d: column %s is not of its type: %w", rel.Table, line, name, source.ErrInvalid)
		}
	}
}

// broken keeps the place of a syntax error and drops the text that encoding/csv might quote.
func broken(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d is not CSV: %w", p.Line, source.ErrInvalid)
	}
	return err
}

// decompressed looks at the first two bytes (RFC 1952 section 2.3.1) and passes over a byte order mark.
func decompressed(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	magic, err := b.Peek(2)
	if err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("not gzip: %w", source.ErrInvalid)
		}
		b = bufio.NewReaderSize(&bounded{z, maxBytes}, 1<<16)
	}
	if mark, err := b.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, err := b.Discard(3)
		return b, err
	}
	return b, nil
}

// bounded fails, instead of ending, after its bytes.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("more than %d bytes: %w", int64(maxBytes), source.ErrTooLarge)
	}
	return n, err
}

// layout makes a column for each field and says where in a record it is.
func layout(header []string, rel *source.Relation) (*privacy.Table, []int, error) {
	position := map[string]int{}
	for i, name := range header {
		position[name] = i
	}
	t := &privacy.Table{}
	var at []int
	for field, c := range rel.Columns {
		i, ok := position[c.Physical]
		if !ok {
			return nil, nil, fmt.Errorf("%s.%s: %s has no column %q: %w", rel.Type, field, rel.Table, c.Physical, source.ErrInvalid)
		}
		t.Columns = append(t.Columns, source.NewColumn(rel, field, 1024))
		at = append(at, i)
	}
	return t, at, nil
}

// appendRecord appends a row; where a cell is not of its kind, it names the column and the table is of no use.
func appendRecord(t *privacy.Table, at []int, record []string) (string, bool) {
	for i, c := range t.Columns {
		text := record[at[i]]
		if text == "" {
			c.AppendNull()
			continue
		}
		if !cell.Append(c, []byte(text)) {
			return c.Name, false
		}
	}
	t.Rows++
	return "", true
}
