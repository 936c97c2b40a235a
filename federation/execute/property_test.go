package execute

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Any question over any data under any decision is answered as the reference answers it, byte for byte.
func TestAnswersAreTheReferences(t *testing.T) {
	sg := compound(t)
	rapid.Check(t, func(rt *rapid.T) {
		w, d := drawWorld(rt), drawDecision(rt)
		questions := drawQuestions(rt, d)
		var texts []string
		for _, q := range questions {
			texts = append(texts, q.graphql())
		}
		query := "{ " + strings.Join(texts, " ") + " }"
		got := executor(t, w.sources()).answer(t.Context(), authorize(t, sg, query, d), partner)
		r := &reference{world: w, decision: d}
		var members []string
		for _, q := range questions {
			members = append(members, fmt.Sprintf("%q:%s", q.alias, r.answer(q, nil)))
		}
		if want := "{" + strings.Join(members, ",") + "}"; got.data != want {
			rt.Fatalf("%s\ngot:\n%s\nwant:\n%s", query, got.data, want)
		}
		for _, e := range got.errors {
			if !strings.HasPrefix(e, "GROUP_TOO_SMALL ") {
				rt.Fatalf("%s: %s", query, e)
			}
		}
		if r.small != (len(got.errors) > 0) {
			rt.Fatalf("%s: withheld as too small: %t, errors %v", query, r.small, got.errors)
		}
	})
}

// drawWorld draws few distinct values, so that keys meet, across agencies too, and ties are many.
func drawWorld(t *rapid.T) world {
	w := world{}
	for _, kind := range []string{"Stay", "Resident"} {
		for _, agency := range holders[kind] {
			ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 11), 0, 8, rapid.ID[int]).Draw(t, string(agency))
			for _, id := range ids {
				w[agency] = append(w[agency], drawRecord(t, agency, id))
			}
		}
	}
	return w
}

func drawRecord(t *rapid.T, agency policy.AgencyID, id int) record {
	r := record{"#agency": agency}
	text := func(name string, values ...string) {
		if v := rapid.SampledFrom(append(values, "")).Draw(t, name); v != "" {
			r[name] = v
		}
	}
	if typeOf(agency) == "Resident" {
		r["id"] = fmt.Sprintf("P%d", id)
		text("name", "Ada", "Bo", "Zoë", "\"q\\")
		return r
	}
	r["id"] = fmt.Sprintf("S%d", id)
	text("person", "P0", "P1", "P2", "P3", "P4", "P5", "P99")
	text("contact", "P0", "P1", "P6", "P99")
	text("ward", "A", "B", "é")
	text("begun", "2019-12-31", "2020-01-01", "2020-06-30")
	if n := rapid.IntRange(-3, 3).Draw(t, "days"); n != 3 {
		r["days"] = int64(n)
	}
	return r
}

func drawDecision(t *rapid.T) *policy.Decision {
	d := permissive()
	rule := func(agency policy.AgencyID, name string, rulings ...policy.Ruling) {
		d.Fields[field(agency, name)] = rapid.SampledFrom(rulings).Draw(t, string(agency)+"."+name)
	}
	allow, deny, aggregate := policy.Ruling{Effect: policy.Allow}, policy.Ruling{Effect: policy.Deny}, policy.Ruling{Effect: policy.Aggregate}
	year := policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "year"}}
	for _, agency := range holders["Stay"] {
		rule(agency, "begun", allow, year, deny)
		rule(agency, "days", allow, allow, aggregate, deny)
		d.Rows[policy.TypeKey{Agency: agency, Type: "Stay"}] = rapid.SampledFrom([]predicate.Predicate{predicate.Always(), predicate.Always(),
			predicate.Compare("ward", predicate.Eq, predicate.String("A")), predicate.Never()}).Draw(t, "rows")
	}
	for _, agency := range holders["Resident"] {
		rule(agency, "name", allow, deny)
		d.Rows[policy.TypeKey{Agency: agency, Type: "Resident"}] = rapid.SampledFrom([]predicate.Predicate{predicate.Always(), predicate.Always(),
			predicate.Compare("name", predicate.Eq, predicate.String("Ada")), predicate.Never()}).Draw(t, "rows")
	}
	rule("health", "resident", allow, allow, deny)
	rule("health", "relative", allow, allow, deny)
	rule("registry", "stays", allow, allow, deny)
	d.Limits.MinimumGroup = rapid.SampledFrom([]int{0, 0, 2, 3}).Draw(t, "minimum")
	return d
}

func drawQuestions(t *rapid.T, d *policy.Decision) []asked {
	var out []asked
	for i := range rapid.IntRange(1, 3).Draw(t, "roots") {
		kind := rapid.SampledFrom([]string{"Stay", "Resident"}).Draw(t, "kind")
		q := asked{alias: fmt.Sprintf("r%d", i), name: map[string]string{"Stay": "stays", "Resident": "residents"}[kind], kind: kind}
		switch shape := rapid.IntRange(0, 3).Draw(t, "shape"); {
		case shape == 0 && kind == "Stay":
			q.name = "staysAggregate"
			drawAggregate(t, &q, d)
		case shape == 1:
			drawKey(t, &q)
			drawRow(t, &q, d, 2)
		default:
			drawList(t, &q, d, 2)
		}
		out = append(out, q)
		out = drawSibling(t, out, d, 1)
	}
	return out
}

