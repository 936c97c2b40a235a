package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Document is one operation of a validated document, read once. Two documents of one Shape have the same plan: what
// they write as arguments differs, and is looked up by position when the plan is bound.
type Document struct {
	Shape      string   // the operation and its fragments without the arguments of fields
	Conditions []string // the variables that decide which fields are asked for

	doc    *ast.QueryDocument
	op     *ast.OperationDefinition
	fields []*ast.Field // in order of the text
}

// Read walks an operation of a document.
func Read(doc *ast.QueryDocument, op *ast.OperationDefinition) *Document {
	r := reader{document: &Document{doc: doc, op: op}, conditions: map[string]bool{}}
	r.shape.WriteString(string(op.Operation))
	r.set(op.SelectionSet)
	for _, f := range doc.Fragments {
		r.write("\x00fragment ", f.Name, " on ", f.TypeCondition)
		r.set(f.SelectionSet)
	}
	r.document.Shape = r.shape.String()
	r.document.Conditions = slices.Sorted(maps.Keys(r.conditions))
	return r.document
}

// position is where a field stands in the document; -1 for one that is not of it.
func (d *Document) position(f *ast.Field) int { return slices.Index(d.fields, f) }

// arguments are what the document writes on the field at a position.
func (d *Document) arguments(position int, variables map[string]any) map[string]any {
	return d.fields[position].ArgumentMap(variables)
}

// reader spells the shape: names of the grammar, apart by characters that no name has.
type reader struct {
	document   *Document
	shape      strings.Builder
	conditions map[string]bool
}

func (r *reader) write(parts ...string) {
	for _, p := range parts {
		r.shape.WriteString(p)
	}
}

func (r *reader) set(set ast.SelectionSet) {
	if len(set) == 0 {
		return
	}
	r.write("{")
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			r.document.fields = append(r.document.fields, sel)
			r.write(sel.Alias, ":", sel.Name)
			r.directives(sel.Directives)
			r.write(" ")
			r.set(sel.SelectionSet)
		case *ast.InlineFragment:
			r.write("...on ", sel.TypeCondition)
			r.directives(sel.Directives)
			r.set(sel.SelectionSet)
		case *ast.FragmentSpread:
			r.write("...", sel.Name)
			r.directives(sel.Directives)
			r.write(" ")
		}
	}
	r.write("}")
}

// directives spells those that decide whether a selection is asked for.
func (r *reader) directives(list ast.DirectiveList) {
	for _, d := range list {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		arg := d.Arguments.ForName("if")
		if arg == nil {
			continue
		}
		r.write("@", d.Name, " ")
		if arg.Value.Kind == ast.Variable {
			r.conditions[arg.Value.Raw] = true
			r.write("$")
		}
		r.write(arg.Value.Raw)
	}
}
