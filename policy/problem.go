package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Codes of a Problem. They are stable.
const (
	CodeFile       = "POLICY_FILE"       // a file cannot be read or parsed
	CodeCompile    = "POLICY_COMPILE"    // OPA's compiler refuses it
	CodePackage    = "POLICY_PACKAGE"    // a package where it may not be
	CodeForeign    = "POLICY_FOREIGN"    // a rule about, or that reads, what is another agency's
	CodeUnknown    = "POLICY_UNKNOWN"    // a name that exists nowhere
	CodeShape      = "POLICY_SHAPE"      // a rule or statement of the wrong form
	CodeObligation = "POLICY_OBLIGATION" // a transform that does not exist or does not fit
	CodeFragment   = "POLICY_FRAGMENT"   // a row rule that cannot become a predicate
	CodeReplaced   = "POLICY_REPLACED"   // a signed bundle that is older than one that was in force
	CodeSignature  = "POLICY_SIGNATURE"  // a bundle that is not signed, not by its agency's key, or too long ago
	CodeData       = "POLICY_DATA"       // data.json of the wrong form, or a set defined twice
	CodeSize       = "POLICY_SIZE"       // a file, or a bundle, that is larger than any policy needs to be
)

// Problem is one mistake in a policy, said so that its author finds it.
type Problem struct {
	File       string
	Line       int // 0: the whole file
	Coordinate string
	Code       string
	Message    string
}

func (p Problem) String() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Coordinate != "" {
		where += ": " + p.Coordinate
	}
	return fmt.Sprintf("%s: %s: %s", where, p.Code, p.Message)
}

// LoadError holds every problem of a load, in order of place.
type LoadError struct{ Problems []Problem }

func (e *LoadError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "policy: " + strings.Join(lines, "\n")
}

// problems collects what is wrong while loading goes on as far as it can.
type problems struct{ list []Problem }

func (p *problems) add(at *ast.Location, coordinate, code, format string, args ...any) {
	problem := Problem{Coordinate: coordinate, Code: code, Message: fmt.Sprintf(format, args...)}
	if at != nil {
		problem.File, problem.Line = at.File, at.Row
	}
	p.list = append(p.list, problem)
}

func (p *problems) file(name, code, format string, args ...any) {
	p.add(&ast.Location{File: name}, "", code, format, args...)
}

// opa adds what OPA's parser or compiler said.
func (p *problems) opa(name, code string, err error) {
	list, ok := err.(ast.Errors)
	if one, alone := err.(*ast.Error); alone {
		list, ok = ast.Errors{one}, true
	}
	if !ok {
		p.file(name, code, "%s", err)
		return
	}
	for _, e := range list {
		at := e.Location
		if at == nil {
			at = &ast.Location{File: name}
		}
		p.add(at, "", code, "%s", e.Message)
	}
}

// err is nil, or a LoadError with each problem once.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Coordinate, b.Coordinate), cmp.Compare(a.Message, b.Message))
	})
	return &LoadError{Problems: slices.Compact(p.list)}
}
