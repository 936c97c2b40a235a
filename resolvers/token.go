package resolvers

import (
	"context"
	"errors"

	"concordat/graph"
	"concordat/policy/ledger"
)

// ErrIssuer: no issuer of that name is trusted here.
var ErrIssuer = errors.New("no such issuer is trusted")

const maxTokenID = 256 // bytes, as in the token gate

func (m mutation) RevokeToken(ctx context.Context, id string, issuer *string) (*graph.TokenRevocation, error) {
	subject, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	name := subject.Issuer
	if issuer != nil {
		name = *issuer
	}
	own := !subject.Anonymous && subject.TokenID != "" && id == subject.TokenID && name == subject.Issuer
	if !own && !subject.HasScope(ScopeTokenRevoke) {
		return nil, refuse("FORBIDDEN", "not permitted to revoke this token")
	}
	if id == "" || len(id) > maxTokenID {
		return nil, refuse("BAD_USER_INPUT", "a jti is 1 to 256 bytes long")
	}
	until, err := m.Ender.EndToken(ctx, subject, name, id)
	if err != nil {
		return nil, unended(err)
	}
	return &graph.TokenRevocation{ID: id, Issuer: name, Until: until.UTC()}, nil
}

// unended words an end that did not come about.
func unended(err error) error {
	switch {
	case errors.Is(err, ErrIssuer):
		return refuse("BAD_USER_INPUT", "no such issuer is trusted here")
	case errors.Is(err, ledger.ErrUnavailable):
		return failed("LEDGER_UNAVAILABLE", "the revocation could not be recorded, and was not made", err)
	}
	return failed("STATE_UNAVAILABLE", "the revocation could not be kept; try again", err)
}
