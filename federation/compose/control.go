package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// controlPlane is the gateway's own part of the schema: its names are not for agencies.
type controlPlane struct {
	doc   *ast.SchemaDocument
	types map[string]bool // declared by the control plane
	roots map[string]bool // its fields of Query
}

func readControlPlane(text string, ps *problems) *controlPlane {
	c := &controlPlane{doc: &ast.SchemaDocument{}, types: map[string]bool{}, roots: map[string]bool{}}
	doc, err := parser.ParseSchema(&ast.Source{Name: "control plane", Input: text})
	if err != nil {
		ps.add(syntaxPlace("control plane", err), "", ControlPlaneInvalid, "%s", syntaxMessage(err))
		return c
	}
	c.doc = doc
	checkInputs(doc, ps)
	for _, def := range doc.Definitions {
		c.types[def.Name] = true
	}
	for _, def := range append(doc.Definitions[:len(doc.Definitions):len(doc.Definitions)], doc.Extensions...) {
		if def.Name != "Query" {
			continue
		}
		for _, f := range def.Fields {
			c.roots[f.Name] = true
		}
	}
	return c
}

// reserved reports whether the specification or the gateway itself has a type of this name.
func (c *controlPlane) reserved(typeName string) bool {
	return c.types[typeName] || strings.HasPrefix(typeName, "__") || isRootType(typeName) || isScalar(typeName)
}

func isRootType(name string) bool {
	return name == "Query" || name == "Mutation" || name == "Subscription"
}

func isScalar(name string) bool {
	_, ok := scalars[name]
	return ok
}

// prelude is what the specification declares implicitly. Each call makes a new one: the validator completes it.
func prelude() *ast.SchemaDocument { return validator.PreludeDocument() }

func syntaxPlace(file string, err error) place {
	if e, ok := err.(*gqlerror.Error); ok && len(e.Locations) > 0 {
		return place{file, e.Locations[0].Line}
	}
	return place{file, 1}
}

// syntaxMessage is the parser's message without the place, which the problem has.
func syntaxMessage(err error) string {
	if e, ok := err.(*gqlerror.Error); ok {
		return e.Message
	}
	return err.Error()
}
