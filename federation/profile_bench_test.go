package federation_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/federation"
	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/privacy/deid"
	"concordat/schema"
)

// wide is a supergraph of 2,000 fields, twenty types of five agencies, and a policy that hides fifty of them from each
// caller, others from each.
func wide(b *testing.B) federation.Parts {
	b.Helper()
	classes := []string{"NON_SENSITIVE", "SENSITIVE", "QUASI_IDENTIFIER", "DIRECT_IDENTIFIER"}
	var files []compose.File
	options := policy.Options{CheckObligation: deid.New().Check}
	for a := range 5 {
		agency := fmt.Sprintf("agency%d", a)
		var sdl, rules strings.Builder
		fmt.Fprintf(&rules, "package concordat.access.%s\nfields contains {\"classification\": \"NON_SENSITIVE\", \"effect\": \"allow\"} if input.purpose == \"research\"\n", agency)
		for t := range 4 {
			name := fmt.Sprintf("Type%d%c", a, 'A'+t)
			fmt.Fprintf(&sdl, "type %s @source(name: %q, table: %q) @key(fields: \"id\") {\n  id: ID! @classify(as: NON_SENSITIVE)\n", name, agency, name)
			for f := range 99 {
				fmt.Fprintf(&sdl, "  field%d: String @classify(as: %s)\n", f, classes[f%len(classes)])
			}
			sdl.WriteString("}\n")
			for f := range 10 {
				fmt.Fprintf(&rules, "fields contains {\"coordinate\": \"%s.field%d\", \"effect\": \"invisible\"} if not \"s%d\" in input.subject.scopes\n", name, f, f)
			}
		}
		files = append(files, compose.File{Name: agency, Agency: policy.AgencyID(agency), Text: sdl.String()})
		options.Bundles = append(options.Bundles, policy.Bundle{Agency: policy.AgencyID(agency), Files: fstest.MapFS{"a.rego": {Data: []byte(rules.String())}}})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		b.Fatal(problems)
	}
	options.Catalog = sg.Catalog
	engine, err := policy.Load(b.Context(), options)
	if err != nil {
		b.Fatal(err)
	}
	cursors, err := execute.NewCursors([]byte(strings.Repeat("k", 32)))
	if err != nil {
		b.Fatal(err)
	}
	return federation.Parts{Supergraph: sg, Policy: engine, Agreements: &agreement.Set{}, Limits: federation.DefaultLimits(),
		Executor: &execute.Executor{Transforms: deid.New(), Cursors: cursors},
		Control:  func(s *ast.Schema) graphql.ExecutableSchema { return noControl{s} }}
}

// BenchmarkFirstRequestOfAProfile is a whole request of a caller for whom nothing was ever evaluated or shown, over a
// schema of 2,000 fields: profile, view, validation, plan, decision, refusal and entry. It is given no rows, so that no
// source is asked.
func BenchmarkFirstRequestOfAProfile(b *testing.B) {
	parts := wide(b)
	if n := len(parts.Supergraph.Catalog.Fields); n != 2000 {
		b.Fatal(n, "fields")
	}
	caller := newBench(b)
	g, err := federation.New(federation.Options{Authenticator: caller, Register: caller, Ledger: caller.ledger, Observer: caller,
		Root: []byte(strings.Repeat("r", 32)), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	s, err := federation.NewSnapshot(parts)
	if err != nil {
		b.Fatal(err)
	}
	g.Swap(s)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		caller.subject.Purpose, caller.subject.Scopes = "research", []string{fmt.Sprintf("s%d", i%10), fmt.Sprint("nobody's ", i)}
		if got := serve(b, g, post("{ type0As { nodes { field20 } } }")); strings.Join(got.codes(), " ") != "FORBIDDEN" {
			b.Fatal(got.body)
		}
	}
}
