package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"concordat/demo"
)

// rounds is how often each persona asks while the others do.
const rounds = 200

// Two callers who send the same text are answered each under an own view, in turn and at once, whoever was first.
func TestSameDocumentNeverGetsAnothersViewOrAnswer(t *testing.T) {
	g := common(t)
	for _, name := range []string{"07-residents-of-a-district", "09-notes-and-diagnoses", "14-one-stay", "12-flu-in-december"} {
		q := questionNamed(t, name)
		body := operation(q.Document, q.Variables)
		want := map[string]string{}
		for _, persona := range demo.PersonaNames() {
			want[persona] = essence(g.ask(t, persona, q.Document, q.Variables))
		}
		if want["analyst"] == want["partner"] || want["auditor"] == want["officer"] {
			t.Fatalf("%s tells nobody apart: %v", name, want)
		}
		for _, persona := range demo.PersonaNames() { // in turn
			if got := essence(g.ask(t, persona, q.Document, q.Variables)); got != want[persona] {
				t.Errorf("%s as %s, in turn: %s", name, persona, got)
			}
		}
		atOnce(t, g, body, want)
	}
}

func atOnce(t *testing.T, g *gateway, body string, want map[string]string) {
	t.Helper()
	var wait sync.WaitGroup
	for persona, expected := range want {
		for worker := range 2 {
			wait.Go(func() {
				for range rounds / 10 / 2 {
					a, err := send(t.Context(), g.client, g.url, g.tokens[persona], body)
					if got := essence(a); err != nil || got != expected {
						t.Errorf("%s, at once (%d): %v %s", persona, worker, err, got)
						return
					}
				}
			})
		}
	}
	wait.Wait()
}

// essence is an answer without what each answer has of its own.
func essence(a answer) string {
	text, err := json.Marshal([]any{a.status, a.Data, a.Errors, a.Extensions.Concordat.Obligations})
	if err != nil {
		panic(err) // it came as JSON
	}
	return string(text)
}

func questionNamed(t testing.TB, name string) demo.Question {
	t.Helper()
	for _, q := range demo.Questions() {
		if q.Name == name {
			return q
		}
	}
	t.Fatal("no question " + name)
	return demo.Question{}
}

// The partner and the developer send one text two hundred times at once, mixed on the same connections: the partner's
// rows are of Norvale, the developer's of Ivymark, and no row of one is ever among the other's.
func TestMixedCallersOnSharedConnections(t *testing.T) {
	g := common(t)
	const document = `{ admissions(first: 5, orderBy: [{field: id}]) { nodes { id region districtId patientId } } }`
	body := operation(document, nil)
	var wait sync.WaitGroup
	callers := []struct{ persona, all string }{{"partner", `"region":"Norvale"`}, {"developer", `"districtId":"D12"`}}
	for i := range 2 * rounds {
		if i%16 == 0 {
			wait.Wait()
		}
		wait.Go(func() {
			c := callers[i%2]
			a, err := send(t.Context(), g.client, g.url, g.tokens[c.persona], body)
			if err != nil || a.status != 200 || strings.Count(string(a.Data), c.all) != 5 {
				t.Errorf("%s: %v %s", c.persona, err, a.body)
			}
		})
	}
	wait.Wait()
}

// Introspection is of the caller's view: what is invisible is in nobody else's schema either.
func TestIntrospectionShowsEachCallerTheirOwnSchema(t *testing.T) {
	g := common(t)
	const document = `{ __type(name: "Resident") { fields { name } } __schema { queryType { fields { name } } } }`
	shows := func(persona, name string) bool {
		a := g.ask(t, persona, document, nil)
		if a.status != 200 {
			t.Fatalf("%s: %s", persona, a.body)
		}
		return strings.Contains(string(a.Data), fmt.Sprintf("{%q:%q}", "name", name))
	}
	for _, c := range []struct {
		persona, field string
		want           bool
	}{
		{"analyst", "phone", false}, {"partner", "phone", true}, {"analyst", "incomeClass", true}, {"partner", "incomeClass", false},
		{"analyst", "admissions", true}, {"auditor", "admissions", false}, {"auditor", "admissionsAggregate", true}, {"partner", "conditions", false},
	} {
		if got := shows(c.persona, c.field); got != c.want {
			t.Errorf("%s knows of %s: %v", c.persona, c.field, got)
		}
	}
}
