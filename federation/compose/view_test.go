package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"concordat/policy"
	"concordat/privacy"
	"concordat/schema"
)

// effects is a profile that gives every coordinate of every agency what of says.
func effects(sg *Supergraph, of func(policy.Field) policy.Effect) *policy.Profile {
	p := &policy.Profile{Effects: map[policy.FieldKey]policy.Effect{}}
	for _, f := range sg.Catalog.Fields {
		p.Effects[policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate}] = of(f)
	}
	return p
}

func always(e policy.Effect) func(policy.Field) policy.Effect {
	return func(policy.Field) policy.Effect { return e }
}

// reload checks that a schema is one that gqlparser takes, with introspection over every type.
func reload(t rapid.TB, s *ast.Schema) *ast.Schema {
	t.Helper()
	again, err := gqlparser.LoadSchema(&ast.Source{Name: "view", Input: Print(s)})
	if err != nil {
		t.Fatalf("the view is no schema: %v\n%s", err, Print(s))
	}
	introspect(t, s)
	return again
}

// introspect walks everything that gqlgen's introspection would answer; a dangling type is a nil it trips over.
func introspect(t rapid.TB, s *ast.Schema) {
	t.Helper()
	for _, typ := range introspection.WrapSchema(s).Types() {
		for _, f := range typ.Fields(true) {
			kindOf(t, s, f.Type)
			for _, a := range f.Args {
				kindOf(t, s, a.Type)
			}
		}
		for _, f := range typ.InputFields() {
			kindOf(t, s, f.Type)
		}
		typ.PossibleTypes()
		typ.Interfaces()
		typ.EnumValues(true)
	}
}

func kindOf(t rapid.TB, s *ast.Schema, typ *introspection.Type) {
	for typ.OfType() != nil {
		typ = typ.OfType()
	}
	if name := typ.Name(); name == nil || s.Types[*name] == nil {
		t.Fatalf("a type of the view leads to one that is not in it")
	}
}

// marked is the demo with every field renamed to a text that occurs nowhere else, by coordinate.
func marked(t testing.TB) (*Supergraph, map[privacy.Coordinate]string) {
	t.Helper()
	m := marker{names: map[string]string{}, targets: demo(t)}
	var files []File
	for _, f := range demoFiles(t) {
		files = append(files, m.rename(t, f))
	}
	sg, problems := Compose(files, Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("renamed:\n%s", lines(problems))
	}
	marks := map[privacy.Coordinate]string{}
	for coordinate, mark := range m.names {
		typ, _, _ := strings.Cut(coordinate, ".")
		marks[privacy.Coordinate(typ+"."+mark)] = mark
	}
	return sg, marks
}

type marker struct {
	names   map[string]string // mark by old coordinate
	targets *Supergraph
}

func (m marker) mark(typ, name string) string {
	coordinate := typ + "." + name
	if m.names[coordinate] == "" {
		m.names[coordinate] = fmt.Sprintf("mark%03dx", len(m.names))
	}
	return m.names[coordinate]
}

func (m marker) rename(t testing.TB, f File) File {
	if isLevels(f.Name) {
		return f
	}
	doc, err := parser.ParseSchema(&ast.Source{Name: f.Name, Input: f.Text})
	if err != nil {
		t.Fatal(err)
	}
	// Types of one interface share names; abstract_test.go speaks of those.
	doc.Definitions = slices.DeleteFunc(doc.Definitions, func(d *ast.Definition) bool { return d.Kind != ast.Object })
	for _, def := range append(slices.Clone(doc.Definitions), doc.Extensions...) {
		def.Interfaces = nil
		for _, d := range def.Directives {
			if d.Name == "key" {
				m.rewrite(d, "fields", def.Name, "")
			}
		}
		for _, field := range def.Fields {
			if d := field.Directives.ForName("join"); d != nil {
				m.rewrite(d, "on", def.Name, field.Type.Name())
			}
			if d := field.Directives.ForName("ner"); d != nil {
				m.rewrite(d, "text", def.Name, "")
			}
			field.Name = m.mark(def.Name, field.Name)
		}
	}
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithoutDescription()).FormatSchemaDocument(doc)
	return File{Name: f.Name, Agency: f.Agency, Text: b.String()}
}

