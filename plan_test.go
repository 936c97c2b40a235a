package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

type planned struct {
	Extensions struct {
		Concordat struct {
			Plan *struct {
				Steps []struct {
					Step                             int
					Path, Does, Type, Source, Failed string
					Statement                        string
					Pushed, Local                    []string
					With                             []struct{ Path string }
					Rows                             *int
					Microseconds                     *int64
				}
			}
		}
	}
}

func askForPlan(t *testing.T, g *gateway, persona, document string) (answer, planned) {
	t.Helper()
	a, err := send(context.Background(), g.client, g.url, g.tokens[persona], operation(document, nil), "Concordat-Plan", "1")
	if err != nil {
		t.Fatal(err)
	}
	var p planned
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatal(err)
	}
	return a, p
}

func TestThePlanThatRanIsShownToWhoMaySeePlans(t *testing.T) {
	g := common(t)
	const document = `{ districts(where: {name: {ne: "markedvalue"}}, first: 2) { totalCount nodes { name population } } }`
	a, p := askForPlan(t, g, "developer", document)
	plan := p.Extensions.Concordat.Plan
	if plan == nil || len(plan.Steps) != 2 {
		t.Fatalf("%s", a.body)
	}
	for _, s := range plan.Steps {
		if s.Path != "districts" || s.Type != "District" || s.Source != "registry" || !strings.HasPrefix(s.Statement, "SELECT") || s.Microseconds == nil {
			t.Errorf("%+v", s)
		}
		if (s.Does == "list") != (s.Rows != nil) {
			t.Errorf("rows of %s: %v", s.Does, s.Rows)
		}
	}
	if strings.Contains(string(a.body), "markedvalue") {
		t.Error("the plan shows a bound value")
	}
}

func TestThePlanIsInvisibleToOthers(t *testing.T) {
	g := common(t)
	const document = `{ districts(first: 2) { nodes { name } } }`
	for _, persona := range []string{"analyst", "partner", "officer", "auditor"} {
		a, p := askForPlan(t, g, persona, document)
		if p.Extensions.Concordat.Plan != nil || strings.Contains(string(a.body), "SELECT") {
			t.Errorf("%s: %s", persona, a.body)
		}
	}
	a := g.ask(t, "developer", document, nil)
	if strings.Contains(string(a.body), `"plan"`) {
		t.Errorf("nobody asked: %s", a.body)
	}
}

func TestThePlanThatRanShowsWhoSharesAStatement(t *testing.T) {
	const document = `{ a: district(id: "D01") { name } b: district(id: "D02") { population } }`
	a, p := askForPlan(t, common(t), "developer", document)
	plan := p.Extensions.Concordat.Plan
	if plan == nil || len(plan.Steps) != 1 || plan.Steps[0].Path != "a" || len(plan.Steps[0].With) != 1 || plan.Steps[0].With[0].Path != "b" {
		t.Errorf("%s", a.body)
	}
}
