package agent_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"concordat/federation/agent"
	"concordat/federation/source"
	inmemory "concordat/federation/source/memory"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/secagg"
)

const admissions = `patient,ward,days,cost,weight
p1,surgery,3,10.50,71.25
p2,medicine,,2.05,1e300
p1,surgery,4,-3,
p3,,60,99999999999999999999,-0.005
`

func fields() *secagg.Question {
	return &secagg.Question{Fields: []secagg.Field{
		{Name: "ward", Kind: secagg.Text, Domain: []string{"surgery"}}, {Name: "days", Kind: secagg.Integer, Upper: 60},
		{Name: "cost", Kind: secagg.Integer, Scale: 2, Upper: 100}, {Name: "patient", Kind: secagg.Identifier}}}
}

func csvFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admissions.csv")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// same is what both kinds of data must read from the same cells.
func same(t *testing.T, table *secagg.Table) {
	t.Helper()
	if table.Rows != 4 || !slices.Equal(table.Unit, []string{"p1", "p2", "p1", "p3"}) || !slices.Equal(table.Texts["ward"], []string{"surgery", "medicine", "surgery", ""}) {
		t.Errorf("%+v", table)
	}
	if !slices.Equal(table.Integers["days"], []int64{3, 0, 4, 60}) || !slices.Equal(table.Null["days"], []bool{false, true, false, false}) || !table.Null["ward"][3] {
		t.Errorf("%+v", table)
	}
	if !slices.Equal(table.Integers["cost"], []int64{1050, 205, -300, math.MaxInt64}) {
		t.Error(table.Integers["cost"])
	}
}

func relation() *source.Relation {
	column := func(name string, kind privacy.Kind) source.Column {
		return source.Column{Coordinate: privacy.Coordinate("Admission." + name), Physical: name, Kind: kind}
	}
	return &source.Relation{Type: "Admission", Table: "admissions", Columns: map[string]source.Column{
		"patient": column("patient", privacy.String), "ward": column("ward", privacy.String), "days": column("days", privacy.Int),
		"cost": column("cost", privacy.Decimal), "weight": column("weight", privacy.Float)}}
}

func rows(t *testing.T, where predicate.Predicate) *agent.Rows {
	t.Helper()
	table, err := inmemory.Load(strings.NewReader(admissions), relation())
	must(t, err)
	return &agent.Rows{Source: inmemory.New(map[string]*privacy.Table{"Admission": table}), Relation: relation(), Where: where, Unit: "patient", MaxRows: 100}
}

func TestFileAndSourceReadTheSameNumbers(t *testing.T) {
	table, err := (&agent.CSV{Path: csvFile(t, admissions), Unit: "patient"}).Table(t.Context(), fields())
	must(t, err)
	same(t, table)
	table, err = rows(t, predicate.Always()).Table(t.Context(), fields())
	must(t, err)
	same(t, table)
}

func TestFloatsAreRoundedToTheDeclaredScale(t *testing.T) {
	q := &secagg.Question{Fields: []secagg.Field{{Name: "weight", Kind: secagg.Integer, Scale: 1, Upper: 1}}}
	table, err := rows(t, predicate.Always()).Table(t.Context(), q)
	must(t, err)
	if got := table.Integers["weight"]; !slices.Equal(got, []int64{713, math.MaxInt64, 0, 0}) || !table.Null["weight"][2] {
		t.Fatal(got)
	}
}

func TestAgencysRowRuleHoldsBeforeAnythingIsComputed(t *testing.T) {
	table, err := rows(t, predicate.Compare("patient", predicate.Eq, predicate.String("p1"))).Table(t.Context(), fields())
	must(t, err)
	if table.Rows != 2 {
		t.Fatal(table.Rows)
	}
	r := rows(t, predicate.Predicate{})
	if table, err = r.Table(t.Context(), fields()); err != nil || table.Rows != 0 {
		t.Fatal("no rule lets rows through", table, err)
	}
	r = rows(t, predicate.Always())
	r.MaxRows = 3
	if _, err := r.Table(t.Context(), fields()); !errors.Is(err, source.ErrTooLarge) {
		t.Fatal(err)
	}
}

func TestDataThatDoesNotFitTheDeclarationIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no column": "patient,ward,days\n", "more decimals than declared": "patient,ward,days,cost\np,w,1,1.005\n",
		"no number": "patient,ward,days,cost\np,w,x,1\n", "two signs": "patient,ward,days,cost\np,w,1,1.-5\n", "empty": "",
		"short row": "patient,ward,days,cost\np,w\n", "underscore": "patient,ward,days,cost\np,w,1_0,1\n",
	} {
		if _, err := (&agent.CSV{Path: csvFile(t, text), Unit: "patient"}).Table(t.Context(), fields()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	q := fields()
	q.Fields = append(q.Fields, secagg.Field{Name: "absent", Kind: secagg.Integer})
	if _, err := rows(t, predicate.Always()).Table(t.Context(), q); err == nil {
		t.Error("a column that is not there")
	}
	q.Fields[len(q.Fields)-1] = secagg.Field{Name: "weight", Kind: secagg.Identifier}
	if _, err := rows(t, predicate.Always()).Table(t.Context(), q); err == nil {
		t.Error("a number as an identifier")
	}
}
