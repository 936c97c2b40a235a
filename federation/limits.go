package federation

import (
	"errors"
	"math"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// Limits bound a document before it is validated: gqlparser's validation is quadratic in repeated fields (10 kB cost
// 1.2 s), and fragments multiply what a few lines ask for.
type Limits struct {
	Body       int64 // bytes of a request; required
	Tokens     int   // of a document
	Depth      int   // nested selections, fragments expanded
	Selections int   // fields with multiplicity, fragments expanded
	Roots      int   // root fields of one operation
	Directives int   // of a document
}

// DefaultLimits suit partners' dashboards and refuse what costs more than a few milliseconds to look at.
func DefaultLimits() Limits {
	return Limits{Body: 256 << 10, Tokens: 2000, Depth: 20, Selections: 1000, Roots: 15, Directives: 50}
}

// check parses a document and refuses one beyond the limits. It costs linear time: each fragment is measured once.
func (l Limits) check(text string) *refusal {
	if halfInDocument(text) {
		return refuse(ParseFailed, errSurrogate)
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, l.Tokens)
	if err != nil {
		return parseRefusal(err)
	}
	m := &measurer{doc: doc, fragments: map[string]*size{}}
	for _, f := range doc.Fragments { // also one that nobody spreads: validation looks at it all the same
		if !l.admit(m.fragment(f.Name), m) {
			return refuse(OperationTooComplex, nil)
		}
	}
	for _, op := range doc.Operations {
		m.directives += len(op.Directives)
		for _, v := range op.VariableDefinitions {
			m.directives += len(v.Directives)
		}
		s := m.set(op.SelectionSet)
		if s.roots > l.Roots || !l.admit(s, m) {
			return refuse(OperationTooComplex, nil)
		}
	}
	return nil
}

func (l Limits) admit(s size, m *measurer) bool {
	return s.depth <= l.Depth && s.fields <= l.Selections && m.directives <= l.Directives
}

var errTokenLimit = "exceeded token limit"

func parseRefusal(err error) *refusal {
	var gql *gqlerror.Error
	if !errors.As(err, &gql) {
		return refuse(ParseFailed, err)
	}
	if len(gql.Message) >= len(errTokenLimit) && gql.Message[:len(errTokenLimit)] == errTokenLimit {
		return refuse(OperationTooComplex, err)
	}
	return &refusal{Code: ParseFailed, cause: err, Errors: []responseError{{
		Message: infoOf(ParseFailed).Message, Locations: locations(gql.Locations), Extensions: errorExtensions{Code: ParseFailed}}}}
}

// size is what a selection set asks for with its fragments expanded, saturating.
type size struct {
	fields, depth int
	roots         int  // fields of the outermost level
	open          bool // being measured: a cycle, which validation refuses
}

type measurer struct {
	doc        *ast.QueryDocument
	fragments  map[string]*size
	directives int
}

func (m *measurer) set(set ast.SelectionSet) size {
	var out size
	for _, sel := range set {
		s := m.selection(sel)
		out.fields = saturate(out.fields, s.fields)
		out.roots = saturate(out.roots, s.roots)
		out.depth = max(out.depth, s.depth)
	}
	return out
}

func (m *measurer) selection(sel ast.Selection) size {
	switch sel := sel.(type) {
	case *ast.Field:
		m.directives += len(sel.Directives)
		s := m.set(sel.SelectionSet)
		return size{fields: saturate(s.fields, 1), depth: s.depth + 1, roots: 1}
	case *ast.InlineFragment:
		m.directives += len(sel.Directives)
		return m.set(sel.SelectionSet)
	case *ast.FragmentSpread:
		m.directives += len(sel.Directives)
		return m.fragment(sel.Name)
	}
	return size{}
}

func (m *measurer) fragment(name string) size {
	if s, ok := m.fragments[name]; ok {
		if s.open {
			return size{}
		}
		return *s
	}
	def := m.doc.Fragments.ForName(name)
	if def == nil {
		return size{}
	}
	s := &size{open: true}
	m.fragments[name] = s
	m.directives += len(def.Directives)
	measured := m.set(def.SelectionSet)
	*s = measured
	return measured
}

func saturate(a, b int) int {
	if a > math.MaxInt32-b {
		return math.MaxInt32
	}
	return a + b
}
