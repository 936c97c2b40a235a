package plan

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func shapeOf(t *testing.T, text string) string {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		t.Fatal(err)
	}
	return Read(doc, doc.Operations[0]).Shape
}

func TestShapeIsWhatAPlanDependsOn(t *testing.T) {
	const base = `{ a(x: 1) { b c } }`
	for _, same := range []string{`{ a(x: 2) { b c } }`, `{ a { b, c } }`, `query Q { a(y: {z: "}"}) { b c } }`, `query ($v: Int) { a(x: $v) { b c } }`, `{ a: a { b: b c } }`} {
		if shapeOf(t, same) != shapeOf(t, base) {
			t.Errorf("%s is planned apart", same)
		}
	}
	for _, other := range []string{
		`{ a { c b } }`, `{ a { b } }`, `{ a { b c } d }`, `{ d: a { b c } }`, `{ a { b d: c } }`, `{ a { b c { d } } }`, `mutation { a { b c } }`,
		`{ a { b ... on T { c } } }`, `{ a { b ... on U { c } } }`, `{ a { b ... { c } } }`,
		`{ a { b c @skip(if: true) } }`, `{ a { b c @skip(if: false) } }`, `{ a { b c @include(if: true) } }`,
		`query ($s: Boolean!) { a { b c @skip(if: $s) } }`, `query ($t: Boolean!) { a { b c @skip(if: $t) } }`,
		`{ a { ...F } } fragment F on T { b c }`, `{ a { ...F } } fragment F on U { b c }`, `{ a { ...F } } fragment F on T { b d }`,
		`{ a { b ...F } } fragment F on T { c }`,
	} {
		if shapeOf(t, other) == shapeOf(t, base) {
			t.Errorf("%s has the plan of %s", other, base)
		}
	}
}

func TestShapesOfDifferentQuestionsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{
		`{ a { b c } }`, `{ a { b } c }`, `{ ab { c } }`, `{ a { bc } }`, `{ a { b: c } }`, `{ a { b { c } } }`, `{ a { ...b c } } fragment b on T { x }`,
		`{ a { ... on b { c } } }`, `{ a { ... on b { c } d } }`, `{ a { ...b @skip(if: true) c } } fragment b on T { x }`,
		`query ($c: Boolean!) { a { b @skip(if: $c) } }`, `query ($c: Boolean!) { a { b @include(if: $c) } }`, `query ($c: Boolean!) { a @skip(if: $c) { b } }`,
	} {
		if other, ok := seen[shapeOf(t, text)]; ok {
			t.Errorf("%s has the plan of %s", text, other)
		}
		seen[shapeOf(t, text)] = text
	}
}