// rewrite renames the fields in a key ("a b") or a relation ("a = b", b of the target).
func (m marker) rewrite(d *ast.Directive, argument, typ, target string) {
	a := d.Arguments.ForName(argument)
	words := strings.Fields(strings.ReplaceAll(a.Value.Raw, "=", " = "))
	for i, w := range words {
		switch {
		case w == "=":
			typ = target
		default:
			words[i] = m.mark(typ, w)
		}
	}
	a.Value.Raw = strings.Join(words, " ")
}

func TestInvisibleFieldAppearsNowhereInTheView(t *testing.T) {
	sg, marks := marked(t)
	whole := Print(sg.Schema)
	for coordinate, mark := range marks {
		if !strings.Contains(whole, mark) {
			t.Fatalf("%s is not in the whole schema: the test proves nothing", coordinate)
		}
		view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
			if f.Coordinate == coordinate {
				return policy.Invisible
			}
			return policy.Allow
		}))
		if text := Print(view); strings.Contains(text, mark) {
			t.Errorf("%s shows in the view", coordinate)
		}
		reload(t, view)
	}
	if Print(sg.Schema) != whole {
		t.Error("making views changed the whole schema")
	}
}

func TestFieldThatOneOfTwoAgenciesShowsIsVisible(t *testing.T) {
	sg := demo(t)
	hide := func(agencies ...policy.AgencyID) *ast.Schema {
		return sg.View(effects(sg, func(f policy.Field) policy.Effect {
			if f.Coordinate == "Admission.ward" && slices.Contains(agencies, f.Agency) {
				return policy.Invisible
			}
			return policy.Allow
		}))
	}
	if hide("hospital_a").Types["Admission"].Fields.ForName("ward") == nil {
		t.Error("hidden, though hospital_b shows it")
	}
	if hide("hospital_a", "hospital_b").Types["Admission"].Fields.ForName("ward") != nil {
		t.Error("shown, though both hide it")
	}
}

func TestTypeWithNoVisibleFieldIsGoneEverywhere(t *testing.T) {
	sg := demo(t)
	view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
		if f.Type == "Admission" {
			return policy.Invisible
		}
		return policy.Allow
	}))
	if found := regexp.MustCompile(`\b[aA]dmissions?(Aggregate)?\b|\bAdmission\w*`).FindAllString(withoutDescriptions(view), -1); found != nil {
		t.Errorf("traces of Admission: %v", found)
	}
}

func withoutDescriptions(s *ast.Schema) string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithoutDescription()).FormatSchema(s)
	return b.String()
}

func TestEverythingInvisibleLeavesTheControlPlane(t *testing.T) {
	sg := demo(t)
	alone, problems := Compose(nil, Options{ControlPlane: schema.ControlPlane()})
	if alone == nil {
		t.Fatal(lines(problems))
	}
	got := Print(sg.View(effects(sg, always(policy.Invisible))))
	if want := Print(alone.View(&policy.Profile{})); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDeniedIsVisible(t *testing.T) {
	sg := demo(t)
	for name, p := range map[string]*policy.Profile{"denied": effects(sg, always(policy.Deny)), "unnamed": {}} {
		view := sg.View(p)
		for root := range sg.Roots {
			if view.Query.Fields.ForName(root) == nil {
				t.Errorf("%s: %s is gone", name, root)
			}
		}
	}
}

func TestAggregateOnlySubjectHasNoRowsOfTheType(t *testing.T) {
	sg := demo(t)
	view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
		switch {
		case f.Type != "Admission":
			return policy.Allow
		case f.Name == "note":
			return policy.Deny
		}
		return policy.Aggregate
	}))
	reload(t, view)
	for _, gone := range []string{"admission", "admissions"} {
		if view.Query.Fields.ForName(gone) != nil {
			t.Errorf("Query.%s is there", gone)
		}
	}
	for _, gone := range []string{"Admission", "AdmissionConnection", "AdmissionEdge", "AdmissionOrder"} {
		if view.Types[gone] != nil {
			t.Errorf("%s is there", gone)
		}
	}
	if view.Query.Fields.ForName("admissionsAggregate") == nil {
		t.Error("the aggregate is gone")
	}
	resident := view.Types["Resident"]
	if resident.Fields.ForName("admissions") != nil || resident.Fields.ForName("admissionsAggregate") == nil {
		t.Error("the relation keeps rows, or lost its aggregate")
	}
	if view.Types["Condition"].Fields.ForName("admission") != nil {
		t.Error("a to-one relation still leads to the rows")
	}
}

