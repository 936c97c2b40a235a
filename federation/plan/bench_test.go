package plan

import (
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"concordat/federation/compose"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
	"concordat/schema"
)

const twentyStays = `query Ask($ward: String!, $first: Int!) {
  admissions(where: {ward: {eq: $ward}}, orderBy: [{field: id}], first: $first) {
    nodes {
      id ward admittedOn diagnosis daysInHospital patientId
      patient { nationalId name sex birthDate postcode districtId }
      conditions(orderBy: [{field: id}], first: 10) { nodes { id code description onset } }
    }
  }
}`

// BenchmarkPlan plans twenty stays with their patients and conditions over the demo's agencies. A document is built
// once; binding and restricting are each request's.
func BenchmarkPlan(b *testing.B) {
	sg, doc := demoQuestion(b)
	variables := map[string]any{"ward": "Surgery", "first": int64(20)}
	d := Read(doc, doc.Operations[0])
	p, err := Build(sg, d, nil)
	if err != nil {
		b.Fatal(err)
	}
	bound, err := p.Bind(d, variables)
	if err != nil {
		b.Fatal(err)
	}
	decision, transforms := maskingDecision(bound.Request), deid.New()
	if a, err := Restrict(bound, decision, transforms); err != nil || len(a.Denials()) > 0 || len(a.Obligations()) == 0 {
		b.Fatal("the benchmark restricts nothing", err)
	}
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Build(sg, Read(doc, doc.Operations[0]), nil)
		}
	})
	b.Run("bind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Bind(d, variables)
		}
	})
	b.Run("restrict", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Restrict(bound, decision, transforms)
		}
	})
}

func demoQuestion(b *testing.B) (*compose.Supergraph, *ast.QueryDocument) {
	b.Helper()
	var files []compose.File
	for _, name := range []string{"registry.graphqls", "registry.education.csv", "hospital_a.graphqls"} {
		text, err := os.ReadFile("../../demo/agencies/" + name)
		if err != nil {
			b.Fatal(err)
		}
		agency, _, _ := strings.Cut(name, ".")
		files = append(files, compose.File{Name: name, Agency: policy.AgencyID(agency), Text: string(text)})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		b.Fatal(problems)
	}
	doc, errs := gqlparser.LoadQueryWithRules(sg.Schema, twentyStays, rules.NewDefaultRules())
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	return sg, doc
}

// maskingDecision allows everything, but for a pseudonym where the patient's identifier is shown.
func maskingDecision(r policy.Request) *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for _, k := range r.Fields {
		d.Fields[k] = policy.Ruling{Effect: policy.Allow}
		if k.Coordinate == "Admission.patientId" || k.Coordinate == "Resident.nationalId" {
			d.Fields[k] = policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "pseudonym"}}
		}
	}
	for _, k := range r.Types {
		d.Rows[k] = predicate.Always()
	}
	return d
}
