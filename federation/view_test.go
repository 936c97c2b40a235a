package federation

import (
	"context"
	"fmt"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation/compose"
	"concordat/federation/plan"
	"concordat/schema"
)

const wardSDL = `type Stay @source(name: "clinic", table: "stays") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE)
	ward: String @classify(as: NON_SENSITIVE)
}`

type noControl struct{ schema *ast.Schema }

func (c noControl) Schema() *ast.Schema { return c.schema }
func (noControl) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}
func (noControl) Exec(context.Context) graphql.ResponseHandler { return nil }

func wardView(t *testing.T) (*view, *Snapshot) {
	t.Helper()
	sg, problems := compose.Compose([]compose.File{{Name: "clinic", Agency: "clinic", Text: wardSDL}}, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("composition: %v", problems)
	}
	v, err := newView(sg.Schema, noControl{sg.Schema}, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return v, &Snapshot{Parts: Parts{Supergraph: sg}}
}

// planned is the plan that a text is answered with.
func planned(t *testing.T, v *view, s *Snapshot, text string) *plan.Plan {
	t.Helper()
	op, refused := v.operation(graphql.StartOperationTrace(t.Context()), &graphql.RawParams{Query: text})
	if refused != nil {
		t.Fatalf("%s: %v", text, refused.cause)
	}
	d := v.document(op)
	p, err := v.plan(s, d, conditions(d, op.Variables))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A literal is no part of a plan. (TestEachLiteralIsAnsweredForItself asks what they are answered with.)
func TestTenThousandLiteralsArePlannedOnce(t *testing.T) {
	v, s := wardView(t)
	first := planned(t, v, s, `{ stays(first: 3) { nodes { id } } }`)
	for i := range 10_000 {
		p := planned(t, v, s, fmt.Sprintf(`{ stays(where: {ward: {eq: "ward %d"}}, first: %d) { nodes { id } } }`, i, 1+i%100))
		if p != first {
			t.Fatalf("literal %d has a plan of its own", i)
		}
	}
	if n := v.plans.Len(); n != 1 {
		t.Errorf("%d plans", n)
	}
}
