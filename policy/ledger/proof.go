package ledger

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"concordat/state"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrProof: the proof does not prove what it claims.
var ErrProof = errors.New("ledger: invalid proof")

// Proof is a C2SP tlog-proof: an entry, its index, the path to the root and the checkpoint that signs the root.
type Proof struct {
	Entry      []byte // canonical form, as hashed; carried as the file's extra data
	Index      int64
	Path       []tlog.Hash
	Checkpoint []byte
}

const proofHeader = "c2sp.org/tlog-proof@v1\n"

// Format writes the proof as one file.
func (p Proof) Format() []byte {
	var b strings.Builder
	b.WriteString(proofHeader)
	fmt.Fprintf(&b, "extra %s\n", base64.StdEncoding.EncodeToString(p.Entry))
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Path {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return []byte(b.String())
}

// ParseProof reads a proof file and checks its form only. It accepts exactly what Format writes.
func ParseProof(file []byte) (Proof, error) {
	head, checkpoint, ok := strings.Cut(string(file), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || lines[0]+"\n" != proofHeader {
		return Proof{}, fmt.Errorf("%w: not a tlog-proof file", ErrProof)
	}
	p := Proof{Checkpoint: []byte(checkpoint)}
	extra, okExtra := strings.CutPrefix(lines[1], "extra ")
	index, okIndex := strings.CutPrefix(lines[2], "index ")
	if !okExtra || !okIndex {
		return Proof{}, fmt.Errorf("%w: no entry or index line", ErrProof)
	}
	var err error
	if p.Entry, err = decodeStrict(extra); err != nil {
		return Proof{}, fmt.Errorf("%w: entry: %w", ErrProof, err)
	}
	if p.Index, err = parseDecimal(index); err != nil {
		return Proof{}, fmt.Errorf("%w: index: %w", ErrProof, err)
	}
	for _, line := range lines[3:] {
		h, err := parseHash(line)
		if err != nil {
			return Proof{}, fmt.Errorf("%w: path: %w", ErrProof, err)
		}
		p.Path = append(p.Path, h)
	}
	return p, nil
}

// Verify checks a proof file with nothing but the log's public key (a C2SP note verifier key), and returns the entry
// that is proved and a receipt for it. Every error wraps ErrProof.
func Verify(proof []byte, verifierKey string) (Entry, Receipt, error) {
	v, err := note.NewVerifier(strings.TrimSpace(verifierKey))
	if err != nil {
		return Entry{}, Receipt{}, fmt.Errorf("%w: malformed verifier key", ErrProof)
	}
	p, err := ParseProof(proof)
	if err != nil {
		return Entry{}, Receipt{}, err
	}
	return p.Verify(v)
}

// Verify checks the signature on the checkpoint and the path from the entry to its root.
func (p Proof) Verify(v note.Verifier) (Entry, Receipt, error) {
	h, err := OpenCheckpoint(p.Checkpoint, v)
	if err != nil {
		return Entry{}, Receipt{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	leaf := tlog.RecordHash(p.Entry)
	if err := tlog.CheckRecord(tlog.RecordProof(p.Path), h.Size, h.Root, p.Index, leaf); err != nil {
		return Entry{}, Receipt{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	var e Entry
	if err := json.Unmarshal(p.Entry, &e); err != nil {
		return Entry{}, Receipt{}, fmt.Errorf("%w: entry is not JSON of a known form", ErrProof)
	}
	return e, Receipt{Origin: h.Origin, Index: p.Index, Leaf: leaf.String(), Digest: e.Digest}, nil
}

// Prove makes the proof file of one entry against a checkpoint that covers it.
func (l *Ledger) Prove(ctx context.Context, index int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := Proof{Index: index}
	var err error
	if p.Checkpoint, err = l.Checkpoint(); err != nil {
		return nil, err
	}
	size := storedHead(p.Checkpoint).Size
	if index < 0 || index >= size {
		return nil, ErrNoEntry
	}
	err = l.store.View(func(tx state.ReadTx) error {
		if p.Entry, err = readEntry(tx, index); err != nil {
			return err
		}
		p.Path, err = tlog.ProveRecord(size, index, hashReader(tx))
		return err
	})
	if err != nil {
		return nil, unavailable("prove", err)
	}
	return p.Format(), nil
}

// ProveExtension is the RFC 6962 consistency proof from an older size to the newest checkpoint: what a witness or an
// auditor asks for before trusting it.
func (l *Ledger) ProveExtension(ctx context.Context, from int64) (path []tlog.Hash, checkpoint []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if checkpoint, err = l.Checkpoint(); err != nil {
		return nil, nil, err
	}
	size := storedHead(checkpoint).Size
	if from < 1 || from > size {
		return nil, nil, ErrNoEntry
	}
	err = l.store.View(func(tx state.ReadTx) error {
		path, err = tlog.ProveTree(size, from, hashReader(tx))
		return err
	})
	if err != nil {
		return nil, nil, unavailable("prove", err)
	}
	return path, checkpoint, nil
}
