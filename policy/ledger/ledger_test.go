package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"concordat/state"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

func TestConcurrentAppendsGetDenseUniqueIndices(t *testing.T) {
	r := newRig(t)
	r.reopen(t, state.Options{Dir: t.TempDir()})
	var mu sync.Mutex
	var indices []int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 40 {
				receipt, err := r.Append(t.Context(), sample())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				indices = append(indices, receipt.Index)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(indices)
	for i, index := range indices {
		if int64(i) != index {
			t.Fatalf("index %d at place %d", index, i)
		}
	}
	if h, err := r.Audit(t.Context()); err != nil || h.Size != 640 {
		t.Errorf("audit: size %d, %v", h.Size, err)
	}
}

func TestReceiptNamesTheEntry(t *testing.T) {
	r := newRig(t)
	want := sample()
	receipt, err := r.Append(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Entries(t.Context(), receipt.Index, 1)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	got := found[0]
	if got.Leaf.String() != receipt.Leaf || receipt.Digest != want.Digest || receipt.Salt != "" || receipt.Origin != testOrigin {
		t.Errorf("receipt %+v for %s", receipt, got.Raw)
	}
	nonce, err := base64.StdEncoding.DecodeString(got.Entry.Nonce)
	if err != nil || len(nonce) != nonceBytes || !got.Entry.Time.Equal(r.now()) {
		t.Errorf("nonce %q, time %v", got.Entry.Nonce, got.Entry.Time)
	}
}

func TestEqualEntriesHaveDifferentLeaves(t *testing.T) {
	receipts := newRig(t).fill(t, 2)
	if receipts[0].Leaf == receipts[1].Leaf {
		t.Error("two leaves are equal: the nonce is missing")
	}
}

func TestEntryWithoutDigestGetsOneOfNull(t *testing.T) {
	r := newRig(t)
	e := sample()
	e.Kind, e.Digest = Refusal, ""
	receipt, err := r.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	e.Digest = receipt.Digest
	if err := VerifyAnswer(e, receipt.Salt, []byte("null")); err != nil {
		t.Error(err)
	}
}

func TestAppendInATransactionSharesItsFate(t *testing.T) {
	r := newRig(t)
	spent := func() bool {
		return r.store.View(func(tx state.ReadTx) error { _, err := tx.Get([]byte("spent")); return err }) == nil
	}
	abort := errors.New("revoked")
	spend := func(outcome error) error {
		return r.store.Commit(t.Context(), func(tx state.Tx) error {
			if err := tx.Set([]byte("spent"), []byte("1")); err != nil {
				return err
			}
			_, err := r.AppendTx(tx, sample())
			return errors.Join(err, outcome)
		})
	}
	if err := spend(abort); !errors.Is(err, abort) {
		t.Fatal(err)
	}
	if n, _ := r.Size(); n != 0 || spent() {
		t.Errorf("an aborted transaction left %d entries, spent %v", n, spent())
	}
	if err := spend(nil); err != nil {
		t.Fatal(err)
	}
	if n, _ := r.Size(); n != 1 || !spent() {
		t.Errorf("size %d, spent %v", n, spent())
	}
}

func TestFailingDiskGivesNoReceipt(t *testing.T) {
	r := newRig(t)
	r.fill(t, 3)
	r.failing.Store(true)
	if receipt, err := r.Append(t.Context(), sample()); !errors.Is(err, ErrUnavailable) || !errors.Is(err, state.ErrUnavailable) || receipt != (Receipt{}) {
		t.Errorf("append: %+v, %v", receipt, err)
	}
	if _, err := r.Checkpoint(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("checkpoint: %v", err)
	}
	if err := r.Ready(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	r.failing.Store(false)
	if err := r.Ready(); err != nil {
		t.Errorf("ready after the fault: %v", err)
	}
	if receipts := r.fill(t, 1); receipts[0].Index != 3 {
		t.Errorf("after the fault the index is %d", receipts[0].Index)
	}
	if _, err := r.Audit(t.Context()); err != nil {
		t.Error(err)
	}
	r.store.Close()
	if _, err := r.Append(t.Context(), sample()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("append to a closed store: %v", err)
	}
}

func TestFailingRandomnessGivesNoReceipt(t *testing.T) {
	r := newRig(t)
	r.rand = bytes.NewReader(nil)
	if _, err := r.Append(t.Context(), sample()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
}

func TestCancelledCallerGivesNoReceipt(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	receipt, err := r.Append(ctx, sample())
	if err == nil { // the writer may have been quicker than the cancellation: then it must be there
		if n, _ := r.Size(); n != receipt.Index+1 {
			t.Errorf("receipt %d without entry", receipt.Index)
		}
	} else if !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

func TestCheckpointCoversEveryReceipt(t *testing.T) {
	r := newRig(t)
	for n := int64(0); n < 20; n++ {
		checkpoint, err := r.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		h, err := OpenCheckpoint(checkpoint, r.verifier)
		if err != nil || h.Size != n || h.Origin != testOrigin {
			t.Fatalf("checkpoint %+v, %v, want size %d", h, err, n)
		}
		again, err := r.Checkpoint()
		if err != nil || !bytes.Equal(again, checkpoint) {
			t.Errorf("an unchanged log signed another head: %v", err)
		}
		r.fill(t, 1)
	}
}

func TestHeadIsSignedWhileEntriesArrive(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.fill(t, 3)
		r.clock.Add(2)
	}
	checkpoint, _, err := r.storedCheckpoint()
	if err != nil || storedHead(checkpoint).Size != 13 {
		t.Errorf("stored head covers %d of 15, %v; want 13", storedHead(checkpoint).Size, err)
	}
}

func TestHeadNeverShrinks(t *testing.T) {
	r := newRig(t)
	r.fill(t, 10)
	newest, err := r.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	r.tamper(t, func(tx state.Tx) error {
		kept, err := r.signHead(tx, 3)
		if !bytes.Equal(kept, newest) {
			t.Error("a smaller head was signed")
		}
		return err
	})
}

func TestCheckpointOfAnotherOriginUnderOurKeyIsRefused(t *testing.T) {
	r := newRig(t)
	for _, text := range []string{
		Head{Origin: "other.example/log"}.text(),
		Head{Origin: testOrigin, Size: -1}.text(),
		Head{Origin: testOrigin}.text() + "extension\n",
		testOrigin + "\n01\n" + Head{}.Root.String() + "\n",
		testOrigin + "\n1\nAAAA\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, r.signer)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := OpenCheckpoint(signed, r.verifier); err == nil {
			t.Errorf("%q is read as %+v", text, h)
		}
	}
}

func TestReopenedLogContinues(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	for round := range 3 {
		r.reopen(t, state.Options{Dir: dir})
		if receipts := r.fill(t, 7); receipts[0].Index != int64(7*round) {
			t.Fatalf("round %d begins at %d", round, receipts[0].Index)
		}
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r.reopen(t, state.Options{Dir: dir})
	if h, err := r.Audit(t.Context()); err != nil || h.Size != 21 {
		t.Errorf("audit %+v, %v", h, err)
	}
}

func TestTamperedStoreIsRefusedAtOpen(t *testing.T) {
	flip := func(key []byte) func(state.Tx) error {
		return func(tx state.Tx) error {
			v, err := tx.Get(key)
			if err != nil {
				return err
			}
			v[len(v)/2] ^= 1
			return tx.Set(key, v)
		}
	}
	remove := func(key []byte) func(state.Tx) error { return func(tx state.Tx) error { return tx.Delete(key) } }
	size := func(n byte) func(state.Tx) error {
		return func(tx state.Tx) error { return tx.Set([]byte(sizeKey), []byte{0, 0, 0, 0, 0, 0, 0, n}) }
	}
	for name, c := range map[string]struct {
		change func(state.Tx) error
		err    error
	}{
		"entry changed":            {flip(recordKey(entryPrefix, 5)), ErrCorrupt},
		"newest entry changed":     {flip(recordKey(entryPrefix, 9)), ErrCorrupt},
		"entry removed":            {remove(recordKey(entryPrefix, 5)), ErrCorrupt},
		"hash changed":             {flip(recordKey(hashPrefix, 7)), ErrCorrupt},
		"hashes removed":           {remove(recordKey(hashPrefix, 4)), ErrCorrupt},
		"head removed":             {remove([]byte(headKey)), ErrCorrupt},
		"head's signature changed": {flip([]byte(headKey)), ErrCorrupt},
		"size lowered":             {size(9), ErrRollback},
		"size raised":              {size(11), ErrCorrupt},
		"size malformed":           {func(tx state.Tx) error { return tx.Set([]byte(sizeKey), []byte("x")) }, ErrCorrupt},
		"size and head removed":    {func(tx state.Tx) error { return errors.Join(tx.Delete([]byte(sizeKey)), tx.Delete([]byte(headKey))) }, ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.fill(t, 10)
			if _, err := r.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(r.store, r.opts); err != nil {
				t.Fatalf("untouched: %v", err)
			}
			r.tamper(t, c.change)
			if _, err := Open(r.store, r.opts); !errors.Is(err, c.err) {
				t.Errorf("open: %v, want %v", err, c.err)
			}
		})
	}
}

func TestRewrittenHistoryIsRefusedByACheckpointKeptElsewhere(t *testing.T) {
	honest, forged := newRig(t), newRig(t)
	honest.fill(t, 10)
	known, err := honest.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	opts := honest.opts
	opts.Known = known
	if _, err := Open(honest.store, opts); err != nil {
		t.Errorf("honest log: %v", err)
	}
	forged.opts.Signer, forged.opts.Verifier = opts.Signer, opts.Verifier // the operator has the key
	forged.reopen(t, state.Options{InMemory: true})
	for _, n := range []int{4, 20} { // shorter, and longer but different
		forged.fill(t, n)
		if _, err := Open(forged.store, opts); !errors.Is(err, ErrRollback) {
			t.Errorf("forged log: %v, want ErrRollback", err)
		}
	}
}

func TestAuditFindsAnOldEntryChanged(t *testing.T) {
	r := newRig(t)
	r.fill(t, recheck+50)
	r.tamper(t, func(tx state.Tx) error { return tx.Set(recordKey(entryPrefix, 3), []byte(`{}`)) })
	if _, err := r.Audit(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("audit: %v, want ErrCorrupt", err)
	}
}

func TestKeyMustMatchOrigin(t *testing.T) {
	r := newRig(t)
	other := newRig(t)
	for name, spoil := range map[string]func(*Options){
		"origin":   func(o *Options) { o.Origin = "other" },
		"verifier": func(o *Options) { o.Verifier = other.verifier },
		"none":     func(o *Options) { o.Signer = nil },
	} {
		opts := r.opts
		spoil(&opts)
		if _, err := Open(r.store, opts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSearchFindsNewestFirst(t *testing.T) {
	r := newRig(t)
	for i := range 30 {
		e := sample()
		e.Subject.ID = fmt.Sprint("s", i%3)
		e.Kind, e.Code = Refusal, "FORBIDDEN"
		if i%2 == 0 {
			e.Kind, e.Code, e.Errors, e.Agreement = Answer, "", nil, "a-2"
			e.Coordinates = []string{"Road.id"}
		}
		if _, err := r.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		r.clock.Add(1)
	}
	indices := func(f Filter) (out []int64) {
		found, err := r.Search(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range found {
			out = append(out, rec.Index)
		}
		return out
	}
	start := r.now().Add(-30e9)
	for _, c := range []struct {
		f    Filter
		want []int64
	}{
		{Filter{Limit: 3}, []int64{29, 28, 27}},
		{Filter{Limit: 2, Before: 27}, []int64{26, 25}},
		{Filter{Subject: "s0", Limit: 2}, []int64{27, 24}},
		{Filter{Kind: Refusal, Subject: "s0", Limit: 2}, []int64{27, 21}},
		{Filter{Agreement: "a-2", Coordinate: "Road.id", Limit: 2}, []int64{28, 26}},
		{Filter{Coordinate: "Patient.region", Code: "FORBIDDEN", Limit: 1}, []int64{29}},
		{Filter{Since: start.Add(28e9)}, []int64{29, 28}},
		{Filter{Until: start.Add(2e9)}, []int64{1, 0}},
		{Filter{RequestID: "other"}, nil},
	} {
		if got := indices(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%+v = %v, want %v", c.f, got, c.want)
		}
	}
}

func TestSearchPassesOverNothingThatMatches(t *testing.T) {
	r := newRig(t)
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		for _, s := range []*string{&e.Subject.ID, &e.Agreement, &e.RequestID, &e.Code} {
			*s = strings.ToValidUTF8(*s, "\uFFFD")
		}
		s, err := r.Seal(e)
		if err != nil {
			t.Fatal(err)
		}
		f := Filter{Kind: e.Kind, Subject: e.Subject.ID, Agreement: e.Agreement, RequestID: e.RequestID, Code: e.Code}
		if !f.Match(&e) || !f.mayMatch(s.data) {
			t.Fatalf("%+v passes over %s", f, s.data)
		}
	})
}

func TestVerifyAnswerComparesCanonicalData(t *testing.T) {
	salt := [32]byte{1, 2, 3}
	e := Entry{Digest: Digest([]byte(`{"a":[1,"é"],"b":null}`), salt)}
	if err := VerifyAnswer(e, EncodeSalt(salt), []byte(` { "b":null, "a":[1.0,"\u00e9"] } `)); err != nil {
		t.Error(err)
	}
	other := salt
	other[0] ^= 1
	for name, err := range map[string]error{
		"other data": VerifyAnswer(e, EncodeSalt(salt), []byte(`{"a":[2,"é"],"b":null}`)),
		"other salt": VerifyAnswer(e, EncodeSalt(other), []byte(`{"a":[1,"é"],"b":null}`)),
		"short salt": VerifyAnswer(e, "AA==", []byte(`{"a":[1,"é"],"b":null}`)),
		"no digest":  VerifyAnswer(Entry{}, EncodeSalt(salt), []byte(`null`)),
		"not JSON":   VerifyAnswer(e, EncodeSalt(salt), []byte(`{`)),
	} {
		if !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v, want ErrAnswer", name, err)
		}
	}
}

func TestReceiptHasTheContractsNames(t *testing.T) {
	raw, err := json.Marshal(Receipt{Origin: "o", Index: 0, Leaf: "l", Digest: "d", Salt: "s"})
	if want := `{"origin":"o","index":0,"leaf":"l","digest":"d","salt":"s"}`; err != nil || string(raw) != want {
		t.Errorf("%s, %v", raw, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			r := newRig(b)
			r.reopen(b, state.Options{Dir: b.TempDir()})
			var last atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(writers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					receipt, err := r.Append(context.Background(), sample())
					if err != nil {
						b.Error(err)
					}
					last.Store(receipt.Index)
				}
			})
		})
	}
}
