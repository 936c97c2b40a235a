package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/postgres"
	"concordat/federation/source/sourcetest"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
)

// Two agencies hold stays, in two schemas of one server; people are held by one of them. That server is the oracle: it
// answers in its own words over the union of the rows.
const groupsSDL = `type Stay @source(name: %[1]q, table: "stays") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE) person: ID @classify(as: NON_SENSITIVE) ward: String @classify(as: NON_SENSITIVE)
	code: String @classify(as: NON_SENSITIVE, hierarchy: "prefix") days: Int @classify(as: NON_SENSITIVE) big: BigInt @classify(as: NON_SENSITIVE)
	cost: Decimal @classify(as: NON_SENSITIVE) weight: Float @classify(as: NON_SENSITIVE)
	at: DateTime @classify(as: NON_SENSITIVE) begun: Date @classify(as: NON_SENSITIVE, hierarchy: "date") %[2]s }
`

const peopleSDL = `type Person @source(name: "east", table: "people") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE) region: String @classify(as: NON_SENSITIVE) born: Date @classify(as: NON_SENSITIVE, hierarchy: "date") }
type Visit @source(name: "east", table: "stays") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE) person: ID @classify(as: NON_SENSITIVE) ward: String @classify(as: NON_SENSITIVE)
	days: Int @classify(as: NON_SENSITIVE) weight: Float @classify(as: NON_SENSITIVE) patient: Person @join(on: "person = id") @classify(as: NON_SENSITIVE)
	neighbour: Neighbour @join(on: "person = id") @classify(as: NON_SENSITIVE) }
`

const neighboursSDL = `type Neighbour @source(name: "west", table: "people") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE) region: String @classify(as: NON_SENSITIVE) }
`

const groupsData = `
CREATE TABLE stays (id text, person text, ward text, code text, days integer, big bigint, cost numeric, weight double precision, at timestamptz, begun date);
INSERT INTO stays SELECT '%[1]s' || i, CASE WHEN i %% 11 <> 0 THEN 'P' || i %% 53 END, CASE WHEN i %% 7 <> 0 THEN 'w' || i %% 4 END, lpad((i * 7919 %% 1000)::text, 6, '9'),
	CASE WHEN i %% 5 <> 0 THEN i * 31 %% 40 - 5 END, 1000000000000000000 - i, (i * 7 %% 1000) / 100.0 + 12345678901234567890123456789.5, (i * 13 %% 97) / 8.0,
	timestamptz '2023-10-10 00:00:00+00' + i * interval '97 minutes 13 seconds', date '2023-12-25' + i %% 400
	FROM generate_series(1, %[2]d) AS i;
CREATE TABLE people (id text PRIMARY KEY, region text, born date);
INSERT INTO people SELECT 'P' || i, CASE WHEN i %% 9 <> 0 THEN 'region ' || i %% 3 END, date '1950-01-15' + i * 97 FROM generate_series(0, 39) AS i;
`

// agencies are the two schemas, opened as sources.
type agencies struct {
	sg      *compose.Supergraph
	sources map[string]source.Source
	counts  map[string]*sourcetest.Counter
	oracle  *database
}

