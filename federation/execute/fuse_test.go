package execute

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/federation/source/memory"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Persons are held by three agencies, which fuse their rows; visits by one.
var fusedAgencies = []policy.AgencyID{"alpha", "beta", "gamma"}

const fusedPerson = `type Person @source(name: %q, table: "people") @key(fields: "id") @fusion(trust: ["beta"]) {
	id: ID! @classify(as: NON_SENSITIVE)
	phone: String @classify(as: NON_SENSITIVE) @survivorship(rule: NEWEST, by: "updated")
	name: String @classify(as: NON_SENSITIVE) @survivorship(rule: MOST_TRUSTED, trust: ["gamma"])
	street: String @classify(as: NON_SENSITIVE) @survivorship(rule: MOST_COMPLETE, by: "street town")
	town: String @classify(as: NON_SENSITIVE) @survivorship(rule: MOST_COMPLETE, by: "street town")
	score: Int @classify(as: NON_SENSITIVE)
	updated: Int @classify(as: NON_SENSITIVE) @survivorship(rule: NEWEST, by: "updated")
	visits: [Visit!] @join(on: "id = person")
	peers: [Person!] @join(on: "town = town")
}
`

const fusedVisit = `type Visit @source(name: "alpha", table: "visits") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE)
	person: ID @classify(as: NON_SENSITIVE)
	visitor: Person @join(on: "person = id")
}
`

var personFields = []string{"id", "phone", "name", "street", "town", "score", "updated"}

func fusedSupergraph(t testing.TB) *compose.Supergraph {
	t.Helper()
	var files []compose.File
	for _, a := range fusedAgencies {
		text := fmt.Sprintf(fusedPerson, a)
		if a == "alpha" {
			text += fusedVisit
		}
		files = append(files, compose.File{Name: string(a) + ".graphqls", Agency: a, Text: text})
	}
	sg, problems := compose.Compose(files, compose.Options{})
	if sg == nil {
		t.Fatal(problems)
	}
	return sg
}

// people is the rows of each agency, and the visits.
type people struct {
	rows   map[policy.AgencyID][]record
	visits []record
}

func (p people) sources() map[string]source.Source {
	out := map[string]source.Source{}
	for _, a := range fusedAgencies {
		tables := map[string]*privacy.Table{"Person": peopleTable("Person", p.rows[a], personFields)}
		if a == "alpha" {
			tables["Visit"] = peopleTable("Visit", p.visits, []string{"id", "person"})
		}
		out[string(a)] = memory.New(tables)
	}
	return out
}

