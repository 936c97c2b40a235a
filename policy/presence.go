package policy

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// keepPresence is a compiler stage that makes a reading of a row's field visible to partial evaluation.
//
// OPA's compiler moves the operands of a call in front of it: `not input.row.age > 5` becomes
// `x = input.row.age; not x > 5`, which is undefined where age is NULL. Partial evaluation then puts the field back
// for x, and the first half is lost: what is left, `not input.row.age > 5`, holds where age is NULL, so rows would
// get through that OPA itself keeps out. With `x = input.row.age; input.row.age != null` the condition stays. On a
// row the addition changes nothing, since a NULL field is absent and never null.
func keepPresence() ast.CompilerStageDefinition {
	return ast.CompilerStageDefinition{Name: "KeepPresence", MetricName: "compile_stage_keep_presence",
		Stage: func(c *ast.Compiler) *ast.Error {
			for _, name := range sortedKeys(c.Modules) {
				ast.WalkRules(c.Modules[name], func(rule *ast.Rule) bool {
					rule.Body = withPresence(rule.Body)
					return false
				})
			}
			return nil
		}}
}

func withPresence(body ast.Body) ast.Body {
	if !mentionsRow(body) {
		return body
	}
	out := ast.Body{}
	for _, e := range body {
		out.Append(e)
		if every, ok := e.Terms.(*ast.Every); ok {
			every.Body = withPresence(every.Body)
			continue
		}
		if e.Negated || !e.IsEquality() && !e.IsAssignment() {
			continue // any other reading stays in what is left
		}
		for _, ref := range rowFields(e) {
			present := ast.NotEqual.Expr(ast.NewTerm(ref), ast.NullTerm())
			present.Location = e.Location
			out.Append(present)
		}
	}
	return out
}

// rowFields are the fields of the row that an expression reads, whatever they are nested in.
func rowFields(e *ast.Expr) []ast.Ref {
	var out []ast.Ref
	ast.WalkRefs(e, func(ref ast.Ref) bool {
		if path := constants(ref[1:]); ref[0].Equal(ast.InputRootDocument) && len(path) >= 2 && path[0] == "row" {
			out = append(out, ref[:3].Copy())
		}
		return false
	})
	return out
}
