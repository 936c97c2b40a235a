package authn

import (
	"context"
	"time"

	"concordat/policy"
	"concordat/state"
)

// viewer and committer are the two halves of *state.Store.
type viewer interface {
	View(fn func(state.ReadTx) error) error
}

type committer interface {
	Commit(ctx context.Context, fn func(state.Tx) error) error
}

// StoredDenylist reads revocations from the state store, anew on each request.
func StoredDenylist(store viewer, now func() time.Time) Denylist {
	return DenyFunc(func(key string) (denied bool, err error) {
		err = store.View(func(tx state.ReadTx) error {
			denied, err = state.Denied(tx, key, now())
			return err
		})
		return denied, err
	})
}

// Revoke refuses a token from the next request on (RFC 7009), until it has expired by every clock we allow for.
func Revoke(ctx context.Context, store committer, token policy.Subject) error {
	return RevokeID(ctx, store, token.Issuer, token.TokenID, token.Expires)
}

// RevokeID revokes the token that issuer named tokenID; expires is its exp, or, where unknown, an instant after it.
func RevokeID(ctx context.Context, store committer, issuer, tokenID string, expires time.Time) error {
	return store.Commit(ctx, func(tx state.Tx) error {
		return state.Deny(tx, RevocationKey(issuer, tokenID), expires.Add(2*skew))
	})
}
