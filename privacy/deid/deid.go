// Package deid is the set of de-identification transforms: what an obligation's method does to a column.
//
//	set := deid.New()
//	err := set.Check(privacy.String, privacy.Obligation{Method: "mask", Arguments: `{"keepLast":4}`}) // at policy load
//	do, err := set.Prepare(privacy.String, obligation, scope)                                         // per request
//	out, err := do(column)
//
// Each transform is one row of a table (Methods): the kinds it takes, its parameters, and its algebra, that is, which
// comparisons still mean something on what comes out. Transforms of text run once per distinct value. NULL stays
// NULL, and a cell without a value never gains one.
//
// What comes out is not anonymous. A pseudonym is stable within one agreement and purpose, so its holder can count
// and link there; a year, a prefix or a rounded number still narrows down who is meant; a mask keeps what it keeps.
// Whether the rows together identify somebody is a question for package anonymity.
package deid

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"concordat/privacy"
)

// Errors of obligations that cannot be met. Values are never part of them.
var (
	ErrMethod    = errors.New("unknown transform")
	ErrKind      = errors.New("transform does not take this kind")
	ErrArguments = errors.New("bad arguments")
	ErrKey       = errors.New("no key for a keyed transform")
)

// Method is one transform.
type Method struct {
	Name       string
	Summary    string
	Kinds      []privacy.Kind
	Parameters []Parameter
	Algebra    privacy.Algebra
	build      func(kind privacy.Kind, a arguments, s privacy.Scope) (transform, error)
}

// transform writes the values of in to out, which has the states of in and nothing else yet.
type transform func(in, out *privacy.Column) error

// Set is the transforms of this build; it implements privacy.Transforms. Safe for concurrent use.
type Set struct {
	methods  []Method
	prepared prepared
	free     freeText
}

// New is the full set, without a tagger: free text is then redacted by rules where an obligation says that these are
// enough, and withheld whole where it does not.
func New() *Set { return NewWithTagger(nil, 0) }

// NewWithTagger is the full set. Each call of the tagger gets timeout (0 for DefaultTimeout).
func NewWithTagger(t Tagger, timeout time.Duration) *Set {
	free := newFreeText(t, timeout)
	return &Set{methods: table(free), prepared: newPrepared(), free: free}
}

// Methods lists the transforms by name.
func (s *Set) Methods() []Method { return slices.Clone(s.methods) }

// Algebra is what survives a method; nothing does for one that is not known.
func (s *Set) Algebra(method string) privacy.Algebra {
	if m := s.method(method); m != nil {
		return m.Algebra
	}
	return privacy.Algebra{}
}

func (s *Set) method(name string) *Method {
	for i := range s.methods {
		if s.methods[i].Name == name {
			return &s.methods[i]
		}
	}
	return nil
}

// checkScope stands in for a request's scope where only the obligation is checked; nothing is computed with it.
func checkScope() privacy.Scope {
	return privacy.Scope{Agreement: "check", Root: make([]byte, privacy.RootKeySize)}
}

// Check says whether the obligation can be met on a column of the kind: what policy asks when it is loaded.
func (s *Set) Check(kind privacy.Kind, ob privacy.Obligation) error {
	_, err := s.Prepare(kind, ob, checkScope())
	return err
}

// Prepare reads the obligation once; the function it returns may be used for many columns, also concurrently.
func (s *Set) Prepare(kind privacy.Kind, ob privacy.Obligation, scope privacy.Scope) (func(*privacy.Column) (*privacy.Column, error), error) {
	return s.prepared.get(preparation{kind, ob, scope.Agreement, scope.Purpose, string(scope.Root)}, func() (ready, error) {
		return s.prepare(kind, ob, scope)
	})
}

func (s *Set) prepare(kind privacy.Kind, ob privacy.Obligation, scope privacy.Scope) (ready, error) {
	m := s.method(ob.Method)
	if m == nil {
		return nil, ErrMethod
	}
	if !slices.Contains(m.Kinds, kind) {
		return nil, fmt.Errorf("%s: %w", m.Name, ErrKind)
	}
	a, err := parse(ob.Arguments, m.Parameters)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	do, err := m.build(kind, a, scope)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	return func(in *privacy.Column) (*privacy.Column, error) { return run(kind, ob, do, in) }, nil
}

func run(kind privacy.Kind, ob privacy.Obligation, do transform, in *privacy.Column) (*privacy.Column, error) {
	if in.Kind != kind {
		return nil, fmt.Errorf("%s: %w", ob.Method, ErrKind)
	}
	out := &privacy.Column{
		Name: in.Name, Coordinate: in.Coordinate, Kind: in.Kind,
		Domain: ob.Domain(), States: slices.Clone(in.States),
	}
	if err := do(in, out); err != nil {
		return nil, fmt.Errorf("%s: %w", ob.Method, err)
	}
	return out, nil
}
