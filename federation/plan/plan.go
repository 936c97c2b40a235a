// Package plan turns a validated document into fetch steps (Build), binds it to variables and lists every coordinate
// it reads (Bind), and cuts it down to what policy allows (Restrict). It is pure: no clock, no network, no policy
// engine, only values in and values out.
//
//	d := plan.Read(document, operation)
//	p, err := plan.Build(supergraph, d, conditions)
//	b, err := p.Bind(d, variables)
//	a, err := plan.Restrict(b, decision, transforms)   // the only maker of Authorized
//
// A Plan is ordered and immutable: it may be cached for as long as the document's shape, the supergraph and the
// conditions (values of the Booleans behind @skip and @include) are the same; arguments are no part of it. It does not promise a minimal number of fetches:
// one step is one fetch for each agency that holds the type, whatever the number of rows. Steps that become ready together
// and ask the same under the same rules are fetched as one (Shared).
package plan

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation/compose"
)

// Kind says what a step fetches.
type Kind uint8

const (
	ByKey   Kind = iota + 1 // one row by its key, or the one row that a to-one join points at
	List                    // rows with filter, order and page
	Group                   // aggregates
	Secure                  // sums that only the caller can open
	Related                 // rows that only a filter reads: no step of a plan, but part of one
)

// Plan is the steps of one operation's agency fields and the shape of its answer.
type Plan struct {
	Steps []*Step // parents before children
	Roots []*Node // one for each agency root field, in response order

	Abstracts []*Abstract // lists over interfaces and unions, by ID

	alike [][]*Step // steps that may share a statement
}

// Step is one fetch over an entity, from every agency that holds it.
type Step struct {
	ID     int
	Kind   Kind
	Entity *compose.Entity
	Path   []string // response keys from the root to the field that this step fills, list indices left out
	Errors []string // where its errors are reported: Path, ending before the first list index
	Parent *Step    // nil at the root
	Join   *compose.Field
	Fields []string // entity fields that the answer shows, distinct, in order of first use
	// Computed are the computed fields that the answer shows, as Fields.
	Computed []string
	Total    bool // totalCount is asked for
	Paged    bool // a cursor or pageInfo is asked for
	// Abstract is the list that the step fills together with others; nil for most.
	Abstract *Abstract
	// Conflicts is asked of each fused row.
	Conflicts bool

	Measures []Measure // Group: what the answer shows, distinct
	Keys     []string  // Group: fields of key that the answer shows

	percentiles map[string]int // positions in the document, by Func
	histograms  map[string]int // the same

	entities map[string]*compose.Entity
	position int                 // of the step's field in the document
	paths    map[string][]string // of each field shown: where a denial of it is reported
}

// Measure is one aggregate that the answer shows.
type Measure struct {
	Func  string // "sum", "avg", "min", "max", "stddev", "countDistinct", or "percentile@" or "histogram@" and its response key
	Field string
}

// NodeKind says how one response field is written.
type NodeKind uint8

const (
	NodeTypename   NodeKind = iota + 1 // Name is the type's
	NodeColumn                         // a released column of the row: Name
	NodeOrigin                         // the source that the row came from
	NodeObject                         // an object of Step (to-one or by key)
	NodeConnection                     // a connection of Step
	NodeAggregate                      // an aggregate of Step
	NodeTotal
	NodeEdges
	NodeNodes
	NodeRow // edges.node
	NodeCursor
	NodePageInfo
	NodeHasNext
	NodeHasPrevious
	NodeStartCursor
	NodeEndCursor
	NodeGroups
	NodeWithheld
	NodeCount
	NodeStruct       // key, sum, avg, min, max: an object of NodeMeasure
	NodeMeasure      // a column of the group: Name
	NodeHistogram    // a list of bins that the group has: Measure
	NodeLower        // the edge below a bin
	NodeUpper        // the edge above it
	NodeSecure       // the object of a Secure step
	NodeSecureMember // a member of it, or of one of its members: Name
	NodeAbstract     // a connection over an interface or union: Abstract; its nodes have Branches
	NodeConflicts    // what a fused row says of the agencies' differences; its kids are of the next four kinds
	NodeConflictField
	NodeConflictValues
	NodeConflictSource
	NodeConflictValue
	NodeComputed // a list that the computed field Name of the row has; its kids are columns of that list
)

// Node is one response field: a key and how its value is written. Kids are in query order, Sorted in the order of
// RFC 8785.
type Node struct {
	Key     string
	Kind    NodeKind
	Name    string
	Measure Measure // NodeHistogram
	Step    *Step
	Kids    []*Node
	Sorted  []*Node

	Abstract *Abstract // NodeAbstract
	Branches []*Node   // below it: an object for each of its steps
}

// MaxDepth bounds the joins that one document may follow.
const MaxDepth = 16

// Build plans the agency fields of a document. Fields of Query that are not agency roots are left to others. The document
// must have been validated against the whole schema of sg.
func Build(sg *compose.Supergraph, d *Document, conditions Conditions) (*Plan, error) {
	return BuildIn(sg.Schema, sg, d, conditions)
}

