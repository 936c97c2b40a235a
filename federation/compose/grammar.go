package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"concordat/schema"
)

// later are directives that have a meaning in federation or in this gateway's design but none here yet. To ignore one
// could expose what it was to protect, so each is refused.
var later = []string{
	"shareable", "external", "requires", "provides", "override", "inaccessible", "tag", "authenticated",
	"requiresScopes", "policy", "link", "extends", "interfaceObject", "composeDirective", "context", "fromContext",
	"cost", "listSize", "lookup", "internal", "is", "require", "predict", "specifiedBy", "oneOf",
}

// grammar is what directives agencies may use, with their arguments.
type grammar struct {
	directives map[string]*ast.DirectiveDefinition
	enums      map[string]ast.EnumValueList
	ps         *problems
}

func newGrammar(ps *problems) *grammar {
	g := &grammar{directives: map[string]*ast.DirectiveDefinition{}, enums: map[string]ast.EnumValueList{}, ps: ps}
	doc, err := directiveDocument()
	if err != nil {
		ps.add(syntaxPlace("directives", err), "", ControlPlaneInvalid, "%s", syntaxMessage(err))
		return g
	}
	for _, d := range doc.Directives {
		g.directives[d.Name] = d
	}
	for _, d := range doc.Definitions {
		if d.Kind == ast.Enum {
			g.enums[d.Name] = d.EnumValues
		}
	}
	g.directives["deprecated"] = prelude().Directives.ForName("deprecated")
	return g
}

func directiveDocument() (*ast.SchemaDocument, error) {
	return parser.ParseSchema(&ast.Source{Name: "directives", Input: schema.Directives()})
}

// scalarDefinitions are the scalars beyond the specification's. A broken text was reported when the grammar was made.
func scalarDefinitions() ast.DefinitionList {
	doc, err := directiveDocument()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(doc.Definitions, func(d *ast.Definition) bool { return d.Kind != ast.Scalar })
}

// check reports what is wrong with the directives of one declaration and returns those that are right.
func (g *grammar) check(file, coordinate string, list ast.DirectiveList, where ast.DirectiveLocation) ast.DirectiveList {
	var good ast.DirectiveList
	for i, d := range list {
		def, ok := g.directives[d.Name]
		switch {
		case !ok && slices.Contains(later, d.Name):
			g.ps.add(at(file, d.Position), coordinate, NotSupported, "@%s is not supported", d.Name)
		case !ok:
			g.ps.add(at(file, d.Position), coordinate, UnknownDirective, "there is no directive @%s", d.Name)
		case !slices.Contains(def.Locations, where):
			g.ps.add(at(file, d.Position), coordinate, UnknownDirective, "@%s does not belong here", d.Name)
		case !def.IsRepeatable && list[:i].ForName(d.Name) != nil:
			g.ps.add(at(file, d.Position), coordinate, DirectiveArgument, "@%s is given twice", d.Name)
		case g.arguments(file, coordinate, d, def):
			good = append(good, d)
		}
	}
	return good
}

func (g *grammar) arguments(file, coordinate string, d *ast.Directive, def *ast.DirectiveDefinition) bool {
	good := true
	for i, a := range d.Arguments {
		want := def.Arguments.ForName(a.Name)
		switch {
		case want == nil:
			g.ps.add(at(file, a.Position), coordinate, DirectiveArgument, "@%s has no argument %s", d.Name, a.Name)
			good = false
		case d.Arguments[:i].ForName(a.Name) != nil:
			g.ps.add(at(file, a.Position), coordinate, DirectiveArgument, "@%s has %s twice", d.Name, a.Name)
			good = false
		default:
			good = g.value(file, coordinate, d, a, want) && good
		}
	}
	for _, want := range def.Arguments {
		if want.Type.NonNull && d.Arguments.ForName(want.Name) == nil {
			g.ps.add(at(file, d.Position), coordinate, missing(d.Name, want.Name), "@%s needs %s", d.Name, want.Name)
			good = false
		}
	}
	return good
}

func missing(directive, argument string) Code {
	if directive == "source" && argument == "table" {
		return SourceTableMissing
	}
	return DirectiveArgument
}

func (g *grammar) value(file, coordinate string, d *ast.Directive, a *ast.Argument, want *ast.ArgumentDefinition) bool {
	if values, ok := g.enums[want.Type.NamedType]; ok {
		if a.Value.Kind == ast.EnumValue && values.ForName(a.Value.Raw) != nil {
			return true
		}
		if want.Type.NamedType == "Classification" {
			g.ps.add(at(file, a.Position), coordinate, ClassificationWrong, "%s is not a class: one of %s", a.Value.String(), enumNames(values))
		} else {
			g.ps.add(at(file, a.Position), coordinate, DirectiveArgument, "@%s: %s is one of %s", d.Name, a.Name, enumNames(values))
		}
		return false
	}
	if a.Value.Kind == ast.NullValue && !want.Type.NonNull {
		return true
	}
	if want.Type.Elem != nil {
		return g.texts(file, coordinate, d, a)
	}
	if a.Value.Kind != ast.StringValue && a.Value.Kind != ast.BlockValue {
		g.ps.add(at(file, a.Position), coordinate, DirectiveArgument, "@%s: %s is a string", d.Name, a.Name)
		return false
	}
	if a.Value.Raw == "" && d.Name != "deprecated" {
		g.ps.add(at(file, a.Position), coordinate, missing(d.Name, a.Name), "@%s: %s is empty", d.Name, a.Name)
		return false
	}
	return true
}

// texts checks a list of strings: at least one, none empty, none twice.
func (g *grammar) texts(file, coordinate string, d *ast.Directive, a *ast.Argument) bool {
	seen := map[string]bool{}
	for _, child := range a.Value.Children {
		text := child.Value.Kind == ast.StringValue || child.Value.Kind == ast.BlockValue
		if !text || child.Value.Raw == "" || seen[child.Value.Raw] {
			g.ps.add(at(file, a.Position), coordinate, DirectiveArgument, "@%s: %s is a list of different strings", d.Name, a.Name)
			return false
		}
		seen[child.Value.Raw] = true
	}
	if a.Value.Kind != ast.ListValue || len(seen) == 0 {
		g.ps.add(at(file, a.Position), coordinate, DirectiveArgument, "@%s: %s is a list of strings", d.Name, a.Name)
		return false
	}
	return true
}

func enumNames(values ast.EnumValueList) string {
	text := ""
	for i, v := range values {
		if i > 0 {
			text += ", "
		}
		text += v.Name
	}
	return text
}

// argument is the text of a directive's argument, "" where it is not given or null.
func argument(d *ast.Directive, name string) string {
	if d == nil {
		return ""
	}
	a := d.Arguments.ForName(name)
	if a == nil || a.Value.Kind == ast.NullValue {
		return ""
	}
	return a.Value.Raw
}

// argumentList is the texts of a directive's list argument, in order; nil where it is not given.
func argumentList(d *ast.Directive, name string) []string {
	a := d.Arguments.ForName(name)
	if a == nil {
		return nil
	}
	var out []string
	for _, child := range a.Value.Children {
		out = append(out, child.Value.Raw)
	}
	return out
}
