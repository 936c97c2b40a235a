package compose

import "github.com/vektah/gqlparser/v2/ast"

// checkInputs reports what gqlparser takes in inputs and arguments and the specification (September 2025) does not.
// Only the gateway's own part of the schema declares any.
func checkInputs(doc *ast.SchemaDocument, ps *problems) {
	for _, list := range []ast.DefinitionList{doc.Definitions, doc.Extensions} {
		for _, def := range list {
			for _, f := range def.Fields {
				checkInput(def, f, ps)
				for _, a := range f.Arguments {
					neverNeeded(a.Type, a.DefaultValue, a.Directives, a.Position, def.Name+"."+f.Name+"("+a.Name+":)", ps)
				}
			}
		}
	}
}

// checkInput holds a field of an input object to section 3.10: one of a @oneOf input may always be left out.
func checkInput(def *ast.Definition, f *ast.FieldDefinition, ps *problems) {
	if def.Kind != ast.InputObject {
		return
	}
	coordinate := def.Name + "." + f.Name
	neverNeeded(f.Type, f.DefaultValue, f.Directives, f.Position, coordinate, ps)
	if def.Directives.ForName("oneOf") != nil && (f.Type.NonNull || f.DefaultValue != nil) {
		ps.add(at("control plane", f.Position), coordinate, ControlPlaneInvalid, "a field of a @oneOf input is nullable and has no default")
	}
}

// neverNeeded refuses what nobody can leave out and nobody should use (section 3.13.3).
func neverNeeded(t *ast.Type, value *ast.Value, directives ast.DirectiveList, pos *ast.Position, coordinate string, ps *problems) {
	if t.NonNull && value == nil && directives.ForName("deprecated") != nil {
		ps.add(at("control plane", pos), coordinate, ControlPlaneInvalid, "what is required cannot be deprecated")
	}
}
