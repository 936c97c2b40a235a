package privacy

import (
	"errors"
	"fmt"
)

// Errors of Apply. Each refuses the whole table: nothing is released in part.
var (
	ErrRefused   = errors.New("no permission to release")
	ErrMissing   = errors.New("no such column")
	ErrMalformed = errors.New("malformed column")
	ErrTransform = errors.New("transform did not do what is owed")
)

// Release says how a column may leave. The zero value is a refusal, so that a forgotten decision releases nothing.
type Release uint8

const (
	ReleaseRaw         Release = iota + 1 // as the source holds it
	ReleaseTransformed                    // only after its Obligation
	ReleaseDenied                         // not at all: each cell is Denied, and no raw column is needed
)

// Output is one column of a Released table and what was decided on it.
type Output struct {
	Column     string // in the raw table
	As         string // in the released one; distinct
	Coordinate Coordinate
	Kind       Kind
	Release    Release
	Obligation Obligation // set exactly where Release is ReleaseTransformed
	Subject    string     // the raw column that says whom a row is about, where the obligation keys by it
}

// Scope is whom a release is for. Keyed transforms give unlinkable values to different scopes.
type Scope struct {
	Agreement, Purpose string
	Root               []byte // root key; see RootKey
}

// Transforms does what an Obligation names (package deid). The function that Prepare returns takes a raw column of
// the kind and returns a new one of the same kind and length in the obligation's domain, without a value where the
// input has none.
type Transforms interface {
	Algebra(method string) Algebra
	Prepare(kind Kind, ob Obligation, s Scope) (func(in *Column) (*Column, error), error)
}

// Released is a table that may leave. Apply is its only maker; the zero value releases nothing. Its columns are
// read, never written.
type Released struct {
	rows    int
	columns []*Column
}

// Apply meets every obligation on a raw table. It fails closed: an Output without a disposition, a missing,
// malformed or otherwise transformed column, another coordinate's column, a transform that fails or answers in a
// domain that is not owed, and the whole table is refused. Columns that no Output names stay behind.
func Apply(raw *Table, outs []Output, t Transforms, s Scope) (Released, error) {
	if raw == nil {
		return Released{}, fmt.Errorf("apply: %w", ErrMissing)
	}
	r := Released{rows: raw.Rows, columns: make([]*Column, 0, len(outs))}
	for i := range outs {
		if r.Column(outs[i].As) != nil {
			return Released{}, fmt.Errorf("apply: two columns are named %s: %w", outs[i].As, ErrMalformed)
		}
		c, err := release(raw, &outs[i], t, s)
		if err != nil {
			return Released{}, fmt.Errorf("apply %s: %w", outs[i].Coordinate, err)
		}
		r.columns = append(r.columns, c)
	}
	return r, nil
}

func release(raw *Table, o *Output, t Transforms, s Scope) (*Column, error) {
	owed := o.Obligation != Obligation{}
	if owed != (o.Release == ReleaseTransformed) {
		return nil, ErrRefused // a disposition that contradicts its obligation is none
	}
	switch o.Release {
	case ReleaseDenied:
		return NewDeniedColumn(o.As, o.Coordinate, o.Kind, raw.Rows), nil
	case ReleaseRaw:
		in, err := input(raw, o)
		if err != nil {
			return nil, err
		}
		return in.as(o), nil
	case ReleaseTransformed:
		return transform(raw, o, t, s)
	}
	return nil, ErrRefused
}

// input is the raw column of an output. A column without a coordinate is a measure that belongs to no field (a count
// of rows).
func input(raw *Table, o *Output) (*Column, error) {
	in := raw.Column(o.Column)
	switch {
	case in == nil:
		return nil, ErrMissing
	case in.Coordinate != "" && in.Coordinate != o.Coordinate:
		return nil, fmt.Errorf("column of %s: %w", in.Coordinate, ErrRefused)
	case in.Kind != o.Kind:
		return nil, ErrKind
	case !in.Domain.Raw():
		return nil, ErrDomain
	}
	return in, in.Check(raw.Rows)
}

func transform(raw *Table, o *Output, t Transforms, s Scope) (*Column, error) {
	if c := raw.Column(o.Column); c != nil && c.Domain == o.Obligation.Domain() {
		return done(c, o, raw.Rows)
	}
	if t == nil {
		return nil, ErrTransform
	}
	in, err := input(raw, o)
	if err != nil {
		return nil, err
	}
	do, err := t.Prepare(o.Kind, o.Obligation, s)
	if err != nil {
		return nil, err
	}
	in = in.as(o)
	if o.Subject != "" {
		if in.Subject = raw.Column(o.Subject); in.Subject == nil || !in.Subject.Domain.Raw() {
			return nil, fmt.Errorf("whom rows are about: %w", ErrMissing)
		}
		if err := in.Subject.Check(raw.Rows); err != nil {
			return nil, err
		}
	}
	out, err := do(in)
	if err != nil {
		return nil, err
	}
	if err := o.Obligation.Met(in, out); err != nil {
		return nil, err
	}
	return out.as(o), nil
}

// done is a column that meets its obligation already: its source, or the gateway before it filtered or grouped,
// computed it.
func done(c *Column, o *Output, rows int) (*Column, error) {
	switch {
	case c.Domain.Raw(), c.Domain == scrambled.Domain():
		return nil, ErrTransform
	case c.Coordinate != o.Coordinate:
		return nil, fmt.Errorf("column of %s: %w", c.Coordinate, ErrRefused)
	case c.Kind != o.Kind:
		return nil, ErrKind
	}
	return c.as(o), c.Check(rows)
}

// Domain is where values live after the obligation was met.
func (ob Obligation) Domain() Domain { return Domain(ob) }

// Met checks what a transform returned: it is in the domain that is owed, and holds no value where there was none
// before (a denied cell stays denied).
func (ob Obligation) Met(in, out *Column) error {
	switch {
	case out == nil || out.Domain.Raw() || out.Domain != ob.Domain():
		return ErrTransform
	case out.Kind != in.Kind:
		return ErrKind
	}
	if err := out.Check(in.Len()); err != nil {
		return err
	}
	for row, s := range in.States {
		if s != Value && out.States[row] != s {
			return ErrTransform
		}
	}
	return nil
}

// as is the column under its released name. The index of its dictionary stays behind.
func (c *Column) as(o *Output) *Column {
	r := *c
	r.Name, r.Coordinate, r.intern = o.As, o.Coordinate, nil
	return &r
}

// Check holds a column to its own rules, so that a source's mistake is an error here (ErrMalformed) and not a panic, or
// another row's value, later.
func (c *Column) Check(rows int) error {
	if len(c.States) != rows || c.stored() != rows {
		return fmt.Errorf("%d rows expected: %w", rows, ErrMalformed)
	}
	for row, s := range c.States {
		if s > Failed || (s == Value && c.Codes != nil && int(c.Codes[row]) >= len(c.Dict)) {
			return ErrMalformed
		}
	}
	return nil
}

// stored is how many cells the kind's own storage has; -1 for no kind, or where another kind's storage is in use.
func (c *Column) stored() int {
	switch {
	case c.Kind.Text() && c.Ints == nil && c.Floats == nil:
		return len(c.Codes)
	case c.Kind == Float && c.Ints == nil && c.Codes == nil:
		return len(c.Floats)
	case c.Kind.integral() && c.Floats == nil && c.Codes == nil:
		return len(c.Ints)
	}
	return -1
}
