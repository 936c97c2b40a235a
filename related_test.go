package main

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"concordat/federation/source"
	"concordat/privacy"
)

// What a filter on related rows finds over three databases of three agencies is what one database finds that holds
// what the caller may see of each.
func TestFiltersOnRelatedRowsFindWhatOneDatabaseFinds(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{})
	db := hospitals(t, dir)
	for _, statement := range []string{
		`ATTACH '` + filepath.Join(dir, "registry.db") + `' AS registry`,
		`CREATE TEMP VIEW persons AS SELECT * FROM registry.residents WHERE national_id NOT IN ` + objectors(t, "registry", "objectors"),
		`CREATE TEMP TABLE stays AS SELECT * FROM admitted`, `CREATE INDEX temp.stays_of ON stays (patient_id)`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	const of = `(SELECT 1 FROM stays a WHERE a.patient_id = p.national_id`
	const who = `(SELECT 1 FROM persons p WHERE p.national_id = s.patient_id`
	for _, c := range []struct{ root, where, sql string }{
		{"residents", `admissions: {some: {ward: {eq: "Cardiology"}}}`, `persons p WHERE EXISTS ` + of + ` AND a.ward = 'Cardiology')`},
		{"residents", `admissions: {none: {}}`, `persons p WHERE NOT EXISTS ` + of + `)`},
		{"residents", `admissions: {some: {}, every: {ward: {eq: "Emergency"}}}`, `persons p WHERE EXISTS ` + of + `) AND NOT EXISTS ` + of + ` AND a.ward <> 'Emergency')`},
		{"residents", `admissions: {some: {daysInHospital: {gt: 20}}, none: {daysInHospital: {lt: 3}}}, sex: {eq: "F"}`,
			`persons p WHERE EXISTS ` + of + ` AND a.days_in_hospital > 20) AND NOT EXISTS ` + of + ` AND a.days_in_hospital < 3) AND sex = 'F'`},
		{"residents", `or: [{admissions: {some: {ward: {eq: "Surgery"}}}}, {admissions: {some: {ward: {eq: "Maternity"}}}}]`, `persons p WHERE EXISTS ` + of + ` AND a.ward IN ('Surgery', 'Maternity'))`},
		{"admissions", `patient: {some: {sex: {eq: "F"}}}`, `stays s WHERE EXISTS ` + who + ` AND p.sex = 'F')`},
		{"admissions", `not: {patient: {some: {sex: {eq: "F"}}}}`, `stays s WHERE NOT EXISTS ` + who + ` AND p.sex = 'F')`},
		{"admissions", `ward: {eq: "Emergency"}, patient: {some: {admissions: {some: {ward: {eq: "Surgery"}}}}}`,
			`stays s WHERE ward = 'Emergency' AND EXISTS (SELECT 1 FROM persons p JOIN stays a ON a.patient_id = p.national_id WHERE p.national_id = s.patient_id AND a.ward = 'Surgery')`},
	} {
		var want int
		if err := db.QueryRow(`SELECT count(*) FROM ` + c.sql).Scan(&want); err != nil {
			t.Fatal(err)
		}
		a := h.ask(t, "analyst", fmt.Sprintf(`{ x: %s(first: 1, where: {%s}) { totalCount } }`, c.root, c.where), nil)
		var data struct{ X *struct{ TotalCount *int } }
		mustDecode(t, a.Data, &data)
		if want < 10 || data.X == nil || data.X.TotalCount == nil || *data.X.TotalCount != want {
			t.Errorf("%s where %s: want %d: %.300s", c.root, c.where, want, a.body)
		}
	}
}

