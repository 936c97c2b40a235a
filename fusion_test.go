package main

import (
	"maps"
	"regexp"
	"strings"
	"testing"
)

// Two agencies fuse their rows; the second lets nobody see telephone numbers, and hides half of its rows.
func fusedWorld() map[string]string {
	world := maps.Clone(mockWorld)
	const fields = `
  id: ID! @classify(as: NON_SENSITIVE)
  name: String! @classify(as: NON_SENSITIVE)
  phone: String! @classify(as: NON_SENSITIVE) @survivorship(rule: NEWEST, by: "updated")
  shelf: String! @classify(as: NON_SENSITIVE) @example(values: ["a", "b"])
  updated: DateTime! @classify(as: NON_SENSITIVE)
}
`
	for _, agency := range []string{"archive", "library"} {
		world["agencies/"+agency+".graphqls"] = `type Book @source(table: "books") @key(fields: "id") @fusion(trust: ["library"]) {` + fields
		rules := "package concordat.access." + agency + `

import data.concordat.lib
import rego.v1

fields contains {"type": "Book", "effect": "allow", "reason": "public"} if lib.purpose("planning")
`
		if agency == "archive" {
			rules += `
fields contains {"coordinate": "Book.phone", "effect": "deny", "reason": "not the archive's"} if lib.purpose("planning")

include.Book if {
	lib.purpose("planning")
	input.row.shelf == "a"
}
`
		} else {
			rules += "\ninclude.Book if lib.purpose(\"planning\")\n"
		}
		world["policies/"+agency+"/access.rego"] = rules
	}
	world["agreements/planning.yaml"] = strings.Replace(world["agreements/planning.yaml"], "[library, office]", "[library, archive, office]", 1)
	return world
}

func TestFusedRowsKeepEachAgencysPolicy(t *testing.T) {
	ask := libraryGateway(t, fusedWorld(), "--mock")
	body := ask(`{ books(first: 100) { totalCount nodes { id _source name phone _conflicts { field values { source value } } } }
		booksAggregate { groups { count } } }`)
	for _, want := range []string{
		`"_source":"library archive"`, `"_source":"library"`, `"_source":"archive","name":"[^"]*","phone":null`, `"code":"FORBIDDEN","coordinate":"Book.phone"`,
		`"field":"name","values":\[\{"source":"library","value":"Example name \d+"\},\{"source":"archive","value":"Example name \d+"\}\]`, `"leaf":"`,
	} {
		if !regexp.MustCompile(want).MatchString(body) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, `"field":"phone"`) {
		t.Error("a conflict shows what the caller may not see")
	}
	ids := regexp.MustCompile(`"id":"(example-book-\d+)"`).FindAllStringSubmatch(body, -1)
	seen := map[string]bool{}
	for _, m := range ids {
		if seen[m[1]] {
			t.Errorf("%s stands twice", m[1])
		}
		seen[m[1]] = true
	}
	total := regexp.MustCompile(`"totalCount":(\d+)`).FindStringSubmatch(body)
	count := regexp.MustCompile(`"count":(\d+)`).FindStringSubmatch(body)
	if len(ids) <= 24 || total == nil || count == nil || total[1] != count[1] || strings.Count(body, `"_source"`) != len(ids) {
		t.Errorf("%d rows, total %v, counted %v", len(ids), total, count)
	}
}
