package demo_test

import (
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"gopkg.in/yaml.v3"

	"concordat/demo"
	"concordat/federation/compose"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/schema"
)

func agencyFiles(t *testing.T) []compose.File {
	t.Helper()
	entries, err := fs.ReadDir(demo.Files, "agencies")
	if err != nil {
		t.Fatal(err)
	}
	var files []compose.File
	for _, entry := range entries {
		text, err := demo.Files.ReadFile("agencies/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		agency, _, _ := strings.Cut(entry.Name(), ".")
		files = append(files, compose.File{Name: entry.Name(), Agency: policy.AgencyID(agency), Text: string(text)})
	}
	return files
}

func supergraph(t *testing.T) *compose.Supergraph {
	t.Helper()
	graph, problems := compose.Compose(agencyFiles(t), compose.Options{ControlPlane: schema.ControlPlane()})
	for _, p := range problems {
		t.Error(p)
	}
	if graph == nil {
		t.FailNow()
	}
	return graph
}

func TestEveryAgencyFileParses(t *testing.T) {
	for _, file := range agencyFiles(t) {
		if strings.HasSuffix(file.Name, ".csv") {
			continue // levels: composition reads them
		}
		if _, err := parser.ParseSchema(&ast.Source{Name: file.Name, Input: file.Text}); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryFieldIsClassifiedAndDescribedTypesReachTheSchema(t *testing.T) {
	graph := supergraph(t)
	if len(graph.Entities) != 10 {
		t.Errorf("%d entities, want 10", len(graph.Entities))
	}
	for name, entity := range graph.Entities {
		if graph.Schema.Types[name].Description == "" {
			t.Errorf("%s has no description", name)
		}
		for _, field := range entity.Fields {
			if field.Classification == "" {
				t.Errorf("%s is not classified", field.Coordinate)
			}
		}
	}
}

func TestQuestionsAreValidAgainstTheWholeSchema(t *testing.T) {
	graph := supergraph(t)
	questions := demo.Questions()
	if len(questions) < 12 {
		t.Errorf("%d questions, want 12 or more", len(questions))
	}
	for _, q := range questions {
		document, errs := gqlparser.LoadQueryWithRules(graph.Schema, q.Document, rules.NewDefaultRules())
		if len(errs) > 0 {
			t.Errorf("%s: %v", q.Name, errs)
			continue
		}
		variables := map[string]any{}
		if q.Variables != nil {
			if err := json.Unmarshal(q.Variables, &variables); err != nil {
				t.Errorf("%s: %v", q.Name, err)
			}
		}
		if _, err := validator.VariableValues(graph.Schema, document.Operations[0], variables); err != nil {
			t.Errorf("%s: %v", q.Name, err)
		}
		if q.Title == "" {
			t.Errorf("%s has no title", q.Name)
		}
	}
}

func TestEachPersonaHasAnAgreementThatCoversIt(t *testing.T) {
	folder, err := fs.Sub(demo.Files, "agreements")
	if err != nil {
		t.Fatal(err)
	}
	set, err := agreement.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	content := set.Data()
	personas := demo.Personas()
	if len(personas) != len(demo.PersonaNames()) {
		t.Errorf("%d personas, %d names", len(personas), len(demo.PersonaNames()))
	}
	for _, name := range demo.PersonaNames() {
		p, ok := personas[name]
		a, signed := content[p.Agreement].(map[string]any)
		if !ok || !signed {
			t.Errorf("%s has no agreement", name)
			continue
		}
		for _, purpose := range p.Purposes {
			if !holds(a["purposes"], purpose) {
				t.Errorf("%s: %s does not cover the purpose %q", name, p.Agreement, purpose)
			}
		}
		for scope := range strings.FieldsSeq(p.Scope) {
			if !holds(a["scopes"], scope) {
				t.Errorf("%s: %s does not cover the scope %q", name, p.Agreement, scope)
			}
		}
	}
}

func holds(list any, word string) bool {
	values, _ := list.([]any)
	for _, v := range values {
		if v == word {
			return true
		}
	}
	return false
}

func TestTheCatalogOfSourcesNamesEveryAgency(t *testing.T) {
	text, err := demo.Files.ReadFile("sources.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Sources map[string]map[string]any }
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	for _, file := range agencyFiles(t) {
		if config.Sources[string(file.Agency)] == nil {
			t.Errorf("no source for %s", file.Agency)
		}
	}
}

func TestTheReadmeExplainsEveryQuestionAndPersona(t *testing.T) {
	readme, err := demo.Files.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, q := range demo.Questions() {
		names = append(names, q.Name)
	}
	for _, name := range append(names, demo.PersonaNames()...) {
		if !strings.Contains(string(readme), name) {
			t.Errorf("README.md does not mention %s", name)
		}
	}
}

func TestAgreementsHoldForYears(t *testing.T) {
	entries, err := fs.ReadDir(demo.Files, "agreements")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := demo.Files.ReadFile(path.Join("agreements", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var a struct {
			ID         string    `yaml:"id"`
			ValidUntil time.Time `yaml:"validUntil"`
		}
		if err := yaml.Unmarshal(text, &a); err != nil || a.ID+".yaml" != entry.Name() || a.ValidUntil.Year() < 2035 {
			t.Errorf("%s: %+v, %v", entry.Name(), a, err)
		}
	}
}
