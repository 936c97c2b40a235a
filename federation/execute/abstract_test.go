package execute

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"concordat/federation/compose"
	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/memory"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
	"concordat/schema"
)

// Cars are held by north and south, buses by transit: three agencies in one list of vehicles.
var vehicleSDL = map[policy.AgencyID]string{
	"north": `interface Vehicle { id: ID! colour: String seats: Int since: Date }
		type Car implements Vehicle @source(table: "cars") @key(fields: "id") { ` + carColumns + ` keeper: Keeper @join(on: "owner = id") }
		type Keeper @source(table: "keepers") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE) name: String @classify(as: DIRECT_IDENTIFIER) }`,
	"south": `type Car @source(table: "cars") @key(fields: "id") { ` + carColumns + ` }`,
	"transit": `type Bus implements Vehicle @source(table: "buses") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE)
		colour: String @classify(as: NON_SENSITIVE) seats: Int @classify(as: NON_SENSITIVE) since: Date @classify(as: NON_SENSITIVE) line: String @classify(as: NON_SENSITIVE) }
		union Thing = Bus | Keeper`,
}

const carColumns = `id: ID! @classify(as: NON_SENSITIVE) colour: String @classify(as: NON_SENSITIVE) seats: Int @classify(as: NON_SENSITIVE)
	since: Date @classify(as: QUASI_IDENTIFIER) owner: ID @classify(as: DIRECT_IDENTIFIER)`

var vehicleColumns = map[string][]string{"Car": {"id", "colour", "seats", "since", "owner"}, "Bus": {"id", "colour", "seats", "since", "line"}, "Keeper": {"id", "name"}}

// holding is one agency's table.
type holding struct {
	agency policy.AgencyID
	kind   string
}

var holdings = []holding{{"transit", "Bus"}, {"north", "Car"}, {"south", "Car"}, {"north", "Keeper"}}

type vehicles map[holding][]record

func vehicleGraph(t testing.TB) *compose.Supergraph {
	t.Helper()
	var files []compose.File
	for _, agency := range []policy.AgencyID{"north", "south", "transit"} {
		files = append(files, compose.File{Name: string(agency) + ".graphqls", Agency: agency, Text: vehicleSDL[agency]})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("composition: %v", problems)
	}
	return sg
}

func vehicleTable(kind string, rows []record) *privacy.Table {
	out := &privacy.Table{Rows: len(rows)}
	for _, f := range vehicleColumns[kind] {
		k := map[string]privacy.Kind{"seats": privacy.Int, "since": privacy.Date}[f]
		if k == 0 {
			k = privacy.String
		}
		c := privacy.NewColumn(f, privacy.Coordinate(kind+"."+f), k, len(rows))
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
		out.Columns = append(out.Columns, c)
	}
	return out
}

func (v vehicles) sources() map[string]source.Source {
	tables := map[string]map[string]*privacy.Table{}
	for _, h := range holdings {
		if tables[string(h.agency)] == nil {
			tables[string(h.agency)] = map[string]*privacy.Table{}
		}
		tables[string(h.agency)][h.kind] = vehicleTable(h.kind, v[h])
	}
	out := map[string]source.Source{}
	for agency, t := range tables {
		out[agency] = memory.New(t)
	}
	return out
}

func permitVehicles() *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for _, h := range holdings {
		d.Rows[policy.TypeKey{Agency: h.agency, Type: h.kind}] = predicate.Always()
		for _, f := range append(vehicleColumns[h.kind], "keeper") {
			d.Fields[of(h, f)] = policy.Ruling{Effect: policy.Allow}
		}
	}
	return d
}

func of(h holding, field string) policy.FieldKey {
	return policy.FieldKey{Agency: h.agency, Coordinate: privacy.Coordinate(h.kind + "." + field)}
}

func drawVehicles(t *rapid.T) vehicles {
	v := vehicles{}
	for _, h := range holdings {
		for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 6, rapid.ID[int]).Draw(t, string(h.agency)+h.kind) {
			r := record{"id": fmt.Sprint("V", id)}
			if n := rapid.IntRange(0, 3).Draw(t, "seats"); n > 0 {
				r["seats"] = int64(n)
			}
			r["colour"] = []any{"red", "blue", nil}[rapid.IntRange(0, 2).Draw(t, "colour")]
			v[h] = append(v[h], r)
		}
	}
	return v
}

// listed is one row of the reference's list.
type listed struct {
	holding
	record
}

