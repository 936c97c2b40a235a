package execute

import "testing"

// BenchmarkRun answers from tables in memory: where each step has its own statement, and where two are one.
func BenchmarkRun(b *testing.B) {
	sg := compound(b)
	for name, query := range map[string]string{
		"alone":    `{ stays { nodes { id resident { name } } } }`,
		"together": `{ stays { nodes { id resident { name } again: resident { id } } } }`,
	} {
		a := authorize(b, sg, query, permissive())
		x := executor(b, smallWorld().sources())
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Run(b.Context(), a, partner)
			}
		})
	}
}