// Persons who object to research are in no row that research sees, and in no filter on related rows.
func TestRowsThatMayNotBeSeenMeetNoFilter(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{})
	db := hospitals(t, dir)
	var id string
	if err := db.QueryRow(`SELECT id FROM main.admissions WHERE patient_id IN ` + objectors(t, "hospital_a", "hospital_a_objectors") + ` LIMIT 1`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{
		`{admissions: {some: {id: {eq: "` + id + `"}}}}`:        `{"x":{"nodes":[]}}`,
		`{not: {admissions: {none: {id: {eq: "` + id + `"}}}}}`: `{"x":{"nodes":[]}}`,
	} {
		a := h.ask(t, "analyst", `{ x: residents(where: `+where+`) { nodes { sex } } }`, nil)
		if string(a.Data) != want || len(a.Errors) > 0 {
			t.Errorf("%s: %s", where, a.body)
		}
	}
}

// Without one agency's rows a filter on related rows would be another filter: none of the answer stands.
func TestFilterFailsWithTheAgencyOfItsRelatedRows(t *testing.T) {
	h := build(t, demoDir(t), houseOptions{wrap: func(name string, s source.Source) source.Source {
		if name != "hospital_b" {
			return s
		}
		return fetcher(func(context.Context, *source.Query) (*privacy.Table, error) { return nil, source.ErrUnavailable })
	}})
	a := h.ask(t, "analyst", `{ x: residents(first: 1, where: {admissions: {none: {}}}) { nodes { sex } } y: residents(first: 1) { nodes { sex } } }`, nil)
	var data struct{ X, Y *struct{ Nodes []any } }
	mustDecode(t, a.Data, &data)
	if data.X != nil || data.Y == nil || len(a.Errors) != 1 || a.code() != "SOURCE_UNAVAILABLE" {
		t.Errorf("%s", a.body)
	}
}

// Related rows of the same source are looked for where they lie, and those alone that the caller may see.
func TestFiltersOnRelatedRowsOfOneSource(t *testing.T) {
	dir := demoDir(t)
	h := build(t, dir, houseOptions{})
	db := hospitals(t, dir)
	for _, statement := range []string{
		`ATTACH '` + filepath.Join(dir, "registry.db") + `' AS registry`,
		`CREATE TEMP VIEW persons AS SELECT * FROM registry.residents WHERE national_id NOT IN ` + objectors(t, "registry", "objectors"),
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	const home = `(SELECT 1 FROM registry.districts d WHERE d.id = p.district_id`
	for where, sql := range map[string]string{
		`district: {some: {name: {gt: "M"}}}`:                     `EXISTS ` + home + ` AND d.name > 'M')`,
		`district: {none: {name: {gt: "M"}}}`:                     `NOT EXISTS ` + home + ` AND d.name > 'M')`,
		`district: {every: {name: {gt: "M"}}}`:                    `NOT EXISTS ` + home + ` AND NOT d.name > 'M')`,
		`district: {some: {residents: {some: {sex: {eq: "F"}}}}}`: `EXISTS ` + home + ` AND EXISTS (SELECT 1 FROM persons o WHERE o.district_id = d.id AND o.sex = 'F'))`,
	} {
		var want int
		if err := db.QueryRow(`SELECT count(*) FROM persons p WHERE ` + sql).Scan(&want); err != nil {
			t.Fatal(err)
		}
		a := h.ask(t, "analyst", `{ x: residents(first: 1, where: {`+where+`}) { totalCount } }`, nil)
		if got := fmt.Sprintf(`{"x":{"totalCount":%d}}`, want); want < 10 || string(a.Data) != got {
			t.Errorf("%s: want %s: %.300s", where, got, a.body)
		}
	}
}

// A filter costs one statement for each agency that holds the related rows, before the list's own.
func TestFilterOnRelatedRowsCostsAStatementForEachAgency(t *testing.T) {
	h, r := watchedHouse(t)
	if a := h.ask(t, "analyst", `{ residents(first: 50, where: {admissions: {some: {ward: {eq: "Surgery"}}}}) { nodes { sex } } }`, nil); a.status != 200 || len(a.Errors) > 0 {
		t.Fatalf("%s", a.body)
	}
	if n := r.count(); n != 3 {
		t.Errorf("%d statements", n)
	}
}