// list is the whole list as the contract says it: rows of all types under their own rules, by the caller's terms (NULL
// last), then type, then key, then source.
func (v vehicles) list(d *policy.Decision, order []term, where condition) []listed {
	var out []listed
	for _, h := range holdings {
		if h.kind == "Keeper" || d.Rows[policy.TypeKey{Agency: h.agency, Type: h.kind}].IsNever() {
			continue
		}
		for _, r := range v[h] {
			if where.holds(r) && (h.agency != "south" || r["colour"] == "red") {
				out = append(out, listed{h, r})
			}
		}
	}
	slices.SortFunc(out, func(a, b listed) int {
		for _, o := range order {
			x, y := a.record[o.field], b.record[o.field]
			switch {
			case x == nil && y == nil:
				continue
			case x == nil:
				return 1
			case y == nil:
				return -1
			}
			n := compareValues(x, y)
			if o.desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.record["id"].(string), b.record["id"].(string)), strings.Compare(string(a.agency), string(b.agency)))
	})
	return out
}

func shownAs(rows []listed) string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%s %s %s", r.kind, r.record["id"], r.agency))
	}
	return strings.Join(out, ", ")
}

type vehiclePage struct {
	Vehicles *struct {
		TotalCount *int
		Nodes      []struct {
			Typename, ID, From string
		}
		PageInfo struct {
			HasNextPage, HasPreviousPage bool
			StartCursor, EndCursor       string
		}
	}
}

func (p vehiclePage) text() string {
	var out []string
	for _, n := range p.Vehicles.Nodes {
		out = append(out, fmt.Sprintf("%s %s %s", n.Typename, n.ID, n.From))
	}
	return strings.Join(out, ", ")
}

func askVehicles(t interface{ Fatalf(string, ...any) }, x *Executor, a *plan.Authorized) vehiclePage {
	got := x.answer(context.Background(), a, partner)
	var p vehiclePage
	if err := json.Unmarshal([]byte(got.data), &p); err != nil || len(got.errors) > 0 || p.Vehicles == nil {
		t.Fatalf("%v, %v in %s", err, got.errors, got.data)
	}
	return p
}

// Any list over an interface, page by page in both directions, is the reference's list.
func TestRowsOfSeveralTypesAreOneList(t *testing.T) {
	sg := vehicleGraph(t)
	rapid.Check(t, func(rt *rapid.T) {
		v, d := drawVehicles(rt), permitVehicles()
		d.Rows[policy.TypeKey{Agency: "south", Type: "Car"}] = predicate.Compare("colour", predicate.Eq, predicate.String("red"))
		if rapid.IntRange(0, 4).Draw(rt, "bus") == 0 {
			d.Rows[policy.TypeKey{Agency: "transit", Type: "Bus"}] = predicate.Never()
		}
		q := asked{where: drawVehicleCondition(rt)}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"id", "seats", "colour"}), 0, 2, rapid.ID[string]).Draw(rt, "order") {
			q.order = append(q.order, term{name, rapid.Bool().Draw(rt, "descending")})
		}
		want := v.list(d, q.order, q.where)
		size := rapid.IntRange(1, 7).Draw(rt, "size")
		x := executor(t, v.sources())
		page := func(way, cursorName, cursor string) vehiclePage {
			return askVehicles(rt, x, authorize(t, sg, vehicleQuery(q, way, size, cursorName, cursor), d))
		}
		var forward []string
		for cursor, n := "", 0; ; n++ {
			p := page("first", "after", cursor)
			if len(p.Vehicles.Nodes) > 0 {
				forward = append(forward, p.text())
			}
			if p.Vehicles.TotalCount == nil || *p.Vehicles.TotalCount != len(want) {
				rt.Fatalf("total %v of %d", p.Vehicles.TotalCount, len(want))
			}
			if cursor = p.Vehicles.PageInfo.EndCursor; !p.Vehicles.PageInfo.HasNextPage {
				break
			}
			if n > 20 {
				rt.Fatalf("pages without end")
			}
		}
		var backward []string
		for cursor := ""; ; {
			p := page("last", "before", cursor)
			if len(p.Vehicles.Nodes) > 0 {
				backward = append([]string{p.text()}, backward...)
			}
			if cursor = p.Vehicles.PageInfo.StartCursor; !p.Vehicles.PageInfo.HasPreviousPage {
				break
			}
		}
		for way, got := range map[string][]string{"forward": forward, "backward": backward} {
			if text := strings.Join(got, ", "); text != shownAs(want) {
				rt.Fatalf("%s by %d, %+v\ngot  %s\nwant %s", way, size, q, text, shownAs(want))
			}
		}
	})
}