func TestOneReadableFieldKeepsTheRows(t *testing.T) {
	sg := demo(t)
	for _, e := range []policy.Effect{policy.Allow, policy.Transform} {
		view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
			if f.Coordinate == "Admission.ward" && f.Agency == "hospital_b" {
				return e
			}
			return policy.Aggregate
		}))
		if view.Types["Admission"] == nil || view.Query.Fields.ForName("admissions") == nil {
			t.Errorf("effect %d: rows are gone", e)
		}
	}
}

func TestTypesThatOnlyLeadToEachOtherAreHidden(t *testing.T) {
	sg, problems := Compose([]File{{"a.graphqls", "a", `
		type A @source(table: "a") @key(fields: "id") { id: ID @classify(as: SENSITIVE), b: B @join(on: "id = id") }
		type B @source(table: "b") @key(fields: "id") { id: ID @classify(as: SENSITIVE), a: A @join(on: "id = id"), c: [C] @join(on: "id = id") }
		type C @source(table: "c") @key(fields: "id") { id: ID @classify(as: SENSITIVE), n: Int @classify(as: SENSITIVE) }`,
	}}, Options{ControlPlane: `type Query { health: String }`})
	if sg == nil {
		t.Fatal(lines(problems))
	}
	hide := func(names ...string) *ast.Schema {
		view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
			if slices.Contains(names, string(f.Coordinate)) {
				return policy.Invisible
			}
			return policy.Allow
		}))
		reload(t, view)
		return view
	}
	if view := hide("A.id", "B.id", "B.c"); view.Types["A"] != nil || view.Types["B"] != nil {
		t.Error("A and B have nothing but each other, and are there")
	}
	view := hide("A.id", "B.id")
	if view.Types["A"] == nil || view.Types["B"] == nil {
		t.Error("A and B lead to C, and are hidden")
	}
	if view.Types["AOrder"] != nil || view.Types["AField"] != nil {
		t.Error("inputs without a column are there")
	}
	if view.Types["AFilter"] == nil {
		t.Error("the filter of A leads to C, and is hidden")
	}
	if view := hide("B.c"); view.Types["BFilter"].Fields.ForName("c") != nil || view.Types["CRelationFilter"] != nil {
		t.Error("a filter follows a relation that is hidden")
	}
}

func TestOperationsAreValidatedAgainstTheView(t *testing.T) {
	sg := demo(t)
	view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
		if f.Name == "note" || f.Type == "SpeedReading" {
			return policy.Invisible
		}
		return policy.Allow
	}))
	for document, valid := range map[string]bool{
		`{ admissions(where: {ward: {eq: "x"}}, orderBy: [{field: ward}], first: 3) { totalCount nodes { id _source patient { nationalId } } } }`: true,
		`{ admissionsAggregate(groupBy: [{field: admittedOn, grain: WEEK}]) { groups { key { admittedOn } count } withheld } }`:                   true,
		`{ admissions { nodes { note } } }`:                                   false,
		`{ admissions(where: {note: {like: "x"}}) { totalCount } }`:           false,
		`{ admissions(where: {not: {note: {isNull: true}}}) { totalCount } }`: false,
		`{ admissions(orderBy: [{field: note}]) { totalCount } }`:             false,
		`{ admissionsAggregate(groupBy: [{field: note}]) { withheld } }`:      false,
		`{ admissionsAggregate { groups { key { note } } } }`:                 false,
		`{ admissions { nodes { entities { label } } } }`:                     false,
		`{ speedReadings { totalCount } }`:                                    false,
		`{ districts { nodes { speedReadingsAggregate { withheld } } } }`:     false,
		`{ admissions { nodes { ... on SpeedReading { id } } } }`:             false,
	} {
		_, err := gqlparser.LoadQueryWithRules(view, document, rules.NewDefaultRules())
		if (err == nil) != valid {
			t.Errorf("%s: %v", document, err)
		}
		if _, err := gqlparser.LoadQueryWithRules(sg.Schema, document, rules.NewDefaultRules()); err != nil && !strings.Contains(document, "... on") {
			t.Errorf("the whole schema refuses %s: %v", document, err)
		}
	}
}

