package privacy

import (
	"errors"
	"fmt"
)

// Errors of columns that do not fit together.
var (
	ErrKind   = errors.New("columns of different kinds")
	ErrDomain = errors.New("columns of different domains")
)

// internLimit bounds how many distinct texts a column looks up while it is built. A column with more is not
// repetitive: from there on every text gets its own code, and the index is dropped.
const internLimit = 4096

// NewColumn is an empty column with room for capacity rows.
func NewColumn(name string, coord Coordinate, kind Kind, capacity int) *Column {
	c := &Column{Name: name, Coordinate: coord, Kind: kind, States: make([]State, 0, capacity)}
	switch {
	case kind.Text():
		c.Codes = make([]uint32, 0, capacity)
	case kind == Float:
		c.Floats = make([]float64, 0, capacity)
	case kind.integral():
		c.Ints = make([]int64, 0, capacity)
	}
	return c
}

// NewDeniedColumn has a Denied cell in each row and no value at all.
func NewDeniedColumn(name string, coord Coordinate, kind Kind, rows int) *Column {
	return NewStateColumn(name, coord, kind, rows, Denied)
}

// NewStateColumn has the same state, which must not be Value, in each row.
func NewStateColumn(name string, coord Coordinate, kind Kind, rows int, s State) *Column {
	c := NewColumn(name, coord, kind, rows)
	for range rows {
		c.AppendState(s)
	}
	return c
}

// integral reports whether the kind is stored in Ints.
func (k Kind) integral() bool { return k == Bool || k == Int || k == BigInt || k == Time }

// Len is the number of rows.
func (c *Column) Len() int { return len(c.States) }

// State is what the cell is.
func (c *Column) State(row int) State { return c.States[row] }

// IsNull reports whether the cell holds no value, for whatever reason.
func (c *Column) IsNull(row int) bool { return c.States[row] != Value }

// Text is the text of a cell of a text kind, "" where it holds no value.
func (c *Column) Text(row int) string {
	if c.States[row] != Value {
		return ""
	}
	return c.Dict[c.Codes[row]]
}

// Int is the integer of a Bool, Int, BigInt or Time cell, 0 where it holds no value.
func (c *Column) Int(row int) int64 { return c.Ints[row] }

// Bool is the truth value of a Bool cell, false where it holds no value.
func (c *Column) Bool(row int) bool { return c.Ints[row] != 0 }

// Float is the number of a Float cell, 0 where it holds no value.
func (c *Column) Float(row int) float64 { return c.Floats[row] }

// AppendNull appends a NULL.
func (c *Column) AppendNull() { c.AppendState(Null) }

// AppendState appends a cell without a value. Value is no such state: it is recorded as Failed.
func (c *Column) AppendState(s State) {
	if s == Value {
		s = Failed
	}
	c.States = append(c.States, s)
	switch {
	case c.Kind.Text():
		c.Codes = append(c.Codes, 0)
	case c.Kind == Float:
		c.Floats = append(c.Floats, 0)
	case c.Kind.integral():
		c.Ints = append(c.Ints, 0)
	}
}

// AppendInt appends to a Bool, Int, BigInt or Time column; in any other the cell is Failed.
func (c *Column) AppendInt(v int64) {
	if !c.Kind.integral() {
		c.AppendState(Failed)
		return
	}
	c.States = append(c.States, Value)
	c.Ints = append(c.Ints, v)
}

// AppendBool appends to a Bool column.
func (c *Column) AppendBool(b bool) {
	if b {
		c.AppendInt(1)
		return
	}
	c.AppendInt(0)
}

// AppendFloat appends to a Float column; NaN and infinities are NULL. In any other column the cell is Failed.
func (c *Column) AppendFloat(v float64) {
	if c.Kind != Float {
		c.AppendState(Failed)
		return
	}
	if v-v != 0 {
		c.AppendNull()
		return
	}
	c.States = append(c.States, Value)
	c.Floats = append(c.Floats, v)
}

// AppendText appends to a column of a text kind; in any other the cell is Failed.
func (c *Column) AppendText(s string) {
	if !c.Kind.Text() {
		c.AppendState(Failed)
		return
	}
	code, ok := c.known(s)
	if !ok {
		code = c.newCode(s)
	}
	c.appendCode(code)
}

// AppendBytes is AppendText for a buffer that the caller will reuse; a text seen before is not allocated again.
func (c *Column) AppendBytes(b []byte) {
	if !c.Kind.Text() {
		c.AppendState(Failed)
		return
	}
	code, ok := c.knownBytes(b)
	if !ok {
		code = c.newCode(c.keep(b))
	}
	c.appendCode(code)
}

func (c *Column) appendCode(code uint32) {
	c.States = append(c.States, Value)
	c.Codes = append(c.Codes, code)
}

// known finds the code of a text. A column of one distinct text has no index yet.
func (c *Column) known(s string) (uint32, bool) {
	if len(c.Dict) == 1 {
		return 0, c.Dict[0] == s
	}
	if c.intern == nil {
		return 0, false
	}
	return c.intern.find(c.Dict, s)
}

