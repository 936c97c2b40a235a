package schema

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func TestDirectivesAreApartFromTheControlPlane(t *testing.T) {
	directives, err := parser.ParseSchema(&ast.Source{Name: "directives", Input: Directives()})
	if err != nil {
		t.Fatal(err)
	}
	control, err := parser.ParseSchema(&ast.Source{Name: "control plane", Input: ControlPlane()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"source", "key", "column", "classify", "join"} {
		if directives.Directives.ForName(name) == nil {
			t.Errorf("@%s is missing", name)
		}
		if control.Directives.ForName(name) != nil {
			t.Errorf("@%s is also in the control plane", name)
		}
	}
	for _, def := range directives.Definitions {
		if control.Definitions.ForName(def.Name) != nil {
			t.Errorf("%s is defined twice", def.Name)
		}
	}
	if control.Definitions.ForName("Query") == nil {
		t.Error("the control plane has no roots")
	}
}
