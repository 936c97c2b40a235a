package federation

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

const inputSchema = `
type Query { f(by: By, range: Range, list: [Int], sort: [Sort!]): String }
input By @oneOf { id: ID name: String other: By }
input Range { from: Int to: Int near: Float deep: [Range!] by: By }
enum Sort { UP DOWN }`

// Vectors of the specification: September 2025, sections 3.5.1, 3.9, 3.10.1 (its own table for @oneOf), 3.11.
func TestVariablesAreCoercedAsTheSpecificationSays(t *testing.T) {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: inputSchema})
	for _, c := range []struct {
		kind, value string
		good        bool
	}{
		{"By", `{"id": "1"}`, true}, {"By", `null`, true}, {"By", `{"name": ""}`, true}, {"By", `{"other": {"id": "1"}}`, true},
		{"By", `{"id": "1", "name": "x"}`, false}, {"By", `{"id": null}`, false}, {"By", `{"id": "1", "name": null}`, false}, {"By", `{}`, false},
		{"By", `{"other": {"id": "1", "name": "x"}}`, false}, {"Range", `{"by": {"id": "1", "name": "x"}}`, false}, {"Range", `{"by": {"id": "1"}}`, true},
		{"Range", `{"from": 2147483647, "to": -2147483648}`, true}, {"Range", `{"from": 2147483648}`, false}, {"Range", `{"to": -2147483649}`, false},
		{"Range", `{"deep": [{"deep": {"from": 3000000000}}]}`, false}, {"Range", `{"deep": {"from": 3}}`, true}, {"Range", `{"from": null}`, true}, {"Range", `{}`, true},
		{"Range", `{"near": 3000000000}`, true}, {"Range", `{"near": "3"}`, false}, {"Range", `{"from": "3"}`, false},
		{"[Int]", `[1, null, 2]`, true}, {"[Int]", `7`, true}, {"[Int]", `[1, 2147483648]`, false}, {"[Int]", `2147483648`, false}, {"Int", `3e9`, false},
		{"[Sort!]", `["UP"]`, true}, {"[Sort!]", `"DOWN"`, true}, {"[Sort!]", `["up"]`, false}, {"Sort", `"Up"`, false},
	} {
		op := mustParse(t, schema, `query($v: `+c.kind+`) { f }`)
		d := json.NewDecoder(strings.NewReader(`{"v": ` + c.value + `}`))
		d.UseNumber()
		var raw map[string]any
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		values, err := validator.VariableValues(schema, op, raw)
		if good := err == nil && checkVariables(schema, op, values) == nil; good != c.good {
			t.Errorf("%s of %s: %v", c.value, c.kind, good)
		}
	}
}

func mustParse(t *testing.T, schema *ast.Schema, document string) *ast.OperationDefinition {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil {
		t.Fatal(err)
	}
	validator.ValidateWithRules(schema, doc, rules.NewRules()) // finds the definitions of variables' types
	return doc.Operations[0]
}

func TestIntegerLiteralsHave32Bits(t *testing.T) {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: inputSchema})
	for document, good := range map[string]bool{
		`{ f(list: [2147483647, -2147483648]) }`: true, `{ f(list: 2147483648) }`: false, `{ f(range: {deep: [{to: -2147483649}]}) }`: false,
		`{ f(range: {near: 2147483648}) }`: true, `query($n: Int = 2147483648) { f(list: [$n]) }`: false, `{ f(by: {id: 3000000000}) }`: true,
	} {
		doc, err := parser.ParseQuery(&ast.Source{Input: document})
		if err != nil {
			t.Fatal(err)
		}
		if errs := validator.ValidateWithRules(schema, doc, documentRules()); (len(errs) == 0) != good {
			t.Errorf("%s: %v", document, errs)
		}
	}
}

func TestHalvesOfSurrogatePairsAreFound(t *testing.T) {
	for text, half := range map[string]bool{
		`"\uD83D\uDE00"`: false, `"\ud83d\ude00 é"`: false, `"\uD83D"`: true, `"\uDE00"`: true, `"\uD83Dx"`: true, `"\uD83D\n"`: true,
		`"\uD83D\uD83D"`: true, `"\\uD83D"`: false, `"\\\uD83D"`: true, `"\" \uDE00"`: true, `"\u00e9"`: false, `"😀"`: false, `"\uD83D`: true, `"\u`: false,
	} {
		if halfInJSON([]byte(`{"a": `+text+`}`)) != half {
			t.Errorf("JSON %s: %v", text, !half)
		}
		if halfInDocument(`{ f(a: `+text+`) }`) != half {
			t.Errorf("document %s: %v", text, !half)
		}
	}
	for text, half := range map[string]bool{
		`{ f(a: "\u{1F600}") }`: false, `{ f(a: "\u{D83D}") }`: true, `{ f(a: "\u{110000}") }`: true, `{ f(a: "\u{D83D}\u{DE00}") }`: true,
		`{ f(a: """\uD83D""") }`: false, `{ f(a: """\uD83D\""" " """, b: "\uD83D") }`: true, "# \\uD83D\n{ f }": false, "# \" \n{ f(a: \"\\uD83D\") }": true,
		`{ f } # \uD83D`: false,
	} {
		if halfInDocument(text) != half {
			t.Errorf("document %s: %v", text, !half)
		}
	}
}

// What encoding/json reads as U+FFFD though nobody wrote it is what halfInJSON finds.
func FuzzHalfInJSON(f *testing.F) {
	for _, seed := range []string{`"\uD83D"`, `"\uD83D\uDE00"`, `"\\uDE00"`, `"\uFFFD"`, `"\\\\\ud800\\"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var value string
		if json.Unmarshal([]byte(text), &value) != nil || strings.Contains(text, "\uFFFD") || strings.Contains(strings.ToLower(text), `\ufffd`) || strings.ToValidUTF8(text, "") != text {
			return
		}
		if got, want := halfInJSON([]byte(text)), strings.Contains(value, "\uFFFD"); got != want {
			t.Errorf("%s: %v", text, got)
		}
	})
}
