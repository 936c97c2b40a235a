package graphql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// chunk bounds the key values of one document.
const chunk = 5000

// document is one question, without its offset.
type document struct {
	field      string
	arguments  []argument
	selection  string
	paging     *Page
	entities   *entities // not nil: what the answer has to hold
	restricted bool      // a condition of the filter is sent
	keyed      bool      // the keys are sent
}

// argument is one argument with its value: a literal of GraphQL that is JSON too. Without a type it is written into the
// document; with one it is a variable.
type argument struct{ name, typ, value string }

// argumentOf reads "name: Type" or "name".
func argumentOf(configured string) argument {
	name, typ, _ := strings.Cut(configured, ":")
	return argument{name: strings.TrimSpace(name), typ: strings.TrimSpace(typ)}
}

// newDocuments writes the question, several times where there are many keys.
func newDocuments(t Table, page *Page, q *source.Query) ([]*document, error) {
	if byKey := t.entityDocuments(q); byKey != nil {
		return byKey, nil
	}
	if t.Field == "" {
		return nil, fmt.Errorf("%s is read by its key alone: %w", q.Relation.Type, source.ErrInvalid)
	}
	base := &document{field: t.Field, selection: selection(q), paging: page}
	for _, term := range terms(q.Where) {
		base.restrict(t, q.Relation, term)
	}
	if q.Keys == nil {
		return []*document{base}, nil
	}
	var all []*document
	for from := 0; from == 0 || from < len(q.Keys.Values); from += chunk {
		d := *base
		d.arguments = append([]argument(nil), base.arguments...)
		values := q.Keys.Values[from:min(from+chunk, len(q.Keys.Values))]
		d.keyed = d.in(t, q.Relation, q.Keys.Field, values)
		all = append(all, &d)
		if !d.keyed {
			break // the keys are not sent: one question brings everything
		}
	}
	return all, nil
}

// selection asks for the needed fields as c0, c1, ...
func selection(q *source.Query) string {
	var b strings.Builder
	for i, f := range q.Needed() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("c" + strconv.Itoa(i) + ": " + q.Relation.Columns[f].Physical)
	}
	if b.Len() == 0 {
		return "__typename"
	}
	return b.String()
}

// terms is the conditions that each row of the answer satisfies.
func terms(p predicate.Predicate) []*predicate.Node {
	n := p.Node()
	if n.Kind != predicate.KindAnd {
		return []*predicate.Node{n}
	}
	var all []*predicate.Node
	for _, k := range n.Kids {
		all = append(all, terms(k)...)
	}
	return all
}

// restrict sends one term where the service has an argument for it. A strict comparison is sent as the wider one.
func (d *document) restrict(t Table, r *source.Relation, n *predicate.Node) {
	a := t.Arguments[n.Field]
	switch n.Kind {
	case predicate.KindIn:
		d.restricted = d.in(t, r, n.Field, n.Values) || d.restricted
	case predicate.KindCompare:
		kind := r.Columns[n.Field].Kind
		switch n.Op {
		case predicate.Eq:
			if a.Eq == "" {
				d.restricted = d.in(t, r, n.Field, []predicate.Value{n.Value}) || d.restricted
				return
			}
			d.one(a.Eq, kind, n.Value, false)
		case predicate.Gt, predicate.Gte:
			d.one(a.Gte, kind, n.Value, false)
		case predicate.Lt, predicate.Lte:
			d.one(a.Lte, kind, n.Value, true)
		}
	}
}

func (d *document) one(configured string, kind privacy.Kind, v predicate.Value, up bool) {
	text, ok := literal(kind, v, up)
	if configured == "" || !ok || d.has(configured) {
		return
	}
	a := argumentOf(configured)
	a.value = text
	d.arguments = append(d.arguments, a)
	d.restricted = true
}

// in sends a set; where a value cannot be written, nothing is sent.
func (d *document) in(t Table, r *source.Relation, field string, values []predicate.Value) bool {
	configured := t.Arguments[field].In
	if configured == "" || d.has(configured) {
		return false
	}
	texts := make([]string, len(values))
	for i, v := range values {
		text, ok := literal(r.Columns[field].Kind, v, false)
		if !ok {
			return false
		}
		texts[i] = text
	}
	a := argumentOf(configured)
	a.value = "[" + strings.Join(texts, ", ") + "]"
	d.arguments = append(d.arguments, a)
	return true
}

// has reports whether the argument is taken: it cannot be given twice, and one condition of two is still necessary.
func (d *document) has(configured string) bool {
	name := argumentOf(configured).name
	return slices.ContainsFunc(d.arguments, func(a argument) bool { return a.name == name })
}

// literal writes a value as a GraphQL literal (October 2021 specification, section 2.9); up rounds a time up to the
// second. Values that the service could read in two ways are not written: whole numbers beyond 32 bits, decimals.
func literal(kind privacy.Kind, v predicate.Value, up bool) (string, bool) {
	if !source.Comparable(kind, v.Kind) {
		return "", false
	}
	switch v.Kind {
	case predicate.BoolValue:
		return strconv.FormatBool(v.Int != 0), true
	case predicate.IntValue:
		return strconv.FormatInt(v.Int, 10), v.Int == int64(int32(v.Int)) && kind != privacy.Float
	case predicate.TextValue:
		return string(appendString(nil, v.Text)), true
	case predicate.TimeValue:
		return instant(v.Int, up)
	}
	return "", false
}

func instant(micros int64, up bool) (string, bool) {
	t := time.UnixMicro(micros).UTC()
	if whole := t.Truncate(time.Second); up && whole.Before(t) {
		t = whole.Add(time.Second)
	}
	if t.Year() < 1 || t.Year() > 9999 {
		return "", false
	}
	return `"` + t.Format(cell.TimeLayout) + `"`, true
}

// appendString escapes as both GraphQL and JSON read it.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// page is the question for the rows from offset on.
func (d *document) page(offset int) question {
	arguments := d.arguments
	if d.paging != nil {
		arguments = append(slices.Clip(arguments), argument{d.paging.Limit, "Int!", strconv.Itoa(d.paging.Size)},
			argument{d.paging.Offset, "Int!", strconv.Itoa(offset)})
	}
	return question{document: write(d.field, d.selection, arguments, false), variables: variables(arguments)}
}

// text is the document without its values, for plans.
func (d *document) text() string { return write(d.field, d.selection, d.arguments, true) }

// write makes the document: a function of the shape of a question alone where every argument has a type. A variable
// that is not null fits an argument that may be (October 2021 specification, section 5.8.5).
func write(field, selection string, arguments []argument, hidden bool) string {
	var declared, given []string
	for _, a := range arguments {
		value := a.value
		switch {
		case a.typ != "":
			value = "$" + a.name
			declared = append(declared, value+": "+a.typ)
		case hidden:
			value = "..."
		}
		given = append(given, a.name+": "+value)
	}
	head, list := "", ""
	if len(declared) > 0 {
		head = "query(" + strings.Join(declared, ", ") + ") "
	}
	if len(given) > 0 {
		list = "(" + strings.Join(given, ", ") + ")"
	}
	return head + "{ rows: " + field + list + " { " + selection + " } }"
}

// variables is the JSON object of the values that have a type; "" for none.
func variables(arguments []argument) string {
	var b strings.Builder
	for _, a := range arguments {
		if a.typ == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + a.name + `":` + a.value)
	}
	if b.Len() == 0 {
		return ""
	}
	return "{" + b.String() + "}"
}