func peopleTable(name string, rows []record, fields []string) *privacy.Table {
	t := &privacy.Table{Rows: len(rows)}
	for _, f := range fields {
		kind := privacy.String
		if f == "score" || f == "updated" {
			kind = privacy.Int
		}
		c := privacy.NewColumn(f, privacy.Coordinate(name+"."+f), kind, len(rows))
		for _, r := range rows {
			switch v := r[f].(type) {
			case int64:
				c.AppendInt(v)
			case string:
				c.AppendText(v)
			default:
				c.AppendNull()
			}
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

func fusedPermissive() *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	allow := func(a policy.AgencyID, c string) {
		d.Fields[policy.FieldKey{Agency: a, Coordinate: privacy.Coordinate(c)}] = policy.Ruling{Effect: policy.Allow}
	}
	for _, a := range fusedAgencies {
		d.Rows[policy.TypeKey{Agency: a, Type: "Person"}] = predicate.Always()
		for _, f := range append([]string{"visits", "peers"}, personFields...) {
			allow(a, "Person."+f)
		}
	}
	d.Rows[policy.TypeKey{Agency: "alpha", Type: "Visit"}] = predicate.Always()
	for _, f := range []string{"id", "person", "visitor"} {
		allow("alpha", "Visit."+f)
	}
	return d
}

func (p people) ask(t testing.TB, sg *compose.Supergraph, query string, d *policy.Decision) written {
	t.Helper()
	return executor(t, p.sources()).answer(t.Context(), authorize(t, sg, query, d), partner)
}

var three = people{rows: map[policy.AgencyID][]record{
	"alpha": {{"id": "1", "phone": "old", "name": "Ann", "street": "S1", "town": "T1", "score": int64(1), "updated": int64(10)},
		{"id": "2", "name": "Bob", "score": int64(7)}},
	"beta":  {{"id": "1", "phone": "new", "name": "Anna", "town": "T2", "score": int64(2), "updated": int64(20)}},
	"gamma": {{"id": "1", "name": "Anne", "score": int64(3), "updated": int64(30)}, {"id": "3", "phone": "x", "town": "T2"}},
}, visits: []record{{"id": "v1", "person": "1"}, {"id": "v2", "person": "3"}}}

func TestRowsOfOneKeyBecomeOneByTheRuleOfEachField(t *testing.T) {
	three.ask(t, fusedSupergraph(t), `{ persons { totalCount nodes { _source id phone name street town score } } }`, fusedPermissive()).is(t,
		`{"persons":{"totalCount":3,"nodes":[`+
			`{"_source":"beta alpha gamma","id":"1","phone":"new","name":"Anne","street":"S1","town":"T1","score":2},`+
			`{"_source":"alpha","id":"2","phone":null,"name":"Bob","street":null,"town":null,"score":7},`+
			`{"_source":"gamma","id":"3","phone":"x","name":null,"street":null,"town":"T2","score":null}]}}`)
}

func TestFilterOrderGroupAndJoinAreOverTheFusedRows(t *testing.T) {
	three.ask(t, fusedSupergraph(t), `{
		stale: persons(where: {phone: {eq: "old"}}) { totalCount nodes { id } }
		fresh: persons(where: {phone: {eq: "new"}}, orderBy: [{field: score, direction: DESC}]) { totalCount nodes { id } }
		personsAggregate(groupBy: [{field: town}]) { groups { key { town } count sum { score } countDistinct { name } } }
		all: personsAggregate { groups { count sum { score } max { updated } } }
		person(id: "1") { phone visits { nodes { visitor { name } } } peers { nodes { id } } }
		related: visits(where: {visitor: {some: {name: {eq: "Anne"}}}}) { nodes { id } }
		unrelated: visits(where: {visitor: {some: {name: {eq: "Ann"}}}}) { nodes { id } }
		back: persons(where: {visits: {some: {id: {eq: "v2"}}}}) { nodes { id } }
	}`, fusedPermissive()).is(t, `{"stale":{"totalCount":0,"nodes":[]},"fresh":{"totalCount":1,"nodes":[{"id":"1"}]},`+
		`"personsAggregate":{"groups":[{"key":{"town":"T1"},"count":1,"sum":{"score":"2"},"countDistinct":{"name":1}},`+
		`{"key":{"town":"T2"},"count":1,"sum":{"score":null},"countDistinct":{"name":0}},{"key":{"town":null},"count":1,"sum":{"score":"7"},"countDistinct":{"name":1}}]},`+
		`"all":{"groups":[{"count":3,"sum":{"score":"9"},"max":{"updated":30}}]},`+
		`"person":{"phone":"new","visits":{"nodes":[{"visitor":{"name":"Anne"}}]},"peers":{"nodes":[{"id":"1"}]}},`+
		`"related":{"nodes":[{"id":"v1"}]},"unrelated":{"nodes":[]},"back":{"nodes":[{"id":"3"}]}}`)
}

func TestConflictsListWhatEachAgencyLetsBeSeen(t *testing.T) {
	sg, query := fusedSupergraph(t), `{ person(id: "1") { name phone _conflicts { field values { source value } } } }`
	three.ask(t, sg, query, fusedPermissive()).is(t, `{"person":{"name":"Anne","phone":"new","_conflicts":[`+
		`{"field":"name","values":[{"source":"beta","value":"Anna"},{"source":"alpha","value":"Ann"},{"source":"gamma","value":"Anne"}]},`+
		`{"field":"phone","values":[{"source":"beta","value":"new"},{"source":"alpha","value":"old"}]}]}}`)

	d := fusedPermissive()
	d.Fields[policy.FieldKey{Agency: "gamma", Coordinate: "Person.name"}] = policy.Ruling{Effect: policy.Transform,
		Obligation: privacy.Obligation{Method: "constant", Arguments: `{"value":"hidden"}`}}
	d.Rows[policy.TypeKey{Agency: "alpha", Type: "Person"}] = predicate.Compare("score", predicate.Gt, predicate.Int(5))
	// A transformed value and a raw one compare with nothing, and a row that may not be seen does not exist.
	three.ask(t, sg, query, d).is(t, `{"person":{"name":"hidden","phone":"new","_conflicts":[]}}`)

	d.Rows[policy.TypeKey{Agency: "alpha", Type: "Person"}] = predicate.Always()
	three.ask(t, sg, query, d).is(t, `{"person":{"name":"hidden","phone":"new","_conflicts":[`+
		`{"field":"name","values":[{"source":"beta","value":"Anna"},{"source":"alpha","value":"Ann"},{"source":"gamma","value":"hidden"}]},`+
		`{"field":"phone","values":[{"source":"beta","value":"new"},{"source":"alpha","value":"old"}]}]}}`)

	d.Fields[policy.FieldKey{Agency: "beta", Coordinate: "Person.name"}] = policy.Ruling{Effect: policy.Deny}
	three.ask(t, sg, `{ person(id: "1") { name _conflicts { field } } }`, d).is(t, `{"person":{"name":"hidden","_conflicts":[]}}`)
}

// A rule that read what is hidden would tell something about it.
func TestRulesReadOnlyWhatTheCallerSees(t *testing.T) {
	d := fusedPermissive()
	d.Fields[policy.FieldKey{Agency: "beta", Coordinate: "Person.updated"}] = policy.Ruling{Effect: policy.Deny}
	three.ask(t, fusedSupergraph(t), `{ person(id: "1") { phone } }`, d).is(t, `{"person":{"phone":"old"}}`)
}

func TestTwoRowsOfOneAgencyWithOneKeyAreItsMistake(t *testing.T) {
	twice := people{rows: map[policy.AgencyID][]record{"alpha": {{"id": "1"}, {"id": "1"}}, "beta": {{"id": "2"}}}}
	three := twice.ask(t, fusedSupergraph(t), `{ persons { nodes { id } } }`, fusedPermissive())
	three.is(t, `{"persons":null}`, "SOURCE_INVALID persons")
}

// naive fuses as the schema says, in the plainest way.
func (p people) naive() []record {
	byID := map[string]map[policy.AgencyID]record{}
	var ids []string
	for _, a := range fusedAgencies {
		for _, r := range p.rows[a] {
			id := r["id"].(string)
			if byID[id] == nil {
				byID[id] = map[policy.AgencyID]record{}
				ids = append(ids, id)
			}
			byID[id][a] = r
		}
	}
	slices.Sort(ids)
	var out []record
	for _, id := range ids {
		fused := record{}
		for _, f := range personFields {
			fused[f] = naiveField(f, byID[id])
		}
		out = append(out, fused)
	}
	return out
}

func naiveField(f string, rows map[policy.AgencyID]record) any {
	trust := []policy.AgencyID{"beta", "alpha", "gamma"}
	if f == "name" {
		trust = []policy.AgencyID{"gamma", "alpha", "beta"}
	}
	var best any
	bestRank := int64(-1 << 62)
	for _, a := range trust {
		r, ok := rows[a]
		if !ok || r[f] == nil {
			continue
		}
		rank := int64(0)
		switch f {
		case "phone", "updated":
			rank = -1 << 40
			if u, ok := r["updated"].(int64); ok {
				rank = u
			}
		case "street", "town":
			for _, by := range []string{"street", "town"} {
				if r[by] != nil {
					rank++
				}
			}
		}
		if rank > bestRank {
			best, bestRank = r[f], rank
		}
	}
	return best
}

// naiveCompare orders as the gateway does: NULL last in both directions.
func naiveCompare(a, b any, descending bool) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	d := 0
	switch a := a.(type) {
	case int64:
		d = cmp.Compare(a, b.(int64))
	case string:
		d = cmp.Compare(a, b.(string))
	}
	if descending {
		return -d
	}
	return d
}

func drawPeople(t *rapid.T) people {
	p := people{rows: map[policy.AgencyID][]record{}}
	word := func(f string) any {
		if n := rapid.IntRange(0, 3).Draw(t, f); n > 0 {
			return fmt.Sprintf("%s%d", f, n)
		}
		return nil
	}
	number := func(f string) any {
		if n := rapid.IntRange(0, 3).Draw(t, f); n > 0 {
			return int64(n)
		}
		return nil
	}
	for _, a := range fusedAgencies {
		for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 8, rapid.ID[int]).Draw(t, string(a)) {
			p.rows[a] = append(p.rows[a], record{"id": fmt.Sprint(id), "phone": word("phone"), "name": word("name"), "street": word("street"),
				"town": word("town"), "score": number("score"), "updated": number("updated")})
		}
	}
	return p
}

