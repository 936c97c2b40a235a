package source

import (
	"context"
	"errors"
)

// Credential makes the token that a source is asked with for one request. audience is the source's name: a token for
// one source is worth nothing at another. It is never the caller's own token.
type Credential func(audience string) (token string, err error)

var errNoCredential = errors.New("the request has no credential for sources")

type credentialKey struct{}

// WithCredential lets fetches under the context ask with tokens of c.
func WithCredential(ctx context.Context, c Credential) context.Context {
	if c == nil {
		return ctx
	}
	return context.WithValue(ctx, credentialKey{}, c)
}

// Token makes the token for a source. A request without a credential has none: a source that wants one is not asked.
func Token(ctx context.Context, audience string) (string, error) {
	c, ok := ctx.Value(credentialKey{}).(Credential)
	if !ok {
		return "", errNoCredential
	}
	return c(audience)
}

type plansKey struct{}

// ForPlans is for opening sources that only explain what they would be asked: no service is asked for its schema.
func ForPlans(ctx context.Context) context.Context { return context.WithValue(ctx, plansKey{}, true) }

// OnlyPlans reports whether sources are opened to explain alone.
func OnlyPlans(ctx context.Context) bool { return ctx.Value(plansKey{}) != nil }
