package review

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"concordat/federation/compose"
	"concordat/federation/plan"
	"concordat/policy"
	"concordat/policy/scenario"
)

// Bind plans the one query of a document, with its variables' defaults; a condition without a value counts as true, so
// that everything is asked for. It plans over the whole schema.
func Bind(sg *compose.Supergraph, document string) (*plan.Bound, error) {
	return bindIn(sg.Schema, sg, document)
}

// bindIn is Bind in a view of sg: a list over several types is planned over those that the view has.
func bindIn(view *ast.Schema, sg *compose.Supergraph, document string) (*plan.Bound, error) {
	doc, errs := gqlparser.LoadQueryWithRules(view, document, rules.NewDefaultRules())
	if len(errs) > 0 {
		return nil, fmt.Errorf("the document is not valid: %w", errs)
	}
	if len(doc.Operations) != 1 || doc.Operations[0].Operation != ast.Query {
		return nil, errors.New("a plan is of one query")
	}
	op := doc.Operations[0]
	conditions := plan.Conditions{}
	variables := map[string]any{}
	for _, v := range op.VariableDefinitions {
		if v.DefaultValue == nil {
			continue
		}
		value, err := v.DefaultValue.Value(nil)
		if err != nil {
			return nil, fmt.Errorf("default of $%s: %w", v.Variable, err)
		}
		variables[v.Variable] = value
		conditions[v.Variable], _ = value.(bool)
	}
	d := plan.Read(doc, op)
	for _, name := range d.Conditions {
		if _, ok := variables[name]; !ok {
			conditions[name] = true // without a value, the plan with everything asked for
		}
	}
	p, err := plan.BuildIn(view, sg, d, conditions)
	if err != nil {
		return nil, err
	}
	return p.Bind(d, variables)
}

// ask plans a scenario's document in a subject's view, and cuts it down as the gateway does.
func (w World) ask(document string, view *policy.Profile, decide func(policy.Request) (*policy.Decision, error)) (scenario.Answer, error) {
	schema := w.Graph.View(view)
	if _, errs := gqlparser.LoadQueryWithRules(schema, document, rules.NewDefaultRules()); len(errs) > 0 {
		if _, errs := gqlparser.LoadQueryWithRules(w.Graph.Schema, document, rules.NewDefaultRules()); len(errs) > 0 {
			return scenario.Answer{}, fmt.Errorf("valid for nobody: %w", errs)
		}
		return scenario.Answer{Invalid: true}, nil
	}
	bound, err := bindIn(schema, w.Graph, document)
	if err != nil {
		return scenario.Answer{}, err
	}
	decision, err := decide(bound.Request)
	if err != nil {
		return scenario.Answer{}, err
	}
	return w.restricted(bound, decision)
}

func (w World) restricted(bound *plan.Bound, decision *policy.Decision) (scenario.Answer, error) {
	authorized, err := plan.Restrict(bound, decision, w.Transforms)
	var refused *plan.NotPermittedError
	switch {
	case errors.As(err, &refused):
		return scenario.Answer{Refused: true}, nil
	case err != nil:
		return scenario.Answer{}, err
	}
	var denied []string
	for _, d := range authorized.Denials() {
		denied = append(denied, string(d.Coordinate))
	}
	slices.Sort(denied)
	return scenario.Answer{Denied: slices.Compact(denied)}, nil
}