// knownBytes is known.
func (c *Column) knownBytes(b []byte) (uint32, bool) {
	if len(c.Dict) == 1 {
		return 0, c.Dict[0] == string(b) // the compiler does not allocate for this
	}
	if c.intern == nil {
		return 0, false
	}
	return c.intern.findBytes(c.Dict, b)
}

func (c *Column) keep(b []byte) string {
	if c.intern == nil {
		return string(b)
	}
	return c.intern.keep(b)
}

// newCode adds a text to the dictionary and, while texts repeat, to the index.
func (c *Column) newCode(s string) uint32 {
	code := uint32(len(c.Dict))
	if c.Dict == nil {
		c.Dict = make([]string, 0, min(cap(c.Codes), 16))
	}
	c.Dict = append(c.Dict, s)
	switch {
	case code == 0:
	case code == 1:
		c.intern = newIntern()
		c.intern.add(c.Dict[:1])
		c.intern.add(c.Dict)
	case c.intern != nil && c.repeats(int(code)):
		c.intern.add(c.Dict)
	default:
		c.intern = nil
	}
	return code
}

// repeats reports whether looking texts up still pays: names and identifiers show within a few hundred rows that
// hardly one comes twice.
func (c *Column) repeats(distinct int) bool {
	return distinct < internLimit && (distinct < 256 || 4*distinct < 3*len(c.States))
}

// Gather is the column of the given rows, in that order; a negative row is a NULL. The dictionary is shared, unless
// few rows are taken from a large one: what is done once per distinct value then costs no more than these rows.
func (c *Column) Gather(rows []int32) *Column {
	g := &Column{Name: c.Name, Coordinate: c.Coordinate, Kind: c.Kind, Domain: c.Domain, States: make([]State, len(rows))}
	for i, r := range rows {
		g.States[i] = Null
		if r >= 0 {
			g.States[i] = c.States[r]
		}
	}
	switch {
	case c.Kind.Text():
		g.Dict, g.Codes = c.Dict[:len(c.Dict):len(c.Dict)], gather(c.Codes, rows)
		if len(c.Dict) > 2*len(rows) {
			g.compact()
		}
	case c.Kind == Float:
		g.Floats = gather(c.Floats, rows)
	case c.Kind.integral():
		g.Ints = gather(c.Ints, rows)
	}
	return g
}

// compact leaves only the texts that rows use in the dictionary.
func (c *Column) compact() {
	from, moved := c.Dict, make(map[uint32]uint32, len(c.Codes))
	c.Dict = make([]string, 0, len(c.Codes))
	for row, code := range c.Codes {
		if c.States[row] != Value {
			c.Codes[row] = 0
			continue
		}
		to, ok := moved[code]
		if !ok {
			to = uint32(len(c.Dict))
			moved[code] = to
			c.Dict = append(c.Dict, from[code])
		}
		c.Codes[row] = to
	}
}

func gather[T any](from []T, rows []int32) []T {
	to := make([]T, len(rows))
	for i, r := range rows {
		if r >= 0 {
			to[i] = from[r]
		}
	}
	return to
}

// Extend appends the rows of other. Kinds must be equal, and domains too, except where one side holds no value:
// values of two domains in one column would be compared as if they meant the same.
func (c *Column) Extend(other *Column) error {
	d, ok := c.commonDomain(other)
	if !ok {
		return fmt.Errorf("extend %s: %w", c.Name, ErrDomain)
	}
	if err := c.extend(other); err != nil {
		return err
	}
	c.Domain = d
	return nil
}

func (c *Column) commonDomain(other *Column) (Domain, bool) {
	switch {
	case c.Domain == other.Domain || !other.holdsValue():
		return c.Domain, true
	case !c.holdsValue():
		return other.Domain, true
	}
	return Domain{}, false
}

func (c *Column) holdsValue() bool {
	for _, s := range c.States {
		if s == Value {
			return true
		}
	}
	return false
}

func (c *Column) extend(other *Column) error {
	if c.Kind != other.Kind {
		return fmt.Errorf("extend %s: %w", c.Name, ErrKind)
	}
	if c.Kind.Text() {
		c.extendCodes(other)
	}
	c.States = append(c.States, other.States...)
	c.Ints = append(c.Ints, other.Ints...)
	c.Floats = append(c.Floats, other.Floats...)
	return nil
}

// extendCodes translates each dictionary entry of other once.
func (c *Column) extendCodes(other *Column) {
	codes := make([]uint32, len(other.Dict))
	for i, s := range other.Dict {
		code, ok := c.known(s)
		if !ok {
			code = c.newCode(s)
		}
		codes[i] = code
	}
	for row, code := range other.Codes {
		if other.States[row] != Value {
			c.Codes = append(c.Codes, 0)
			continue
		}
		c.Codes = append(c.Codes, codes[code])
	}
}
