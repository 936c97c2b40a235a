package deid

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"concordat/privacy"
)

// algebras is the promise, written a second time: who changes one changes both on purpose.
func algebras() map[string]privacy.Algebra {
	coarse := privacy.Algebra{Order: true, Range: true, Group: true}
	return map[string]privacy.Algebra{
		"constant": {}, "mask": {}, "null": {}, "redact": {},
		"month": coarse, "year": coarse, "round": coarse, "prefix": coarse,
		"pseudonym": {Equality: true, Group: true, Join: true},
	}
}

func TestAlgebraOfEachTransform(t *testing.T) {
	want := algebras()
	methods := New().Methods()
	for _, m := range methods {
		promised, ok := want[m.Name]
		if !ok || m.Algebra != promised || New().Algebra(m.Name) != promised {
			t.Errorf("%s: %+v", m.Name, m.Algebra)
		}
	}
	if len(methods) != len(want) || New().Algebra("rot13") != (privacy.Algebra{}) {
		t.Error("the table and this list differ")
	}
	if !slices.IsSortedFunc(methods, func(a, b Method) int { return cmp.Compare(a.Name, b.Name) }) {
		t.Error("not by name")
	}
}

// arguments with which each transform is tried.
func sample(method string) string {
	return map[string]string{
		"round": `{"to":10}`, "prefix": `{"length":2}`, "mask": `{"keepFirst":1}`,
	}[method]
}

// pair is a column of two random values of the kind.
func pair(t *rapid.T, kind privacy.Kind) *privacy.Column {
	c := privacy.NewColumn("c", "T.c", kind, 2)
	for range 2 {
		switch {
		case kind == privacy.Date:
			c.AppendText(fmt.Sprintf("%04d-%02d-28", rapid.IntRange(1, 9999).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month")))
		case kind.Text():
			c.AppendText(rapid.StringMatching(`[a-c]{0,3}[x-z北京é]{0,2}`).Draw(t, "text"))
		case kind == privacy.Float:
			c.AppendFloat(rapid.Float64Range(-1e6, 1e6).Draw(t, "float"))
		case kind == privacy.Time:
			c.AppendInt(rapid.Int64Range(-1e16, 1e17).Draw(t, "time"))
		default:
			c.AppendInt(rapid.Int64Range(-1000, 1000).Draw(t, "int"))
		}
	}
	return c
}

func compare(c *privacy.Column) int {
	switch {
	case c.Kind.Text():
		return cmp.Compare(c.Text(0), c.Text(1))
	case c.Kind == privacy.Float:
		return cmp.Compare(c.Float(0), c.Float(1))
	}
	return cmp.Compare(c.Int(0), c.Int(1))
}

func TestAlgebraHolds(t *testing.T) {
	for _, m := range New().Methods() {
		if m.Algebra == (privacy.Algebra{}) {
			continue
		}
		for _, kind := range m.Kinds {
			t.Run(fmt.Sprint(m.Name, kind), func(t *testing.T) { holds(t, m, kind) })
		}
	}
}

func holds(t *testing.T, m Method, kind privacy.Kind) {
	do, err := New().Prepare(kind, privacy.Obligation{Method: m.Name, Arguments: sample(m.Name)}, scope())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		in := pair(t, kind)
		out, err := do(in)
		if err != nil {
			t.Fatal(err)
		}
		before, after := compare(in), compare(out)
		switch {
		case before == 0 && after != 0:
			t.Fatal("equal values became different: no grouping")
		case m.Algebra.Equality && (before == 0) != (after == 0):
			t.Fatal("equality did not survive")
		case m.Algebra.Order && before*after < 0:
			t.Fatal("order was reversed")
		}
	})
}

// Every transform, on every kind that it takes: NULL and denied cells are what they were, and the domain is named.
func TestCellsWithoutValueStayAsTheyAre(t *testing.T) {
	for _, m := range New().Methods() {
		for _, kind := range m.Kinds {
			args := sample(m.Name)
			if m.Name == "constant" {
				continue // its argument depends on the kind; see TestConstantLeavesNull
			}
			in := privacy.NewColumn("c", "T.c", kind, 3)
			for _, s := range []privacy.State{privacy.Null, privacy.Denied, privacy.Suppressed} {
				in.AppendState(s)
			}
			ob := privacy.Obligation{Method: m.Name, Arguments: args}
			out := apply(t, ob, in, scope())
			if !slices.Equal(out.States, in.States) || out.Domain != ob.Domain() {
				t.Errorf("%s on kind %d: %v in %v", m.Name, kind, out.States, out.Domain)
			}
		}
	}
}

func TestConstantLeavesNull(t *testing.T) {
	in := cell(privacy.String, "x")
	in.AppendNull()
	out := apply(t, obligation("constant", `{"value":"y"}`), in, scope())
	if out.Text(0) != "y" || out.State(1) != privacy.Null {
		t.Fatal(out.States)
	}
}