// BuildIn is Build for a document that was validated against a view of sg.
func BuildIn(view *ast.Schema, sg *compose.Supergraph, d *Document, conditions Conditions) (*Plan, error) {
	b := &builder{sg: sg, view: view, document: d, collect: collector{doc: d.doc, conditions: conditions, abstracts: sg.Abstracts}, plan: &Plan{}}
	for _, f := range b.collect.fields("Query", d.op.SelectionSet) {
		root, ok := sg.Roots[f.Name]
		if !ok {
			continue
		}
		n, err := b.root(root, f)
		if err != nil {
			return nil, err
		}
		b.plan.Roots = append(b.plan.Roots, n)
	}
	b.plan.alike = alike(b.plan.Steps)
	return b.plan, nil
}

type builder struct {
	sg       *compose.Supergraph
	view     *ast.Schema
	document *Document
	collect  collector
	plan     *Plan
}

func (b *builder) root(root *compose.Root, f *collected) (*Node, error) {
	switch root.Kind {
	case compose.RootByKey:
		return b.object(b.step(ByKey, root.Entity, nil, nil, f), f)
	case compose.RootConnection:
		return b.connection(b.step(List, root.Entity, nil, nil, f), f)
	case compose.RootAggregate:
		return b.aggregate(b.step(Group, root.Entity, nil, nil, f), f)
	case compose.RootSecure:
		return b.secure(b.step(Secure, root.Entity, nil, nil, f), f), nil
	}
	if root.Kind == compose.RootAbstract {
		return b.abstract(root.Abstract, f)
	}
	return nil, fmt.Errorf("plan: root %s has no kind", f.Name)
}

func (b *builder) step(kind Kind, e *compose.Entity, parent *Step, join *compose.Field, f *collected) *Step {
	s := &Step{ID: len(b.plan.Steps), Kind: kind, Entity: e, Parent: parent, Join: join,
		Path: f.path, Errors: f.errorPath(), entities: b.sg.Entities, position: b.document.position(f.Field), paths: map[string][]string{}}
	b.plan.Steps = append(b.plan.Steps, s)
	return s
}

func (s *Step) shows(field string, f *collected) {
	if _, ok := s.paths[field]; !ok {
		s.paths[field] = f.errorPath()
	}
}

// ErrorPath is where an error of a field of this step is reported.
func (s *Step) ErrorPath(field string) []string {
	if p, ok := s.paths[field]; ok {
		return p
	}
	return s.Errors
}

// depth is the number of joins that lead to s.
func (s *Step) depth() int {
	n := 0
	for p := s.Parent; p != nil; p = p.Parent {
		n++
	}
	return n
}

// object plans a to-one field whose rows s fetches.
func (b *builder) object(s *Step, f *collected) (*Node, error) {
	kids, err := b.row(s, f)
	if err != nil {
		return nil, err
	}
	return node(&Node{Key: f.Alias, Kind: NodeObject, Step: s, Kids: kids}), nil
}

// row plans the fields that f selects on a row of s.
func (b *builder) row(s *Step, f *collected) ([]*Node, error) {
	if s.depth() > MaxDepth {
		return nil, fmt.Errorf("plan: %w", ErrTooDeep)
	}
	var kids []*Node
	for _, sub := range b.collect.sub(s.Entity.Name, f) {
		n, err := b.member(s, sub)
		if err != nil {
			return nil, err
		}
		kids = append(kids, n)
	}
	return kids, nil
}

func (b *builder) member(s *Step, f *collected) (*Node, error) {
	if f.Name == "__typename" {
		return &Node{Key: f.Alias, Kind: NodeTypename, Name: s.Entity.Name}, nil
	}
	m, ok := s.Entity.Members[f.Name]
	if !ok {
		return nil, fmt.Errorf("plan: %s.%s is not in the supergraph", s.Entity.Name, f.Name)
	}
	switch m.Role {
	case compose.RoleScalar:
		s.shows(f.Name, f)
		s.Fields = appendNew(s.Fields, f.Name)
		return &Node{Key: f.Alias, Kind: NodeColumn, Name: f.Name}, nil
	case compose.RoleOrigin:
		return &Node{Key: f.Alias, Kind: NodeOrigin}, nil
	case compose.RoleComputed:
		return b.computed(s, f), nil
	case compose.RoleConflicts:
		return b.conflicts(s, f), nil
	}
	target := b.sg.Entities[m.Field.Join.Target]
	switch m.Role {
	case compose.RoleJoinOne:
		return b.object(b.step(ByKey, target, s, m.Field, f), f)
	case compose.RoleJoinMany:
		return b.connection(b.step(List, target, s, m.Field, f), f)
	case compose.RoleJoinAggregate:
		return b.aggregate(b.step(Group, target, s, m.Field, f), f)
	}
	return nil, fmt.Errorf("plan: %s.%s has no role", s.Entity.Name, f.Name)
}