func groupsOf(t *testing.T) *agencies {
	a := &agencies{sources: map[string]source.Source{}, counts: map[string]*sourcetest.Counter{}, oracle: connect(t)}
	var files []compose.File
	opened := map[string]*postgres.Source{}
	for name, rows := range map[string]int{"east": 3000, "west": 2000} {
		schema := "groups_" + name
		a.oracle.exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE")
		a.oracle.exec("CREATE SCHEMA " + schema)
		a.oracle.exec("SET search_path = " + schema + ", pg_catalog")
		for _, statement := range strings.Split(fmt.Sprintf(groupsData, name, rows), ";\n") {
			a.oracle.exec(statement)
		}
		s, err := postgres.Open(context.Background(), postgres.Options{DSN: server.DSN(t) + "&search_path=" + schema})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		opened[name], a.counts[name] = s, sourcetest.Count(s)
		a.sources[name] = a.counts[name]
		text := fmt.Sprintf(groupsSDL, name, "") + neighboursSDL
		if name == "east" {
			text = fmt.Sprintf(groupsSDL, name, `patient: Person @join(on: "person = id") @classify(as: NON_SENSITIVE)`) + peopleSDL
		}
		files = append(files, compose.File{Name: name + ".graphqls", Agency: policy.AgencyID(name), Text: text})
	}
	a.oracle.exec("SET search_path = pg_catalog")
	sg, problems := compose.Compose(files, compose.Options{})
	if sg == nil {
		t.Fatal(problems)
	}
	a.sg = sg
	for name, s := range opened {
		for _, r := range sg.Relations(name) {
			if err := s.Check(context.Background(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a
}

// ask is the groups of an answer, each as JSON, sorted.
func (a *agencies) ask(t *testing.T, query string, but ...func(*policy.Decision)) []string {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(a.sg.Schema, query, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatalf("%s: %v", query, errs)
	}
	read := plan.Read(doc, doc.Operations[0])
	p, err := plan.Build(a.sg, read, plan.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Bind(read, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for _, k := range b.Request.Fields {
		d.Fields[k] = policy.Ruling{Effect: policy.Allow}
	}
	for _, k := range b.Request.Types {
		d.Rows[k] = predicate.Always()
	}
	for _, change := range but {
		change(d)
	}
	authorized, err := plan.Restrict(b, d, deid.New())
	if err != nil {
		t.Fatal(err)
	}
	cursors, err := execute.NewCursors([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	x := execute.Executor{Sources: a.sources, Transforms: deid.New(), Cursors: cursors, MaxRows: 50_000}
	res := x.Run(context.Background(), authorized, execute.Caller{Scope: privacy.Scope{Agreement: "a", Purpose: "p", Root: []byte(strings.Repeat("r", 32))}})
	for _, e := range res.Errors {
		t.Fatalf("%s: %s %v", query, e.Code, e.Detail)
	}
	var answer struct{ Groups []json.RawMessage }
	if err := json.Unmarshal(res.Append(nil, authorized.Roots()[0], false), &answer); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, g := range answer.Groups {
		out = append(out, string(g))
	}
	slices.Sort(out)
	return out
}

// says is what PostgreSQL answers: rows of one JSON text, sorted.
func (a *agencies) says(t *testing.T, sql string) []string {
	t.Helper()
	const stays = "(SELECT * FROM groups_east.stays UNION ALL SELECT * FROM groups_west.stays)"
	rows, err := a.oracle.conn.Query(context.Background(), strings.ReplaceAll(sql, "STAYS", stays))
	if err != nil {
		t.Fatal(sql, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	if rows.Err() != nil {
		t.Fatal(sql, rows.Err())
	}
	slices.Sort(out)
	return out
}

// object spells a JSON object of SQL expressions, each giving JSON.
func object(members ...string) string {
	var parts []string
	for i := 0; i < len(members); i += 2 {
		parts = append(parts, `'"`+members[i]+`":' || coalesce((`+members[i+1]+`)::text, 'null')`)
	}
	return "'{' || " + strings.Join(parts, " || ',' || ") + " || '}'"
}

const instantJSON = `to_json(to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))`

func TestGroupsAreWhatPostgreSQLSays(t *testing.T) {
	a := groupsOf(t)
	joined := "STAYS s LEFT JOIN groups_east.people p ON p.id = s.person"
	cases := map[string][2]string{
		"sums, averages and distinct counts over agencies": {
			`groupBy: [{field: ward}]) { groups { key { ward } count sum { days } avg { cost } countDistinct { person code cost } } }`,
			"SELECT " + object("key", object("ward", "to_json(ward)"), "count", "count(*)", "sum", object("days", "to_json(sum(days)::text)"),
				"avg", object("cost", "avg(cost)::float8"), "countDistinct", object("person", "count(DISTINCT person)", "code", "count(DISTINCT code)", "cost", "count(DISTINCT cost)")) + " FROM STAYS s GROUP BY ward"},
		"decimals of 30 digits": {
			`groupBy: [{field: ward}]) { groups { key { ward } sum { cost } min { cost } max { cost } } }`,
			"SELECT " + object("key", object("ward", "to_json(ward)"), "sum", object("cost", "to_json(trim_scale(sum(cost))::text)"),
				"min", object("cost", "to_json(min(cost)::text)"), "max", object("cost", "to_json(max(cost)::text)")) + " FROM STAYS s GROUP BY ward"},
		"percentiles of decimals": {
			`groupBy: [{field: ward}]) { groups { key { ward } percentile(p: 0.25) { cost weight } } }`,
			"SELECT " + object("key", object("ward", "to_json(ward)"), "percentile", object("cost", "to_json((percentile_disc(0.25) WITHIN GROUP (ORDER BY cost))::text)",
				"weight", "percentile_disc(0.25) WITHIN GROUP (ORDER BY weight)")) + " FROM STAYS s GROUP BY ward"},
		"prefixes": {
			`groupBy: [{field: code, level: "4"}]) { groups { key { code } count } }`,
			"SELECT " + object("key", object("code", "to_json(left(code, 4))"), "count", "count(*)") + " FROM STAYS s GROUP BY left(code, 4)"},
		"levels of dates": {
			`groupBy: [{field: begun, level: "QUARTER"}]) { groups { key { begun } count } }`,
			"SELECT " + object("key", object("begun", "to_json(date_trunc('quarter', begun)::date::text)"), "count", "count(*)") + " FROM STAYS s GROUP BY date_trunc('quarter', begun)"},
		"keys of joined rows": {
			`groupBy: [{field: patient_region}]) { groups { key { patient_region } count sum { days } countDistinct { ward } } }`,
			"SELECT " + object("key", object("patient_region", "to_json(region)"), "count", "count(*)", "sum", object("days", "to_json(sum(days)::text)"),
				"countDistinct", object("ward", "count(DISTINCT ward)")) + " FROM " + joined + " GROUP BY region"},
		"years of joined rows beside a key": {
			`groupBy: [{field: patient_born, grain: YEAR}, {field: ward}]) { groups { key { patient_born ward } count } }`,
			"SELECT " + object("key", object("patient_born", "to_json(date_trunc('year', born)::date::text)", "ward", "to_json(ward)"), "count", "count(*)") +
				" FROM " + joined + " GROUP BY date_trunc('year', born), ward"},
		"bins": {
			`groupBy: [{field: ward}]) { groups { key { ward } histogram(edges: [0, 2.5, 20]) { days { count } cost { count } } } }`,
			"SELECT " + object("key", object("ward", "to_json(ward)"), "histogram", object("days", bins("days", "0", "2.5", "20"), "cost", bins("cost", "0", "2.5", "20"))) + " FROM STAYS s GROUP BY ward"},
	}
	own := "groups_east.stays s LEFT JOIN groups_east.people p ON p.id = s.person"
	for name, c := range map[string][2]string{
		"keys of rows in the same source": {
			`groupBy: [{field: patient_region}, {field: ward}]) { groups { key { patient_region ward } count sum { days } countDistinct { person } histogram(edges: [3]) { days { count } } percentile(p: 0.5) { days } } }`,
			"SELECT " + object("key", object("patient_region", "to_json(region)", "ward", "to_json(ward)"), "count", "count(*)", "sum", object("days", "to_json(sum(days)::text)"),
				"countDistinct", object("person", "count(DISTINCT person)"), "histogram", object("days", bins("days", "3")),
				"percentile", object("days", "percentile_disc(0.5) WITHIN GROUP (ORDER BY days)")) + " FROM " + own + " GROUP BY region, ward"},
		"quarters of rows in the same source": {
			`groupBy: [{field: patient_born, level: "QUARTER"}]) { groups { key { patient_born } count } }`,
			"SELECT " + object("key", object("patient_born", "to_json(date_trunc('quarter', born)::date::text)"), "count", "count(*)") + " FROM " + own + " GROUP BY date_trunc('quarter', born)"},
		"keys of rows in the same source beside sums of doubles": { // which the gateway puts together
			`groupBy: [{field: patient_region}]) { groups { key { patient_region } sum { weight } } }`,
			"SELECT " + object("key", object("patient_region", "to_json(region)"), "sum", object("weight", "sum(weight)")) + " FROM " + own + " GROUP BY region"},
	} {
		cases["of one agency: "+name] = c
	}
	for _, zone := range []string{"Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "America/New_York"} {
		for grain, unit := range map[string]string{"HOUR": "hour", "DAY": "day", "WEEK": "week", "MONTH": "month", "QUARTER": "quarter", "YEAR": "year"} {
			start := "date_trunc('" + unit + "', at, '" + zone + "')"
			cases[grain+" in "+zone] = [2]string{
				`groupBy: [{field: at, grain: ` + grain + `, timeZone: "` + zone + `"}]) { groups { key { at } count } }`,
				"SELECT " + object("key", object("at", fmt.Sprintf(instantJSON, start)), "count", "count(*)") + " FROM STAYS s GROUP BY " + start}
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := "staysAggregate("
			if strings.HasPrefix(name, "of one agency") {
				root = "visitsAggregate("
			}
			got, want := a.ask(t, "{ "+root+c[0]+" }"), a.says(t, c[1])
			if len(want) < 2 || !slices.Equal(got, want) {
				t.Errorf("%d groups, want %d:\n%s\nwant:\n%s", len(got), len(want), strings.Join(got[:min(len(got), 5)], "\n"), strings.Join(want[:min(len(want), 5)], "\n"))
			}
		})
	}
}

// bins spells a histogram in SQL.
func bins(column string, edges ...string) string {
	var parts []string
	for i := range len(edges) + 1 {
		condition := column + " IS NOT NULL"
		if i > 0 {
			condition += " AND " + column + " >= " + edges[i-1]
		}
		if i < len(edges) {
			condition += " AND " + column + " < " + edges[i]
		}
		parts = append(parts, `'{"count":' || count(*) FILTER (WHERE `+condition+`) || '}'`)
	}
	return "'[' || " + strings.Join(parts, " || ',' || ") + " || ']'"
}

func TestKeysOfRowsInTheSameSourceAreOneStatement(t *testing.T) {
	a := groupsOf(t)
	for query, want := range map[string]int{
		`{ visitsAggregate(groupBy: [{field: patient_region}]) { groups { count } } }`:                        1, // nothing to look at: Check did
		`{ staysAggregate(groupBy: [{field: patient_region}]) { groups { count } } }`:                         2, // and the joined rows, of another source
		`{ visitsAggregate(groupBy: [{field: patient_region}]) { groups { sum { weight } } } }`:               2,
		`{ visitsAggregate(groupBy: [{field: patient_region}, {field: patient_born}]) { groups { count } } }`: 1,
	} {
		a.counts["east"].Reset()
		a.ask(t, query)
		if got := a.counts["east"].Fetches(); got != want {
			t.Errorf("%s: %d statements, want %d", query, got, want)
		}
	}
}

func TestKeysOfRowsInAnotherSourceAreAskedThere(t *testing.T) {
	a := groupsOf(t)
	a.counts["east"].Reset()
	a.counts["west"].Reset()
	a.ask(t, `{ visitsAggregate(groupBy: [{field: neighbour_region}]) { groups { count } } }`)
	if east, west := a.counts["east"].Fetches(), a.counts["west"].Fetches(); east != 1 || west != 1 {
		t.Errorf("%d and %d statements", east, west)
	}
}

func TestRowsThatMayNotBeSeenAreNoKeysInTheStatement(t *testing.T) {
	a := groupsOf(t)
	hide := func(d *policy.Decision) {
		d.Rows[policy.TypeKey{Agency: "east", Type: "Person"}] = predicate.Compare("region", predicate.Ne, predicate.String("region 1"))
	}
	a.counts["east"].Reset()
	got := a.ask(t, `{ visitsAggregate(groupBy: [{field: patient_region}]) { groups { key { patient_region } count } } }`, hide)
	want := a.says(t, "SELECT "+object("key", object("patient_region", "to_json(region)"), "count", "count(*)")+
		" FROM groups_east.stays s LEFT JOIN groups_east.people p ON p.id = s.person AND p.region <> 'region 1' GROUP BY region")
	if !slices.Equal(got, want) || len(want) < 2 || a.counts["east"].Fetches() != 1 {
		t.Errorf("%d statements: %v, want %v", a.counts["east"].Fetches(), got, want)
	}
}
