package agreement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"concordat/state"
)

// Status says whether an agreement is in force. The zero value is Unknown, and only Active permits anything.
type Status uint8

const (
	Unknown Status = iota // no such agreement
	Active
	Revoked
	Expired
	NotYetValid
)

func (s Status) String() string {
	switch s {
	case Active:
		return "active"
	case Revoked:
		return "revoked"
	case Expired:
		return "expired"
	case NotYetValid:
		return "not yet valid"
	}
	return "unknown"
}

// ErrNotLoaded: the register has no agreements to answer from.
var ErrNotLoaded = errors.New("agreement: register not loaded")

// StatusPrefix begins the key of each agreement's status in the store, endedPrefix that of the end seen to have passed.
const (
	StatusPrefix = "agreement/status/"
	endedPrefix  = "agreement/ended/"
)

// Store is what a Register needs of the state store (*state.Store). Commit returns only when its writes are durable.
type Store interface {
	Commit(ctx context.Context, fn func(state.Tx) error) error
	View(fn func(state.ReadTx) error) error
}

// Revocation is one stored status.
type Revocation struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

// Register answers for the live status of agreements from memory: revocations are read once and written through.
// It is safe for concurrent use.
type Register struct {
	store Store
	now   func() time.Time
	set   atomic.Pointer[Set]

	mu      sync.RWMutex
	revoked map[string]Revocation
	ended   map[string]time.Time // the latest end that was seen to have passed: a clock set back does not undo it
}

// NewRegister reads the revocations from store. An entry that cannot be read is an error: taking it for "not
// revoked" would fail open.
func NewRegister(ctx context.Context, store Store, set *Set) (*Register, error) {
	r := &Register{store: store, now: time.Now, revoked: map[string]Revocation{}, ended: map[string]time.Time{}}
	r.set.Store(set)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("agreement register: %w", err)
	}
	err := store.View(func(tx state.ReadTx) error {
		return errors.Join(tx.Iterate([]byte(StatusPrefix), r.load), tx.Iterate([]byte(endedPrefix), r.loadEnd))
	})
	if err != nil {
		return nil, fmt.Errorf("agreement register: %w", err)
	}
	return r, nil
}

func (r *Register) load(key, value []byte) error {
	id := strings.TrimPrefix(string(key), StatusPrefix)
	var revocation Revocation
	if err := json.Unmarshal(value, &revocation); err != nil {
		return fmt.Errorf("status of %q: %w", id, err)
	}
	r.revoked[id] = revocation
	return nil
}

func (r *Register) loadEnd(key, value []byte) error {
	id := strings.TrimPrefix(string(key), endedPrefix)
	end, err := time.Parse(time.RFC3339Nano, string(value))
	if err != nil {
		return fmt.Errorf("end of %q: %w", id, err)
	}
	r.ended[id] = end
	return nil
}

// Use makes set the one whose validity dates count, when a snapshot with it becomes current.
func (r *Register) Use(set *Set) { r.set.Store(set) }

// Status says whether the agreement named id is in force at now. It costs three map look-ups and reads no disk. An end
// that was once seen to have passed has passed for good, also where now is earlier again: only a version that ends later
// is in force after it. The first such sight of an end is written down, for the next process.
func (r *Register) Status(ctx context.Context, id string, now time.Time) (Status, error) {
	if err := ctx.Err(); err != nil {
		return Unknown, err
	}
	set := r.set.Load()
	if set == nil {
		return Unknown, ErrNotLoaded
	}
	a, ok := set.Get(id)
	if !ok {
		return Unknown, nil
	}
	if _, revoked := r.Revocation(id); revoked {
		return Revoked, nil
	}
	return r.onward(ctx, a, a.statusAt(now)), nil
}

// onward keeps time from running backwards for an agreement.
func (r *Register) onward(ctx context.Context, a Agreement, s Status) Status {
	r.mu.RLock()
	passed := !a.ValidUntil.After(r.ended[a.ID])
	r.mu.RUnlock()
	switch {
	case passed:
		return Expired
	case s == Expired:
		r.markEnded(ctx, a)
	}
	return s
}

// markEnded holds in this process even where it cannot be written; the answer is Expired either way.
func (r *Register) markEnded(ctx context.Context, a Agreement) {
	r.mu.Lock()
	if a.ValidUntil.After(r.ended[a.ID]) {
		r.ended[a.ID] = a.ValidUntil
	}
	r.mu.Unlock()
	end := []byte(a.ValidUntil.UTC().Format(time.RFC3339Nano))
	_ = r.store.Commit(ctx, func(tx state.Tx) error { return tx.Set([]byte(endedPrefix+a.ID), end) })
}

func (a Agreement) statusAt(now time.Time) Status {
	switch {
	case now.Before(a.ValidFrom):
		return NotYetValid
	case !now.Before(a.ValidUntil):
		return Expired
	}
	return Active
}

// Revocation returns who revoked id, when and why; false where nobody did.
func (r *Register) Revocation(id string) (Revocation, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	revocation, ok := r.revoked[id]
	return revocation, ok
}

// Revoke ends the agreement named id for good, with effect on every Status that begins after the call has returned; a
// partner continues under a new agreement. id need not be loaded now: its file may come back with a later reload.
// with, where given, is done in the same transaction (the entry of the ledger): an error of either means that nothing
// was changed. A second revocation of the same id leaves the first one as it is.
func (r *Register) Revoke(ctx context.Context, id, by, reason string, with func(state.Tx) error) error {
	if !idPattern.MatchString(id) {
		return fmt.Errorf("revoke agreement: %q is not an agreement's id", id)
	}
	revocation := Revocation{By: by, Reason: reason, Time: r.now().UTC()}
	if first, ok := r.Revocation(id); ok {
		revocation = first
	}
	value, err := json.Marshal(revocation)
	if err != nil {
		return fmt.Errorf("revoke agreement %s: %w", id, err)
	}
	err = r.store.Commit(ctx, func(tx state.Tx) error {
		if with != nil {
			if err := with(tx); err != nil {
				return err
			}
		}
		key := []byte(StatusPrefix + id)
		if _, err := tx.Get(key); !errors.Is(err, state.ErrNotFound) {
			return err // the first one stays
		}
		return tx.Set(key, value)
	})
	if err != nil {
		return fmt.Errorf("revoke agreement %s: %w", id, err)
	}
	r.markRevoked(id, revocation)
	return nil
}

// markRevoked keeps the first revocation of an id.
func (r *Register) markRevoked(id string, revocation Revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.revoked[id]; !ok {
		r.revoked[id] = revocation
	}
}