// connection plans the plumbing of a Relay connection.
func (b *builder) connection(s *Step, f *collected) (*Node, error) {
	n := &Node{Key: f.Alias, Kind: NodeConnection, Step: s}
	for _, sub := range b.collect.sub(s.Entity.Connection, f) {
		k := &Node{Key: sub.Alias}
		var err error
		switch sub.Name {
		case "__typename":
			k.Kind, k.Name = NodeTypename, s.Entity.Connection
		case "totalCount":
			k.Kind, s.Total = NodeTotal, true
		case "pageInfo":
			k.Kind, s.Paged = NodePageInfo, true
			k.Kids = b.pageInfo(sub)
		case "nodes":
			k.Kind = NodeNodes
			k.Kids, err = b.row(s, sub.asList())
		case "edges":
			k.Kind = NodeEdges
			k.Kids, err = b.edges(s, sub.asList())
		}
		if err != nil {
			return nil, err
		}
		n.Kids = append(n.Kids, node(k))
	}
	return node(n), nil
}

func (b *builder) edges(s *Step, f *collected) ([]*Node, error) {
	var kids []*Node
	for _, sub := range b.collect.sub(s.Entity.Edge, f) {
		k := &Node{Key: sub.Alias}
		var err error
		switch sub.Name {
		case "__typename":
			k.Kind, k.Name = NodeTypename, s.Entity.Edge
		case "cursor":
			k.Kind, s.Paged = NodeCursor, true
		case "node":
			k.Kind = NodeRow
			k.Kids, err = b.row(s, sub)
		}
		if err != nil {
			return nil, err
		}
		kids = append(kids, node(k))
	}
	return kids, nil
}

var pageInfoKinds = map[string]NodeKind{"hasNextPage": NodeHasNext, "hasPreviousPage": NodeHasPrevious,
	"startCursor": NodeStartCursor, "endCursor": NodeEndCursor}

func (b *builder) pageInfo(f *collected) []*Node {
	var kids []*Node
	for _, sub := range b.collect.sub("PageInfo", f) {
		k := &Node{Key: sub.Alias, Kind: pageInfoKinds[sub.Name]}
		if sub.Name == "__typename" {
			k.Kind, k.Name = NodeTypename, "PageInfo"
		}
		kids = append(kids, k)
	}
	return kids
}

// aggregate plans groups and their measures.
func (b *builder) aggregate(s *Step, f *collected) (*Node, error) {
	n := &Node{Key: f.Alias, Kind: NodeAggregate, Step: s}
	for _, sub := range b.collect.sub(s.Entity.Aggregate, f) {
		k := &Node{Key: sub.Alias}
		switch sub.Name {
		case "__typename":
			k.Kind, k.Name = NodeTypename, s.Entity.Aggregate
		case "withheld":
			k.Kind = NodeWithheld
		case "groups":
			k.Kind = NodeGroups
			k.Kids = b.group(s, sub.asList())
		}
		n.Kids = append(n.Kids, node(k))
	}
	return node(n), nil
}

func (b *builder) group(s *Step, f *collected) []*Node {
	var kids []*Node
	for _, sub := range b.collect.sub(s.Entity.Group, f) {
		k := &Node{Key: sub.Alias}
		switch sub.Name {
		case "__typename":
			k.Kind, k.Name = NodeTypename, s.Entity.Group
		case "count":
			k.Kind = NodeCount
		default:
			k.Kind = NodeStruct
			k.Kids = b.measures(s, sub)
		}
		kids = append(kids, node(k))
	}
	return kids
}

func (b *builder) measures(s *Step, f *collected) []*Node {
	fn := f.Name
	switch fn {
	case "percentile":
		fn = percentileMark + f.Alias
		s.percentiles = b.noted(s.percentiles, fn, f)
	case "histogram":
		fn = histogramMark + f.Alias
		s.histograms = b.noted(s.histograms, fn, f)
	}
	var kids []*Node
	for _, sub := range b.collect.sub("", f) {
		k := &Node{Key: sub.Alias, Kind: NodeMeasure, Name: column(fn, sub.Name)}
		switch {
		case sub.Name == "__typename":
			k.Kind, k.Name = NodeTypename, f.Definition.Type.Name()
		case f.Name == "key":
			s.Keys = appendNew(s.Keys, sub.Name)
		default:
			s.shows(sub.Name, sub)
			s.Measures = appendNew(s.Measures, Measure{Func: fn, Field: sub.Name})
		}
		if f.Name == "histogram" && k.Kind == NodeMeasure {
			b.histogramNode(k, fn, sub)
		}
		kids = append(kids, k)
	}
	return kids
}

// noted remembers where the arguments of a measure stand.
func (b *builder) noted(at map[string]int, fn string, f *collected) map[string]int {
	if at == nil {
		at = map[string]int{}
	}
	at[fn] = b.document.position(f.Field)
	return at
}

// column names the column of a group table that holds a measure: "sum:costCents", "key:region".
func column(fn, field string) string { return fn + ":" + field }

// node fills in Sorted.
func node(n *Node) *Node {
	n.Sorted = slices.Clone(n.Kids)
	slices.SortFunc(n.Sorted, func(a, b *Node) int {
		switch {
		case a.Key < b.Key:
			return -1
		case a.Key > b.Key:
			return 1
		}
		return 0
	})
	return n
}

func appendNew[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
