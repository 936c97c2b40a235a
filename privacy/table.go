// Package privacy is the enforcement vocabulary: what a result is before it is released (Table), what policy owes
// on it (Obligation), and the one act that turns the first into something that may leave (Apply -> Released).
//
// Tables are columnar. A column carries its schema coordinate, its kind, the domain its values live in (raw, or
// transformed by T with arguments), dictionary codes where text repeats, and one state per cell.
//
//	released, err := privacy.Apply(raw, []privacy.Output{
//		{Column: "ward", As: "ward", Coordinate: "Admission.ward", Kind: privacy.String, Release: privacy.ReleaseRaw},
//	}, deid.New(), scope)
//
// The package does no I/O, but for RootKey, which a server calls when it starts. It knows no policy engine, no ledger
// and no GraphQL. It does not judge whether what policy allows is wise, nor whether released rows together identify
// somebody.
package privacy

// Coordinate is a schema coordinate: "Admission.birthDate", or "Admission" for a type.
type Coordinate string

// Kind is how a column stores its values.
type Kind uint8

const (
	Bool    Kind = iota + 1 // Ints: 0 or 1
	Int                     // Ints: 64 bits (GraphQL Int is checked to 32 at output)
	BigInt                  // Ints, printed as a JSON string
	Float                   // Floats, finite
	Decimal                 // text, printed as a JSON string
	String                  // text (String, ID, UUID)
	Date                    // text, YYYY-MM-DD
	Time                    // Ints: microseconds since the epoch, UTC
	JSON                    // text, a JSON document
)

// Text reports whether the kind stores dictionary codes of text.
func (k Kind) Text() bool { return k == Decimal || k == String || k == Date || k == JSON }

// State is what one cell is.
type State uint8

const (
	Value      State = iota // holds a value
	Null                    // NULL in the source
	Denied                  // policy says no
	Suppressed              // withheld over the whole result (minimum group, k)
	Failed                  // the fetch or the computation failed; its code travels beside the table
)

// Domain says what the values of a column are: the zero Domain is raw.
type Domain struct {
	Method    string // name of the transform
	Arguments string // its arguments, canonical JSON
}

// Raw reports whether values are as the source holds them.
func (d Domain) Raw() bool { return d.Method == "" }

// Column is one field of a table. States has one entry per row; for a cell that is not Value the stored value is
// the zero value and means nothing.
type Column struct {
	Name       string
	Coordinate Coordinate
	Kind       Kind
	Domain     Domain
	States     []State
	Ints       []int64   // Bool, Int, BigInt, Time
	Floats     []float64 // Float
	Dict       []string  // text kinds: distinct values (best effort: equal texts may have two codes)
	Codes      []uint32  // text kinds: index into Dict, one per row
	Subject    *Column   // whom each row is about: set for a transform that keys by it, and on nothing that is released
	intern     *intern
}

// Table is rows of one concrete type for one response path.
type Table struct {
	Rows    int
	Columns []*Column
}

// Column finds a column by name, nil where there is none.
func (t *Table) Column(name string) *Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}
