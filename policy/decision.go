package policy

import (
	"concordat/policy/predicate"
	"concordat/privacy"
)

// AgencyID names an agency: its source name and the last part of its Rego package.
type AgencyID string

// Effect is what policy says of a field, from weakest to strictest. The zero value is not an effect: undefined
// means deny, and only Combine may say so.
type Effect uint8

const (
	Undefined Effect = iota
	Allow
	Transform
	Aggregate
	Encrypted
	Deny
	Invisible
)

// Field describes one coordinate to the engine: data.fields in Rego, and what is checked at load.
type Field struct {
	Coordinate     privacy.Coordinate
	Agency         AgencyID // who decides it
	Type           string
	Name           string
	Classification string       // DIRECT_IDENTIFIER, QUASI_IDENTIFIER, SENSITIVE, FREE_TEXT, NON_SENSITIVE; never empty
	Kind           privacy.Kind // zero for a join field
	Join           bool
	// Computed is the coordinate of the text that a computed field reads; empty for columns and joins.
	Computed privacy.Coordinate
}

// Column reports whether the field lies in the rows of its source.
func (f Field) Column() bool { return !f.Join && f.Computed == "" }

// Catalog is every coordinate that policy decides, one entry for each agency that offers it.
type Catalog struct{ Fields []Field }

// FieldKey is a coordinate of one agency: a fused type is decided by each owner for its own rows.
type FieldKey struct {
	Agency     AgencyID
	Coordinate privacy.Coordinate
}

// TypeKey is a type of one agency.
type TypeKey struct {
	Agency AgencyID
	Type   string
}

// Ruling is what was decided for one coordinate of one agency.
type Ruling struct {
	Effect Effect
	// Obligation is owed where Effect is Transform, and inside aggregates where any rule demanded a transform.
	Obligation privacy.Obligation
	Reason     string
	Conflict   bool // two different transforms of equal strength: denied and reported
	// Declassified is set where a rule of the owning agency on a computed coordinate itself demands Labels: the field
	// is computed on the raw text, whatever the subject sees of it. No rule of the gateway sets it.
	Declassified bool
}

// Request is what one operation reads, as plan.Bind lists it: every coordinate, also inside filters, orders,
// cursors and join keys.
type Request struct {
	Operation string // "query" or "subscription"
	Fields    []FieldKey
	Types     []TypeKey
}

// Limits of one operation, the strictest of every agency asked.
type Limits struct {
	MinimumGroup int // groups and counts below it are withheld; 0 and 1: none
	// Mark stands in the ledger entry of the answer and in the log; empty for none. Several are joined by "; ".
	Mark string
}

// Decision is the answer to a Request. What it does not name is denied.
type Decision struct {
	Revision string
	Fields   map[FieldKey]Ruling
	Rows     map[TypeKey]predicate.Predicate
	Limits   Limits
}

// Field is the ruling on a coordinate: Deny where nothing was decided.
func (d *Decision) Field(k FieldKey) Ruling {
	if r, ok := d.Fields[k]; ok && r.Effect != Undefined {
		return r
	}
	return Ruling{Effect: Deny}
}

// Row is the row rule of a type: Never where nothing was decided.
func (d *Decision) Row(k TypeKey) predicate.Predicate { return d.Rows[k] }

// Profile is what a subject may know of: the visible view of the schema.
type Profile struct {
	// Key is equal for two subjects exactly when every fact that visibility rules can read is equal.
	Key string
	// Effects holds each coordinate's effect before any operation is known; absent means deny, which is visible.
	Effects map[FieldKey]Effect
	// Granted reports whether any coordinate is better than denied.
	Granted bool
}
