package policy_test

import (
	"context"
	"fmt"
	"testing"

	"concordat/policy"
)

// many is twenty agencies of fifty fields each, with the rules of varied.
func many(b *testing.B) (*policy.Engine, policy.Request) {
	var r policy.Request
	r.Operation = "query"
	policies := rules{}
	var fields []policy.Field
	for i := range 20 {
		agency := policy.AgencyID(fmt.Sprintf("agency%d", i))
		classes := []string{"NON_SENSITIVE", "SENSITIVE", "QUASI_IDENTIFIER", "DIRECT_IDENTIFIER"}
		for j := range 50 {
			f := field(agency, fmt.Sprintf("Type%d.field%d", i, j), classes[j%len(classes)], 6)
			fields = append(fields, f)
			if i < 3 && j < 10 {
				r.Fields = append(r.Fields, policy.FieldKey{Agency: agency, Coordinate: f.Coordinate})
			}
		}
		if i < 3 {
			r.Types = append(r.Types, policy.TypeKey{Agency: agency, Type: fmt.Sprintf("Type%d", i)})
		}
		policies[string(agency)] = fmt.Sprintf(`
import data.concordat.lib
research if lib.purpose("research")
fields contains {"classification": "NON_SENSITIVE", "effect": "allow"} if research
fields contains {"classification": "DIRECT_IDENTIFIER", "effect": "transform", "method": "pseudonym"} if research
fields contains {"classification": "SENSITIVE", "effect": "aggregate"} if research
fields contains {"coordinate": "Type%[1]d.field7", "effect": "invisible"} if not lib.has_scope("all")
limits contains {"minimumGroup": 10} if research
include.Type%[1]d if { research; input.row.field4 in lib.regions }
exclude.Type%[1]d if input.row.field8 == input.subject.id
`, i)
	}
	o := policies.options()
	o.Catalog = policy.Catalog{Fields: fields}
	e, err := policy.Load(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	return e, r
}

// BenchmarkDecide asks for thirty fields and three row rules of three agencies. cached: a caller and request seen
// before; cold: a caller never seen.
func BenchmarkDecide(b *testing.B) {
	e, r := many(b)
	ctx := context.Background()
	s := analyst()
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := e.Decide(ctx, s, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.ID, s.Scopes = fmt.Sprint(i), []string{fmt.Sprint(i)}
			if _, err := e.Decide(ctx, s, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkProfile is over all twenty agencies, 1,000 fields.
func BenchmarkProfile(b *testing.B) {
	e, _ := many(b)
	ctx := context.Background()
	s := analyst()
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := e.Profile(ctx, s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.Scopes = []string{fmt.Sprint(i)}
			if _, err := e.Profile(ctx, s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	o := rules{"north": varied}.options()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Load(context.Background(), o); err != nil {
			b.Fatal(err)
		}
	}
}

// fifty is an agency of fifty fields in four classifications, and one row rule.
func fifty(b *testing.B) (*policy.Engine, policy.Request, policy.TypeKey) {
	var fields []policy.Field
	r := policy.Request{Operation: "query"}
	classes := []string{"NON_SENSITIVE", "SENSITIVE", "QUASI_IDENTIFIER", "DIRECT_IDENTIFIER"}
	for j := range 50 {
		f := field("north", fmt.Sprintf("Admission.field%d", j), classes[j%len(classes)], 6)
		fields = append(fields, f)
		r.Fields = append(r.Fields, policy.FieldKey{Agency: "north", Coordinate: f.Coordinate})
	}
	o := rules{"north": `
import data.concordat.lib
research if lib.purpose("research")
fields contains {"classification": "NON_SENSITIVE", "effect": "allow"} if research
fields contains {"classification": "DIRECT_IDENTIFIER", "effect": "transform", "method": "pseudonym"} if research
fields contains {"classification": "SENSITIVE", "effect": "aggregate"} if research
fields contains {"coordinate": "Admission.field7", "effect": "invisible"} if not lib.has_scope("all")
limits contains {"minimumGroup": 10} if research
include.Admission if { research; input.row.field4 in lib.regions; not input.row.field8 == input.subject.id }
`}.options()
	o.Catalog = policy.Catalog{Fields: fields}
	e, err := policy.Load(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	return e, r, policy.TypeKey{Agency: "north", Type: "Admission"}
}

// BenchmarkFiftyFields asks for fifty fields of four classifications, which two statements by classification, one
// transform and one by name decide. cold: for a caller never seen, so that every rule is evaluated.
func BenchmarkFiftyFields(b *testing.B) {
	e, r, _ := fifty(b)
	benchmarkDecide(b, e, r, func(s *policy.Subject, i int) { s.ID, s.Scopes = fmt.Sprint(i), []string{fmt.Sprint(i)} })
}

// BenchmarkRowRule asks for the rows of one type. cold: for a caller for whom the rule was never evaluated, and the
// field rules, which do not ask who it is, were.
func BenchmarkRowRule(b *testing.B) {
	e, _, typ := fifty(b)
	benchmarkDecide(b, e, policy.Request{Operation: "query", Types: []policy.TypeKey{typ}},
		func(s *policy.Subject, i int) { s.ID = fmt.Sprint(i) })
}

func benchmarkDecide(b *testing.B, e *policy.Engine, r policy.Request, anew func(*policy.Subject, int)) {
	for name, change := range map[string]func(*policy.Subject, int){"cached": func(*policy.Subject, int) {}, "cold": anew} {
		b.Run(name, func(b *testing.B) {
			s := analyst()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				change(&s, i)
				if _, err := e.Decide(context.Background(), s, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
