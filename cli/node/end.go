package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"concordat/policy"
	"concordat/policy/authn"
	"concordat/policy/ledger"
	"concordat/resolvers"
	"concordat/state"
)

// ender ends agreements and tokens for the control plane: the entry that says who did it, and the end itself, are one
// transaction.
type ender struct{ node *Node }

func (e ender) EndAgreement(ctx context.Context, by policy.Subject, id, reason string) error {
	return e.recorded(ledger.Entry{Kind: ledger.Decision, Agreement: id, Extra: map[string]string{"agreementRevoked": id}}, by,
		func(entry func(state.Tx) error) error { return e.node.register.Revoke(ctx, id, by.ID, reason, entry) })
}

func (e ender) EndToken(ctx context.Context, by policy.Subject, issuer, id string) (time.Time, error) {
	if !slices.ContainsFunc(*e.node.auth.trusted.Load(), func(t authn.Trusted) bool { return t.Issuer == issuer }) {
		return time.Time{}, resolvers.ErrIssuer
	}
	until := authn.LongestLife(time.Now())
	entry := ledger.Entry{Kind: ledger.Decision, Agreement: by.Agreement, Extra: map[string]string{"tokenRevoked": authn.RevocationKey(issuer, id)}}
	err := e.recorded(entry, by, func(entry func(state.Tx) error) error {
		return authn.RevokeID(ctx, e.node.store, issuer, id, until, entry)
	})
	return until, err
}

// recorded hands the entry's part of the transaction to what ends something, and notes for /readyz whether it came to be.
func (e ender) recorded(entry ledger.Entry, by policy.Subject, end func(func(state.Tx) error) error) error {
	entry.Purpose = by.Purpose
	entry.Subject = ledger.Subject{ID: by.ID, Organisation: by.Organisation, Client: by.Client}
	sealed, err := e.node.ledger.Seal(entry)
	if err != nil {
		return fmt.Errorf("the entry of an end: %w", err)
	}
	err = end(func(tx state.Tx) error {
		_, err := e.node.ledger.AppendSealed(tx, sealed)
		return err
	})
	e.node.metrics.appended(err)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	return nil
}
