package ner

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"
	"unicode/utf8"

	"concordat/inference"
	"concordat/inference/engine/bert"
	"concordat/inference/engine/gru"
	"concordat/inference/engine/kernel"
	"concordat/inference/models"
	"concordat/inference/tensor"
)

// vectors reads a file that scripts/models/make_vectors.py wrote from the reference implementations.
func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return out
}

func shelved(t testing.TB, name string) (inference.Card, []byte) {
	t.Helper()
	var card inference.Card
	reg, err := inference.NewRegistry(models.Files(), func(_ context.Context, c inference.Card, file []byte) (inference.Engine, error) {
		return nil, inference.ErrClosed
	})
	if err != nil {
		t.Fatal(err)
	}
	if card, err = reg.Card(name); err != nil {
		t.Fatal(err)
	}
	f, err := models.Files().Open(card.File)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	blob := make([]byte, info.Size())
	if _, err := f.Read(blob); err != nil {
		t.Fatal(err)
	}
	return card, blob
}

func readFile(t testing.TB, blob []byte) *tensor.File {
	t.Helper()
	f, err := tensor.Read(blob)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// arithmetics is every kernel set and precision of this processor.
func arithmetics() map[string]Options {
	out := map[string]Options{}
	for level := kernel.Plain; level <= kernel.Best().Level(); level++ {
		set, _ := kernel.At(level)
		out[level.String()] = Options{Kernel: set, Workers: 2}
	}
	if kernel.Best().Level() >= kernel.VNNI {
		out["int8"] = Options{Kernel: kernel.Best(), Precision: kernel.Int8, Recurrent: kernel.Int8, Workers: 2}
	}
	return out
}

func TestChineseTagsEqualReferenceRuntime(t *testing.T) {
	_, blob := shelved(t, "ner-zh")
	cases := vectors[struct {
		Text string
		Tags []int32
	}](t, "lac.jsonl")
	for name, o := range arithmetics() {
		if name == "plain" && testing.Short() {
			continue
		}
		m, err := gru.Load(readFile(t, blob), o.Kernel, o.Recurrent)
		if err != nil {
			t.Fatal(err)
		}
		alphabet, err := NewAlphabet(m.Characters, m.FoldFrom, m.FoldTo, m.Rows())
		if err != nil {
			t.Fatal(err)
		}
		ws, equal := m.NewWorkspace(), 0
		for _, c := range cases {
			var rows []int32
			for _, r := range c.Text {
				rows = append(rows, alphabet.Row(r))
			}
			if sameTags(ws.Tag(rows, []int{len(rows)}), c.Tags) {
				equal++
			}
		}
		share := float64(equal) / float64(len(cases))
		t.Logf("%s: %.2f %% of %d sentences have the reference's tags", name, 100*share, len(cases))
		if want := map[bool]float64{true: 0.85, false: 0.999}[name == "int8"]; share < want {
			t.Errorf("%s: %.4f of sentences equal, want %.3f", name, share, want)
		}
	}
}

func sameTags(got, want []int32) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i] != want[i] {
			return false
		}
	}
	return true
}

func TestPersonalDataLabelsEqualReferenceRuntime(t *testing.T) {
	_, blob := shelved(t, "pii-en")
	cases := vectors[struct {
		Text   string
		IDs    []int32 `json:"ids"`
		Labels []int
		First  []float64
	}](t, "rampart.jsonl")
	for name, o := range arithmetics() {
		m, err := bert.Load(readFile(t, blob), o.Kernel, o.Precision)
		if err != nil {
			t.Fatal(err)
		}
		ws, same, all, worst := m.NewWorkspace(), 0, 0, 0.0
		for _, c := range cases {
			logits := ws.Run(&bert.Batch{IDs: c.IDs, Shapes: make([]uint8, len(c.IDs)), Ends: []int{len(c.IDs)}})
			for l, want := range c.First {
				worst = max(worst, math.Abs(float64(logits[m.LogitRow()+l])-want))
			}
			for i, want := range c.Labels[1 : len(c.Labels)-1] {
				if int(argmax(logits[(i+1)*m.LogitRow():][:len(m.Labels)])) == want {
					same++
				}
				all++
			}
		}
		t.Logf("%s: %d of %d labels, logits off by at most %.3f", name, same, all, worst)
		if same < all-2 {
			t.Errorf("%s: %d of %d labels equal the reference's", name, same, all)
		}
	}
}

func TestPiecesAndOffsetsEqualReferenceTokeniser(t *testing.T) {
	_, blob := shelved(t, "ner-en")
	vocab, err := readFile(t, blob).Text("vocab")
	if err != nil {
		t.Fatal(err)
	}
	wp, err := NewWordPiece(vocab, 30522, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range vectors[struct {
		Text    string
		IDs     []int32 `json:"ids"`
		Offsets [][2]int
	}](t, "wordpiece.jsonl") {
		var p pieces
		wp.split(c.Text, &p, nil)
		if !sameTags(p.ids, c.IDs) {
			t.Errorf("%q: pieces %v, want %v", c.Text, p.ids, c.IDs)
			continue
		}
		for _, w := range p.words {
			start := utf8.RuneCountInString(c.Text[:w.start])
			if start != c.Offsets[w.first][0] {
				t.Errorf("%q: word at character %d, want %d", c.Text, start, c.Offsets[w.first][0])
			}
		}
	}
}