func TestViewsShareDefinitionsSafely(t *testing.T) {
	sg := demo(t)
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			view := sg.View(effects(sg, func(f policy.Field) policy.Effect {
				if len(f.Name)%4 == i && f.Name != "id" {
					return policy.Invisible
				}
				return policy.Allow
			}))
			document := `{ admissions(orderBy: [{field: id}], where: {id: {in: ["a"]}}) { nodes { id } } }`
			if _, err := gqlparser.LoadQueryWithRules(view, document, rules.NewDefaultRules()); err != nil {
				t.Error(err)
			}
			introspect(t, view)
		})
	}
	wait.Wait()
}

// TestEveryElementOfAViewHasWhatItDependsOn draws profiles at random.
func TestEveryElementOfAViewHasWhatItDependsOn(t *testing.T) {
	sg := demo(t)
	rapid.Check(t, func(t *rapid.T) {
		effect := rapid.SampledFrom([]policy.Effect{
			policy.Undefined, policy.Allow, policy.Aggregate, policy.Deny, policy.Invisible, policy.Invisible,
		})
		p := effects(sg, func(policy.Field) policy.Effect { return effect.Draw(t, "effect") })
		view := sg.View(p)
		reload(t, view)
		for _, def := range view.Types {
			for _, f := range def.Fields {
				dependsHold(t, sg, p, def.Name+"."+f.Name)
			}
			for _, v := range def.EnumValues {
				dependsHold(t, sg, p, def.Name+"."+v.Name)
			}
		}
	})
}

// dependsHold is the plain reading of Depends: each coordinate is visible for an agency that offers it. That of an
// interface is one of its types'.
func dependsHold(t *rapid.T, sg *Supergraph, p *policy.Profile, element string) {
	for _, c := range sg.Depends[element] {
		visible := false
		for _, f := range sg.Catalog.Fields {
			offered := f.Coordinate == c || privacy.Coordinate(f.Type) == c || ofAbstract(sg, f, string(c))
			visible = visible || offered && p.Effects[policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate}] != policy.Invisible
		}
		if !visible {
			t.Fatalf("%s is in the view without %s", element, c)
		}
	}
}

func ofAbstract(sg *Supergraph, f policy.Field, coordinate string) bool {
	name, field, isField := strings.Cut(coordinate, ".")
	a := sg.Abstracts[name]
	return a != nil && slices.Contains(a.Types, f.Type) && (!isField || f.Name == field)
}

func BenchmarkView(b *testing.B) {
	var text strings.Builder
	for t := range 100 {
		fmt.Fprintf(&text, "type T%d @source(table: \"t\") @key(fields: \"id\") { id: ID @classify(as: SENSITIVE)\n", t)
		for f := range 18 {
			fmt.Fprintf(&text, "f%d: %s @classify(as: SENSITIVE)\n", f, []string{"Int", "String", "Date"}[f%3])
		}
		fmt.Fprintf(&text, "next: [T%d] @join(on: \"id = id\") }\n", (t+1)%100)
	}
	sg, problems := Compose([]File{{"a.graphqls", "a", text.String()}}, Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		b.Fatal(lines(problems))
	}
	n := 0
	p := effects(sg, func(policy.Field) policy.Effect {
		n++
		if n%10 == 0 {
			return policy.Invisible
		}
		return policy.Allow
	})
	if len(sg.Catalog.Fields) != 2000 {
		b.Fatalf("%d fields", len(sg.Catalog.Fields))
	}
	b.ReportAllocs()
	for b.Loop() {
		sg.View(p)
	}
}
