package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"concordat/state"

	"golang.org/x/mod/sumdb/tlog"
)

// recheck is how many of the newest entries Open hashes again even where a signed head covers them.
const recheck = 256

// checkStored holds what is stored to the signed head, and to a checkpoint kept elsewhere where there is one.
func (l *Ledger) checkStored(tx state.ReadTx, known []byte) error {
	size, err := readSize(tx)
	if err != nil {
		return err
	}
	checkpoint, err := readHead(tx)
	if err != nil {
		return err
	}
	signed := int64(0)
	switch {
	case checkpoint != nil:
		if signed, err = l.checkHead(tx, checkpoint, size); err != nil {
			return err
		}
	case size > 0: // the first append signs: a log without a head was tampered with
		return fmt.Errorf("%w: no signed head", ErrCorrupt)
	}
	if known != nil {
		if _, err := l.checkHead(tx, known, size); err != nil {
			return fmt.Errorf("checkpoint kept elsewhere: %w", err)
		}
	}
	if _, err := tx.Get(recordKey(entryPrefix, size)); !errors.Is(err, state.ErrNotFound) {
		return errors.Join(fmt.Errorf("%w: entries beyond the size", ErrCorrupt), err)
	}
	return l.rehash(tx, max(0, min(signed, size-recheck)), size)
}

// checkHead checks that the log of the given size extends a signed checkpoint, and returns that one's size.
func (l *Ledger) checkHead(tx state.ReadTx, checkpoint []byte, size int64) (int64, error) {
	h, err := OpenCheckpoint(checkpoint, l.verifier)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if h.Size > size {
		return 0, fmt.Errorf("%w: %d entries were signed, %d are stored", ErrRollback, h.Size, size)
	}
	root, err := tlog.TreeHash(h.Size, hashReader(tx))
	if err != nil {
		return 0, err
	}
	if root != h.Root {
		return 0, fmt.Errorf("%w: the root at size %d is not the signed one", ErrRollback, h.Size)
	}
	return h.Size, nil
}

// rehash recomputes the hashes of entries [from, to) and compares them with the stored ones.
func (l *Ledger) rehash(tx state.ReadTx, from, to int64) error {
	for n := from; n < to; n++ {
		data, err := readEntry(tx, n)
		if err != nil {
			return err
		}
		stored, err := readHashes(tx, n)
		if err != nil {
			return err
		}
		hashes, err := tlog.StoredHashes(n, data, hashReader(tx))
		if err != nil {
			return err
		}
		if !bytes.Equal(stored, joinHashes(hashes)) {
			return fmt.Errorf("%w: entry %d does not match its hash", ErrCorrupt, n)
		}
	}
	return nil
}

// Audit hashes every entry again and compares the root with a fresh checkpoint: what Open does for the newest
// entries, for all of them. It returns the head that was confirmed.
func (l *Ledger) Audit(ctx context.Context) (Head, error) {
	checkpoint, err := l.Checkpoint()
	if err != nil {
		return Head{}, err
	}
	h, err := OpenCheckpoint(checkpoint, l.verifier)
	if err != nil {
		return Head{}, err
	}
	for from := int64(0); from < h.Size; from += recheck {
		if err := ctx.Err(); err != nil {
			return Head{}, err
		}
		to := min(from+recheck, h.Size)
		if err := l.store.View(func(tx state.ReadTx) error { return l.rehash(tx, from, to) }); err != nil {
			return Head{}, err
		}
	}
	return h, l.store.View(func(tx state.ReadTx) error {
		_, err := l.checkHead(tx, checkpoint, h.Size)
		return err
	})
}
