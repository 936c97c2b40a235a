package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"
)

// CompareAndSet sets key to value where it now holds old; a nil old means the key must be absent, a nil value
// deletes. Otherwise it returns ErrConflict and changes nothing.
func CompareAndSet(tx Tx, key, old, value []byte) error {
	now, err := tx.Get(key)
	absent := errors.Is(err, ErrNotFound)
	switch {
	case err != nil && !absent:
		return err
	case absent != (old == nil), !bytes.Equal(now, old):
		return ErrConflict
	case value == nil:
		return tx.Delete(key)
	}
	return tx.Set(key, value)
}

const denyPrefix = "deny/"

func denyKey(key string) []byte { return []byte(denyPrefix + key) }

// Deny puts key (a token's jti, an agreement's id) on the denylist until the given instant. A later instant already
// there stays: denying again never shortens.
func Deny(tx Tx, key string, until time.Time) error {
	denied, err := Denied(tx, key, until.Add(-1))
	if err != nil || denied {
		return err
	}
	return tx.Set(denyKey(key), binary.BigEndian.AppendUint64(nil, uint64(until.UnixNano())))
}

// Denied reports whether key is denied at now. An error must be read as denied.
func Denied(tx ReadTx, key string, now time.Time) (bool, error) {
	value, err := tx.Get(denyKey(key))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return !expired(value, now), nil
}

// expired is false for anything that is not a well-formed instant in the past: fail closed.
func expired(value []byte, now time.Time) bool {
	if len(value) != 8 {
		return false
	}
	return int64(binary.BigEndian.Uint64(value)) <= now.UnixNano()
}

// ForgetDenied removes up to limit entries that no longer deny anything, and returns how many.
func ForgetDenied(tx Tx, now time.Time, limit int) (int, error) {
	var dead [][]byte
	err := tx.Iterate([]byte(denyPrefix), func(key, value []byte) error {
		if len(dead) == limit {
			return ErrStop
		}
		if expired(value, now) {
			dead = append(dead, key)
		}
		return nil
	})
	for _, key := range dead {
		if err == nil {
			err = tx.Delete(key)
		}
	}
	return len(dead), err
}
