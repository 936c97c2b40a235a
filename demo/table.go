package demo

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// records reads an embedded CSV file (gzip where its name says so) without its header row.
func records(name string) ([][]string, error) {
	content, err := data.ReadFile("data/" + name)
	if err != nil {
		return nil, err
	}
	var in io.Reader = bytes.NewReader(content)
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(in); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("read %s: no rows", name)
	}
	return rows[1:], nil
}

// numbers reads cells that our own files hold; the first mistake is kept in err.
type numbers struct{ err error }

func (n *numbers) integer(cell string) int {
	v, err := strconv.Atoi(cell)
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("not a whole number: %q", cell)
	}
	return v
}
