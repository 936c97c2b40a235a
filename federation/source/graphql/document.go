package graphql

import (
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
	arguments  []string // "name: literal"
	selection  string
	paging     *Page
	restricted bool // a condition of the filter is sent
	keyed      bool // the keys are sent
}

// newDocuments writes the question, several times where there are many keys.
func newDocuments(t Table, page *Page, q *source.Query) []*document {
	base := &document{field: t.Field, selection: selection(q), paging: page}
	for _, term := range terms(q.Where) {
		base.restrict(t, q.Relation, term)
	}
	if q.Keys == nil {
		return []*document{base}
	}
	var all []*document
	for from := 0; from == 0 || from < len(q.Keys.Values); from += chunk {
		d := *base
		d.arguments = append([]string(nil), base.arguments...)
		values := q.Keys.Values[from:min(from+chunk, len(q.Keys.Values))]
		d.keyed = d.in(t, q.Relation, q.Keys.Field, values)
		all = append(all, &d)
		if !d.keyed {
			break // the keys are not sent: one question brings everything
		}
	}
	return all
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

func (d *document) one(argument string, kind privacy.Kind, v predicate.Value, up bool) {
	text, ok := literal(kind, v, up)
	if argument == "" || !ok || d.has(argument) {
		return
	}
	d.arguments = append(d.arguments, argument+": "+text)
	d.restricted = true
}

// in sends a set; where a value cannot be written, nothing is sent.
func (d *document) in(t Table, r *source.Relation, field string, values []predicate.Value) bool {
	argument := t.Arguments[field].In
	if argument == "" || d.has(argument) {
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
	d.arguments = append(d.arguments, argument+": ["+strings.Join(texts, ", ")+"]")
	return true
}

// has reports whether the argument is taken: it cannot be given twice, and one condition of two is still necessary.
func (d *document) has(argument string) bool {
	for _, a := range d.arguments {
		if strings.HasPrefix(a, argument+":") {
			return true
		}
	}
	return false
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

// page is the document for the rows from offset on.
func (d *document) page(offset int) string {
	arguments := d.arguments
	if d.paging != nil {
		arguments = append(arguments[:len(arguments):len(arguments)],
			d.paging.Limit+": "+strconv.Itoa(d.paging.Size), d.paging.Offset+": "+strconv.Itoa(offset))
	}
	return d.write(arguments)
}

// shape is the document without its values, for plans.
func (d *document) shape() string {
	arguments := make([]string, len(d.arguments))
	for i, a := range d.arguments {
		name, _, _ := strings.Cut(a, ":")
		arguments[i] = name + ": ..."
	}
	return d.write(arguments)
}

func (d *document) write(arguments []string) string {
	list := ""
	if len(arguments) > 0 {
		list = "(" + strings.Join(arguments, ", ") + ")"
	}
	return "{ rows: " + d.field + list + " { " + d.selection + " } }"
}
