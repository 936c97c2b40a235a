package compose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"concordat/policy"
)

// supergraphOf composes files given as agency -> text.
func supergraphOf(t *testing.T, control string, files map[policy.AgencyID]string) *Supergraph {
	t.Helper()
	var list []File
	for agency, text := range files {
		list = append(list, File{Name: string(agency) + ".graphqls", Agency: agency, Text: text})
	}
	sg, problems := Compose(list, Options{ControlPlane: control})
	if sg == nil {
		t.Fatal(lines(problems))
	}
	return sg
}

const stays = `type Stay @source(table: "stays") @key(fields: "id") {
	id: ID @classify(as: NON_SENSITIVE)
	ward: String @classify(as: QUASI_IDENTIFIER)
	days: Int @classify(as: SENSITIVE)
	patient: Patient @join(on: "ward = id")
}
type Patient @source(table: "patients") @key(fields: "id") { id: ID @classify(as: DIRECT_IDENTIFIER) }`

// Each edit of an agency's file is told as what it is, once, whatever else is derived of what it touches.
func TestDiffTellsEachEditOnce(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"nothing", "", "", ""},
		{"a comment and an order", "id: ID", "\"The key.\"\n id: ID", ""},
		{"a class lowered", "days: Int @classify(as: SENSITIVE)", "days: Int @classify(as: NON_SENSITIVE)", "CLASSIFICATION_LOWERED Stay.days SENSITIVE>NON_SENSITIVE weaker"},
		{"a class raised", "(as: QUASI_IDENTIFIER)", "(as: FREE_TEXT)", "CLASSIFICATION_RAISED Stay.ward QUASI_IDENTIFIER>FREE_TEXT"},
		{"a class left out", "days: Int @classify(as: SENSITIVE)", "days: Int", ""},
		{"a column more", "days: Int", "note: String @classify(as: FREE_TEXT)\n days: Int", "FIELD_ADDED Stay.note >String weaker"},
		{"a column less", "days: Int @classify(as: SENSITIVE)", "", "FIELD_REMOVED Stay.days Int> breaking"},
		{"a column of another type", "days: Int", "days: Date", "FIELD_CHANGED_KIND Stay.days Int>Date breaking"},
		{"another column under the name", "ward: String", "ward: String @column(name: \"diagnosis\")", "COLUMN_CHANGED Stay.ward ward>diagnosis weaker"},
		{"another table", `table: "stays"`, `table: "all_stays"`, "TABLE_CHANGED Stay stays>all_stays weaker"},
		{"a join more", "days: Int", "others: [Patient!] @join(on: \"ward = id\")\n days: Int", "JOIN_ADDED Stay.others >[Patient] on ward = id weaker"},
		{"another join", `"ward = id"`, `"id = id"`, "JOIN_CHANGED Stay.patient Patient on ward = id>Patient on id = id weaker"},
		{"a type less", "type Patient @source(table: \"patients\") @key(fields: \"id\") { id: ID @classify(as: DIRECT_IDENTIFIER) }", "", "TYPE_REMOVED Patient Patient> breaking\nFIELD_REMOVED Stay.patient Patient> breaking"},
	} {
		text := strings.Replace(stays, c.from, c.to, 1)
		if c.name == "a type less" {
			text = strings.Replace(text, "patient: Patient @join(on: \"ward = id\")", "", 1)
		}
		got := told(Diff(supergraphOf(t, "", map[policy.AgencyID]string{"health": stays}), supergraphOf(t, "", map[policy.AgencyID]string{"health": text})))
		if got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}

func TestDiffTellsWhatNamesAreOf(t *testing.T) {
	const letters = `type Letter @source(table: "letters") @key(fields: "id") { id: ID @classify(as: NON_SENSITIVE)
		text: String @classify(as: FREE_TEXT) diary: String @classify(as: FREE_TEXT) %s }`
	of := func(names string) *Supergraph {
		return supergraphOf(t, "", map[policy.AgencyID]string{"post": fmt.Sprintf(letters, names)})
	}
	text, diary := of(`names: [NamedEntity!] @ner(text: "text")`), of(`names: [NamedEntity!] @ner(text: "diary")`)
	for _, c := range []struct {
		before, after *Supergraph
		want          string
	}{
		{text, text, ""},
		{text, diary, "COMPUTED_CHANGED Letter.names [NamedEntity] of text>[NamedEntity] of diary weaker"},
		{of(""), text, "FIELD_ADDED Letter.names >[NamedEntity] of text weaker"},
	} {
		if got := told(Diff(c.before, c.after)); got != c.want {
			t.Errorf("%s\nwant:\n%s", got, c.want)
		}
	}
}

