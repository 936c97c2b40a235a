package plan

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation/compose"
)

// Conditions are the values of the variables that @skip and @include read.
type Conditions map[string]bool

func selectionParts(sel ast.Selection) (ast.DirectiveList, ast.SelectionSet) {
	switch sel := sel.(type) {
	case *ast.Field:
		return sel.Directives, sel.SelectionSet
	case *ast.InlineFragment:
		return sel.Directives, sel.SelectionSet
	case *ast.FragmentSpread:
		return sel.Directives, nil
	}
	return nil, nil
}

// collected is a response field: the fields of the document that share its key, merged.
type collected struct {
	*ast.Field
	sets []ast.SelectionSet
	path []string
	list []string // path of the first list on the way here, nil where there is none
}

// errorPath is where errors of the field are reported: one for the field of the operation, so it ends before the
// first list index.
func (f *collected) errorPath() []string {
	if f.list != nil {
		return f.list
	}
	return f.path
}

// asList marks that what is selected below f lies inside a list.
func (f *collected) asList() *collected {
	if f.list == nil {
		f.list = f.path
	}
	return f
}

// collector is CollectFields of the specification (section 6.3.2) for object types.
type collector struct {
	doc        *ast.QueryDocument
	conditions Conditions
	abstracts  map[string]*compose.Abstract // by name
}

func (c *collector) fields(typeName string, set ast.SelectionSet) []*collected {
	return c.gather(typeName, &collected{}, set)
}

// sub collects the merged selection sets of f. An empty typeName matches any type condition.
func (c *collector) sub(typeName string, f *collected) []*collected {
	return c.gather(typeName, f, f.sets...)
}

func (c *collector) gather(typeName string, above *collected, sets ...ast.SelectionSet) []*collected {
	var out []*collected
	byKey := map[string]*collected{}
	seen := map[string]bool{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			if !c.included(sel) {
				continue
			}
			switch sel := sel.(type) {
			case *ast.Field:
				f, ok := byKey[sel.Alias]
				if !ok {
					f = &collected{Field: sel, path: append(slices.Clip(above.path), sel.Alias), list: above.list}
					byKey[sel.Alias] = f
					out = append(out, f)
				}
				f.sets = append(f.sets, sel.SelectionSet)
			case *ast.InlineFragment:
				if c.matches(typeName, sel.TypeCondition) {
					walk(sel.SelectionSet)
				}
			case *ast.FragmentSpread:
				def := c.doc.Fragments.ForName(sel.Name)
				if def != nil && !seen[sel.Name] && c.matches(typeName, def.TypeCondition) {
					seen[sel.Name] = true
					walk(def.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		walk(set)
	}
	return out
}

// matches is DoesFragmentTypeApply of the specification (section 6.3.2).
func (c *collector) matches(typeName, condition string) bool {
	if typeName == "" || condition == "" || condition == typeName {
		return true
	}
	a := c.abstracts[condition]
	return a != nil && slices.Contains(a.Types, typeName)
}

func (c *collector) included(sel ast.Selection) bool {
	directives, _ := selectionParts(sel)
	for _, d := range directives {
		switch d.Name {
		case "skip":
			if c.truth(d) {
				return false
			}
		case "include":
			if !c.truth(d) {
				return false
			}
		}
	}
	return true
}

func (c *collector) truth(d *ast.Directive) bool {
	arg := d.Arguments.ForName("if")
	if arg == nil {
		return false
	}
	if arg.Value.Kind == ast.Variable {
		return c.conditions[arg.Value.Raw]
	}
	return arg.Value.Raw == "true"
}

// RootField is one field of the operation's root, in response order.
type RootField struct {
	Key   string
	Name  string
	Field *ast.Field // merged: its selection set is every occurrence's, one after the other
}

// RootFields lists the root fields of an operation as the answer will show them.
func RootFields(doc *ast.QueryDocument, op *ast.OperationDefinition, conditions Conditions) []RootField {
	c := collector{doc: doc, conditions: conditions}
	typeName := map[ast.Operation]string{ast.Query: "Query", ast.Mutation: "Mutation", ast.Subscription: "Subscription"}[op.Operation]
	var out []RootField
	for _, f := range c.fields(typeName, op.SelectionSet) {
		merged := *f.Field
		merged.SelectionSet = slices.Concat(f.sets...)
		out = append(out, RootField{Key: f.Alias, Name: f.Name, Field: &merged})
	}
	return out
}