// Any page of any filter and order over fused rows is that of the plainest evaluation; so are counts and groups.
func TestFusedAnswersAreTheReferences(t *testing.T) {
	sg := fusedSupergraph(t)
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPeople(rt)
		field := rapid.SampledFrom([]string{"phone", "name", "street", "town", "id"}).Draw(rt, "filtered")
		value := field + fmt.Sprint(rapid.IntRange(1, 3).Draw(rt, "value"))
		if field == "id" {
			value = "3"
		}
		shape := rapid.SampledFrom([]string{"none", "eq", "ne", "not", "null", "or"}).Draw(rt, "shape")
		by := rapid.SampledFrom([]string{"id", "name", "score", "updated"}).Draw(rt, "by")
		descending := rapid.Bool().Draw(rt, "descending")
		size := rapid.IntRange(1, 5).Draw(rt, "size")
		where := map[string]string{"none": "{}", "eq": `{F: {eq: "V"}}`, "ne": `{F: {ne: "V"}}`, "not": `{not: {F: {eq: "V"}}}`, "null": `{F: {isNull: true}}`,
			"or": `{or: [{F: {eq: "V"}}, {score: {gte: 2}}]}`}[shape]
		where = strings.NewReplacer("F", field, "V", value).Replace(where)
		var want []record
		for _, r := range p.naive() {
			score, _ := r["score"].(int64)
			if map[string]bool{"none": true, "eq": r[field] == value, "ne": r[field] != nil && r[field] != value, "not": r[field] != value,
				"null": r[field] == nil, "or": r[field] == value || score >= 2}[shape] {
				want = append(want, r)
			}
		}
		slices.SortStableFunc(want, func(a, b record) int {
			if d := naiveCompare(a[by], b[by], descending); d != 0 {
				return d
			}
			return naiveCompare(a["id"], b["id"], false)
		})
		got := p.pages(rt, t, sg, where, by, descending, size)
		if fmt.Sprint(got) != fmt.Sprint(wanted(want)) {
			rt.Fatalf("where %s by %s %t:\n got %v\nwant %v", where, by, descending, got, wanted(want))
		}
		var groups struct {
			PersonsAggregate struct{ Groups []struct{ Count int } }
		}
		a := p.ask(t, sg, fmt.Sprintf(`{ personsAggregate(where: %s) { groups { count } } }`, where), fusedPermissive())
		if err := json.Unmarshal([]byte(a.data), &groups); err != nil || groups.PersonsAggregate.Groups[0].Count != len(want) {
			rt.Fatalf("count: %s, want %d", a.data, len(want))
		}
	})
}

