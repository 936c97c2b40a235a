// Package ledger is the gateway's tamper-evident memory of what it decided: an append-only Merkle log (RFC 6962
// hashes, C2SP checkpoints, tiles and proofs) kept in package state, so that an entry and the budget it spends are
// one transaction.
//
//	receipt, err := log.Append(ctx, ledger.Entry{Kind: ledger.Answer, Subject: who, Digest: digest})
//	if err != nil {
//		return err // no receipt, no data
//	}
//
// Append returns only once the entry is durable. AppendTx does the same inside a caller's own state.Commit. A Receipt
// names the entry and its leaf hash; Prove makes a file that anybody can check with Verify, the log's public key and
// nothing else: no network, no access to the log.
//
// Entries hold pseudonyms, codes, counts and salted digests, never values. Each carries a nonce, so that a leaf hash
// tells nothing to who cannot read the entry.
//
// Not promised: that the log's operator shows everyone the same log. That takes witnesses who compare checkpoints;
// the formats here are theirs. Nor that a whole directory put back from an old copy is noticed, unless a checkpoint
// kept elsewhere is given to Open as Options.Known.
package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"concordat/state"

	"golang.org/x/mod/sumdb/note"
)

var (
	// ErrUnavailable: the entry or checkpoint could not be made durable. Callers release nothing.
	ErrUnavailable = errors.New("ledger unavailable")
	// ErrCorrupt: what is stored contradicts itself or the signed head.
	ErrCorrupt = errors.New("ledger corrupt")
	// ErrRollback: what is stored is older than, or not an extension of, a checkpoint that was signed.
	ErrRollback = errors.New("ledger rolled back")
	// ErrEntry: the entry cannot be recorded as it is: too large, without kind, or malformed.
	ErrEntry = errors.New("ledger: invalid entry")
	// ErrNoEntry: the log has no such index.
	ErrNoEntry = errors.New("ledger: no such entry")
)

// Options of a log. Origin, Signer and Verifier are required and must name the same key.
type Options struct {
	Origin   string           // C2SP origin line; equal to the key's name
	Signer   note.Signer      // signs checkpoints
	Verifier note.Verifier    // checks what is stored, at Open
	Now      func() time.Time // default time.Now
	Rand     io.Reader        // nonces; default crypto/rand
	Known    []byte           // a signed checkpoint kept elsewhere, which the log must extend; optional
}

// signEvery bounds how old the newest signed head can be while entries arrive.
const signEvery = time.Second

// Ledger is one log in one store. Safe for use by many goroutines; it starts none and needs no Close.
type Ledger struct {
	store    *state.Store
	origin   string
	signer   note.Signer
	verifier note.Verifier
	now      func() time.Time
	rand     io.Reader
	signed   atomic.Int64 // when a head was last signed, Unix nanoseconds; only paces signing
}

// Open checks what the store holds against its last signed head, and refuses it with ErrCorrupt or ErrRollback where
// they disagree. An empty store becomes an empty log.
func Open(store *state.Store, opts Options) (*Ledger, error) {
	l := &Ledger{store: store, origin: opts.Origin, signer: opts.Signer, verifier: opts.Verifier, now: opts.Now, rand: opts.Rand}
	if l.now == nil {
		l.now = time.Now
	}
	if l.rand == nil {
		l.rand = rand.Reader
	}
	if err := l.checkKeys(); err != nil {
		return nil, err
	}
	err := store.View(func(tx state.ReadTx) error { return l.checkStored(tx, opts.Known) })
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return l, nil
}

func (l *Ledger) checkKeys() error {
	if l.signer == nil || l.verifier == nil || l.origin == "" {
		return errors.New("ledger: origin, signer and verifier are required")
	}
	if l.signer.Name() != l.origin || l.verifier.Name() != l.origin || l.signer.KeyHash() != l.verifier.KeyHash() {
		return errors.New("ledger: origin, signer and verifier must name the same key")
	}
	return nil
}

// Origin is the log's name in receipts and checkpoints.
func (l *Ledger) Origin() string { return l.origin }

// Ready reports whether an Append can succeed now, without making one: for readiness probes.
func (l *Ledger) Ready() error {
	if err := l.store.Ready(); err != nil {
		return unavailable("ready", err)
	}
	return nil
}

// Receipt names an entry. Salt is filled in by whoever made the digest: the log keeps none. Only where the entry came
// without digest is it here already.
type Receipt struct {
	Origin string `json:"origin"`
	Index  int64  `json:"index"`
	Leaf   string `json:"leaf"`             // RFC 6962 leaf hash, base64
	Digest string `json:"digest,omitempty"` // as in the entry
	Salt   string `json:"salt,omitempty"`   // 32 bytes, base64
}

// Append records e and returns its receipt once it is durable. Every error means that nothing may be released; all
// but ErrEntry wrap ErrUnavailable.
func (l *Ledger) Append(ctx context.Context, e Entry) (Receipt, error) {
	s, err := l.Seal(e)
	if err != nil {
		return Receipt{}, err
	}
	var r Receipt
	err = l.store.Commit(ctx, func(tx state.Tx) error {
		r, err = l.AppendSealed(tx, s)
		return err
	})
	if err != nil {
		return Receipt{}, unavailable("append", err)
	}
	return r, nil
}

func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

// AppendTx is Append inside a caller's transaction: the receipt is worth nothing until that Commit has returned
// without error.
func (l *Ledger) AppendTx(tx state.Tx, e Entry) (Receipt, error) {
	s, err := l.Seal(e)
	if err != nil {
		return Receipt{}, err
	}
	return l.AppendSealed(tx, s)
}

// AppendSealed appends an entry that was sealed beforehand, so that encoding and hashing stay off the store's one
// writer. A Sealed may be tried again when its transaction failed.
func (l *Ledger) AppendSealed(tx state.Tx, s Sealed) (Receipt, error) {
	if s.data == nil {
		return Receipt{}, fmt.Errorf("%w: not sealed", ErrEntry)
	}
	n, err := readSize(tx)
	if err != nil {
		return Receipt{}, err
	}
	if err := writeRecord(tx, n, s); err != nil {
		return Receipt{}, err
	}
	if now := l.now().UnixNano(); now-l.signed.Load() >= int64(signEvery) {
		if _, err := l.signHead(tx, n+1); err != nil {
			return Receipt{}, err
		}
		l.signed.Store(now)
	}
	return Receipt{Origin: l.origin, Index: n, Leaf: s.leaf.String(), Digest: s.digest, Salt: s.salt}, nil
}
