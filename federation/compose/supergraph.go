package compose

import (
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation/source"
	"concordat/policy"
	"concordat/privacy"
)

// Supergraph is what composition yields: the public schema and what each element of it stands for. It is
// immutable.
type Supergraph struct {
	Schema    *ast.Schema          // whole public schema, control plane included
	Entities  map[string]*Entity   // by type name
	Roots     map[string]*Root     // agency fields of Query, by name
	Abstracts map[string]*Abstract // interfaces and unions, by name
	// Depends lists, for every derived schema element ("Query.admissions", "AdmissionFilter.note",
	// "AdmissionField.note" for an enum value, "Admission.conditionsAggregate"), the coordinates that must be visible for it to exist.
	// An element is visible where each coordinate is visible for at least one agency that offers it; a coordinate of an
	// interface or union is visible as abstractsVisible says.
	Depends map[string][]privacy.Coordinate
	Catalog policy.Catalog
	Hash    string // hex SHA-256 of the inputs

	gates   gates           // what View asks, by element
	control map[string]bool // types of the control plane: never hidden
}

// Entity is a type with rows.
type Entity struct {
	Name   string
	Key    []string // field names of its first @key; never empty
	Fields []*Field // in SDL order: scalars and joins, not the derived aggregates
	Parts  []*Part  // the agencies that hold rows, in order of source name
	Fusion *Fusion  // nil: the rows are the union of the agencies'

	Members map[string]Member // every field of the public object type, by name
	Joined  map[string]Joined // fields of joined rows that groups may have as keys, by name
	// Names of derived types.
	Connection, Edge, Filter, OrderInput, FieldEnum   string
	Aggregate, Group, GroupKey, GroupInput, GroupEnum string
}

// Fusion says that rows of several agencies with the same key are one row.
type Fusion struct {
	Trust []string // every source of the type, the most trusted first
}

// Rule is how the value of a fused row is chosen.
type Rule string

// Rules of survivorship. Ties go to the more trusted.
const (
	MostTrusted  Rule = "MOST_TRUSTED"
	Newest       Rule = "NEWEST"        // of the row whose By is the greatest
	MostComplete Rule = "MOST_COMPLETE" // of the row that has most of By
)

// Survivorship is the rule of one field of a fused type.
type Survivorship struct {
	Rule  Rule
	By    []string // names of columns
	Trust []string // every source of the type, the most trusted first
}

// Part is one agency's share of an entity: its rows.
type Part struct {
	Agency   policy.AgencyID
	Source   string
	Relation source.Relation
}

// Relations is what a source has to serve.
func (s *Supergraph) Relations(name string) []*source.Relation {
	var out []*source.Relation
	for _, e := range s.Entities {
		for _, p := range e.Parts {
			if p.Source == name {
				out = append(out, &p.Relation)
			}
		}
	}
	return out
}

// Field is a scalar or a join field as an agency declared it.
type Field struct {
	Name           string
	Coordinate     privacy.Coordinate
	Kind           privacy.Kind // zero for joins
	Scalar         string       // GraphQL scalar name, "" for joins
	Classification string
	Hierarchy      string
	Levels         map[string]map[string]string // of a hierarchy that is a file: names by value, by level
	Join           *Join                        // nil for scalars
	Computed       *Computed                    // nil for scalars and joins
	Agencies       []policy.AgencyID            // who declares (and decides) it
	Secure         *Secure                      // nil: secure aggregation may not ask of it
	Survivorship   *Survivorship                // columns of a fused type
	Examples       []string                     // @example of every declaration: values for a mock, of the field's kind
	Required       bool                         // no declaration says that it may be null; it is exposed nullable all the same
}

// Join is a declared relation: rows of Target whose To equals this row's From.
type Join struct {
	Target   string // entity name
	From, To string // field names
	Many     bool
}

// Joined is a column of the row that a to-one relation leads to, as a key of groups.
type Joined struct {
	Join  *Field // of the grouped type
	Field *Field // of the joined type
}

// Computed says what a computed field reads.
type Computed struct {
	Text string // name of a String field of the same entity
}

// Role says what a field of a public object type is.
type Role uint8

const (
	RoleScalar        Role = iota + 1 // a column
	RoleOrigin                        // _source
	RoleJoinOne                       // an object of Join.Target, or null
	RoleJoinMany                      // a connection of Join.Target, with the root's arguments
	RoleJoinAggregate                 // the aggregate beside it
	RoleComputed                      // a list of NamedEntity, or null
	RoleConflicts                     // _conflicts of a fused row
)

// Member is one field of a public object type. Field is nil for RoleOrigin.
type Member struct {
	Role  Role
	Field *Field
}

// RootKind says what an agency field of Query does.
type RootKind uint8

const (
	RootByKey RootKind = iota + 1
	RootConnection
	RootAggregate
	RootSecure
	RootAbstract // a connection over an interface or union
)

// Root is one agency field of Query.
type Root struct {
	Kind     RootKind
	Entity   *Entity   // nil of RootAbstract
	Abstract *Abstract // of RootAbstract
}
