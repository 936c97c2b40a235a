package plan

import (
	"encoding/json"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"concordat/federation/compose"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Bounds of one filter: a document within the server's limits stays far below them.
const (
	maxFilterDepth = 16
	maxFilterTerms = 256
	maxFilterList  = 1000
)

// whereReader turns a filter argument into a predicate and notes the fields it reads.
type whereReader struct {
	entity *compose.Entity
	path   []string
	fields []string
	terms  int

	entities  map[string]*compose.Entity
	relations []*relation
	depth     int // of relations that lead here

	leaf func(name string, v any) (predicate.Predicate, error) // instead of field: conditions on groups
}

func (w *whereReader) fail(message string) error {
	return &InputError{Path: w.path, Message: message}
}

func (w *whereReader) object(m map[string]any, depth int) (predicate.Predicate, error) {
	if depth > maxFilterDepth {
		return predicate.Never(), w.fail("the filter is nested too deeply")
	}
	var all []predicate.Predicate
	for _, name := range slices.Sorted(maps.Keys(m)) {
		p, err := w.member(name, m[name], depth)
		if err != nil {
			return predicate.Never(), err
		}
		all = append(all, p)
	}
	return predicate.And(all...), nil
}

func (w *whereReader) member(name string, v any, depth int) (predicate.Predicate, error) {
	if v == nil {
		return predicate.Always(), nil
	}
	switch name {
	case "and", "or":
		kids, err := w.list(v, depth+1)
		if err != nil {
			return predicate.Never(), err
		}
		if name == "and" {
			return predicate.And(kids...), nil
		}
		return predicate.Or(kids...), nil
	case "not":
		m, _ := v.(map[string]any)
		p, err := w.object(m, depth+1)
		return predicate.Not(p), err
	}
	if w.leaf != nil {
		return w.leaf(name, v)
	}
	return w.field(name, v)
}

func (w *whereReader) list(v any, depth int) ([]predicate.Predicate, error) {
	var kids []predicate.Predicate
	for _, item := range list(v) {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, w.fail("a filter list holds something that is no filter")
		}
		p, err := w.object(m, depth)
		if err != nil {
			return nil, err
		}
		kids = append(kids, p)
	}
	return kids, nil
}

func (w *whereReader) field(name string, v any) (predicate.Predicate, error) {
	if m := w.entity.Members[name]; m.Role == compose.RoleJoinOne || m.Role == compose.RoleJoinMany {
		return w.relation(name, m.Field, v)
	}
	return w.each(name, v, func(op string, v any) (predicate.Predicate, error) { return w.compare(name, op, v) })
}

// each reads the operators that are given on one field; all of them hold.
func (w *whereReader) each(name string, v any, compare func(op string, v any) (predicate.Predicate, error)) (predicate.Predicate, error) {
	ops, ok := v.(map[string]any)
	if !ok {
		return predicate.Never(), w.fail("the filter on " + name + " is no object")
	}
	var all []predicate.Predicate
	for _, op := range slices.Sorted(maps.Keys(ops)) {
		p, err := compare(op, ops[op])
		if err != nil {
			return predicate.Never(), err
		}
		all = append(all, p)
	}
	return predicate.And(all...), nil
}

var comparisons = map[string]predicate.Op{"eq": predicate.Eq, "ne": predicate.Ne, "lt": predicate.Lt, "lte": predicate.Lte,
	"gt": predicate.Gt, "gte": predicate.Gte, "like": predicate.Like, "startsWith": predicate.HasPrefix}

// compare is one operator on one field. An operator over NULL does not hold, whichever it is; isNull asks for it.
func (w *whereReader) compare(name, op string, v any) (predicate.Predicate, error) {
	m := w.entity.Members[name]
	if m.Role != compose.RoleScalar {
		return predicate.Never(), w.fail("the filter names no field")
	}
	w.fields = appendNew(w.fields, name)
	if op == "atLevel" {
		return w.atLevel(m.Field, v)
	}
	return w.condition(name, m.Field.Kind, op, v)
}

// condition is one operator on one column.
func (w *whereReader) condition(name string, kind privacy.Kind, op string, v any) (predicate.Predicate, error) {
	if w.terms++; w.terms > maxFilterTerms {
		return predicate.Never(), w.fail("the filter has too many terms")
	}
	switch op {
	case "isNull":
		want, ok := v.(bool)
		if !ok {
			return predicate.Never(), w.fail("isNull on " + name + " takes true or false")
		}
		if want {
			return predicate.Null(name), nil
		}
		return predicate.Not(predicate.Null(name)), nil
	case "in", "notIn":
		return w.among(name, op, v, kind)
	}
	value, ok := constant(kind, v)
	if !ok {
		return predicate.Never(), w.fail(op + " on " + name + " takes another kind of value")
	}
	return predicate.Compare(name, comparisons[op], value), nil
}

func (w *whereReader) among(name, op string, v any, kind privacy.Kind) (predicate.Predicate, error) {
	items := list(v)
	if v == nil || len(items) > maxFilterList {
		return predicate.Never(), w.fail(op + " on " + name + " takes a list of at most " + strconv.Itoa(maxFilterList))
	}
	values := make([]predicate.Value, 0, len(items))
	for _, item := range items {
		value, ok := constant(kind, item)
		if !ok {
			return predicate.Never(), w.fail(op + " on " + name + " takes another kind of value")
		}
		values = append(values, value)
	}
	in := predicate.In(name, values...)
	if op == "in" {
		return in, nil
	}
	return predicate.And(predicate.Not(predicate.Null(name)), predicate.Not(in)), nil
}

// list reads a list argument; a single value is a list of one (specification section 3.11).
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// constant reads an argument's value as the kind of the column it is compared with.
func constant(kind privacy.Kind, v any) (predicate.Value, bool) {
	switch kind {
	case privacy.Bool:
		b, ok := v.(bool)
		return predicate.Bool(b), ok
	case privacy.Int:
		i, ok := integer(v)
		return predicate.Int(i), ok && i >= math.MinInt32 && i <= math.MaxInt32
	case privacy.BigInt:
		i, ok := bigInteger(v)
		return predicate.Int(i), ok
	case privacy.Float:
		f, ok := float(v)
		p := predicate.Float(f)
		return p, ok && p.Kind != predicate.NullValue
	case privacy.Decimal:
		text, ok := numberText(v)
		if _, good := new(big.Rat).SetString(text); !ok || !good || strings.ContainsAny(text, "/xXpP_") || len(text) > 80 {
			return predicate.Value{}, false
		}
		return predicate.Decimal(text), true
	case privacy.Date:
		text, _ := v.(string)
		return predicate.String(text), isDate(text)
	case privacy.Time:
		text, _ := v.(string)
		t, err := time.Parse(time.RFC3339Nano, text)
		return predicate.Micros(t.UnixMicro()), err == nil
	case privacy.String, privacy.JSON:
		text, ok := v.(string)
		if !ok {
			text, ok = numberText(v)
		}
		return predicate.String(text), ok && utf8.ValidString(text)
	}
	return predicate.Value{}, false
}

// isDate takes a date, or the year or month of one: what a date may be seen as. Restrict refuses these where it is
// seen whole.
func isDate(text string) bool {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case json.Number:
		i, err := strconv.ParseInt(v.String(), 10, 64)
		return i, err == nil
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	}
	return 0, false
}

func bigInteger(v any) (int64, bool) {
	if text, ok := v.(string); ok {
		i, err := strconv.ParseInt(text, 10, 64)
		return i, err == nil
	}
	return integer(v)
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

func numberText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
