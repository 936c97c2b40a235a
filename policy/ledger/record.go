package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"concordat/state"

	"golang.org/x/mod/sumdb/tlog"
)

// Keys in the store. A record n is its entry and the hashes that it completes: tlog stores those in one run, leaf
// first, so two keys hold a record and no hash is ever rewritten.
const (
	sizeKey     = "ledger/size"
	headKey     = "ledger/head" // the newest signed checkpoint
	entryPrefix = "ledger/e/"
	hashPrefix  = "ledger/h/"
)

func recordKey(prefix string, n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefix), uint64(n))
}

// readSize is the number of records: 0 where nothing was ever appended.
func readSize(tx state.ReadTx) (int64, error) {
	raw, err := tx.Get([]byte(sizeKey))
	if errors.Is(err, state.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(raw) != 8 || raw[0] > 0x7f {
		return 0, fmt.Errorf("%w: malformed size", ErrCorrupt)
	}
	return int64(binary.BigEndian.Uint64(raw)), nil
}

func readEntry(tx state.ReadTx, n int64) ([]byte, error) {
	raw, err := tx.Get(recordKey(entryPrefix, n))
	if errors.Is(err, state.ErrNotFound) {
		return nil, fmt.Errorf("%w: entry %d is missing", ErrCorrupt, n)
	}
	return raw, err
}

// hashCount is how many hashes record n completes: its leaf, and one for each subtree that ends with it.
func hashCount(n int64) int { return bits.TrailingZeros64(uint64(n)+1) + 1 }

func readHashes(tx state.ReadTx, n int64) ([]byte, error) {
	raw, err := tx.Get(recordKey(hashPrefix, n))
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return nil, err
	}
	if len(raw) != hashCount(n)*tlog.HashSize {
		return nil, fmt.Errorf("%w: hashes of entry %d are missing", ErrCorrupt, n)
	}
	return raw, nil
}

// hashReader reads tlog's stored hashes: hash k of level L was completed by record (k+1)*2^L - 1, as its L-th.
func hashReader(tx state.ReadTx) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			level, k := tlog.SplitStoredHashIndex(x)
			raw, err := readHashes(tx, (k+1)<<level-1)
			if err != nil {
				return nil, err
			}
			copy(out[i][:], raw[level*tlog.HashSize:])
		}
		return out, nil
	})
}

// writeRecord stages record n, its hashes and the new size.
func writeRecord(tx state.Tx, n int64, s Sealed) error {
	hashes, err := tlog.StoredHashesForRecordHash(n, s.leaf, hashReader(tx))
	if err != nil {
		return err
	}
	if err := tx.Set(recordKey(entryPrefix, n), s.data); err != nil {
		return err
	}
	if err := tx.Set(recordKey(hashPrefix, n), joinHashes(hashes)); err != nil {
		return err
	}
	return tx.Set([]byte(sizeKey), binary.BigEndian.AppendUint64(nil, uint64(n)+1))
}

func joinHashes(hashes []tlog.Hash) []byte {
	raw := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		raw = append(raw, h[:]...)
	}
	return raw
}
