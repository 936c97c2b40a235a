package main

import (
	"database/sql"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// group is one group of admissions as an answer shows it.
type group struct {
	Key   struct{ Ward, Region string }
	Count int
	Sum   struct{ CostCents string }
	Avg   struct {
		CostCents, DaysInHospital float64
	}
	Min, Max struct {
		CostCents  string
		AdmittedOn string
	}
	Stddev struct {
		CostCents, DaysInHospital float64
	}
	CountDistinct struct {
		PatientID, DistrictID, AdmittedOn int
	}
}

type groupsAnswer struct {
	X *struct {
		Withheld bool
		Groups   []group
	}
}

func groupsOf(t *testing.T, a answer) *groupsAnswer {
	t.Helper()
	out := &groupsAnswer{}
	mustDecode(t, a.Data, out)
	if out.X == nil {
		t.Fatalf("no groups: %s", a.body)
	}
	return out
}

// objectors is the persons whose rows research does not see, as a list in SQL: the policies' own data.
func objectors(t *testing.T, agency, set string) string {
	t.Helper()
	var data struct{ Sets map[string][]string }
	mustDecode(t, []byte(readFile(t, filepath.Join("demo", "policies", agency, "data.json"))), &data)
	if len(data.Sets[set]) == 0 {
		t.Fatalf("%s has no %s", agency, set)
	}
	return "('" + strings.Join(data.Sets[set], "', '") + "')"
}

// hospitals is what research sees of both hospitals' admissions, as one table, for SQLite's own answers.
func hospitals(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "hospital_a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		`ATTACH '` + filepath.Join(dir, "hospital_b.db") + `' AS b`,
		`CREATE TEMP VIEW admitted AS
			SELECT * FROM main.admissions WHERE patient_id NOT IN ` + objectors(t, "hospital_a", "hospital_a_objectors") + `
			UNION ALL SELECT * FROM b.admissions WHERE patient_id NOT IN ` + objectors(t, "hospital_b", "hospital_b_objectors"),
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

const measured = `key { ward region } count sum { costCents } avg { costCents daysInHospital } min { costCents admittedOn } max { costCents admittedOn }
	stddev { costCents daysInHospital } countDistinct { patientId districtId admittedOn }`

// measuredSQL gives what measured shows; SQLite has no standard deviation, so that its definition stands there.
const measuredSQL = `SELECT ward, region, count(*), sum(cost_cents), avg(cost_cents), avg(days_in_hospital), min(cost_cents), min(admitted_on),
	max(cost_cents), max(admitted_on),
	sqrt(sum((cost_cents - m) * (cost_cents - m)) / (count(cost_cents) - 1)), sqrt(sum((days_in_hospital - d) * (days_in_hospital - d)) / (count(days_in_hospital) - 1)),
	count(DISTINCT patient_id), count(DISTINCT district_id), count(DISTINCT admitted_on)
	FROM admitted JOIN (SELECT ward AS w, region AS r, avg(cost_cents) AS m, avg(days_in_hospital) AS d FROM admitted GROUP BY ward, region) ON w = ward AND r = region
	GROUP BY ward, region`

func TestMeasuresOverTwoAgenciesAreThoseOfOneDatabase(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{})
	db := hospitals(t, dir)
	for _, c := range []struct{ arguments, sql string }{
		{``, ` HAVING count(*) >= 10 ORDER BY ward, region`},
		{`, having: {count: {gt: 100}, avg: {daysInHospital: {gte: 3}}}, orderBy: [{by: COUNT, direction: DESC}]`,
			` HAVING count(*) > 100 AND avg(days_in_hospital) >= 3 ORDER BY count(*) DESC, ward, region`},
		{`, having: {or: [{sum: {costCents: {lt: "60000000"}}}, {not: {max: {admittedOn: {lt: "2025-12-31"}}}}], stddev: {costCents: {gt: 200000}}}, orderBy: [{by: KEY, field: region, direction: DESC}, {by: MAX, field: costCents}]`,
			` HAVING count(*) >= 10 AND (sum(cost_cents) < 60000000 OR NOT max(admitted_on) < '2025-12-31') AND sqrt(sum((cost_cents - m) * (cost_cents - m)) / (count(*) - 1)) > 200000 ORDER BY region DESC, max(cost_cents), ward`},
		{`, having: {countDistinct: {patientId: {gte: 100, lte: 160}}}, orderBy: [{by: STDDEV, field: daysInHospital}]`,
			` HAVING count(DISTINCT patient_id) BETWEEN 100 AND 160 ORDER BY 12, ward, region`},
		{`, orderBy: [{by: COUNT_DISTINCT, field: patientId, direction: DESC}, {by: AVG, field: costCents}], first: 5`,
			` HAVING count(*) >= 10 ORDER BY count(DISTINCT patient_id) DESC, avg(cost_cents), ward, region LIMIT 5`},
	} {
		a := h.ask(t, "analyst", `{ x: admissionsAggregate(groupBy: [{field: ward}, {field: region}]`+c.arguments+`) { groups { `+measured+` } } }`, nil)
		if a.status != 200 {
			t.Fatalf("%s: %s", c.arguments, a.body)
		}
		compareGroups(t, c.arguments, groupsOf(t, a).X.Groups, queryGroups(t, db, measuredSQL+c.sql))
	}
}

func queryGroups(t *testing.T, db *sql.DB, text string) []group {
	t.Helper()
	rows, err := db.Query(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	defer rows.Close()
	var out []group
	for rows.Next() {
		var g group
		if err := rows.Scan(&g.Key.Ward, &g.Key.Region, &g.Count, &g.Sum.CostCents, &g.Avg.CostCents, &g.Avg.DaysInHospital, &g.Min.CostCents, &g.Min.AdmittedOn,
			&g.Max.CostCents, &g.Max.AdmittedOn, &g.Stddev.CostCents, &g.Stddev.DaysInHospital, &g.CountDistinct.PatientID, &g.CountDistinct.DistrictID, &g.CountDistinct.AdmittedOn); err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// compareGroups takes deviations and averages to 12 digits: SQLite adds doubles, we add exactly.
func compareGroups(t *testing.T, name string, got, want []group) {
	t.Helper()
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%s: %d groups, want %d", name, len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		for _, pair := range [][2]*float64{{&g.Avg.CostCents, &w.Avg.CostCents}, {&g.Avg.DaysInHospital, &w.Avg.DaysInHospital},
			{&g.Stddev.CostCents, &w.Stddev.CostCents}, {&g.Stddev.DaysInHospital, &w.Stddev.DaysInHospital}} {
			if math.Abs(*pair[0]-*pair[1]) > 1e-12*math.Abs(*pair[1]) {
				t.Errorf("%s: group %d: %v, want %v", name, i, *pair[0], *pair[1])
			}
			*pair[0] = *pair[1]
		}
		if g != w {
			t.Errorf("%s: group %d:\n%+v\nwant\n%+v", name, i, g, w)
		}
	}
}

// A condition, an order or a cut that sees small groups would tell of them.
func TestSmallGroupsAreWithheldBeforeConditionsOrderAndCut(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{})
	var small int
	if err := hospitals(t, dir).QueryRow(`SELECT count(*) FROM (SELECT 1 FROM admitted GROUP BY district_id, diagnosis_code HAVING count(*) < 10)`).Scan(&small); err != nil || small == 0 {
		t.Fatalf("%d small groups: %v", small, err)
	}
	ask := func(arguments string) *groupsAnswer {
		a := h.ask(t, "analyst", `{ x: admissionsAggregate(groupBy: [{field: districtId}, {field: diagnosisCode}]`+arguments+`) { withheld groups { count } } }`, nil)
		if a.code() != "GROUP_TOO_SMALL" || len(a.Errors) != 1 {
			t.Errorf("%s: the answer does not say that groups are withheld: %s", arguments, a.body)
		}
		return groupsOf(t, a)
	}
	for _, arguments := range []string{`, having: {count: {lt: 10}}`, `, having: {not: {count: {gte: 10}}}`, `, having: {countDistinct: {patientId: {lt: 2}}, count: {lt: 10}}`} {
		if x := ask(arguments).X; !x.Withheld || len(x.Groups) > 0 {
			t.Errorf("%s: %+v", arguments, x)
		}
	}
	if x := ask(`, orderBy: [{by: COUNT}], first: 3`).X; !x.Withheld || len(x.Groups) != 3 || x.Groups[0].Count < 10 {
		t.Errorf("the smallest: %+v", x)
	}
}

// What a join leads to is measured for each parent, in as many statements as for one.
func TestMeasuresOfAJoinAreThoseOfEachParent(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{})
	a := h.ask(t, "analyst", `{ districts(orderBy: [{field: id}]) { nodes { id residentsAggregate(groupBy: [{field: sex}], having: {countDistinct: {education: {gt: 0}}}, orderBy: [{by: COUNT, direction: DESC}], first: 1) {
		groups { key { sex } count countDistinct { education } } } } } }`, nil)
	var data struct {
		Districts struct {
			Nodes []struct {
				ID                 string
				ResidentsAggregate struct {
					Groups []struct {
						Key           struct{ Sex string }
						Count         int
						CountDistinct struct{ Education int }
					}
				}
			}
		}
	}
	mustDecode(t, a.Data, &data)
	db, err := sql.Open("sqlite", filepath.Join(dir, "registry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if len(data.Districts.Nodes) != 12 {
		t.Fatalf("%s", a.body)
	}
	for _, d := range data.Districts.Nodes {
		var want string
		if err := db.QueryRow(`SELECT sex || ' ' || count(*) || ' ' || count(DISTINCT education) FROM residents WHERE district_id = ? AND national_id NOT IN `+objectors(t, "registry", "objectors")+` GROUP BY sex ORDER BY count(*) DESC, sex LIMIT 1`, d.ID).Scan(&want); err != nil {
			t.Fatal(err)
		}
		g := d.ResidentsAggregate.Groups
		if len(g) != 1 || g[0].Key.Sex+" "+strconv.Itoa(g[0].Count)+" "+strconv.Itoa(g[0].CountDistinct.Education) != want {
			t.Errorf("%s: %+v, want %s", d.ID, g, want)
		}
	}
}

// Without a feature that needs it, no statement more; with it, one for each field and agency.
func TestValuesAreCountedOnlyWhereAMeasureNeedsThem(t *testing.T) {
	h, r := watchedHouse(t)
	for query, want := range map[string]int{
		`{ admissionsAggregate(groupBy: [{field: ward}], having: {avg: {costCents: {gt: 1}}}, orderBy: [{by: SUM, field: costCents}]) { groups { count } } }`: 2,
		`{ admissionsAggregate(groupBy: [{field: ward}]) { groups { stddev { costCents } countDistinct { costCents } } } }`:                                   4,
		`{ admissionsAggregate(groupBy: [{field: ward}]) { groups { countDistinct { costCents region } } } }`:                                                 6,
	} {
		before := r.count()
		if a := h.ask(t, "analyst", query, nil); a.status != 200 || len(a.Errors) > 0 {
			t.Fatalf("%s", a.body)
		}
		if n := r.count() - before; n != want {
			t.Errorf("%s: %d statements, want %d", query, n, want)
		}
	}
}

// A percentile is the value that SQLite numbers so: the first one of which at least that part of the values is not
// greater.
func TestPercentilesOverTwoAgenciesAreThoseOfOneDatabase(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{})
	db := hospitals(t, dir)
	a := h.ask(t, "analyst", `query($p: Float!) { x: admissionsAggregate(groupBy: [{field: ward}]) { groups { key { ward }
		least: percentile(p: 0) { costCents admittedOn } middle: percentile(p: 0.5) { costCents admittedOn } most: percentile(p: $p) { costCents admittedOn } } } }`, map[string]any{"p": 0.95})
	type cell struct{ CostCents, AdmittedOn string }
	var data struct {
		X *struct {
			Groups []struct {
				Key                 struct{ Ward string }
				Least, Middle, Most cell
			}
		}
	}
	mustDecode(t, a.Data, &data)
	if data.X == nil || len(data.X.Groups) != 7 || len(a.Errors) > 0 {
		t.Fatalf("%s", a.body)
	}
	at := func(ward, column string, p float64) (out string) {
		if err := db.QueryRow(`SELECT CAST(v AS TEXT) FROM (SELECT `+column+` AS v, row_number() OVER (ORDER BY `+column+`) AS nth, count(*) OVER () AS n FROM admitted WHERE ward = ?)
			WHERE nth >= ? * n ORDER BY nth LIMIT 1`, ward, p).Scan(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, g := range data.X.Groups {
		for p, got := range map[float64]cell{0: g.Least, 0.5: g.Middle, 0.95: g.Most} {
			if want := (cell{at(g.Key.Ward, "cost_cents", p), at(g.Key.Ward, "admitted_on", p)}); got != want {
				t.Errorf("%s at %v: %v, want %v", g.Key.Ward, p, got, want)
			}
		}
	}
}
