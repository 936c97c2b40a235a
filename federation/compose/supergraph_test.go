package compose

import (
	"slices"
	"strings"
	"testing"

	"concordat/policy"
	"concordat/privacy"
)

// TestEveryDerivedElementSaysWhatItDependsOn walks the schema: an element without an entry would be in every view.
func TestEveryDerivedElementSaysWhatItDependsOn(t *testing.T) {
	sg := demo(t)
	shared := sharedTypes()
	elements := map[string]bool{}
	for _, def := range sg.Schema.Types {
		if def.BuiltIn || slices.Contains(shared, def.Name) || sg.control[def.Name] && def.Name != "Query" {
			continue
		}
		for _, f := range def.Fields {
			if def.Name != "Query" || sg.Roots[f.Name] != nil {
				elements[def.Name+"."+f.Name] = true
			}
		}
		for _, v := range def.EnumValues {
			elements[def.Name+"."+v.Name] = true
		}
	}
	for e := range elements {
		if len(sg.Depends[e]) == 0 {
			t.Errorf("%s depends on nothing", e)
		}
	}
	for e := range sg.Depends {
		if !elements[e] {
			t.Errorf("%s is not in the schema", e)
		}
	}
}

func TestDependsOfEachKindOfElement(t *testing.T) {
	sg := demo(t)
	for element, want := range map[string]string{
		"Query.admission":               "Admission Admission.id",
		"Query.admissions":              "Admission",
		"Query.admissionsAggregate":     "Admission",
		"Admission.ward":                "Admission.ward",
		"Admission.entities":            "Admission.entities Admission.note",
		"Admission._source":             "Admission",
		"Admission.patient":             "Admission.patient Resident",
		"Admission.conditions":          "Admission.conditions Condition",
		"Admission.conditionsAggregate": "Admission.conditions Condition",
		"AdmissionFilter.ward":          "Admission.ward",
		"AdmissionFilter.not":           "Admission",
		"AdmissionField.ward":           "Admission.ward",
		"AdmissionGroupKey.ward":        "Admission.ward",
		"AdmissionSum.costCents":        "Admission.costCents",
		"AdmissionGroup.sum":            "Admission",
	} {
		var got []string
		for _, c := range sg.Depends[element] {
			got = append(got, string(c))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s depends on %v, want %s", element, got, want)
		}
	}
}

func TestMembersAreThePublicTypesFields(t *testing.T) {
	sg := demo(t)
	for _, e := range sg.Entities {
		def := sg.Schema.Types[e.Name]
		if len(def.Fields) != len(e.Members) {
			t.Errorf("%s has %d fields and %d members", e.Name, len(def.Fields), len(e.Members))
		}
		for _, f := range def.Fields {
			m := e.Members[f.Name]
			if want := map[Role]string{
				RoleScalar: f.Type.Name(), RoleOrigin: "String",
				RoleJoinOne: f.Type.Name(), RoleJoinMany: f.Type.Name(), RoleJoinAggregate: f.Type.Name(),
				RoleComputed: "NamedEntity",
			}[m.Role]; want == "" {
				t.Errorf("%s.%s has no role", e.Name, f.Name)
			}
			if (m.Field == nil) != (m.Role == RoleOrigin) {
				t.Errorf("%s.%s: field and role disagree", e.Name, f.Name)
			}
		}
	}
	for name, role := range map[string]Role{
		"ward": RoleScalar, "_source": RoleOrigin, "patient": RoleJoinOne,
		"conditions": RoleJoinMany, "conditionsAggregate": RoleJoinAggregate,
	} {
		if got := sg.Entity("Admission").Members[name].Role; got != role {
			t.Errorf("Admission.%s has role %d, want %d", name, got, role)
		}
	}
}

func TestRootsAreTheAgencyFieldsOfQuery(t *testing.T) {
	sg := demo(t)
	for name, want := range map[string]RootKind{
		"admission": RootByKey, "admissions": RootConnection, "admissionsAggregate": RootAggregate,
	} {
		root := sg.Roots[name]
		if root == nil || root.Kind != want || root.Entity != sg.Entity("Admission") {
			t.Errorf("%s: %+v", name, root)
		}
	}
	if sg.Roots["me"] != nil {
		t.Error("a control-plane root counts as an agency's")
	}
	n := 0
	for _, root := range sg.Roots {
		if root.Kind == RootByKey || root.Kind == RootConnection || root.Kind == RootAggregate {
			n++
		}
	}
	if n != 3*len(sg.Entities) || sg.Roots["measurements"].Abstract != sg.Abstracts["Measurement"] {
		t.Errorf("%d roots of %d entities", n, len(sg.Entities))
	}
}

