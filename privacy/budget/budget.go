// Package budget is the durable account of what privacy has been spent, per agreement and dataset. Spending happens
// inside a caller's own state transaction, before noise is drawn, so that a spend and the entry about it stand or fall
// together:
//
//	err := store.Commit(ctx, func(tx state.Tx) (err error) {
//		spent, err = budget.Spend(tx, session, []budget.Cost{{Account: account, Epsilon: 500_000}})
//		return err
//	})
//
// A [Spent] is the proof that it happened; only Spend makes one. Spending is idempotent by its id, and never given
// back: a session that fails after a share was released has spent. Costs simply add up (pure epsilon, basic
// composition): never too little, often more than a tighter accountant would charge.
package budget

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"concordat/state"
)

var (
	// ErrExhausted: one of the accounts has not that much left. Nothing was spent.
	ErrExhausted = errors.New("privacy budget exhausted")
	// ErrConflict: the id was spent before, for other costs.
	ErrConflict = errors.New("budget: id already used for another spend")
	// ErrInvalid: no id, no costs, or a cost that is not positive.
	ErrInvalid = errors.New("budget: invalid spend")
)

// Epsilon in millionths, so that sums are exact.
type Epsilon int64

// Per is the epsilon num/den, rounded up.
func Per(num, den int64) (Epsilon, error) {
	if num < 1 || den < 1 || num > math.MaxInt64/1_000_000-den {
		return 0, ErrInvalid
	}
	return Epsilon((num*1_000_000 + den - 1) / den), nil
}

// Account is what has a budget of its own.
type Account struct {
	Agreement string `json:"agreement"`
	Dataset   string `json:"dataset"`
}

// Delta is the account of what may be spent of delta beside an account's epsilon, as some mechanisms do. Deltas add up as
// epsilons do; where this account holds them they are counted in Trillionths.
func (a Account) Delta() Account { return Account{a.Agreement, a.Dataset + "\x00delta"} }

// Trillionths of a delta of 10^-exponent, rounded up.
func Trillionths(exponent int) Epsilon {
	n := Epsilon(1)
	for range 12 - exponent {
		n *= 10
	}
	return n
}

// Cost is a charge to one account.
type Cost struct {
	Account
	Epsilon Epsilon `json:"epsilon"`
}

// Spent proves a durable spend once the transaction it was made in is committed. The zero value proves nothing.
type Spent struct {
	id    string
	costs []Cost
}

// Valid is false for the zero value.
func (s Spent) Valid() bool { return s.id != "" }

// ID is what was spent for.
func (s Spent) ID() string { return s.id }

// Epsilon is what was charged to an account.
func (s Spent) Epsilon(a Account) Epsilon {
	var sum Epsilon
	for _, c := range s.costs {
		if c.Account == a {
			sum += c.Epsilon
		}
	}
	return sum
}

// Keys hash names, so that no name of one account is the beginning of another's key.
func (a Account) key(kind string) []byte { return hashed(kind, a.Agreement, a.Dataset) }

func hashed(kind string, parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum([]byte("budget/" + kind + "/"))
}

// Allow sets the whole allowance of an account; what is spent already counts against it.
func Allow(tx state.Tx, a Account, total Epsilon) error {
	if total < 0 {
		return ErrInvalid
	}
	return put(tx, a.key("allowed"), total)
}

// Remaining is what an account has left. An account that was never allowed anything has nothing.
func Remaining(tx state.ReadTx, a Account) (Epsilon, error) {
	allowed, err := get(tx, a.key("allowed"))
	if err != nil {
		return 0, err
	}
	spent, err := get(tx, a.key("spent"))
	return max(0, allowed-spent), err
}

// Spend charges all costs or none. The same id with the same costs charges once.
func Spend(tx state.Tx, id string, costs []Cost) (Spent, error) {
	if err := check(id, costs); err != nil {
		return Spent{}, err
	}
	record, err := json.Marshal(costs)
	if err != nil {
		return Spent{}, err
	}
	before, err := tx.Get(hashed("id", id))
	switch {
	case err == nil && string(before) == string(record):
		return Spent{id, costs}, nil
	case err == nil:
		return Spent{}, ErrConflict
	case !errors.Is(err, state.ErrNotFound):
		return Spent{}, err
	}
	if err := chargeAll(tx, costs); err != nil {
		return Spent{}, err
	}
	return Spent{id, append([]Cost(nil), costs...)}, tx.Set(hashed("id", id), record)
}

func check(id string, costs []Cost) error {
	if id == "" || len(costs) == 0 {
		return ErrInvalid
	}
	for _, c := range costs {
		if c.Epsilon < 1 || c.Epsilon > math.MaxInt64/4 {
			return ErrInvalid
		}
	}
	return nil
}

// chargeAll relies on the transaction to undo the first charges where a later one is refused.
func chargeAll(tx state.Tx, costs []Cost) error {
	for _, c := range costs {
		left, err := Remaining(tx, c.Account)
		if err != nil {
			return err
		}
		if left < c.Epsilon {
			return ErrExhausted
		}
		spent, err := get(tx, c.key("spent"))
		if err != nil {
			return err
		}
		if err := put(tx, c.key("spent"), spent+c.Epsilon); err != nil {
			return err
		}
	}
	return nil
}

func put(tx state.Tx, key []byte, e Epsilon) error {
	return tx.Set(key, binary.BigEndian.AppendUint64(nil, uint64(e)))
}

func get(tx state.ReadTx, key []byte) (Epsilon, error) {
	value, err := tx.Get(key)
	if errors.Is(err, state.ErrNotFound) {
		return 0, nil
	}
	if err == nil && len(value) != 8 {
		err = fmt.Errorf("budget: %w: malformed account", state.ErrUnavailable)
	}
	if err != nil {
		return 0, err
	}
	return Epsilon(binary.BigEndian.Uint64(value)), nil
}
