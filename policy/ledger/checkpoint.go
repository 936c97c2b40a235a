package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"concordat/state"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Head is what a checkpoint says: the log's name, its size and the root hash at that size.
type Head struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// text is the body of a C2SP tlog-checkpoint.
func (h Head) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", h.Origin, h.Size, h.Root)
}

// parseHead reads a checkpoint's body. Extension lines are refused: this log writes none.
func parseHead(text string) (Head, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Head{}, errors.New("malformed checkpoint")
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint size: %w", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint root: %w", err)
	}
	return Head{Origin: lines[0], Size: size, Root: root}, nil
}

// parseDecimal accepts a decimal without sign or leading zeroes.
func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, errors.New("not a plain decimal")
	}
	return n, nil
}

func parseHash(s string) (h tlog.Hash, err error) {
	raw, err := decodeStrict(s)
	if err != nil || len(raw) != len(h) {
		return h, errors.New("not a hash")
	}
	copy(h[:], raw)
	return h, nil
}

// OpenCheckpoint checks a signed checkpoint against the log's public key and returns what it says. Signatures by
// others (witnesses) may stand beside the log's and are not checked.
func OpenCheckpoint(checkpoint []byte, v note.Verifier) (Head, error) {
	n, err := note.Open(checkpoint, note.VerifierList(v))
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint: %w", err)
	}
	for _, sig := range n.Sigs {
		if _, err := decodeStrict(sig.Base64); err != nil {
			return Head{}, fmt.Errorf("checkpoint signature: %w", err)
		}
	}
	h, err := parseHead(n.Text)
	if err != nil {
		return Head{}, err
	}
	if h.Origin != v.Name() {
		return Head{}, errors.New("checkpoint of another log")
	}
	return h, nil
}

// ReadHead is what a checkpoint says, its signature unchecked: for who passes it on and leaves trust to others.
func ReadHead(checkpoint []byte) (Head, error) {
	body, _, ok := strings.Cut(string(checkpoint), "\n\n")
	if !ok {
		return Head{}, errors.New("malformed checkpoint")
	}
	return parseHead(body + "\n")
}

// signPatience bounds how long a checkpoint waits for the store.
const signPatience = 5 * time.Second

// Checkpoint is the newest signed head as a C2SP signed note. It covers every entry whose receipt was returned before
// the call: where the log has grown, it signs and stores a new head first.
func (l *Ledger) Checkpoint() ([]byte, error) {
	checkpoint, fresh, err := l.storedCheckpoint()
	if err != nil {
		return nil, unavailable("checkpoint", err)
	}
	if fresh {
		return checkpoint, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), signPatience)
	defer cancel()
	err = l.store.Commit(ctx, func(tx state.Tx) error {
		size, err := readSize(tx)
		if err != nil {
			return err
		}
		checkpoint, err = l.signHead(tx, size)
		return err
	})
	if err != nil {
		return nil, unavailable("checkpoint", err)
	}
	return checkpoint, nil
}

// storedCheckpoint is the stored head, and whether it covers the whole log.
func (l *Ledger) storedCheckpoint() (checkpoint []byte, fresh bool, err error) {
	err = l.store.View(func(tx state.ReadTx) error {
		size, err := readSize(tx)
		if err != nil {
			return err
		}
		checkpoint, err = readHead(tx)
		fresh = checkpoint != nil && storedHead(checkpoint).Size == size
		return err
	})
	return checkpoint, fresh, err
}

// readHead is the stored checkpoint, nil where there is none yet.
func readHead(tx state.ReadTx) ([]byte, error) {
	raw, err := tx.Get([]byte(headKey))
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	return raw, err
}

// storedHead reads our own stored checkpoint without checking its signature, which Open did. Size is -1 where it
// cannot be read: no log has that size, so a new head is signed.
func storedHead(checkpoint []byte) Head {
	h, err := ReadHead(checkpoint)
	if err != nil {
		return Head{Size: -1}
	}
	return h
}

// signHead stages a signed head of the given size. A stored head that is as large already stands: heads never shrink.
func (l *Ledger) signHead(tx state.Tx, size int64) ([]byte, error) {
	old, err := readHead(tx)
	if err != nil {
		return nil, err
	}
	if old != nil && storedHead(old).Size >= size {
		return old, nil
	}
	root, err := tlog.TreeHash(size, hashReader(tx))
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: Head{l.origin, size, root}.text()}, l.signer)
	if err != nil {
		return nil, err
	}
	return signed, tx.Set([]byte(headKey), signed)
}
