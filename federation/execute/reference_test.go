package execute

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"concordat/policy"
	"concordat/policy/predicate"
)

// The reference evaluator: rows as maps, nested loops, JSON by hand. It is slow and obvious, and shares no code with
// what it judges but the decision, which it reads ruling by ruling.
type reference struct {
	world    world
	decision *policy.Decision
	small    bool // something was withheld as too small
}

// asked is a question that can be printed as GraphQL and answered by the reference.
type asked struct {
	alias, name string // of the field
	kind        string // "Stay" or "Resident"
	where       condition
	order       []term
	page        string // "first" or "last" or ""
	size        int
	total       bool
	fields      []string // columns and "_source"
	kids        []asked  // joins below

	one        bool // a to-one join: only fields and kids
	aggregated bool
	groupBy    []string
	measures   []string // "sum", "avg", "min", "max" of days
}

type term struct {
	field string
	desc  bool
}

type condition struct {
	op    string // "", "and", "or", "not", or an operator
	field string
	value any
	kids  []condition
}

func (c condition) graphql() string {
	switch c.op {
	case "":
		return "{}"
	case "and", "or":
		var kids []string
		for _, k := range c.kids {
			kids = append(kids, k.graphql())
		}
		return "{" + c.op + ": [" + strings.Join(kids, ", ") + "]}"
	case "not":
		return "{not: " + c.kids[0].graphql() + "}"
	}
	value, _ := json.Marshal(c.value)
	return fmt.Sprintf("{%s: {%s: %s}}", c.field, c.op, value)
}

// holds is two-valued: a comparison with NULL does not hold, and its negation does.
func (c condition) holds(r record) bool {
	switch c.op {
	case "":
		return true
	case "and":
		return !slices.ContainsFunc(c.kids, func(k condition) bool { return !k.holds(r) })
	case "or":
		return slices.ContainsFunc(c.kids, func(k condition) bool { return k.holds(r) })
	case "not":
		return !c.kids[0].holds(r)
	case "isNull":
		return (r[c.field] == nil) == c.value.(bool)
	}
	if r[c.field] == nil {
		return false
	}
	d := compareValues(r[c.field], c.value)
	return map[string]bool{"eq": d == 0, "ne": d != 0, "lt": d < 0, "lte": d <= 0, "gt": d > 0, "gte": d >= 0}[c.op]
}

func compareValues(a, b any) int {
	if x, ok := a.(int64); ok {
		return cmp.Compare(x, b.(int64))
	}
	return strings.Compare(a.(string), b.(string))
}

func (q asked) graphql() string {
	out := q.alias + ": " + q.name
	var args []string
	if q.one && q.where.op != "" {
		args = append(args, fmt.Sprintf("id: %q", q.where.value))
	} else if q.where.op != "" {
		args = append(args, "where: "+q.where.graphql())
	}
	if len(q.order) > 0 {
		var terms []string
		for _, o := range q.order {
			terms = append(terms, fmt.Sprintf("{field: %s, direction: %s}", o.field, map[bool]string{true: "DESC", false: "ASC"}[o.desc]))
		}
		args = append(args, "orderBy: ["+strings.Join(terms, ", ")+"]")
	}
	if len(q.groupBy) > 0 {
		args = append(args, "groupBy: [{field: "+strings.Join(q.groupBy, "}, {field: ")+"}]")
	}
	if q.page != "" {
		args = append(args, fmt.Sprintf("%s: %d", q.page, q.size))
	}
	if len(args) > 0 {
		out += "(" + strings.Join(args, ", ") + ")"
	}
	return out + " { " + q.body() + " }"
}

func (q asked) body() string {
	if q.aggregated {
		out := "withheld groups { count"
		if len(q.groupBy) > 0 {
			out += " key { " + strings.Join(q.groupBy, " ") + " }"
		}
		for _, m := range q.measures {
			out += " " + m + " { days }"
		}
		return out + " }"
	}
	row := strings.Join(q.fields, " ")
	for _, k := range q.kids {
		row += " " + k.graphql()
	}
	if q.one {
		return row
	}
	if q.total {
		return "totalCount pageInfo { hasNextPage hasPreviousPage } nodes { " + row + " }"
	}
	return "nodes { " + row + " }"
}