func told(changes []Change) string {
	var out []string
	for _, c := range changes {
		line := fmt.Sprintf("%s %s %s>%s", c.Code, c.Coordinate, c.Before, c.After)
		if c.Breaking {
			line += " breaking"
		}
		if c.Weaker {
			line += " weaker"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestDiffSeesAnotherAgencyComeAndGo(t *testing.T) {
	const ward = `type Ward @source(table: "wards") @key(fields: "id") { id: ID @classify(as: NON_SENSITIVE) }`
	one := supergraphOf(t, "", map[policy.AgencyID]string{"east": ward})
	two := supergraphOf(t, "", map[policy.AgencyID]string{"east": ward, "west": ward})
	if got := told(Diff(one, two)); got != "SOURCE_ADDED Ward >west weaker\nDECIDED_BY_OTHERS Ward.id east>east, west weaker" {
		t.Error(got)
	}
	if got := told(Diff(two, one)); got != "SOURCE_REMOVED Ward west>\nDECIDED_BY_OTHERS Ward.id east, west>east weaker" {
		t.Error(got)
	}
	none := supergraphOf(t, "type Query { a: Int }", nil)
	if got := Diff(none, supergraphOf(t, "type Query { a: Int }", map[policy.AgencyID]string{"east": ward})); told(got) != "TYPE_ADDED Ward >Ward weaker" {
		t.Error(told(got))
	}
}

// After graphql-js's tests of findBreakingChanges; what is expected is what graphql-js 16.11 answers.
func TestBreakingChangesAreThoseOfGraphQLJS(t *testing.T) {
	for _, c := range []struct{ old, next, want string }{
		{"type Type1 { field1: String }", "", "TYPE_REMOVED Type1"},
		{"interface Type1 { a: Int }", "union Type1 = T type T { a: Int }", "TYPE_CHANGED_KIND Type1"},
		{"type Type1 { a: String b: String c: String d: String e: String f: [Int] g: Int h: Int! i: [Int] j: [Int]! k: [Int!] l: Int m: [[Int]!]! n: Int o: [[Int]]! }",
			"type Type1 { a: String c: Boolean d: [String] e: Int! f: [Int] g: Int! h: Int i: [Int!] j: [Int] k: [Int] l: [Int] m: [[Int!]]! n: [[Int]]! o: [[Int!]!]! }",
			"FIELD_REMOVED Type1.b,FIELD_CHANGED_KIND Type1.c,FIELD_CHANGED_KIND Type1.d,FIELD_CHANGED_KIND Type1.e,FIELD_CHANGED_KIND Type1.h,FIELD_CHANGED_KIND Type1.j,FIELD_CHANGED_KIND Type1.k,FIELD_CHANGED_KIND Type1.l,FIELD_CHANGED_KIND Type1.m,FIELD_CHANGED_KIND Type1.n"},
		{"input I { a: String b: String c: [String] d: String! e: Int f: [Int]! g: [Int!] h: [Int] i: [Int!]! }",
			"input I { a: Int b: [String] c: String d: String e: Int! f: [Int] g: [Int] h: [Int!] i: [Int]! }",
			"FIELD_CHANGED_KIND I.a,FIELD_CHANGED_KIND I.b,FIELD_CHANGED_KIND I.c,FIELD_CHANGED_KIND I.e,FIELD_CHANGED_KIND I.h"},
		{"input InputType1 { field1: String }", "input InputType1 { field1: String requiredField: Int! optionalField1: Boolean optionalField2: Boolean! = false }",
			"REQUIRED_INPUT_FIELD_ADDED InputType1.requiredField"},
		{"union U = A | B type A { a: Int } type B { a: Int }", "union U = A type A { a: Int } type B { a: Int }", "TYPE_REMOVED_FROM_UNION U"},
		{"interface N { a: Int } type A implements N { a: Int }", "interface N { a: Int } type A { a: Int }", "IMPLEMENTED_INTERFACE_REMOVED A"},
		{"enum E { VALUE0 VALUE1 VALUE2 }", "enum E { VALUE0 VALUE2 VALUE3 }", "VALUE_REMOVED_FROM_ENUM E.VALUE1"},
		{"interface I { field1(arg1: Boolean, objectArg: String): String }", "interface I { field1: String }", "ARG_REMOVED I.field1(arg1:),ARG_REMOVED I.field1(objectArg:)"},
		{"type T { f(a: String, b: String!, c: [Int!], d: Int): Int }", "type T { f(a: Int, b: String, c: [Int], d: Int!): Int }", "ARG_CHANGED_KIND T.f(a:),ARG_CHANGED_KIND T.f(d:)"},
		{"type T { field1(arg1: String): String }", "type T { field1(arg1: String, newRequiredArg: String!, newOptionalArg1: Int, newOptionalArg2: Int! = 0): String }", "REQUIRED_ARG_ADDED T.field1(newRequiredArg:)"},
		{`type T { f(a: String = "x", b: Int = 1): Int }`, `type T { f(a: String = "y", b: Int = 1): Int }`, "ARG_DEFAULT_VALUE_CHANGE T.f(a:)"},
	} {
		const root = "type Query { a: Int }\n"
		var got []string
		for _, change := range Diff(supergraphOf(t, root+c.old, nil), supergraphOf(t, root+c.next, nil)) {
			if !change.Breaking || change.Weaker {
				t.Errorf("%+v", change)
			}
			got = append(got, change.Code+" "+change.Coordinate)
		}
		want := strings.Split(c.want, ",")
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s\n->\n%s:\n%v\nwant\n%v", c.old, c.next, got, want)
		}
	}
}