// usable are the columns that the caller may filter and order by whatever was decided.
func usable(kind string, d *policy.Decision) []string {
	if kind == "Resident" {
		return []string{"id"}
	}
	names := []string{"id", "person", "ward"}
	if d.Fields[field("clinic", "days")].Effect == policy.Allow && d.Fields[field("health", "days")].Effect == policy.Allow {
		names = append(names, "days")
	}
	return names
}

func drawList(t *rapid.T, q *asked, d *policy.Decision, depth int) {
	names := usable(q.kind, d)
	q.where = drawCondition(t, names, 2)
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID[string]).Draw(t, "order") {
		q.order = append(q.order, term{name, rapid.Bool().Draw(t, "descending")})
	}
	if q.page = rapid.SampledFrom([]string{"", "first", "last"}).Draw(t, "page"); q.page != "" {
		q.size = rapid.IntRange(0, 5).Draw(t, "size")
	}
	q.total = rapid.Bool().Draw(t, "total")
	drawRow(t, q, d, depth)
}

func drawRow(t *rapid.T, q *asked, d *policy.Decision, depth int) {
	all := append(slices.Clone(columns[q.kind]), "_source")
	q.fields = rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, rapid.ID[string]).Draw(t, "fields")
	if depth == 0 {
		return
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "joins") {
		k := asked{alias: fmt.Sprintf("j%d", i), kind: "Resident", name: "resident", one: true}
		switch {
		case q.kind == "Stay":
			k.name = rapid.SampledFrom([]string{"resident", "relative"}).Draw(t, "join")
			drawRow(t, &k, d, depth-1)
		case rapid.Bool().Draw(t, "aggregate"):
			k.kind, k.name, k.one = "Stay", "staysAggregate", false
			drawAggregate(t, &k, d)
		default:
			k.kind, k.name, k.one = "Stay", "stays", false
			drawList(t, &k, d, depth-1)
		}
		q.kids = append(q.kids, k)
		q.kids = drawSibling(t, q.kids, d, depth-1)
	}
}

// drawKey asks for one row by its key.
func drawKey(t *rapid.T, q *asked) {
	letter := map[string]string{"Stay": "S", "Resident": "P"}[q.kind]
	q.name, q.one = strings.TrimSuffix(q.name, "s"), true
	q.where = condition{op: "eq", field: "id", value: fmt.Sprintf("%s%d", letter, rapid.IntRange(0, 5).Draw(t, "id"))}
}

// drawSibling asks sometimes for other fields of the last field's rows, in the same way.
func drawSibling(t *rapid.T, all []asked, d *policy.Decision, depth int) []asked {
	last := all[len(all)-1]
	if last.aggregated || rapid.IntRange(0, 2).Draw(t, "sibling") > 0 {
		return all
	}
	last.alias, last.kids = last.alias+"s", nil
	drawRow(t, &last, d, depth)
	return append(all, last)
}

func drawAggregate(t *rapid.T, q *asked, d *policy.Decision) {
	q.aggregated = true
	q.where = drawCondition(t, usable("Stay", d), 1)
	q.groupBy = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"ward", "person"}), 0, 2, rapid.ID[string]).Draw(t, "group")
	q.measures = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"sum", "avg", "min", "max"}), 0, 4, rapid.ID[string]).Draw(t, "measures")
	if rapid.Bool().Draw(t, "page") {
		q.page, q.size = "first", rapid.IntRange(1, 4).Draw(t, "size")
	}
}

func drawCondition(t *rapid.T, names []string, depth int) condition {
	op := rapid.SampledFrom([]string{"", "", "leaf", "leaf", "not", "and", "or"}).Draw(t, "op")
	if op == "leaf" || depth == 0 {
		return drawLeaf(t, names)
	}
	c := condition{op: op}
	switch op {
	case "not":
		c.kids = []condition{drawLeaf(t, names)}
	case "and", "or":
		for range rapid.IntRange(1, 2).Draw(t, "terms") {
			c.kids = append(c.kids, drawCondition(t, names, depth-1))
		}
	}
	return c
}

func drawLeaf(t *rapid.T, names []string) condition {
	c := condition{field: rapid.SampledFrom(names).Draw(t, "field")}
	c.op = rapid.SampledFrom([]string{"eq", "ne", "lt", "lte", "gt", "gte", "isNull"}).Draw(t, "operator")
	switch {
	case c.op == "isNull":
		c.value = rapid.Bool().Draw(t, "null")
	case c.field == "days":
		c.value = int64(rapid.IntRange(-3, 3).Draw(t, "value"))
	default:
		c.value = rapid.SampledFrom([]string{"A", "B", "é", "P0", "P2", "P9", "S1", "S5"}).Draw(t, "value")
	}
	if (c.field == "id" || c.field == "person") && strings.HasPrefix(c.op, "l") || strings.HasPrefix(c.op, "g") && c.field != "ward" && c.field != "days" {
		c.op = "ne" // identifiers have no order to filter by
	}
	return c
}
