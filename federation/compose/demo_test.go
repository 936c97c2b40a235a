package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"concordat/policy"
	"concordat/schema"
)

// demoFiles are the demo agencies' own files, read where they lie: the package is not imported, since the demo stands
// above this one.
func demoFiles(t testing.TB) []File {
	t.Helper()
	names, err := filepath.Glob("../../demo/agencies/*.*")
	if err != nil || len(names) == 0 {
		t.Fatalf("no demo agencies: %v", err)
	}
	var files []File
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		agency, _, _ := strings.Cut(base, ".")
		files = append(files, File{
			Name: base, Agency: policy.AgencyID(agency), Text: string(text),
		})
	}
	return files
}

func demo(t testing.TB) *Supergraph {
	t.Helper()
	sg, problems := Compose(demoFiles(t), Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("the demo does not compose:\n%s", lines(problems))
	}
	return sg
}

func TestDemoComposesWithoutProblems(t *testing.T) {
	_, problems := Compose(demoFiles(t), Options{ControlPlane: schema.ControlPlane()})
	for _, p := range problems {
		t.Error(p)
	}
}

func TestDemoQuestionsAreValid(t *testing.T) {
	sg := demo(t)
	names, err := filepath.Glob("../../demo/questions/*.graphql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no questions: %v", err)
	}
	for _, name := range names {
		document, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, errs := gqlparser.LoadQueryWithRules(sg.Schema, string(document), rules.NewDefaultRules()); errs != nil {
			t.Errorf("%s: %v", filepath.Base(name), errs)
		}
	}
}