func TestFusedTypeHasAPartForEachAgency(t *testing.T) {
	sg, problems := Compose([]File{
		{"b.graphqls", "b", `type T @source(table: "stays") @key(fields: "id") { id: ID, x: Int @column(name: "x_b"), b: Date }`},
		{"a.graphqls", "a", `type T @source(name: "store", table: "admissions") @key(fields: "id") { id: ID, x: Int }
			extend type T { a: Boolean @column(name: "is_a") self: [T] @join(on: "id = id") }`},
	}, Options{})
	if sg == nil {
		t.Fatal(lines(problems))
	}
	parts := sg.Entity("T").Parts
	if len(parts) != 2 || parts[0].Source != "b" || parts[1].Source != "store" || parts[1].Agency != "a" {
		t.Fatalf("parts %+v", parts)
	}
	b, a := parts[0].Relation, parts[1].Relation
	if b.Table != "stays" || b.Columns["x"].Physical != "x_b" || b.Columns["b"].Kind != privacy.Date || len(b.Columns) != 3 {
		t.Errorf("b: %+v", b)
	}
	if a.Table != "admissions" || a.Columns["x"].Physical != "x" || a.Columns["a"].Physical != "is_a" || len(a.Columns) != 3 {
		t.Errorf("a: %+v", a)
	}
}

func TestCatalogHasEachCoordinateOncePerAgencyThatDeclaresIt(t *testing.T) {
	sg := demo(t)
	seen := map[policy.FieldKey]policy.Field{}
	for _, f := range sg.Catalog.Fields {
		k := policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate}
		if _, twice := seen[k]; twice {
			t.Errorf("%v is listed twice", k)
		}
		if f.Classification == "" || (f.Kind == 0) == f.Column() {
			t.Errorf("%v: %+v", k, f)
		}
		seen[k] = f
	}
	for _, agency := range []policy.AgencyID{"hospital_a", "hospital_b"} {
		if seen[policy.FieldKey{Agency: agency, Coordinate: "Admission.ward"}].Type != "Admission" {
			t.Errorf("%s does not decide Admission.ward", agency)
		}
	}
	for _, e := range sg.Entities {
		for _, f := range e.Fields {
			for _, agency := range f.Agencies {
				if _, ok := seen[policy.FieldKey{Agency: agency, Coordinate: f.Coordinate}]; !ok {
					t.Errorf("%s of %s is decided by nobody", f.Coordinate, agency)
				}
			}
		}
	}
}

// FuzzCompose: there is a supergraph exactly where no problem is an error, and it and its views are schemas.
func FuzzCompose(f *testing.F) {
	for _, file := range demoFiles(f) {
		f.Add(file.Text, `type X @source(table: "x") @key(fields: "id") { id: ID }`)
	}
	f.Add(`type A @source(table: "t") @key(fields: "id") { id: ID, b: [A] @join(on: "id = id") }`, `extend type A { c: A @join(on: "id=id") }`)
	f.Add("extend union A = B", "type Query { a: Int }")
	f.Fuzz(func(t *testing.T, a, b string) {
		sg, problems := Compose([]File{{"a.graphqls", "a", a}, {"b.graphqls", "b", b}},
			Options{ControlPlane: `type Query { health: String }`})
		failed := slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error })
		if failed != (sg == nil) {
			t.Fatalf("supergraph %v with problems\n%s", sg != nil, lines(problems))
		}
		if slices.Contains(codesOf(problems), SchemaInvalid) {
			t.Fatalf("a mistake found only by the last check:\n%s", lines(problems))
		}
		if sg == nil {
			return
		}
		reload(t, sg.Schema)
		reload(t, sg.View(effects(sg, always(policy.Invisible))))
		reload(t, sg.View(effects(sg, always(policy.Aggregate))))
	})
}
