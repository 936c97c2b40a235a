package main

import (
	"cmp"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"concordat/federation/source"
	"concordat/privacy"
	"concordat/privacy/deid"
)

// seenField is a field of the demo that a persona sees only transformed, with an operand that it can show.
type seenField struct {
	persona, method  string
	root, field      string
	aggregate        string
	shown            string // as written in GraphQL
	file, where, sql string // the rows that the persona has, and what is seen of the field, in SQL
	ops              string // operators that the schema offers
	extent, sum      bool
}

const dateOps, textOps = "eq ne in notIn lt lte gt gte isNull", "eq ne in notIn lt lte gt gte like startsWith isNull"

func seenFields() []seenField {
	resident := seenField{persona: "developer", root: "residents", aggregate: "residentsAggregate", file: "registry.db",
		where: "FROM residents WHERE district_id = 'D12'", ops: textOps}
	admission := resident
	admission.root, admission.aggregate, admission.file, admission.where = "admissions", "admissionsAggregate", "hospital_a.db", ""
	of := func(s seenField, method, field, shown, sql string) seenField {
		s.method, s.field, s.shown, s.sql = method, field, shown, sql
		return s
	}
	year := of(resident, "year", "birthDate", `"1980"`, "substr(birth_date, 1, 4)")
	year.ops, year.extent = dateOps, true
	pseudonym := of(resident, "pseudonym", "nationalId", `"gvlslym7d2cn74xkz7kf4rhwja"`, "''")
	pseudonym.ops = "eq ne in notIn isNull"
	month := of(admission, "month", "admittedOn", `"2025-12"`, "")
	month.ops, month.extent = dateOps, true
	round := of(admission, "round", "costCents", `"300000"`, "")
	round.ops, round.extent, round.sum = dateOps, true, true
	redact := of(resident, "redact", "name", `"[REDACTED]"`, "")
	redact.persona = "analyst"
	return []seenField{year, pseudonym, month, round, redact,
		of(resident, "prefix", "postcode", `"9943"`, "substr(postcode, 1, 4)"),
		of(resident, "constant", "name", `"Test Person"`, ""), of(resident, "mask", "phone", `"***-****-****"`, ""),
		of(admission, "null", "diagnosisCode", `"x"`, ""), of(admission, "constant", "diagnosis", `"example"`, "")}
}

// allowedUses is what each transform leaves a meaning to, written down for a caller.
func allowedUses(method string) string {
	switch method {
	case "year", "month", "prefix", "round":
		return "eq ne in notIn lt lte gt gte startsWith isNull order group min max"
	case "pseudonym":
		return "eq ne in notIn isNull group"
	}
	return ""
}

// documents is one question for each use of the field that the schema offers.
func (s seenField) documents() map[string]string {
	out := map[string]string{}
	for _, op := range strings.Fields(s.ops) {
		operand := s.shown
		switch op {
		case "in", "notIn":
			operand = "[" + s.shown + "]"
		case "isNull":
			operand = "false"
		}
		out[op] = fmt.Sprintf(`{ x: %s(where: {%s: {%s: %s}}, first: 5) { totalCount nodes { _source } } }`, s.root, s.field, op, operand)
	}
	out["order"] = fmt.Sprintf(`{ x: %s(orderBy: [{field: %s}], first: 5) { nodes { _source } } }`, s.root, s.field)
	out["group"] = fmt.Sprintf(`{ x: %s(groupBy: [{field: %s}]) { groups { key { %s } count } } }`, s.aggregate, s.field, s.field)
	var measures []string
	if s.extent {
		measures = append(measures, "min", "max")
	}
	if s.sum {
		measures = append(measures, "sum", "avg")
	}
	for _, m := range measures {
		out[m] = fmt.Sprintf(`{ x: %s { groups { %s { %s } } } }`, s.aggregate, m, s.field)
	}
	return out
}

// The product of transforms and uses over HTTP: each cell is answered over what is seen, or refused whole.
func TestEachUseOfATransformedFieldIsAnsweredOrRefused(t *testing.T) {
	g := common(t)
	methods := map[string]bool{}
	for _, s := range seenFields() {
		methods[s.method] = true
		for use, document := range s.documents() {
			a := g.ask(t, s.persona, document, nil)
			want := slices.Contains(strings.Fields(allowedUses(s.method)), use)
			switch {
			case want && (a.status != 200 || len(a.Errors) > 0):
				t.Errorf("%s over %s (%s) as %s: %d %.300s", use, s.field, s.method, s.persona, a.status, a.body)
			case !want && (a.status != 400 || a.code() != "FILTER_NOT_PERMITTED" || len(a.Data) > 0):
				t.Errorf("%s over %s (%s) as %s is not refused: %d %.300s", use, s.field, s.method, s.persona, a.status, a.body)
			}
		}
	}
	for _, m := range deid.New().Methods() {
		if !methods[m.Name] && m.Algebra != (privacy.Algebra{}) {
			t.Errorf("no field of the demo is seen by %s", m.Name)
		}
	}
}

