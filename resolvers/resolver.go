// Package resolvers answers the control plane: who am I, what may I see and under which agreement, what was recorded
// of my requests, what is in force. One file for each file of package schema.
//
// A [Resolver] holds what it asks as small interfaces. The gateway makes one executable schema of it for each view
// of the run-time schema:
//
//	r := &resolvers.Resolver{Access: engine, Agreements: snapshot, Register: register, ...}
//	executable := r.Executable(view) // an ExecutableSchema that knows only the control plane's root fields
//
// Each answer depends on the caller that policy.SubjectFrom finds in the context; without one every field is refused.
// The package holds no agency data and keeps nothing between requests. It does not authenticate, and it does not
// write the receipt of its own answers: the gateway does both around it.
package resolvers

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"concordat/graph"
	"concordat/policy"
)

// Scopes that widen what the control plane answers.
const (
	ScopeLedgerRead    = "ledger:read"           // every entry, not only the caller's
	ScopeAgreementRead = "agreements:read"       // every agreement, not only the caller's
	ScopeRevoke        = "agreements:revoke"     // end any agreement
	ScopeRevokeOwn     = "agreements:revoke:own" // end an agreement that the caller's organisation is a party to
	ScopeWrite         = "agreements:write"      // write any agreement
	ScopeWriteOwn      = "agreements:write:own"  // write an agreement that the caller's organisation is a party to
	ScopePolicyRead    = "policy:read"           // what rules say of others, and why a new version was refused
	ScopePolicyReadOwn = "policy:read:own"       // what the rules of the agency say that is the caller's organisation
	ScopeTokenRevoke   = "tokens:revoke"         // refuse any token from now on
)

// Resolver is the control plane. All fields are required.
type Resolver struct {
	Access     Access
	Agreements Agreements
	Register   Register
	Drafts     Drafts
	Publisher  Publisher
	Explainer  Explainer
	Reviewer   Reviewer
	Ender      Ender
	Receipts   Receipts
	Revisions  Revisions
	Health     Health
	Now        func() time.Time
}

// Executable is the control plane over a view of the run-time schema: introspection and validation see the view,
// while only the control plane's own root fields may be executed.
func (r *Resolver) Executable(view *ast.Schema) graphql.ExecutableSchema {
	return graph.NewExecutableSchema(graph.Config{Schema: view, Resolvers: root{r}})
}

// root is what generated code calls; it keeps the three resolver makers out of Resolver's own surface.
type root struct{ *Resolver }

func (r root) Me() graph.MeResolver             { return me(r) }
func (r root) Query() graph.QueryResolver       { return query(r) }
func (r root) Mutation() graph.MutationResolver { return mutation(r) }

type (
	me       struct{ *Resolver }
	query    struct{ *Resolver }
	mutation struct{ *Resolver }
)

// caller fails closed: a request that no gate has let in has no answer.
func caller(ctx context.Context) (policy.Subject, error) {
	subject, ok := policy.SubjectFrom(ctx)
	if !ok {
		return policy.Subject{}, refuse("UNAUTHENTICATED", "the caller is not known")
	}
	return subject, nil
}

// optional maps what Go leaves empty to what GraphQL leaves null.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// some keeps a non-null list from being nil.
func some(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
