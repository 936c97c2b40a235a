package rego_test

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// OPA's tester runs the library's own tests, and every line of the library is covered by them.
func TestLibraryPassesItsRegoTestsWithFullCoverage(t *testing.T) {
	modules := map[string]*ast.Module{}
	files := os.DirFS(".")
	names, err := fs.Glob(files, "*.rego")
	more, err2 := fs.Glob(files, "modules/*.rego")
	if err != nil || err2 != nil || len(names) < 2 || len(more) < 9 {
		t.Fatal("no library", err, err2)
	}
	names = append(names, more...)
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		modules[name] = ast.MustParseModuleWithOpts(string(text), ast.ParserOptions{RegoVersion: ast.RegoV1})
	}
	coverage := cover.New()
	store := inmem.New()
	err = storage.Txn(context.Background(), store, storage.WriteParams, func(txn storage.Transaction) error {
		results, err := tester.NewRunner().SetStore(store).SetModules(modules).SetCoverageQueryTracer(coverage).
			SetTimeout(10*time.Second).RunTests(context.Background(), txn)
		if err != nil {
			return err
		}
		ran := 0
		for r := range results {
			ran++
			if !r.Pass() {
				t.Errorf("%s: %v", r.Name, r.Error)
			}
		}
		if ran < 8 {
			t.Errorf("only %d tests ran", ran)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range coverage.Report(modules).Files {
		if !strings.HasSuffix(name, "_test.rego") && len(file.NotCovered) > 0 {
			t.Errorf("%s: not covered: %v", name, file.NotCovered)
		}
	}
}
