package secagg

// collector puts cells into one measure's slots.
type collector struct {
	question *Question
	measure  *Measure
	use      use
	slots    slots
	group    map[string]int // of the domains of By, Field and With
	row      map[string]int
	column   map[string]int
	groups   int
	bins     int
}

func (c *collector) prepare() {
	q, m := c.question, c.measure
	c.group, c.row, c.column = q.places(m.By), q.places(m.Field), q.places(m.With)
	c.groups, c.bins = q.groups(m), len(m.Edges)+1
}

// places are the places of a text field's values in its domain.
func (q *Question) places(field string) map[string]int {
	place := map[string]int{}
	for i, v := range q.domain(field) {
		place[v] = i
	}
	return place
}

// add adds one cell. What its keys leave out does not count, as in Local.
func (c *collector) add(cell *Cell) error {
	sum := func(i int) int64 { return cell.Sums[c.use.sums[i]] }
	switch c.measure.Fn {
	case Contingency:
		i, known := c.place(cell, c.use.value, c.row)
		j, also := c.place(cell, c.use.other, c.column)
		if !known || !also {
			return nil
		}
		return c.put(i*len(c.column)+j, sum(0))
	case Distinct:
		if v := cell.Keys[c.use.value]; !v.Null && sum(0) > 0 {
			c.slots.to[bucket(c.question.Session, v.Text, c.measure.Buckets)] = 1
		}
		return nil
	case Regression:
		for i := range c.use.sums {
			if err := c.put(i, sum(i)); err != nil {
				return err
			}
		}
		return nil
	}
	g, known := c.place(cell, c.use.group, c.group)
	if !known {
		return nil
	}
	switch c.measure.Fn {
	case Count, Sum, Mean, Variance:
		return c.moments(g, sum)
	}
	return c.binned(cell, g, sum(0))
}

// moments adds counts, sums and squares of group g; a Sum has no count among its slots.
func (c *collector) moments(g int, sum func(int) int64) error {
	if c.measure.Fn == Sum {
		return c.put(g, sum(1))
	}
	for i := range c.use.sums {
		if err := c.put(i*c.groups+g, sum(i)); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) binned(cell *Cell, g int, rows int64) error {
	at, has := c.bin(cell)
	if !has {
		return nil
	}
	at += g * c.bins
	if c.measure.Fn != Survival {
		return c.put(at, rows)
	}
	event := cell.Keys[c.use.other]
	if event.Null {
		return nil
	}
	if event.Number > 0 { // clipped to 0 and 1
		if err := c.put(at, rows); err != nil {
			return err
		}
	}
	return c.put(c.groups*c.bins+at, rows)
}

// bin is the bin of a cell's number once it is clipped. Bins rise with numbers, so that the bin of a bound is a bound of
// the bin.
func (c *collector) bin(cell *Cell) (int, bool) {
	v := cell.Keys[c.use.value]
	f := c.question.field(c.measure.Field)
	reached := int(v.Number)
	if len(c.measure.Edges) > maxReached {
		reached = bin(c.measure.Edges, v.Number)
	}
	return min(max(reached, bin(c.measure.Edges, f.Lower)), bin(c.measure.Edges, f.Upper)), !v.Null
}

// place is a cell's key in a domain. Without a key all cells are one group.
func (c *collector) place(cell *Cell, key int, of map[string]int) (int, bool) {
	if key < 0 {
		return 0, true
	}
	i, known := of[cell.Keys[key].Text]
	return i, known && !cell.Keys[key].Null
}

// put refuses an addend that could wrap around before the guard of slots sees it.
func (c *collector) put(i int, v int64) error {
	if v > c.slots.limit || v < -c.slots.limit {
		return ErrOverflow
	}
	return c.slots.add(i, v)
}
