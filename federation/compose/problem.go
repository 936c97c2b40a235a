package compose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// Severity says whether a Problem stops composition.
type Severity string

const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one thing wrong with the agencies' files, at its place. It is for those who write the files; it never
// reaches a caller of the gateway.
type Problem struct {
	Severity   Severity `json:"severity"`
	File       string   `json:"file"`
	Line       int      `json:"line"`
	Coordinate string   `json:"coordinate"`
	Code       Code     `json:"code"`
	Message    string   `json:"message"`
}

func (p Problem) String() string {
	where := p.Coordinate
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s:%d: %s%s (%s)", p.File, p.Line, where, p.Message, p.Code)
}

// problems collects; composition goes on after a mistake so that all of them are reported at once.
type problems struct{ list []Problem }

// place is where a problem is: a file and a position in it.
type place struct {
	file string
	line int
}

func at(file string, pos *ast.Position) place {
	if pos == nil {
		return place{file, 1}
	}
	return place{file, pos.Line}
}

func (ps *problems) add(at place, coordinate string, code Code, format string, args ...any) {
	ps.list = append(ps.list, Problem{
		Severity: code.severity(), File: at.file, Line: at.line,
		Coordinate: coordinate, Code: code, Message: fmt.Sprintf(format, args...),
	})
}

func (ps *problems) failed() bool {
	return slices.ContainsFunc(ps.list, func(p Problem) bool { return p.Severity == Error })
}

// sorted orders by file, line, coordinate and code, and drops repeats.
func (ps *problems) sorted() []Problem {
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Coordinate, b.Coordinate), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(ps.list)
}