// SQLite, asked directly over the transformed value, is the oracle of what is answered.
func TestAnswersOverTransformedFieldsAreOfTheTransformedValue(t *testing.T) {
	g := common(t)
	operators := map[string]string{"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
	for _, s := range seenFields() {
		if s.sql == "" || s.sql == "''" {
			continue
		}
		for op, sign := range operators {
			var got struct{ X struct{ TotalCount int } }
			mustDecode(t, g.ask(t, s.persona, s.documents()[op], nil).Data, &got)
			operand := strings.ReplaceAll(s.shown, `"`, "'")
			if want := count(t, g, s.file, "SELECT count(*) "+s.where+" AND "+s.sql+sign+operand); got.X.TotalCount != want {
				t.Errorf("%s %s %s: %d, want %d", s.field, op, s.shown, got.X.TotalCount, want)
			}
		}
		var got struct {
			X struct{ Groups []struct{ Count int } }
		}
		mustDecode(t, g.ask(t, s.persona, s.documents()["group"], nil).Data, &got)
		if want := count(t, g, s.file, "SELECT count(DISTINCT "+s.sql+") "+s.where); len(got.X.Groups) != want {
			t.Errorf("%s: %d groups, want %d", s.field, len(got.X.Groups), want)
		}
	}
}

func database(t *testing.T, g *gateway, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(g.dir, file)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func count(t *testing.T, g *gateway, file, query string) int {
	t.Helper()
	var n int
	if err := database(t, g, file).QueryRow(query).Scan(&n); err != nil {
		t.Fatal(query, err)
	}
	return n
}

// person is a row of the register.
type person struct{ id, born string }

// people is the register by the analyst's pseudonyms.
func people(t *testing.T, g *gateway) map[string]person {
	t.Helper()
	rows, err := database(t, g, "registry.db").Query("SELECT national_id, birth_date FROM residents")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []person
	ids := privacy.NewColumn("nationalId", "Resident.nationalId", privacy.String, 50_000)
	for rows.Next() {
		var p person
		if err := rows.Scan(&p.id, &p.born); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		ids.AppendText(p.id)
	}
	do, err := deid.New().Prepare(privacy.String, privacy.Obligation{Method: "pseudonym"},
		privacy.Scope{Agreement: "research-2025", Purpose: "research", Root: []byte(rootKey)})
	if err != nil {
		t.Fatal(err)
	}
	pseudonyms, err := do(ids)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]person, len(all))
	for i, p := range all {
		out[pseudonyms.Text(i)] = p
	}
	return out
}

