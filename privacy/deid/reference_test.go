package deid

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"concordat/privacy"
	"concordat/privacy/deid/recognise"
)

const reference = "../../docs/transforms.md"

const referenceHead = `# Transforms

What a policy statement may name as ` + "`method`" + `, with its ` + "`args`" + `. Generated from the table in
` + "`privacy/deid/table.go`" + `: change it there and run ` + "`go test ./privacy/deid -update`" + `.

    fields contains {"coordinate": "Resident.phone", "effect": "transform",
                     "method": "mask", "args": {"pattern": "###-****-####"}}

NULL stays null under every transform. A value that a transform cannot take (a date that is none, a rounded number
that no longer fits) is null as well, never raw. A method, an argument or a type of field that is not listed here is
an error when the policy is loaded.

**What survives** says which comparisons still mean something on the values that come out: *equality* (equal exactly
when the raw values are), *order* (never reversed), *range*, *group* (groups are unions of the raw groups), *join*
(with other fields of the same domain).
`

func update() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write docs/transforms.md")
	flag.Parse()
	os.Exit(m.Run())
}

func TestReferenceIsUpToDate(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(referenceHead)
	for _, m := range New().Methods() {
		describe(&b, m)
	}
	describeKinds(&b)
	if update() {
		if err := os.WriteFile(reference, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(reference)
	if err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Fatalf("%s is not what the table says (%v): run this test with -update", reference, err)
	}
}

const kindsHead = `
# What is found in text

The rules of ` + "`redact`" + ` with ` + "`text`" + `, and of ` + "`concordat privacy redact`" + `, beside what a tagger finds. Overlapping finds are one: the longest gives
the label, then the highest score. Examples of each, and of what it leaves alone, are in
` + "`privacy/deid/recognise/testdata/kinds`" + `. Years are found only where that is asked for.

| rule | label |
|---|---|
`

func describeKinds(b *bytes.Buffer) {
	b.WriteString(kindsHead)
	for _, k := range recognise.Kinds() {
		fmt.Fprintf(b, "| %s | %s |\n", k, k.Label())
	}
	b.WriteString("| script (words in a script that is not read here) | TEXT |\n| repeat (again what was found before) | as before |\n")
}

func describe(b *bytes.Buffer, m Method) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\nTakes: %s. Survives: %s.\n", m.Name, m.Summary, kinds(m.Kinds), survives(m.Algebra))
	if len(m.Parameters) > 0 {
		b.WriteString("\n| argument | type | |\n|---|---|---|\n")
	}
	for _, p := range m.Parameters {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.Name, p.Type, p.Summary)
	}
}

// scalars are the GraphQL types that a kind stores.
func scalars() map[privacy.Kind]string {
	return map[privacy.Kind]string{
		privacy.Bool: "Boolean", privacy.Int: "Int", privacy.BigInt: "BigInt", privacy.Float: "Float",
		privacy.Decimal: "Decimal", privacy.String: "String, ID, UUID", privacy.Date: "Date",
		privacy.Time: "DateTime", privacy.JSON: "JSON",
	}
}

func kinds(all []privacy.Kind) string {
	if len(all) == len(scalars()) {
		return "every type"
	}
	var names []string
	for _, k := range all {
		names = append(names, scalars()[k])
	}
	return strings.Join(names, ", ")
}

func survives(a privacy.Algebra) string {
	var names []string
	for _, s := range []struct {
		name string
		does bool
	}{{"equality", a.Equality}, {"order", a.Order}, {"range", a.Range}, {"group", a.Group}, {"join", a.Join}} {
		if s.does {
			names = append(names, s.name)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
