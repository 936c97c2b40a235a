package secagg_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"concordat/privacy/secagg"
)

// hostile are the inputs that made the library's own decoder crash, panic or accept nonsense, as bytes of a ciphertext
// block: facts of lattigo v6.2.0 (truncation overflows its stack).
func hostile() map[string][]byte {
	good := secagg.ZeroBlock(secagg.CiphertextKind)
	set := func(at int, v uint64) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint64(b[at:], v)
		return b
	}
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	const q0 = 1152921504606830593
	out := map[string][]byte{
		"empty": {}, "header only": good[:8], "truncated": good[:len(good)/2], "one byte short": good[:len(good)-1],
		"trailing byte": append(bytes.Clone(good), 0), "twice": append(bytes.Clone(good), good...),
		"degree 0 (one polynomial)": secagg.ZeroBlock(secagg.CiphertextKind + 1), "no polynomials": good[:8:8],
		"degree 2^62": set(8, 1<<62), "residue 2^64-1": set(8, 1<<64-1), "residue q": set(8, q0), "residue 2^63": set(len(good)-8, 1<<63),
		"residue 2^63+q-1": set(8, 1<<63+q0-1), "residue q of the last prime": set(len(good)-8, 1152921504606683137),
		"another ring degree": append([]byte("CSA1A\x03\x02\x0c"), make([]byte, (len(good)-8)/2)...), "another set": append([]byte("CSA1B\x03\x02\x0d"), good[8:]...),
		"the library's format": append([]byte(`{"PlaintextMetaData":{"Scale":`), good...),
	}
	for i := range 8 {
		out["header bit "+string(rune('0'+i))] = flip(i)
	}
	return out
}

func TestHostileBlocksAreRefused(t *testing.T) {
	for name, b := range hostile() {
		if _, err := secagg.ReadBlock(secagg.CiphertextKind, b); !errors.Is(err, secagg.ErrWire) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := secagg.ZeroBlock(secagg.CiphertextKind)
	binary.LittleEndian.PutUint64(good[8:], 1152921504606830592) // q-1, the largest residue
	if b, err := secagg.ReadBlock(secagg.CiphertextKind, good); err != nil || !bytes.Equal(b, good) {
		t.Error("the largest residue is refused:", err)
	}
}

func TestBlockOfOneKindIsNoOtherKind(t *testing.T) {
	for kind := range secagg.BlockKinds() {
		for other := range secagg.BlockKinds() {
			if _, err := secagg.ReadBlock(other, secagg.ZeroBlock(kind)); (err == nil) != (kind == other) {
				t.Errorf("kind %d read as %d: %v", kind, other, err)
			}
		}
	}
}

// FuzzReadBlock: what is accepted is exactly what would be written.
func FuzzReadBlock(f *testing.F) {
	for _, b := range hostile() {
		f.Add(secagg.CiphertextKind, b)
	}
	for kind := range secagg.BlockKinds() {
		f.Add(kind, secagg.ZeroBlock(kind))
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		again, err := secagg.ReadBlock(kind, b)
		if err == nil && !bytes.Equal(again, b) {
			t.Fatal("read and written differ")
		}
		if err != nil && !errors.Is(err, secagg.ErrWire) {
			t.Fatal(err)
		}
	})
}

// FuzzParseMessage: one encoding per message.
func FuzzParseMessage(f *testing.F) {
	for _, m := range []secagg.Message{
		{Kind: secagg.KindHello, From: "east", Body: make([]byte, 40)}, {Kind: secagg.KindDeal, From: "east", To: "west"},
		{Kind: secagg.KindRelease, From: "n", Bind: [32]byte{1}},
	} {
		f.Add(m.Marshal())
	}
	for _, b := range hostile() {
		f.Add(b[:min(len(b), 4096)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := secagg.ParseMessage(b)
		if err == nil && !bytes.Equal(m.Marshal(), b) {
			t.Fatal("parsed and encoded differ")
		}
	})
}

// FuzzParseQuestion: what is accepted is canonical, can be laid out, and fits the slots.
func FuzzParseQuestion(f *testing.F) {
	for _, m := range question("s", "k").Measures { // one each: a small seed is quick to vary
		q := question("s", "k")
		q.Measures = []secagg.Measure{m}
		q.Measures[0].Edges = m.Edges[:min(len(m.Edges), 3)]
		f.Add(q.Encode())
	}
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := secagg.ParseQuestion(b, 4)
		if err != nil {
			return
		}
		if !bytes.Equal(q.Encode(), b) || q.Ciphertexts(4) < 1 || q.Ciphertexts(4) > 16 {
			t.Fatal("accepted question is not canonical or does not fit")
		}
		if _, err := q.Finish(make([]int64, q.Slots())); err != nil {
			t.Fatal(err)
		}
	})
}
