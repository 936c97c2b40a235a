package ledger

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"concordat/state"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

func TestProofVerifiesOffline(t *testing.T) {
	r := newRig(t)
	receipts := r.fill(t, 23)
	for _, receipt := range receipts {
		file, err := r.Prove(t.Context(), receipt.Index)
		if err != nil {
			t.Fatal(err)
		}
		e, got, err := Verify(file, r.vkey+"\n")
		if err != nil || got != receipt || e.Rows["Patient"] != int(receipt.Index) {
			t.Fatalf("verify: %+v, %v, want %+v", got, err, receipt)
		}
	}
	for _, index := range []int64{-1, 23, 1 << 62} {
		if _, err := r.Prove(t.Context(), index); !errors.Is(err, ErrNoEntry) {
			t.Errorf("prove %d: %v, want ErrNoEntry", index, err)
		}
	}
}

func TestEveryAlteredByteOfAProofIsRefused(t *testing.T) {
	r := newRig(t)
	r.fill(t, 6)
	file, err := r.Prove(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		for _, c := range []byte{file[i] ^ 1, file[i] ^ 0x20, file[i] + 1, 'A', '0', '\n', '\r', ' ', '='} {
			if c == file[i] {
				continue
			}
			altered := bytes.Clone(file)
			altered[i] = c
			if _, _, err := Verify(altered, r.vkey); !errors.Is(err, ErrProof) {
				t.Fatalf("byte %d as %q: %v, want ErrProof\n%s", i, c, err, altered)
			}
		}
		shorter := append(bytes.Clone(file[:i]), file[i+1:]...)
		if _, _, err := Verify(shorter, r.vkey); !errors.Is(err, ErrProof) {
			t.Fatalf("without byte %d: %v, want ErrProof", i, err)
		}
	}
}

func TestProofUnderAnotherKeyIsRefused(t *testing.T) {
	r, other := newRig(t), newRig(t)
	r.fill(t, 2)
	file, err := r.Prove(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{other.vkey, "", "nonsense", strings.Replace(r.vkey, "ledger", "Ledger", 1)} {
		if _, _, err := Verify(file, key); !errors.Is(err, ErrProof) {
			t.Errorf("key %q: %v, want ErrProof", key, err)
		}
	}
}

func TestProofBeyondItsCheckpointIsRefused(t *testing.T) {
	r := newRig(t)
	r.fill(t, 2)
	file, err := r.Prove(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseProof(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int64{-1, 0, 2, 1 << 62} {
		p.Index = index
		if _, _, err := p.Verify(r.verifier); !errors.Is(err, ErrProof) {
			t.Errorf("index %d: %v, want ErrProof", index, err)
		}
	}
}

// Every proof of a log of 130 entries, and every extension of it, is checked by an implementation that is not ours.
func TestProofsVerifyWithTransparencyDevMerkle(t *testing.T) {
	r := newRig(t)
	var roots []tlog.Hash
	for n := range int64(130) {
		r.fill(t, 1)
		checkpoint, err := r.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		h, err := OpenCheckpoint(checkpoint, r.verifier)
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, h.Root)
		for from := int64(1); from <= n+1; from += 1 + n/16 {
			path, _, err := r.ProveExtension(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), uint64(n+1), raw(path), roots[from-1][:], h.Root[:]); err != nil {
				t.Fatalf("extension %d to %d: %v", from, n+1, err)
			}
		}
	}
	for n := range int64(130) {
		file, err := r.Prove(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParseProof(file)
		if err != nil {
			t.Fatal(err)
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(p.Entry)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(n), 130, leaf, raw(p.Path), roots[129][:]); err != nil {
			t.Fatalf("inclusion of %d: %v", n, err)
		}
	}
}

func raw(path []tlog.Hash) (out [][]byte) {
	for _, h := range path {
		out = append(out, h[:])
	}
	return out
}

func TestUnavailableStoreGivesNoProof(t *testing.T) {
	r := newRig(t)
	r.fill(t, 2)
	if _, err := r.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	r.tamper(t, func(tx state.Tx) error { return tx.Delete(recordKey(hashPrefix, 0)) })
	if _, err := r.Prove(t.Context(), 1); !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrCorrupt) {
		t.Errorf("prove: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	r := newRig(f)
	if _, err := r.Append(f.Context(), sample()); err != nil {
		f.Fatal(err)
	}
	file, err := r.Prove(f.Context(), 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(proofHeader + "extra e30=\nindex 0\n\norigin\n1\nAAAA\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if p, err := ParseProof(in); err == nil && !bytes.Equal(p.Format(), in) {
			t.Errorf("parsed, but not what Format writes: %q", in)
		}
		if _, _, err := Verify(in, r.vkey); err == nil && !bytes.HasPrefix(in, file) {
			t.Errorf("forged: %q", in)
		}
	})
}