func vehicleQuery(q asked, way string, size int, cursorName, cursor string) string {
	args := []string{fmt.Sprintf("%s: %d", way, size)}
	if cursor != "" {
		args = append(args, fmt.Sprintf("%s: %q", cursorName, cursor))
	}
	if q.where.op != "" {
		args = append(args, "where: "+q.where.graphql())
	}
	if len(q.order) > 0 {
		var terms []string
		for _, o := range q.order {
			terms = append(terms, fmt.Sprintf("{field: %s, direction: %s}", o.field, map[bool]string{true: "DESC", false: "ASC"}[o.desc]))
		}
		args = append(args, "orderBy: ["+strings.Join(terms, ", ")+"]")
	}
	return "{ vehicles(" + strings.Join(args, ", ") + `) { totalCount nodes { Typename: __typename ID: id From: _source } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
}

func drawVehicleCondition(t *rapid.T) condition {
	return rapid.SampledFrom([]condition{{}, {op: "eq", field: "colour", value: "red"}, {op: "isNull", field: "seats", value: true},
		{op: "not", kids: []condition{{op: "gte", field: "seats", value: int64(2)}}},
		{op: "or", kids: []condition{{op: "eq", field: "id", value: "V3"}, {op: "lt", field: "seats", value: int64(2)}}}}).Draw(t, "where")
}

func fewVehicles() vehicles {
	return vehicles{
		{"transit", "Bus"}:  {{"id": "B1", "colour": "red", "seats": int64(40), "since": "2020-05-06", "line": "7"}, {"id": "B2", "colour": "blue", "seats": int64(2), "since": "2019-01-02"}},
		{"north", "Car"}:    {{"id": "C1", "colour": "red", "seats": int64(4), "since": "2020-01-31", "owner": "K1"}, {"id": "C2", "seats": int64(5), "since": "2018-03-04", "owner": "K2"}},
		{"south", "Car"}:    {{"id": "C3", "colour": "green", "seats": int64(2), "since": "2021-07-08", "owner": "K1"}},
		{"north", "Keeper"}: {{"id": "K1", "name": "Ada"}, {"id": "K2", "name": "Bo"}},
	}
}

func TestFragmentsShowEachTypeUnderItsOwnRules(t *testing.T) {
	d := permitVehicles()
	for _, h := range holdings[1:3] {
		d.Fields[of(h, "colour")] = policy.Ruling{Effect: policy.Deny}
		d.Fields[of(h, "since")] = policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "year"}}
	}
	got := executor(t, fewVehicles().sources()).answer(t.Context(), authorize(t, vehicleGraph(t), `{ vehicles(orderBy: [{field: seats, direction: DESC}], first: 4) {
		edges { node { __typename colour ... on Car { since keeper { name } } ...B ... on Vehicle { id } } } } } fragment B on Bus { since line }`, d), partner)
	const want = `{"vehicles":{"edges":[{"node":{"__typename":"Bus","colour":"red","since":"2020-05-06","line":"7","id":"B1"}},` +
		`{"node":{"__typename":"Car","colour":null,"since":"2018","keeper":{"name":"Bo"},"id":"C2"}},{"node":{"__typename":"Car","colour":null,"since":"2020","keeper":{"name":"Ada"},"id":"C1"}},` +
		`{"node":{"__typename":"Bus","colour":"blue","since":"2019-01-02","line":null,"id":"B2"}}]}}`
	if got.data != want {
		t.Errorf("got\n%s\nwant\n%s\n%v", got.data, want, got.errors)
	}
}

// overheardKeys notes the keys that a source is asked for.
type overheardKeys struct {
	source.Source
	mu   sync.Mutex
	keys []predicate.Value
}

func (o *overheardKeys) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if q.Keys != nil {
		o.keys = append(o.keys, q.Keys.Values...)
	}
	return o.Source.Fetch(ctx, q)
}

// Least data moves: a row that another type's rows push off the page has no joins to follow.
func TestJoinsOfRowsOffThePageAreNotFollowed(t *testing.T) {
	sources := fewVehicles().sources()
	north := &overheardKeys{Source: sources["north"]}
	sources["north"] = north
	got := executor(t, sources).answer(t.Context(), authorize(t, vehicleGraph(t), `{ vehicles(orderBy: [{field: seats, direction: DESC}], first: 2) { nodes { id ... on Car { keeper { name } } } } }`, permitVehicles()), partner)
	if got.data != `{"vehicles":{"nodes":[{"id":"B1"},{"id":"C2","keeper":{"name":"Bo"}}]}}` || len(north.keys) != 1 {
		t.Errorf("got %s after asking for %v", got.data, north.keys)
	}
}

func TestAUnionIsOneListByType(t *testing.T) {
	got := executor(t, fewVehicles().sources()).answer(t.Context(), authorize(t, vehicleGraph(t),
		`{ things { totalCount nodes { __typename ... on Keeper { id name } ... on Bus { id line } } } }`, permitVehicles()), partner)
	const want = `{"things":{"totalCount":4,"nodes":[{"__typename":"Bus","id":"B1","line":"7"},{"__typename":"Bus","id":"B2","line":null},{"__typename":"Keeper","id":"K1","name":"Ada"},{"__typename":"Keeper","id":"K2","name":"Bo"}]}}`
	if got.data != want {
		t.Errorf("got %s", got.data)
	}
}

// Rows of two domains have no common order: raw values beside years would tell where the raw ones lie.
func TestAnOrderOverTwoDomainsIsRefused(t *testing.T) {
	sg := vehicleGraph(t)
	year := policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "year"}}
	d := permitVehicles()
	d.Fields[of(holdings[1], "since")], d.Fields[of(holdings[2], "since")] = year, year
	const query = `{ vehicles(orderBy: [{field: since}]) { nodes { id } } }`
	doc, errs := gqlparser.LoadQueryWithRules(sg.Schema, query, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	read := plan.Read(doc, doc.Operations[0])
	p, err := plan.Build(sg, read, plan.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Bind(read, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Restrict(b, d, deid.New()); err == nil || !strings.Contains(err.Error(), "Car.since") {
		t.Errorf("got %v", err)
	}
	d.Fields[of(holdings[0], "since")] = year // all in one domain: by the year, then by type and key
	got := executor(t, fewVehicles().sources()).answer(t.Context(), authorize(t, sg, query, d), partner)
	if want := `{"vehicles":{"nodes":[{"id":"C2"},{"id":"B2"},{"id":"B1"},{"id":"C1"},{"id":"C3"}]}}`; got.data != want {
		t.Errorf("got %s", got.data)
	}
}

func TestWhatOneTypeWithholdsTheSumDoesNotTell(t *testing.T) {
	d := permitVehicles()
	d.Limits.MinimumGroup = 3 // three cars, two buses
	got := executor(t, fewVehicles().sources()).answer(t.Context(), authorize(t, vehicleGraph(t), `{ vehicles { totalCount } cars { totalCount } }`, d), partner)
	if got.data != `{"vehicles":{"totalCount":null},"cars":{"totalCount":3}}` || len(got.errors) != 1 || !strings.HasPrefix(got.errors[0], "GROUP_TOO_SMALL") {
		t.Errorf("got %s, %v", got.data, got.errors)
	}
	v := fewVehicles() // now the type that comes last is the small one
	v[holdings[0]] = append(v[holdings[0]], record{"id": "B3"}, record{"id": "B4"})
	d.Limits.MinimumGroup = 4
	got = executor(t, v.sources()).answer(t.Context(), authorize(t, vehicleGraph(t), `{ vehicles { totalCount } }`, d), partner)
	if got.data != `{"vehicles":{"totalCount":null}}` {
		t.Errorf("got %s, %v", got.data, got.errors)
	}
}

func TestADeadSourceCostsItsOwnTypeAlone(t *testing.T) {
	sources := fewVehicles().sources()
	delete(sources, "transit")
	got := executor(t, sources).answer(t.Context(), authorize(t, vehicleGraph(t), `{ vehicles { totalCount nodes { id } } }`, permitVehicles()), partner)
	if got.data != `{"vehicles":{"totalCount":null,"nodes":[{"id":"C1"},{"id":"C2"},{"id":"C3"}]}}` || len(got.errors) != 1 || !strings.HasPrefix(got.errors[0], "SOURCE_UNAVAILABLE") {
		t.Errorf("got %s, %v", got.data, got.errors)
	}
}

func TestACursorOfAnotherListOrCallerOpensNothing(t *testing.T) {
	sg, x := vehicleGraph(t), executor(t, fewVehicles().sources())
	p := askVehicles(t, x, authorize(t, sg, vehicleQuery(asked{}, "first", 2, "", ""), permitVehicles()))
	cursor := p.Vehicles.PageInfo.EndCursor
	cars := x.answer(t.Context(), authorize(t, sg, fmt.Sprintf(`{ cars(after: %q) { nodes { id } } }`, cursor), permitVehicles()), partner)
	red := asked{where: condition{op: "eq", field: "colour", value: "red"}}
	filtered := x.answer(t.Context(), authorize(t, sg, vehicleQuery(red, "first", 2, "after", cursor), permitVehicles()), partner)
	other := partner
	other.Binding = []byte("somebody else")
	stranger := x.answer(t.Context(), authorize(t, sg, vehicleQuery(asked{}, "first", 2, "after", cursor), permitVehicles()), other)
	fewer := permitVehicles()
	fewer.Rows[policy.TypeKey{Agency: "transit", Type: "Bus"}] = predicate.Never()
	narrowed := x.answer(t.Context(), authorize(t, sg, vehicleQuery(asked{}, "first", 2, "after", cursor), fewer), partner)
	for name, got := range map[string]written{"another list": cars, "another filter": filtered, "another caller": stranger, "fewer types": narrowed} {
		if len(got.errors) != 1 || !strings.HasPrefix(got.errors[0], "BAD_USER_INPUT") {
			t.Errorf("%s: got %s, %v", name, got.data, got.errors)
		}
	}
}
