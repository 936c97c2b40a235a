package privacy

// SmallGroups withholds groups of too few rows.
type SmallGroups struct {
	Count   string // column of the group's number of rows
	Minimum int    // rows; 0 and 1 withhold nothing
}

// Suppress lists the groups that may stay, and says whether any may not. It is applied to the table of groups before
// having, order and limit, which would otherwise tell where the withheld groups stand. Where the count is missing
// or not known, the group is withheld.
func Suppress(raw *Table, rule SmallGroups) (kept []int32, withheld bool) {
	count := raw.Column(rule.Count)
	for row := range raw.Rows {
		if rule.Minimum > 1 && !atLeast(count, row, rule.Minimum) {
			withheld = true
			continue
		}
		kept = append(kept, int32(row))
	}
	return kept, withheld
}

func atLeast(count *Column, row, minimum int) bool {
	known := count != nil && row < len(count.Ints) && count.States[row] == Value
	return known && count.Ints[row] >= int64(minimum)
}

// Gather is the table of the given rows, in that order; a negative row has a NULL in each column.
func (t *Table) Gather(rows []int32) *Table {
	g := &Table{Rows: len(rows), Columns: make([]*Column, len(t.Columns))}
	for i, c := range t.Columns {
		g.Columns[i] = c.Gather(rows)
	}
	return g
}
