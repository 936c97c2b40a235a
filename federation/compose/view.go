package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/policy"
	"concordat/privacy"
)

// gate is what an element of the derived schema needs to exist for a subject.
type gate struct {
	needs []privacy.Coordinate // each visible
	rows  string               // an entity whose single rows must be readable, "" for none
}

type gates struct {
	fields map[*ast.FieldDefinition]gate
	values map[*ast.EnumValueDefinition]gate
}

// View is the part of the schema that a subject may know of. What policy makes invisible is in it nowhere: not as a
// field, a filter, an enum value, a group key, a measure, an argument, nor as a type that would only lead there. An
// entity of which the subject gets aggregates and nothing better has no rows in it.
//
// The view shares unchanged definitions with the whole schema; neither may be changed.
func (s *Supergraph) View(p *policy.Profile) *ast.Schema {
	v := &viewer{sg: s, sight: s.sight(p), types: make(map[string]*ast.Definition, len(s.Schema.Types))}
	for name, def := range s.Schema.Types {
		if kept := v.gated(def); kept != nil {
			v.types[name] = kept
		}
	}
	v.cascade()
	v.reach()
	v.settle()
	return v.schema()
}

// viewer narrows the types step by step.
type viewer struct {
	sg    *Supergraph
	sight sight
	types map[string]*ast.Definition
}

// free reports whether a type is outside of policy: the specification's, the control plane's or the root.
func (v *viewer) free(def *ast.Definition) bool {
	return def.BuiltIn || v.sg.control[def.Name] && !isRootType(def.Name)
}

// gated drops what the gates of a definition's elements forbid; nil where nothing is left.
func (v *viewer) gated(def *ast.Definition) *ast.Definition {
	if v.free(def) {
		return def
	}
	abstract := def.Kind == ast.Interface || def.Kind == ast.Union
	if abstract && !v.sight.visible[privacy.Coordinate(def.Name)] {
		return nil
	}
	fields := filtered(def.Fields, func(f *ast.FieldDefinition) bool { return v.sight.admits(v.sg.gates.fields[f]) })
	values := filtered(def.EnumValues, func(e *ast.EnumValueDefinition) bool { return v.sight.admits(v.sg.gates.values[e]) })
	return narrowed(def, fields, values)
}

// narrowed is def with fewer elements: itself where none is lost, nil where none is left.
func narrowed(def *ast.Definition, fields ast.FieldList, values ast.EnumValueList) *ast.Definition {
	if len(fields) == len(def.Fields) && len(values) == len(def.EnumValues) && slices.Equal(fields, def.Fields) {
		return def
	}
	if len(fields) == 0 && len(values) == 0 {
		return nil
	}
	kept := *def
	kept.Fields, kept.EnumValues = fields, values
	return &kept
}

// cascade drops elements whose types are gone, until nothing changes.
func (v *viewer) cascade() {
	for changed := true; changed; {
		changed = false
		for name, def := range v.types {
			if v.free(def) {
				continue
			}
			kept := v.supported(def)
			if kept == def {
				continue
			}
			changed = true
			if kept == nil {
				delete(v.types, name)
			} else {
				v.types[name] = kept
			}
		}
	}
}

// supported drops the elements of one definition whose types are gone. An input that loses a required field, or that
// only leads to itself, is gone.
func (v *viewer) supported(def *ast.Definition) *ast.Definition {
	switch {
	case def.Kind == ast.InputObject && !v.usable(def):
		return nil
	case (def.Kind == ast.Interface || def.Kind == ast.Union) && len(v.possible(def)) == 0:
		return nil
	}
	fields := filtered(def.Fields, func(f *ast.FieldDefinition) bool { return v.types[f.Type.Name()] != nil })
	for i, f := range fields {
		kept := v.withArguments(f)
		if kept == f {
			continue
		}
		if len(fields) == len(def.Fields) && &fields[0] == &def.Fields[0] {
			fields = slices.Clone(fields) // still the whole schema's own list
		}
		fields[i] = kept
	}
	return narrowed(def, fields, def.EnumValues)
}

// usable reports whether an input still has every required field and leads to something other than itself.
func (v *viewer) usable(def *ast.Definition) bool {
	leads := false
	for _, f := range def.Fields {
		alive := v.types[f.Type.Name()] != nil
		if !alive && f.Type.NonNull {
			return false
		}
		leads = leads || alive && f.Type.Name() != def.Name
	}
	return leads
}

// withArguments is f without the arguments whose types are gone. (Only optional arguments have types of ours.)
func (v *viewer) withArguments(f *ast.FieldDefinition) *ast.FieldDefinition {
	arguments := filtered(f.Arguments, func(a *ast.ArgumentDefinition) bool { return v.types[a.Type.Name()] != nil })
	if len(arguments) == len(f.Arguments) {
		return f
	}
	kept := *f
	kept.Arguments = arguments
	return &kept
}

// reach drops agencies' types that no root leads to.
func (v *viewer) reach() {
	seen := map[string]bool{}
	var queue []*ast.Definition
	visit := func(name string) {
		if def := v.types[name]; def != nil && !seen[name] {
			seen[name] = true
			queue = append(queue, def)
		}
	}
	for name, def := range v.types {
		if v.free(def) || isRootType(name) {
			visit(name)
		}
	}
	for len(queue) > 0 {
		def := queue[0]
		queue = queue[1:]
		for _, name := range v.possible(def) {
			visit(name)
		}
		for _, f := range def.Fields {
			visit(f.Type.Name())
			for _, a := range f.Arguments {
				visit(a.Type.Name())
			}
		}
	}
	for name := range v.types {
		if !seen[name] {
			delete(v.types, name)
		}
	}
}

// schema assembles what is left.
func (v *viewer) schema() *ast.Schema {
	whole := v.sg.Schema
	view := *whole
	view.Types = v.types
	view.Query, view.Mutation, view.Subscription = v.root(whole.Query), v.root(whole.Mutation), v.root(whole.Subscription)
	view.PossibleTypes = v.related(whole.PossibleTypes)
	view.Implements = v.related(whole.Implements)
	return &view
}

func (v *viewer) root(def *ast.Definition) *ast.Definition {
	if def == nil {
		return nil
	}
	return v.types[def.Name]
}

// related narrows a relation between types to those in the view.
func (v *viewer) related(whole map[string][]*ast.Definition) map[string][]*ast.Definition {
	out := make(map[string][]*ast.Definition, len(v.types))
	for name, defs := range whole {
		if v.types[name] == nil {
			continue
		}
		for _, def := range defs {
			if kept := v.types[def.Name]; kept != nil {
				out[name] = append(out[name], kept)
			}
		}
	}
	return out
}

// filtered is list less what keep refuses: list itself where nothing is.
func filtered[L ~[]T, T any](list L, keep func(T) bool) L {
	i := slices.IndexFunc(list, func(x T) bool { return !keep(x) })
	if i < 0 {
		return list
	}
	out := slices.Clone(list[:i])
	for _, x := range list[i+1:] {
		if keep(x) {
			out = append(out, x)
		}
	}
	return out
}
