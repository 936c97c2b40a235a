package compose

import "concordat/privacy"

// scalar says what the public schema makes of an agency's scalar.
type scalar struct {
	kind    privacy.Kind
	filters []string // operators of its filter, in order; none: no filter, no order, no group
	sum     string   // scalar of its sum, "" for none
	avg     bool
	extent  bool // has min and max
}

var (
	equality = []string{"eq", "ne", "in", "notIn", "isNull"}
	ordering = []string{"eq", "ne", "in", "notIn", "lt", "lte", "gt", "gte", "isNull"}
	texts    = []string{"eq", "ne", "in", "notIn", "lt", "lte", "gt", "gte", "like", "startsWith", atLevel, "isNull"}
	truths   = []string{"eq", "ne", "isNull"}
)

// scalars are the types a column may have. JSON documents have no useful equality or order, so they are only read.
var scalars = map[string]scalar{
	"ID":       {kind: privacy.String, filters: equality},
	"UUID":     {kind: privacy.String, filters: equality},
	"String":   {kind: privacy.String, filters: texts},
	"Int":      {kind: privacy.Int, filters: ordering, sum: "BigInt", avg: true, extent: true},
	"BigInt":   {kind: privacy.BigInt, filters: ordering, sum: "BigInt", avg: true, extent: true},
	"Float":    {kind: privacy.Float, filters: ordering, sum: "Float", avg: true, extent: true},
	"Decimal":  {kind: privacy.Decimal, filters: ordering, sum: "Decimal", avg: true, extent: true},
	"Boolean":  {kind: privacy.Bool, filters: truths},
	"Date":     {kind: privacy.Date, filters: ordering, extent: true},
	"DateTime": {kind: privacy.Time, filters: ordering, extent: true},
	"JSON":     {kind: privacy.JSON},
}

// classes are the classifications, from the least strict.
var classes = []string{"NON_SENSITIVE", "QUASI_IDENTIFIER", "SENSITIVE", "FREE_TEXT", "DIRECT_IDENTIFIER"}

const (
	unclassified = "SENSITIVE"
	harmless     = "NON_SENSITIVE" // what a relation is unless its agency says otherwise
)
