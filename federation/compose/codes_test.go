package compose

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const codesPage = "../../docs/schema-codes.md"

const codesHead = `# Schema codes

Generated from ` + "`federation/compose/codes.go`" + ` by ` + "`make generate`" + `; a test compares the two.

` + "`concordat schema compose DIR`" + ` reports every mistake at once, a line each: ` + "`file:line: coordinate: message (CODE)`" + `.
With an error there is no supergraph, and a running gateway keeps the one that it has. A warning changes nothing but
what policy sees. With ` + "`--json`" + ` errors stand under ` + "`errors`" + ` and warnings under ` + "`hints`" + `.

| code | severity | meaning |
|---|---|---|
`

func TestCodesPageIsUpToDate(t *testing.T) {
	var b strings.Builder
	b.WriteString(codesHead)
	for _, c := range Codes() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Code, c.Severity, c.Meaning)
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
