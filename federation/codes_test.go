package federation

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/errors.md")

const codesPage = "../docs/errors.md"

const codesHead = `# Error codes

Generated from ` + "`federation/codes.go`" + ` by ` + "`make generate`" + `; a test compares the two.

An error carries its code in ` + "`extensions.code`" + `, in the form that GraphQL clients know:

` + "```json" + `
{"message": "policy does not permit this", "path": ["admissions", "nodes"], "extensions": {"code": "FORBIDDEN", "coordinate": "Admission.note"}}
` + "```" + `

- The message is the fixed sentence of the table. It never holds a value, a name of a host, or what went wrong inside.
- A ` + "`path`" + ` ends before the first index of a list, and ` + "`coordinate`" + ` names the denied field: there is one error for a field of the operation, not
  one for each row.
- The HTTP status is the table's where the whole request is refused. Where a code stands beside data, the status is 200;
  a code whose status is 200 never refuses the whole request.
- Once a token has established who asks, a refusal is in the ledger and carries a receipt like an answer.

| code | HTTP | when | message |
|---|---|---|---|
`

func TestCodesPageIsUpToDate(t *testing.T) {
	var b strings.Builder
	b.WriteString(codesHead)
	for _, c := range Codes() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", c.Code, c.Status, c.When, c.Message)
	}
	if *update {
		if err := os.WriteFile(codesPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(codesPage)
	if err != nil || string(have) != b.String() {
		t.Fatalf("%s is not what the table says (%v): run this test with -update", codesPage, err)
	}
}

func TestEveryCodeIsInTheTableOnceAndSaysWhen(t *testing.T) {
	seen := map[Code]bool{}
	for _, c := range Codes() {
		switch {
		case seen[c.Code]:
			t.Errorf("%s stands twice", c.Code)
		case c.When == "" || c.Message == "":
			t.Errorf("%s says nothing", c.Code)
		case c.Status < 200 || c.Status > 599:
			t.Errorf("%s has the status %d", c.Code, c.Status)
		}
		seen[c.Code] = true
	}
	for name, code := range declaredCodes(t) {
		if !seen[code] {
			t.Errorf("%s (%s) is not in the table", name, code)
		}
	}
}

// declaredCodes reads the constants of codes.go: one that is declared and not listed would answer as INTERNAL.
func declaredCodes(t *testing.T) map[string]Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Code{}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			out[v.Names[0].Name] = Code(strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`))
		}
	}
	if len(out) == 0 {
		t.Fatal("no code is declared")
	}
	return out
}
