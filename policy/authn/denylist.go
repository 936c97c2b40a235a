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
	return RevokeID(ctx, store, token.Issuer, token.TokenID, token.Expires, nil)
}

// LongestLife is when every token has expired that was issued by now: an end for a token whose own is not known.
func LongestLife(now time.Time) time.Time { return now.Add(maxLifetime + skew).Truncate(time.Second) }

// forgetAtOnce bounds how many expired revocations one revocation clears away; that keeps the list as long as the
// tokens that are still alive.
const forgetAtOnce = 64

// RevokeID revokes the token that issuer named tokenID; expires is its exp, or, where unknown, an instant after it.
// with, where given, is done in the same transaction: an error of either means that nothing was changed.
func RevokeID(ctx context.Context, store committer, issuer, tokenID string, expires time.Time, with func(state.Tx) error) error {
	return store.Commit(ctx, func(tx state.Tx) error {
		if with != nil {
			if err := with(tx); err != nil {
				return err
			}
		}
		if _, err := state.ForgetDenied(tx, time.Now(), forgetAtOnce); err != nil {
			return err
		}
		return state.Deny(tx, RevocationKey(issuer, tokenID), expires.Add(2*skew))
	})
}
