package demo

import (
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"concordat/policy/rego"
)

// policyFiles reads every file below policies/ that ends in ending.
func policyFiles(t *testing.T, ending string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(Files, "policies", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, ending) {
			text, err := Files.ReadFile(name)
			files[name] = string(text)
			return err
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

func policyData(t *testing.T) map[string]any {
	t.Helper()
	sets := map[string]any{}
	for name, text := range policyFiles(t, "data.json") {
		var file struct {
			Sets map[string]any `json:"sets"`
		}
		if err := json.Unmarshal([]byte(text), &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for set, values := range file.Sets {
			if sets[set] != nil {
				t.Errorf("%s: another agency has a set %q too", name, set)
			}
			sets[set] = values
		}
	}
	return map[string]any{"sets": sets}
}

func TestPoliciesPassTheirOwnTests(t *testing.T) {
	modules := map[string]*ast.Module{}
	for name, text := range policyFiles(t, ".rego") {
		module, err := ast.ParseModule(name, text)
		if err != nil {
			t.Fatal(err)
		}
		modules[name] = module
	}
	library, err := rego.Files.ReadFile("lib.rego")
	if err != nil {
		t.Fatal(err)
	}
	if modules["lib.rego"], err = ast.ParseModule("lib.rego", string(library)); err != nil {
		t.Fatal(err)
	}
	store := inmem.NewFromObject(policyData(t))
	transaction, err := store.NewTransaction(t.Context(), storage.WriteParams)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(t.Context(), transaction)
	results, err := tester.NewRunner().SetStore(store).SetModules(modules).RunTests(t.Context(), transaction)
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]int{}
	for result := range results {
		if !result.Pass() {
			t.Errorf("%s failed: %v", result, result.Error)
		}
		passed[path.Base(path.Dir(result.Location.File))]++
	}
	for _, agency := range append(agencyNames(), "gateway") {
		if passed[agency] < 3 {
			t.Errorf("%s has %d tests", agency, passed[agency])
		}
	}
}

func TestPoliciesAreFormatted(t *testing.T) {
	brackets := regexp.MustCompile(`(?m)^(include|exclude)\["(\w+)"\]`)
	for name, text := range policyFiles(t, ".rego") {
		formatted, err := format.Source(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		dotted := brackets.ReplaceAllString(string(formatted), "$1.$2") // the same head, written as the guide does
		if dotted != text {
			t.Errorf("%s is not formatted as `opa fmt` does", name)
		}
	}
}

func agencyNames() []string {
	return []string{"registry", "hospital_a", "hospital_b", "publichealth", "environment", "transport", "norvale_health", "eastmere_health", "sudholm_health", "westfen_health"}
}