// listed follows the analyst's list of residents for some pages.
func listed(t *testing.T, g *gateway, arguments string, pages int) (rows []person, cursors []string) {
	t.Helper()
	known := people(t, g)
	after := ""
	for range pages {
		a := g.ask(t, "analyst", fmt.Sprintf(`query($after: String) { residents(%s first: 1000, after: $after) {
			nodes { nationalId } pageInfo { endCursor } } }`, arguments), map[string]any{"after": orNull(after)})
		var page struct {
			Residents struct {
				Nodes    []struct{ NationalID string }
				PageInfo struct{ EndCursor string }
			}
		}
		mustDecode(t, a.Data, &page)
		for _, n := range page.Residents.Nodes {
			p, ok := known[n.NationalID]
			if !ok {
				t.Fatal("a row of nobody")
			}
			rows = append(rows, p)
		}
		after = page.Residents.PageInfo.EndCursor
		cursors = append(cursors, after)
	}
	return rows, cursors
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// tau is Kendall's tau between the order of rows and the order of a key; equal keys count for neither.
func tau(rows []person, key func(person) string) float64 {
	agree, all := 0, 0
	for i, a := range rows {
		for _, b := range rows[i+1:] {
			if c := cmp.Compare(key(a), key(b)); c != 0 {
				agree -= c
				all++
			}
		}
	}
	return float64(agree) / float64(all)
}

// Three standard deviations of tau over 1,000 rows in random order are 0.063, over 2,000 rows 0.045; the root key of
// these tests makes the orders the same in every run, so that no run fails by chance.
const noOrder = 0.05

func TestOrderOfRowsTellsNothingOfAHiddenKey(t *testing.T) {
	g := common(t)
	rows, _ := listed(t, g, "", 2)
	seen := map[string]bool{}
	for _, p := range rows {
		seen[p.id] = true
	}
	if len(rows) != 2000 || len(seen) != len(rows) {
		t.Fatalf("%d rows, %d people", len(rows), len(seen))
	}
	for name, key := range map[string]func(person) string{"identifier": func(p person) string { return p.id }, "birth": func(p person) string { return p.born }} {
		if got := tau(rows, key); math.Abs(got) > noOrder {
			t.Errorf("the list follows the %s: tau %.3f", name, got)
		}
	}
}

func TestOrderInsideABucketTellsNothingOfTheRawValue(t *testing.T) {
	g := common(t)
	for name, arguments := range map[string]string{"filtered": `where: {birthDate: {eq: "1990"}},`, "ordered": `where: {birthDate: {eq: "1990"}}, orderBy: [{field: birthDate}],`,
		"backwards": `where: {birthDate: {gte: "1990-01-01", lt: "1991-01-01"}}, orderBy: [{field: birthDate, direction: DESC}],`} {
		rows, _ := listed(t, g, arguments, 1)
		if len(rows) < 500 {
			t.Fatalf("%d rows", len(rows))
		}
		for key, of := range map[string]func(person) string{"day": func(p person) string { return p.born }, "identifier": func(p person) string { return p.id }} {
			if got := tau(rows, of); math.Abs(got) > noOrder {
				t.Errorf("%s: rows of one year follow the %s: tau %.3f", name, key, got)
			}
		}
	}
}

func TestCursorsTellNothingAndOpenForNobodyElse(t *testing.T) {
	g := common(t)
	rows, cursors := listed(t, g, "", 2)
	sealed, err := base64.RawURLEncoding.DecodeString(cursors[0])
	if err != nil {
		t.Fatal(err)
	}
	last := rows[999]
	for _, part := range []string{last.id, last.id[6:14], last.born} {
		if strings.Contains(string(sealed), part) || strings.Contains(cursors[0], part) {
			t.Error("a cursor holds what its row is ordered by")
		}
	}
	if len(cursors[0]) != len(cursors[1]) {
		t.Error("the length of a cursor depends on its row")
	}
	page := func(persona, arguments, cursor string) answer {
		return g.ask(t, persona, `query($c: String) { residents(first: 2, `+arguments+` after: $c) { nodes { sex } } }`, map[string]any{"c": cursor})
	}
	if a := page("analyst", "", cursors[0]); a.status != 200 || len(a.Errors) > 0 {
		t.Errorf("the benign twin: %s", a.body)
	}
	altered := flip(cursors[0])
	for name, a := range map[string]answer{"another persona": page("developer", "", cursors[0]), "another filter": page("analyst", `where: {sex: {eq: "F"}},`, cursors[0]),
		"another order": page("analyst", `orderBy: [{field: sex}],`, cursors[0]), "an altered one": page("analyst", "", altered)} {
		if a.code() != "BAD_USER_INPUT" {
			t.Errorf("%s: %d %.200s", name, a.status, a.body)
		}
	}
}

func flip(cursor string) string {
	b := []byte(cursor)
	if b[5]++; b[5] > 'y' || b[5] < 'a' {
		b[5] = 'a'
	}
	if string(b) == cursor {
		b[5] = 'b'
	}
	return string(b)
}

// shapes hide one filter over a date of birth in each place where a caller can write one.
func shapes(filter string) map[string]string {
	list := func(where string) string {
		return `{ residents(where: ` + where + `, first: 3) { nodes { birthDate } } }`
	}
	return map[string]string{
		"plain":       list(filter),
		"nested":      list(`{and: [{or: [{not: {not: ` + filter + `}}]}, {sex: {in: ["F", "M"]}}]}`),
		"not":         list(`{not: ` + filter + `}`),
		"or":          list(`{or: [{sex: {eq: "F"}}, ` + filter + `]}`),
		"alias":       `{ a: residents(first: 1) { nodes { sex } } b: residents(where: ` + filter + `, first: 3) { nodes { born: birthDate } } }`,
		"fragment":    `{ ...f } fragment f on Query { ... on Query { residents(where: ` + filter + `, first: 3) { totalCount } } }`,
		"backwards":   `{ residents(where: ` + filter + `, last: 3) { nodes { sex } pageInfo { startCursor } } }`,
		"relation":    `{ districts(first: 2) { nodes { residents(where: ` + filter + `, first: 2) { nodes { sex } } } } }`,
		"aggregate":   `{ residentsAggregate(where: ` + filter + `) { groups { count } } }`,
		"of parents":  `{ districts(first: 2) { nodes { residentsAggregate(where: ` + filter + `) { groups { count } } } } }`,
		"grouped":     `{ residentsAggregate(where: ` + filter + `, groupBy: [{field: sex}]) { groups { key { sex } count } } }`,
		"default":     `query($w: ResidentFilter = ` + filter + `) { residents(where: $w, first: 3) { totalCount } }`,
		"conditional": `query($yes: Boolean = true) { residents(where: ` + filter + `, first: 3) @include(if: $yes) { totalCount } }`,
	}
}

// A day inside a year of birth is refused wherever it stands; the first day of a year, which the year itself tells, is
// answered there.
func TestNoShapeOfAFilterLooksInsideABucket(t *testing.T) {
	g := common(t)
	for _, inside := range []string{`{birthDate: {lt: "1990-05-17"}}`, `{birthDate: {gte: "1990-01-02"}}`, `{birthDate: {lte: "1990-01-01"}}`,
		`{birthDate: {gt: "1990-12-30"}}`, `{birthDate: {eq: "1990-05-17"}}`, `{birthDate: {in: ["1990", "1990-05-17"]}}`, `{birthDate: {ne: "1990-05"}}`} {
		for name, document := range shapes(inside) {
			a := g.ask(t, "analyst", document, nil)
			if a.code() != "FILTER_NOT_PERMITTED" || len(a.Data) > 0 || strings.Contains(string(a.body), "1990") {
				t.Errorf("%s, %s: %d %.300s", inside, name, a.status, a.body)
			}
		}
	}
	for name, document := range shapes(`{birthDate: {lt: "1990-01-01"}}`) {
		if a := g.ask(t, "analyst", document, nil); a.status != 200 || len(a.Errors) > 0 {
			t.Errorf("the benign twin, %s: %d %.300s", name, a.status, a.body)
		}
	}
	a := g.ask(t, "analyst", `query($w: ResidentFilter) { residents(where: $w) { totalCount } }`, map[string]any{"w": map[string]any{"birthDate": map[string]any{"lt": "1990-05-17"}}})
	if a.code() != "FILTER_NOT_PERMITTED" {
		t.Errorf("in a variable: %d %.300s", a.status, a.body)
	}
}

// The raw identifier of somebody who exists is answered as any other text is.
func TestRawIdentifierFindsNobody(t *testing.T) {
	g := common(t)
	rows, _ := listed(t, g, "", 1)
	ask := func(id string) (string, string) {
		list := g.ask(t, "analyst", `query($id: ID!) { residents(where: {nationalId: {eq: $id}}) { nodes { birthDate } } resident(nationalId: $id) { birthDate } }`,
			map[string]any{"id": id})
		other := g.ask(t, "analyst", `query($id: ID!) { residents(where: {nationalId: {notIn: [$id]}}, first: 1) { totalCount } }`, map[string]any{"id": id})
		return essence(list), essence(other)
	}
	list, other := ask(rows[0].id)
	none, all := ask("990000190001010000")
	if list != none || other != all || !strings.Contains(list, `"nodes":[]`) {
		t.Errorf("%s\n%s\n%s\n%s", list, none, other, all)
	}
	if strings.Contains(g.stderr.String(), rows[0].id) {
		t.Error("the log holds an identifier")
	}
	var shown struct {
		Residents struct{ Nodes []struct{ NationalID string } }
	}
	mustDecode(t, g.ask(t, "analyst", `{ residents(first: 1) { nodes { nationalId } } }`, nil).Data, &shown)
	if list, _ := ask(shown.Residents.Nodes[0].NationalID); !strings.Contains(list, `"resident":{"birthDate":"`) {
		t.Errorf("the benign twin: %s", list)
	}
}

// A denied field is used for nothing either: the part of the answer that would use it is null, with one error.
func TestNoUseOfADeniedFieldIsAnswered(t *testing.T) {
	g := common(t)
	for use, document := range (seenField{root: "admissions", aggregate: "admissionsAggregate", field: "note", shown: `"x"`, ops: textOps}).documents() {
		a := g.ask(t, "partner", document, nil)
		if a.status != 403 || a.code() != "FORBIDDEN" || string(a.Data) != `{"x":null}` {
			t.Errorf("%s over a denied field: %d %.300s", use, a.status, a.body)
		}
	}
}

// Least and greatest of what is seen are what is seen; no number of a bucket is added up.
func TestExtremesOfTransformedFieldsAreTransformed(t *testing.T) {
	g := common(t)
	var got struct {
		X struct {
			Groups []struct {
				Min, Max struct{ BirthDate string }
			}
		}
	}
	a := g.ask(t, "analyst", `{ x: residentsAggregate(groupBy: [{field: districtId}]) { groups { min { birthDate } max { birthDate } } } }`, nil)
	mustDecode(t, a.Data, &got)
	if len(got.X.Groups) != 12 {
		t.Fatalf("%s", a.body)
	}
	for _, group := range got.X.Groups {
		if len(group.Min.BirthDate) != 4 || len(group.Max.BirthDate) != 4 {
			t.Errorf("a whole date leaves: %+v", group)
		}
	}
	if text, err := json.Marshal(a.Extensions.Concordat.Obligations); err != nil || !strings.Contains(string(text), "year") {
		t.Errorf("nothing says that these are years: %s", text)
	}
}

// A source that computes no transforms gets the gateway to do it: the same answers, from more rows.
func TestSourcesThatComputeNothingGiveTheSameAnswers(t *testing.T) {
	g := common(t)
	h := build(t, demoDir(t), houseOptions{wrap: func(_ string, s source.Source) source.Source { return fetcher(s.Fetch) }})
	for _, s := range seenFields() {
		for use, document := range s.documents() {
			if got, want := essence(h.ask(t, s.persona, document, nil)), essence(g.ask(t, s.persona, document, nil)); got != want {
				t.Errorf("%s over %s (%s):\n%.300s\n%.300s", use, s.field, s.method, got, want)
			}
		}
	}
	const page = `{ residents(last: 3, orderBy: [{field: birthDate}]) { nodes { nationalId birthDate } pageInfo { startCursor } } }`
	if got, want := essence(h.ask(t, "analyst", page, nil)), essence(g.ask(t, "analyst", page, nil)); got != want {
		t.Errorf("%s\n%s", got, want)
	}
}

// Pages in an order that means nothing are pages all the same: forwards and backwards they hold each row once.
func TestPagesInAHiddenOrderAreWhole(t *testing.T) {
	g := common(t)
	type page struct {
		Residents struct {
			TotalCount int
			Nodes      []struct{ NationalID string }
			PageInfo   struct {
				StartCursor, EndCursor       *string
				HasNextPage, HasPreviousPage bool
			}
		}
	}
	ask := func(arguments string, cursor *string) page {
		var p page
		mustDecode(t, g.ask(t, "analyst", `query($c: String) { residents(where: {districtId: {eq: "D11"}, birthDate: {in: ["1990", "1991"]}}, orderBy: [{field: birthDate}], `+
			arguments+`) { totalCount nodes { nationalId } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }`, map[string]any{"c": cursor}).Data, &p)
		return p
	}
	whole := ask("first: 1000, after: $c", nil)
	want := fmt.Sprint(whole.Residents.Nodes)
	if len(whole.Residents.Nodes) != whole.Residents.TotalCount || whole.Residents.TotalCount < 20 {
		t.Fatalf("%d rows of %d", len(whole.Residents.Nodes), whole.Residents.TotalCount)
	}
	forwards, backwards := whole.Residents.Nodes[:0:0], whole.Residents.Nodes[:0:0]
	for p := ask("first: 7, after: $c", nil); ; p = ask("first: 7, after: $c", p.Residents.PageInfo.EndCursor) {
		forwards = append(forwards, p.Residents.Nodes...)
		if !p.Residents.PageInfo.HasNextPage {
			break
		}
	}
	for p := ask("last: 7, before: $c", nil); ; p = ask("last: 7, before: $c", p.Residents.PageInfo.StartCursor) {
		backwards = append(slices.Clone(p.Residents.Nodes), backwards...)
		if !p.Residents.PageInfo.HasPreviousPage {
			break
		}
	}
	if fmt.Sprint(forwards) != want || fmt.Sprint(backwards) != want {
		t.Errorf("forwards %d, backwards %d, whole %d rows, or in another order", len(forwards), len(backwards), len(whole.Residents.Nodes))
	}
}
