// Package state is the gateway's durable memory: agreements, budgets, revocations and the ledger are keys in one
// store, so that what must happen together ("spent" and "logged") is one transaction.
//
// A Store has one writer. Commit queues a function; the writer runs every queued function in turn, each on its own
// staging area above what the ones before it wrote, and makes the whole batch durable with one fsync. Each caller
// hears the outcome only after that fsync. A function that returns an error changes nothing and disturbs no other.
//
//	err := store.Commit(ctx, func(tx state.Tx) error {
//		return state.CompareAndSet(tx, key, old, new)
//	})
//
// Functions run one at a time on the writer's goroutine: they must be short and must not wait for anything,
// least of all for another Commit.
//
// Not promised: several processes on one directory (Open refuses), isolation between two View calls, survival of a
// disk that lies about fsync, and secrecy of what is stored.
package state

import "errors"

var (
	// ErrUnavailable wraps every failure to read or write durably: disk full, broken or read-only, store closed.
	// Callers fail closed on it.
	ErrUnavailable = errors.New("state unavailable")
	// ErrInUse is an ErrUnavailable: another process holds the directory.
	ErrInUse = errors.New("the directory is in use by another process")
	// ErrNotFound is returned by Get for an absent key.
	ErrNotFound = errors.New("state: key not found")
	// ErrConflict is returned by CompareAndSet where the key does not hold the expected value.
	ErrConflict = errors.New("state: value changed")
	// ErrTooLarge is returned where one function stages more than a batch can hold.
	ErrTooLarge = errors.New("state: transaction too large")
	// ErrStop ends Iterate early without an error.
	ErrStop = errors.New("state: stop iterating")
)

// ReadTx reads one consistent snapshot. Slices handed out are the caller's own.
type ReadTx interface {
	// Get returns the value of key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Iterate calls fn for each key with the prefix, in byte order, until fn returns an error; ErrStop ends
	// quietly.
	Iterate(prefix []byte, fn func(key, value []byte) error) error
}

// Tx reads and writes. It sees its own writes, and is dead once its function has returned.
type Tx interface {
	ReadTx
	Set(key, value []byte) error
	Delete(key []byte) error
}
