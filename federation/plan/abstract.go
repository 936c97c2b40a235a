package plan

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation/compose"
)

// Abstract is one list of rows of several types: a List step for each type that the view knows, each under the rules of
// its own type. The rows are put together by the terms of order that the caller wrote, then by the name of the type,
// then by what the type's own list ends with.
type Abstract struct {
	ID    int
	Steps []*Step // in order of their types' names
}

// Steps are the steps that fill a root: one, or one for each type of an abstract list.
func (n *Node) Steps() []*Step {
	if n.Abstract != nil {
		return n.Abstract.Steps
	}
	return []*Step{n.Step}
}

// Abstracts are the lists over interfaces and unions, by ID.
func (a *Authorized) Abstracts() []*Abstract {
	if a.bound == nil {
		return nil
	}
	return a.bound.Plan.Abstracts
}

// Common is how many terms of the order all types of the list share: those that the caller wrote.
func (s *AuthorizedStep) Common() int { return len(s.orders) }

// abstract plans a list over an interface or union. Types that the view does not know are no part of it.
func (b *builder) abstract(a *compose.Abstract, f *collected) (*Node, error) {
	list := &Abstract{ID: len(b.plan.Abstracts)}
	b.plan.Abstracts = append(b.plan.Abstracts, list)
	for _, name := range a.Types {
		if !slices.ContainsFunc(b.view.PossibleTypes[a.Name], func(d *ast.Definition) bool { return d.Name == name }) {
			continue
		}
		s := b.step(List, b.sg.Entities[name], nil, nil, f)
		s.Abstract = list
		list.Steps = append(list.Steps, s)
	}
	n := &Node{Key: f.Alias, Kind: NodeAbstract, Abstract: list}
	for _, sub := range b.collect.sub(a.Connection, f) {
		k, err := b.abstractMember(a, list, sub)
		if err != nil {
			return nil, err
		}
		n.Kids = append(n.Kids, node(k))
	}
	return node(n), nil
}

func (b *builder) abstractMember(a *compose.Abstract, list *Abstract, f *collected) (*Node, error) {
	k := &Node{Key: f.Alias}
	var err error
	switch f.Name {
	case "__typename":
		k.Kind, k.Name = NodeTypename, a.Connection
	case "totalCount":
		k.Kind = NodeTotal
		for _, s := range list.Steps {
			s.Total = true
		}
	case "pageInfo":
		k.Kind, k.Kids = NodePageInfo, b.pageInfo(f)
		list.paged()
	case "nodes":
		k.Kind = NodeNodes
		k.Branches, err = b.branches(list, f.asList())
	case "edges":
		k.Kind = NodeEdges
		k.Kids, err = b.abstractEdges(a, list, f.asList())
	}
	return k, err
}

func (b *builder) abstractEdges(a *compose.Abstract, list *Abstract, f *collected) ([]*Node, error) {
	var kids []*Node
	for _, sub := range b.collect.sub(a.Edge, f) {
		k := &Node{Key: sub.Alias}
		var err error
		switch sub.Name {
		case "__typename":
			k.Kind, k.Name = NodeTypename, a.Edge
		case "cursor":
			k.Kind = NodeCursor
			list.paged()
		case "node":
			k.Kind = NodeRow
			k.Branches, err = b.branches(list, sub)
		}
		if err != nil {
			return nil, err
		}
		kids = append(kids, node(k))
	}
	return kids, nil
}

func (a *Abstract) paged() {
	for _, s := range a.Steps {
		s.Paged = true
	}
}

// branches plans what a selection shows of a row of each type.
func (b *builder) branches(list *Abstract, f *collected) ([]*Node, error) {
	var out []*Node
	for _, s := range list.Steps {
		kids, err := b.row(s, f)
		if err != nil {
			return nil, err
		}
		out = append(out, node(&Node{Key: f.Alias, Kind: NodeObject, Step: s, Kids: kids}))
	}
	return out, nil
}

// abstracts refuses an order over values that the types show differently: raw values of one and transformed ones of
// another compare with nothing, and their order together would tell of the raw ones.
func (r *restriction) abstracts() error {
	for _, list := range r.bound.Plan.Abstracts {
		var first *AuthorizedStep
		for _, s := range list.Steps {
			step := &r.out.steps[s.ID]
			switch {
			case step.Denied:
			case first == nil:
				first = step
			default:
				if err := first.ordersAs(step); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *AuthorizedStep) ordersAs(other *AuthorizedStep) error {
	for i := range s.Common() {
		a, b := s.Order[i], other.Order[i]
		_, here := s.Field(a.Field)
		field, there := other.Field(b.Field)
		if here != there {
			if there.Raw() {
				field, _ = s.Field(a.Field)
			}
			return &NotPermittedError{Path: s.Errors, Coordinate: field.Coordinate}
		}
	}
	return nil
}
