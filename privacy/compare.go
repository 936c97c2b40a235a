package privacy

import (
	"cmp"
	"math/big"
	"strings"
)

// Compare orders two cells of a column that hold values: text by bytes, decimals by their number.
func (c *Column) Compare(a, b int) int { return CompareCells(c, a, c, b) }

// CompareCells orders a cell of one column and a cell of another of the same kind; both hold values.
func CompareCells(x *Column, a int, y *Column, b int) int {
	switch {
	case x.Kind == Float:
		return cmp.Compare(x.Float(a), y.Float(b))
	case x.Kind == Decimal:
		return compareDecimals(x.Text(a), y.Text(b))
	case x.Kind.Text():
		return strings.Compare(x.Text(a), y.Text(b))
	}
	return cmp.Compare(x.Int(a), y.Int(b))
}

func compareDecimals(a, b string) int {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	if !okX || !okY {
		return strings.Compare(a, b)
	}
	return x.Cmp(y)
}