// rows is what policy shows of a type: by agency in the order of names, cut by the row rules.
func (r *reference) rows(kind string) []record {
	var out []record
	for _, agency := range holders[kind] {
		for _, row := range r.world[agency] {
			if visible(r.decision.Rows[policy.TypeKey{Agency: agency, Type: kind}], row) {
				out = append(out, row)
			}
		}
	}
	return out
}

// visible reads the row rules that the generator makes: always, never, or one field equal to one text.
func visible(p predicate.Predicate, row record) bool {
	n := p.Node()
	switch n.Kind {
	case predicate.KindAlways:
		return true
	case predicate.KindCompare:
		return row[n.Field] == n.Value.Text
	}
	return false
}

func (r *reference) effect(agency policy.AgencyID, name string) policy.Effect {
	return r.decision.Fields[field(agency, name)].Effect
}

// denied reports whether nothing of a type may be seen.
func (r *reference) denied(kind string) bool {
	for _, agency := range holders[kind] {
		if !r.decision.Rows[policy.TypeKey{Agency: agency, Type: kind}].IsNever() {
			return false
		}
	}
	return true
}

// joined is the rows of kind whose field equals v, where the parent's agency lets the join be followed.
func (r *reference) joined(kind, on string, v any, candidates []record) []record {
	var out []record
	for _, row := range candidates {
		if v != nil && row[on] == v {
			out = append(out, row)
		}
	}
	return out
}

// answer writes one field. parent is nil at the root.
func (r *reference) answer(q asked, parent record) string {
	candidates := r.rows(q.kind)
	open := true
	if parent != nil {
		open = r.followed(q, parent)
		from, on := "person", "id"
		if q.kind == "Stay" {
			from, on = "id", "person"
		}
		if q.name == "relative" {
			from = "contact"
		}
		candidates = r.joined(q.kind, on, parent[from], candidates)
		if !open {
			candidates = nil
		}
	}
	if r.denied(q.kind) {
		return "null"
	}
	candidates = slices.DeleteFunc(candidates, func(row record) bool { return !q.where.holds(row) })
	switch {
	case q.one && len(candidates) == 0:
		return "null"
	case q.one:
		return r.row(q, candidates[0])
	case q.aggregated:
		return r.aggregate(q, candidates, open)
	}
	return r.list(q, candidates)
}

func (r *reference) list(q asked, rows []record) string {
	slices.SortStableFunc(rows, func(a, b record) int { return compareRecords(a, b, append(slices.Clone(q.order), term{"id", false})) })
	total := strconv.Itoa(len(rows))
	if len(rows) < r.decision.Limits.MinimumGroup && q.total {
		total, r.small = "null", true
	}
	next, previous := false, false
	if q.page == "first" && len(rows) > q.size {
		rows, next = rows[:q.size], true
	}
	if q.page == "last" && len(rows) > q.size {
		rows, previous = rows[len(rows)-q.size:], true
	}
	var nodes []string
	for _, row := range rows {
		nodes = append(nodes, r.row(q, row))
	}
	out := `"nodes":[` + strings.Join(nodes, ",") + "]}"
	if q.total {
		return fmt.Sprintf(`{"totalCount":%s,"pageInfo":{"hasNextPage":%t,"hasPreviousPage":%t},`, total, next, previous) + out
	}
	return "{" + out
}

func compareRecords(a, b record, terms []term) int {
	for _, o := range terms {
		x, y := a[o.field], b[o.field]
		d := 0
		switch {
		case x == nil && y == nil:
		case x == nil:
			return 1
		case y == nil:
			return -1
		default:
			d = compareValues(x, y)
		}
		if o.desc {
			d = -d
		}
		if d != 0 {
			return d
		}
	}
	return 0
}

