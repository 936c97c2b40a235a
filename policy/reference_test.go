package policy

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	rego "github.com/open-policy-agent/opa/v1/ast"

	library "concordat/policy/rego"
)

var updateReference = flag.Bool("update", false, "write docs/policy-reference.md again")

const referencePage = "../docs/policy-reference.md"

// The page is what the sources say: codes, effects, what a rule may read, and the library's own descriptions.
func TestPolicyReferenceIsUpToDate(t *testing.T) {
	var page bytes.Buffer
	page.WriteString("# Policy reference\n\nGenerated from `policy/` and `policy/rego/`: change it there and run `go test ./policy -run Reference -update`.\n" +
		"[officer.md](officer.md) says how to work with it.\n\n## Effects\n\nFrom weakest to strictest; the strictest wins: ")
	for e := Allow; e <= Invisible; e++ {
		if e > Allow {
			page.WriteString(" < ")
		}
		fmt.Fprintf(&page, "`%s`", e)
	}
	page.WriteString(".\n\n## What a rule may read\n\n")
	for _, path := range sortedKeys(inputPaths()) {
		fmt.Fprintf(&page, "- `input.%s`\n", path)
	}
	page.WriteString("- `input.row.FIELD`, in `include` and `exclude` alone\n- `data.agreements`, `data.fields`, `data.sets`, `data.concordat.lib`, and the agency's own rules\n")
	page.WriteString("\n## Codes\n\n| code | |\n|---|---|\n")
	for _, file := range []string{"problem.go", "check/check.go"} {
		writeCodes(t, &page, file)
	}
	page.WriteString("\n## Limits\n\n| key | |\n|---|---|\n")
	fmt.Fprintf(&page, "| `minimumGroup` | groups and counts below it are withheld; a whole number up to %d, the greatest holds |\n", maxMinimumGroup)
	fmt.Fprintf(&page, "| `mark` | a line of at most %d bytes that stands in the ledger entry (`extra.mark`) and in the log |\n", maxMark)
	page.WriteString("\n## Library\n")
	writeLibrary(t, &page)
	if *updateReference {
		if err := os.WriteFile(referencePage, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(referencePage)
	if err != nil || !bytes.Equal(want, page.Bytes()) {
		t.Error("docs/policy-reference.md is not what the sources say; run with -update", err)
	}
}

// writeCodes lists the constants named Code... of a file with their comments.
func writeCodes(t *testing.T, page *bytes.Buffer, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || spec.Comment.Text() == "" {
			t.Errorf("%s is not explained", spec.Names[0].Name)
		}
		fmt.Fprintf(page, "| `%s` | %s |\n", code, strings.TrimSpace(spec.Comment.Text()))
		found++
		return true
	})
	if found < 3 {
		t.Errorf("%s holds %d codes", file, found)
	}
}

func writeLibrary(t *testing.T, page *bytes.Buffer) {
	t.Helper()
	err := fs.WalkDir(library.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(library.Files, name)
		if err != nil {
			return err
		}
		module, err := rego.ParseModuleWithOpts(name, string(text), rego.ParserOptions{RegoVersion: rego.RegoV1, ProcessAnnotation: true})
		if err != nil {
			return err
		}
		if len(module.Annotations) == 0 {
			t.Errorf("%s is not described", name)
			return nil
		}
		a := module.Annotations[0]
		fmt.Fprintf(page, "\n### %s\n\n`import %s`\n\n%s\n", a.Title, module.Package.Path, strings.TrimSpace(a.Description))
		if example, ok := a.Custom["example"].(string); ok {
			fmt.Fprintf(page, "\n```rego\n%s\n```\n", strings.TrimSpace(example))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