func wanted(rows []record) []string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r["id"], r["phone"], r["name"], r["street"], r["town"], r["score"], r["updated"]))
	}
	return out
}

// pages reads a list page by page, and checks each total.
func (p people) pages(rt *rapid.T, t *testing.T, sg *compose.Supergraph, where, by string, descending bool, size int) []string {
	direction := "ASC"
	if descending {
		direction = "DESC"
	}
	var out []string
	total, after := -1, "null"
	for {
		query := fmt.Sprintf(`{ persons(where: %s, orderBy: [{field: %s, direction: %s}], first: %d, after: %s) {
			totalCount pageInfo { hasNextPage endCursor } nodes { id phone name street town score updated } } }`, where, by, direction, size, after)
		a := p.ask(t, sg, query, fusedPermissive())
		var page struct {
			Persons struct {
				TotalCount int
				PageInfo   struct {
					HasNextPage bool
					EndCursor   string
				}
				Nodes []map[string]any
			}
		}
		if err := json.Unmarshal([]byte(a.data), &page); err != nil || len(a.errors) > 0 {
			rt.Fatalf("%s: %s %v", query, a.data, a.errors)
		}
		for _, n := range page.Persons.Nodes {
			out = append(out, fmt.Sprint(n["id"], n["phone"], n["name"], n["street"], n["town"], n["score"], n["updated"]))
		}
		if total >= 0 && page.Persons.TotalCount != total {
			rt.Fatalf("the total changes from %d to %d", total, page.Persons.TotalCount)
		}
		total = page.Persons.TotalCount
		if !page.Persons.PageInfo.HasNextPage {
			if total != len(out) {
				rt.Fatalf("total %d of %d rows", total, len(out))
			}
			return out
		}
		after = fmt.Sprintf("%q", page.Persons.PageInfo.EndCursor)
	}
}

// away is a source that cannot be reached.
type away struct{}

func (away) Fetch(context.Context, *source.Query) (*privacy.Table, error) {
	return nil, source.ErrUnavailable
}

func TestAnAgencyThatFailsLeavesListsPartialAndAggregatesNull(t *testing.T) {
	sg := fusedSupergraph(t)
	sources := three.sources()
	sources["beta"] = away{}
	query := `{ persons { totalCount nodes { id phone } } personsAggregate { groups { count } } }`
	executor(t, sources).answer(t.Context(), authorize(t, sg, query, fusedPermissive()), partner).is(t,
		`{"persons":{"totalCount":null,"nodes":[{"id":"1","phone":"old"},{"id":"2","phone":null},{"id":"3","phone":"x"}]},"personsAggregate":null}`,
		"SOURCE_UNAVAILABLE persons", "SOURCE_UNAVAILABLE personsAggregate")
}

func TestFusedRowsBeyondTheBoundAreRefused(t *testing.T) {
	sg := fusedSupergraph(t)
	x := executor(t, three.sources())
	x.MaxRows = 1
	query := `{ persons(orderBy: [{field: phone}], first: 1) { nodes { id } } }`
	x.answer(t.Context(), authorize(t, sg, query, fusedPermissive()), partner).is(t, `{"persons":null}`, "RESULT_TOO_LARGE persons")
}
