package introspect

import (
	"time"

	"concordat/federation/source/cell"
	"concordat/privacy"
)

// Values is the samples of a column as the gateway holds them; what is not of the column's kind is left out. The
// coordinate is TABLE.COLUMN.
func (t *Table) Values(c *Column) *privacy.Column {
	out := privacy.NewColumn(c.Name, privacy.Coordinate(t.Name+"."+c.Name), kindOf(c.Scalar), len(c.Samples))
	for _, s := range c.Samples {
		if out.Kind == privacy.Time {
			if micros, ok := instant(s); ok {
				out.AppendInt(micros)
			}
			continue
		}
		cell.Append(out, []byte(s))
	}
	return out
}

// instant reads a time as databases print it.
func instant(s string) (int64, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999Z07", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}

func kindOf(scalar string) privacy.Kind {
	for _, k := range []privacy.Kind{privacy.Bool, privacy.Int, privacy.BigInt, privacy.Float, privacy.Decimal, privacy.Date, privacy.Time, privacy.JSON} {
		if ScalarOf(k) == scalar {
			return k
		}
	}
	return privacy.String
}
