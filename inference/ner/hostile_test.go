package ner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"concordat/inference"
)

// rewrite replaces text in a model file's header by text of the same length.
func rewrite(t *testing.T, blob []byte, from, to string) []byte {
	t.Helper()
	end := 16 + int(binary.LittleEndian.Uint32(blob[8:]))
	head := bytes.Replace(blob[:end], []byte(from), []byte(to), 1)
	if len(from) != len(to) || bytes.Equal(head, blob[:end]) {
		t.Fatalf("%q is not in the header", from)
	}
	return append(head, blob[end:]...)
}

func TestHostileModelFilesAreRefused(t *testing.T) {
	_, pii := shelved(t, "pii-en")
	_, zh := shelved(t, "ner-zh")
	for name, blob := range map[string][]byte{
		"empty":           nil,
		"cut":             pii[:len(pii)/2],
		"kind":            rewrite(t, pii, `"kind":"bert"`, `"kind":"bent"`),
		"other kind":      rewrite(t, zh, `"kind":"bigru-crf"`, `"kind":"bigru-cfr"`),
		"heads":           rewrite(t, pii, `"heads":12`, `"heads":11`),
		"no heads":        rewrite(t, pii, `"heads":12`, `"heads":00`),
		"width":           rewrite(t, pii, `"width":384`, `"width":352`),
		"layers":          rewrite(t, pii, `"layers":6`, `"layers":7`),
		"positions":       rewrite(t, pii, `"positions":512`, `"positions":999`),
		"window":          rewrite(t, pii, `"window":160`, `"window":961`),
		"pool":            rewrite(t, pii, `"pool":"mean"`, `"pool":"mane"`),
		"label":           rewrite(t, pii, `"B-CITY"`, `"C-CITY"`),
		"first label":     rewrite(t, pii, `["O"`, `["P"`),
		"tensor name":     rewrite(t, pii, `"classifier.bias"`, `"classifier.bios"`),
		"tensor type":     rewrite(t, pii, `"type":"i8"`, `"type":"i9"`),
		"hidden":          rewrite(t, zh, `"hidden":128`, `"hidden":160`),
		"embedding":       rewrite(t, zh, `"embedding":128`, `"embedding":129`),
		"alphabet":        rewrite(t, zh, `"characters"`, `"cherecters"`),
		"folding missing": rewrite(t, zh, `"fold.from"`, `"fold.fron"`),
	} {
		if e, err := OpenWith(inference.Card{Name: "x"}, blob, Fastest()); !errors.Is(err, inference.ErrModelFile) {
			t.Errorf("%s: %v %v", name, e, err)
		}
	}
}

func TestVocabularyThatDoesNotFitIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		vocab string
		size  int
	}{"size": {"[UNK]\n[CLS]\n[SEP]\na\n", 5}, "marker": {"[UNK]\n[CLS]\na\nb\n", 4}} {
		if _, err := NewWordPiece(c.vocab, c.size, false); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewAlphabet("ab", "x", "yz", 3); !errors.Is(err, ErrModel) {
		t.Error("a folding map of unequal halves is taken")
	}
	if _, err := NewAlphabet("ab", "", "", 9); !errors.Is(err, ErrModel) {
		t.Error("an alphabet of another size than its embeddings is taken")
	}
}

func FuzzOffsetsLieOnCharacters(f *testing.F) {
	wp, err := NewWordPiece("[UNK]\n[CLS]\n[SEP]\na\n##a\ne\n##e\n", 7, true)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "áé a-a\r\n", "ａ\u200b\u0301", "名a名", "a\x00b", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if inference.CheckTexts([]string{s}) != nil {
			t.Skip()
		}
		var p pieces
		wp.split(s, &p, nil)
		last, at := int32(0), int32(0)
		for _, w := range p.words {
			if w.start < last || w.end <= w.start || int(w.end) > len(s) || w.first != at || w.n < 1 {
				t.Fatalf("word %+v after byte %d, piece %d", w, last, at)
			}
			last, at = w.end, at+w.n
		}
		if int(at) != len(p.ids) || len(p.ids) != len(p.shapes) {
			t.Fatalf("%d pieces in words, %d in all, %d shapes", at, len(p.ids), len(p.shapes))
		}
	})
}
