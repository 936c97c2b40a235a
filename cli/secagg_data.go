package cli

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"concordat/privacy/secagg"
)

func demoRegions() []string { return []string{"east", "north", "south", "west"} }

// demoMeasure is one question of the demo.
type demoMeasure struct {
	name    string
	measure secagg.Measure
}

func demoMeasures() []demoMeasure {
	days := make([]int64, 0, 60)
	for i := range int64(60) {
		days = append(days, i+1)
	}
	costs := []int64{100_000, 250_000, 500_000, 1_000_000, 2_000_000}
	return []demoMeasure{
		{"count", secagg.Measure{Fn: secagg.Count}},
		{"count by ward", secagg.Measure{Fn: secagg.Count, By: "ward"}},
		{"sum of cost by ward", secagg.Measure{Fn: secagg.Sum, Field: "cost", By: "ward"}},
		{"mean of days", secagg.Measure{Fn: secagg.Mean, Field: "days"}},
		{"variance of days", secagg.Measure{Fn: secagg.Variance, Field: "days", By: "sex"}},
		{"histogram of cost", secagg.Measure{Fn: secagg.Histogram, Field: "cost", Edges: costs}},
		{"median of days", secagg.Measure{Fn: secagg.Quantile, Field: "days", Permille: 500, Edges: days}},
		{"largest cost", secagg.Measure{Fn: secagg.Max, Field: "cost", Edges: costs}},
		{"smoking by sex", secagg.Measure{Fn: secagg.Contingency, Field: "sex", With: "smoker"}},
		{"cost by days and age", secagg.Measure{Fn: secagg.Regression, Field: "cost", Features: []string{"days", "age"}}},
		{"survival by sex", secagg.Measure{Fn: secagg.Survival, Field: "days", Event: "died", By: "sex", Edges: days}},
		{"distinct patients", secagg.Measure{Fn: secagg.Distinct, Field: "patient", Buckets: 32768}},
	}
}

func (m demoMeasure) question(session, thumbprint string) *secagg.Question {
	all := []secagg.Field{
		{Name: "days", Kind: secagg.Integer, Upper: 60}, {Name: "age", Kind: secagg.Integer, Upper: 110},
		{Name: "died", Kind: secagg.Integer, Upper: 1}, {Name: "cost", Kind: secagg.Integer, Scale: 2, Upper: 5_000_000},
		{Name: "ward", Kind: secagg.Text, Domain: []string{"intensive", "medicine", "surgery"}},
		{Name: "sex", Kind: secagg.Text, Domain: []string{"f", "m"}}, {Name: "smoker", Kind: secagg.Text, Domain: []string{"no", "yes"}},
		{Name: "patient", Kind: secagg.Identifier},
	}
	used := append([]string{m.measure.Field, m.measure.By, m.measure.With, m.measure.Event}, m.measure.Features...)
	q := &secagg.Question{Session: session, Agreement: "regions-2025", Dataset: "admissions", Purpose: "research", Decision: "demo", Minimum: 3,
		Until: time.Now().Add(5 * time.Minute).Unix(), Querier: thumbprint, Measures: []secagg.Measure{m.measure}}
	for _, f := range all {
		if slices.Contains(used, f.Name) {
			q.Fields = append(q.Fields, f)
		}
	}
	return q
}

// demoAdmissions invents a region's admissions, the same on every run. Some patients are known to several regions.
func demoAdmissions(region string, number uint64) ([]byte, *secagg.Table) {
	r := rand.New(rand.NewPCG(2025, number))
	t := &secagg.Table{Integers: map[string][]int64{}, Texts: map[string][]string{}}
	csv := bytes.NewBufferString("patient,sex,age,ward,smoker,days,cost,died\n")
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for range 1500 + 250*int(number) {
		patient := fmt.Sprintf("%s-%04d", region, r.IntN(1200))
		if r.IntN(10) == 0 {
			patient = fmt.Sprintf("shared-%03d", r.IntN(300))
		}
		texts := map[string]string{"patient": patient, "sex": pick("f", "m"), "ward": pick("medicine", "medicine", "surgery", "intensive"), "smoker": pick("no", "no", "yes")}
		days := min(60, int64(r.ExpFloat64()*8))
		age := int64(20 + r.IntN(75))
		integers := map[string]int64{"days": days, "age": age, "cost": 40_000 + days*32_500 + age*400 + int64(r.IntN(90_000)), "died": int64(r.IntN(12) / 11)}
		for _, k := range slices.Sorted(maps.Keys(texts)) {
			t.Texts[k] = append(t.Texts[k], texts[k])
		}
		for _, k := range slices.Sorted(maps.Keys(integers)) {
			t.Integers[k] = append(t.Integers[k], integers[k])
		}
		t.Rows++
		fmt.Fprintf(csv, "%s,%s,%d,%s,%s,%d,%d.%02d,%d\n", patient, texts["sex"], age, texts["ward"], texts["smoker"], days,
			integers["cost"]/100, integers["cost"]%100, integers["died"])
	}
	return csv.Bytes(), t
}

// pool lays tables one below the other. What a patient known to several regions does to distinct counts shows only here.
func pool(tables []*secagg.Table) *secagg.Table {
	all := &secagg.Table{Integers: map[string][]int64{}, Texts: map[string][]string{}}
	for _, t := range tables {
		all.Rows += t.Rows
		for k, v := range t.Integers {
			all.Integers[k] = append(all.Integers[k], v...)
		}
		for k, v := range t.Texts {
			all.Texts[k] = append(all.Texts[k], v...)
		}
	}
	return all
}
