package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"concordat/federation"
	"concordat/policy"
	"concordat/state"
)

// newestPrefix is before the agency's name in the key of the time at which its newest bundle was signed.
const newestPrefix = "policy/newest/"

// signatures says which bundles are believed: those signed with the configured keys, and no older than what was in
// force before, also before a restart. nil where the configuration asks for no signatures.
func (n *Node) signatures() (*policy.Signatures, error) {
	if n.config.Bundles == nil {
		return nil, nil
	}
	newest := map[policy.AgencyID]time.Time{}
	err := n.store.View(func(tx state.ReadTx) error {
		return tx.Iterate([]byte(newestPrefix), func(key, value []byte) error {
			at, err := time.Parse(time.RFC3339, string(value))
			newest[policy.AgencyID(strings.TrimPrefix(string(key), newestPrefix))] = at
			return err
		})
	})
	if err != nil { // without it any bundle of the last months could come back
		return nil, fmt.Errorf("the newest bundles: %w", err)
	}
	return &policy.Signatures{Keys: n.config.Bundles.Keys, MaxAge: n.config.Bundles.MaxAge, Newest: newest}, nil
}

// keepNewest makes it durable, before a snapshot is in force, that its bundles were.
func (n *Node) keepNewest(ctx context.Context, s *federation.Snapshot) error {
	times := signed(s)
	if len(times) == 0 {
		return nil
	}
	err := n.store.Commit(ctx, func(tx state.Tx) error {
		for agency, at := range times {
			if err := raise(tx, []byte(newestPrefix+string(agency)), at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording the newest bundles: %w", err)
	}
	return nil
}

// signed is when each bundle of a snapshot was signed: the same rules signed anew are another version, since they
// count as younger.
func signed(s *federation.Snapshot) map[policy.AgencyID]time.Time {
	dated, ok := s.Policy.(interface {
		Signed() map[policy.AgencyID]time.Time
	})
	if !ok {
		return nil
	}
	return dated.Signed()
}

// raise writes a time where the key holds none, or an earlier one.
func raise(tx state.Tx, key []byte, at time.Time) error {
	value, err := tx.Get(key)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	if err == nil {
		before, err := time.Parse(time.RFC3339, string(value))
		if err != nil || !at.After(before) {
			return err
		}
	}
	return tx.Set(key, at.UTC().AppendFormat(nil, time.RFC3339))
}
