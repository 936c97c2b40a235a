package compose

import (
	"strings"
	"testing"

	"concordat/policy"
)

const levelled = `type Person @source(table: "p") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE)
	job: String @classify(as: QUASI_IDENTIFIER, hierarchy: "jobs.csv") born: Date @classify(as: QUASI_IDENTIFIER, hierarchy: "date")
	code: String @classify(as: QUASI_IDENTIFIER, hierarchy: "prefix") }`

func withLevels(texts map[policy.AgencyID]string) (*Supergraph, []Problem) {
	var files []File
	for agency, text := range texts {
		files = append(files, File{string(agency) + ".graphqls", agency, levelled}, File{string(agency) + ".jobs.csv", agency, text})
	}
	return Compose(files, Options{})
}

func TestLevelsAreTheColumnsOfTheAgenciesFiles(t *testing.T) {
	sg, problems := withLevels(map[policy.AgencyID]string{"a": "job,group,kind\nnurse,care,service\nmason,craft,making\n", "b": "job,group,kind\nnurse,care,service\ncook,kitchen,service\n"})
	if sg == nil {
		t.Fatal(problems)
	}
	job := sg.Entity("Person").Members["job"].Field
	for level, want := range map[string]string{"group": "nurse=care mason=craft cook=kitchen", "kind": "nurse=service mason=making cook=service"} {
		l, ok := job.Level(level)
		for _, pair := range strings.Fields(want) {
			value, name, _ := strings.Cut(pair, "=")
			if !ok || l.Names[value] != name {
				t.Errorf("%s of %s is %q", level, value, l.Names[value])
			}
		}
	}
	for field, levels := range map[string]string{"job": "job KIND 3", "born": "HOUR DECADE 1", "code": "0 -1 65 x YEAR", "id": "1"} {
		for _, level := range strings.Fields(levels) {
			if _, ok := sg.Entity("Person").Members[field].Field.Level(level); ok {
				t.Errorf("%s has a level %s", field, level)
			}
		}
	}
}

func TestMistakesInLevelsAreReportedWithoutTheirValues(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "not CSV",
		"job\nMARKER\n":                       "not CSV",
		"job,a,a\nMARKER,x,y\n":               "one name",
		"job,,b\nMARKER,x,y\n":                "one name",
		"job,a\nMARKER,x\nMARKER,x\n":         "twice",
		"job,a\n\"MARKER,x\n":                 "not CSV",
		"job,a\nMARKER,x,y\n":                 "not CSV",
		"job,a,b\nMARKER,x,y\nother,x,z\n":    "two of the next",
		"job,a,b\nnurse,x,y\n\"\xff\",x,y\n,": "not CSV",
	} {
		sg, problems := withLevels(map[policy.AgencyID]string{"a": text})
		if sg != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, want) || strings.Contains(problems[0].Message, "MARKER") {
			t.Errorf("%q: %v", text, problems)
		}
	}
	if sg, problems := withLevels(map[policy.AgencyID]string{"a": "job,g\nnurse,care\n", "b": "job,g\nnurse,other\n"}); sg != nil || len(problems) != 1 {
		t.Errorf("agencies that disagree: %v", problems)
	}
}

func TestAHierarchyIsKnownAndFitsItsField(t *testing.T) {
	for declared, wrong := range map[string]bool{`String @classify(as: SENSITIVE, hierarchy: "prefix")`: false, `DateTime @classify(as: SENSITIVE, hierarchy: "date")`: false,
		`Int @classify(as: SENSITIVE, hierarchy: "prefix")`: true, `String @classify(as: SENSITIVE, hierarchy: "date")`: true,
		`String @classify(as: SENSITIVE, hierarchy: "other.csv")`: true, `String @classify(as: SENSITIVE, hierarchy: "tree")`: true} {
		sg, problems := one(`type P @source(table: "p") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE) f: ` + declared + ` }`)
		if (sg == nil) != wrong {
			t.Errorf("%s: %v", declared, problems)
		}
	}
}
