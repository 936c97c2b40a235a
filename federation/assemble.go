package federation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"

	"concordat/federation/plan"
)

// answer is an assembled answer in its private buffer: nothing of it has left.
type answer struct {
	body      []byte // the reply up to and with its data, which are in query order
	canonical []byte // RFC 8785: what the digest covers; body itself, or lent
	lent      []byte // given back once it is digested; nil for none
	errors    []responseError
	denied    bool // every root field is denied
}

// dataMember is what stands before the data.
const dataMember = `{"data":`

// extensionsHint is about what errors and extensions add to an answer.
const extensionsHint = 1 << 10

func (a *answer) data() []byte { return a.body[len(dataMember):] }

// assemble writes the data twice, in query order for the caller and in canonical order for the digest, and lists the
// errors.
func (x *exchange) assemble(lend *buffers) (answer, error) {
	agency := map[string]*plan.Node{}
	for _, root := range x.authorized.Roots() {
		agency[root.Key] = root
	}
	keys := make([]string, len(x.routes.fields))
	for i, f := range x.routes.fields {
		keys[i] = f.Key
	}
	var err error
	a := answer{body: append(lend.take(x.result.SizeHint()+extensionsHint), dataMember...)}
	if x.control != nil && x.control.null {
		a.body = append(a.body, "null"...)
		a.canonical = a.data()
	} else {
		if a.body, err = x.object(a.body, agency, keys, false); err != nil {
			return answer{}, err
		}
		if err = x.canonical(agency, keys, &a, lend); err != nil {
			return answer{}, err
		}
	}
	a.errors, a.denied = x.errors(), x.denied()
	return a, nil
}

// canonical makes what the digest covers: the data themselves where the query's order is the canonical one.
func (x *exchange) canonical(agency map[string]*plan.Node, keys []string, a *answer, lend *buffers) (err error) {
	sorted := slices.IsSorted(keys) && x.control == nil
	for _, n := range agency {
		sorted = sorted && inCanonicalOrder(n)
	}
	if sorted {
		a.canonical = a.data()
		return nil
	}
	slices.Sort(keys)
	a.lent, err = x.object(lend.take(len(a.body)+256), agency, keys, true)
	a.canonical = a.lent
	return err
}

func inCanonicalOrder(n *plan.Node) bool {
	return slices.Equal(n.Kids, n.Sorted) && !slices.ContainsFunc(n.Kids, func(k *plan.Node) bool { return !inCanonicalOrder(k) })
}

func (x *exchange) object(dst []byte, agency map[string]*plan.Node, keys []string, canonical bool) ([]byte, error) {
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), key...), '"', ':')
		if root, ok := agency[key]; ok {
			dst = x.result.Append(dst, root, canonical)
			continue
		}
		value, err := x.controlValue(key, canonical)
		if err != nil {
			return nil, err
		}
		dst = append(dst, value...)
	}
	return append(dst, '}'), nil
}

func (x *exchange) controlValue(key string, canonical bool) ([]byte, error) {
	value := x.control.members[key].JSON()
	if len(value) == 0 {
		return nil, fmt.Errorf("assemble: nobody answered %s", key)
	}
	if !canonical {
		return value, nil
	}
	out, err := jcs.Transform([]byte(`[` + string(value) + `]`)) // the library takes objects and arrays
	if err != nil {
		return nil, fmt.Errorf("assemble: %w", err)
	}
	return out[1 : len(out)-1], nil
}

// errors lists denials, failures and the control plane's errors, in that order.
func (x *exchange) errors() []responseError {
	var out []responseError
	for _, d := range x.authorized.Denials() {
		out = append(out, responseError{Message: infoOf(Forbidden).Message, Path: d.Path,
			Extensions: errorExtensions{Code: Forbidden, Coordinate: string(d.Coordinate)}})
	}
	failures := slices.Clone(x.result.Errors)
	for i := range failures {
		failures[i].Path = slices.Clone(failures[i].Path)
	}
	slices.SortStableFunc(failures, func(a, b executeError) int {
		return strings.Compare(strings.Join(a.Path, "\x00")+a.Code, strings.Join(b.Path, "\x00")+b.Code)
	})
	for _, f := range failures {
		code := Code(f.Code)
		out = append(out, responseError{Message: infoOf(code).Message, Path: f.Path, Extensions: errorExtensions{Code: code, Agency: f.Agency()}})
	}
	if x.control != nil {
		out = append(out, x.control.errors...)
	}
	return out
}

// denied reports whether every root field of the operation is denied by policy.
func (x *exchange) denied() bool {
	if len(x.routes.control) > 0 || len(x.routes.fields) == 0 {
		return false
	}
	steps := x.authorized.Steps()
	return !slices.ContainsFunc(x.authorized.Roots(), func(n *plan.Node) bool {
		return slices.ContainsFunc(n.Steps(), func(s *plan.Step) bool { return !steps[s.ID].Denied })
	})
}