func (r *reference) row(q asked, row record) string {
	var members []string
	agency := row["#agency"].(policy.AgencyID)
	for _, name := range q.fields {
		members = append(members, fmt.Sprintf("%q:%s", name, r.cell(agency, name, row)))
	}
	for _, k := range q.kids {
		members = append(members, fmt.Sprintf("%q:%s", k.alias, r.answer(k, row)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (r *reference) cell(agency policy.AgencyID, name string, row record) string {
	if name == "_source" {
		return fmt.Sprintf("%q", agency)
	}
	v := row[name]
	switch r.effect(agency, name) {
	case policy.Allow:
	case policy.Transform: // the generator knows one: the year of a date
		if v != nil {
			v = v.(string)[:4]
		}
	default:
		v = nil
	}
	out, _ := json.Marshal(v)
	return string(out)
}

// aggregate groups rows. Where the join is not followed there is no group, not even one of no rows.
func (r *reference) aggregate(q asked, rows []record, open bool) string {
	var keys [][]any
	groups := map[string][]record{}
	for _, row := range rows {
		var k []any
		for _, name := range q.groupBy {
			k = append(k, row[name])
		}
		if _, ok := groups[fmt.Sprint(k)]; !ok {
			keys = append(keys, k)
		}
		groups[fmt.Sprint(k)] = append(groups[fmt.Sprint(k)], row)
	}
	if len(q.groupBy) == 0 && len(keys) == 0 && open {
		keys = [][]any{nil}
	}
	slices.SortFunc(keys, func(a, b []any) int {
		for i, name := range q.groupBy {
			if d := compareRecords(record{name: a[i]}, record{name: b[i]}, []term{{name, false}}); d != 0 {
				return d
			}
		}
		return 0
	})
	withheld := false
	var out []string
	for _, k := range keys {
		members := groups[fmt.Sprint(k)]
		if least := r.decision.Limits.MinimumGroup; least > 1 && len(members) < least {
			withheld, r.small = true, true
			continue
		}
		out = append(out, r.group(q, k, members))
	}
	if q.page == "first" && len(out) > q.size {
		out = out[:q.size]
	}
	return fmt.Sprintf(`{"withheld":%t,"groups":[%s]}`, withheld, strings.Join(out, ","))
}

func (r *reference) group(q asked, key []any, rows []record) string {
	out := fmt.Sprintf(`{"count":%d`, len(rows))
	if len(key) > 0 {
		values := map[string]any{}
		var members []string
		for i, name := range q.groupBy {
			values[name] = key[i]
			text, _ := json.Marshal(key[i])
			members = append(members, fmt.Sprintf("%q:%s", name, text))
		}
		out += `,"key":{` + strings.Join(members, ",") + "}"
	}
	for _, m := range q.measures {
		out += fmt.Sprintf(`,%q:{"days":%s}`, m, r.measure(m, rows))
	}
	return out + "}"
}

func (r *reference) measure(m string, rows []record) string {
	var values []int64
	for _, row := range rows {
		if v, ok := row["days"].(int64); ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 || !r.measurable() {
		return "null"
	}
	sum := int64(0)
	for _, v := range values {
		sum += v
	}
	switch m {
	case "sum":
		return fmt.Sprintf(`"%d"`, sum)
	case "avg":
		text, _ := json.Marshal(float64(sum) / float64(len(values)))
		return string(text)
	case "min":
		return fmt.Sprint(slices.Min(values))
	}
	return fmt.Sprint(slices.Max(values))
}

// measurable: a measure that an agency denies, among those whose rows are counted, is withheld in every group.
func (r *reference) measurable() bool {
	for _, agency := range holders["Stay"] {
		if !r.decision.Rows[policy.TypeKey{Agency: agency, Type: "Stay"}].IsNever() && r.effect(agency, "days") == policy.Deny {
			return false
		}
	}
	return true
}

// followed reads the ruling on a join. health alone declares Stay.resident and Stay.relative, and registry alone Resident.stays, each over
// its own rows of the parent.
func (r *reference) followed(q asked, parent record) bool {
	agency, name := policy.AgencyID("registry"), "stays"
	if q.kind == "Resident" {
		agency, name = "health", q.name
	}
	return r.effect(agency, name) == policy.Allow || parent["#agency"] != agency
}
