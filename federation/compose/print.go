package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

// Print is the public schema as text, less what the specification declares implicitly.
func (s *Supergraph) Print() string { return Print(s.Schema) }

// Print is a schema or a view of one as text.
func Print(schema *ast.Schema) string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(schema)
	return b.String()
}
