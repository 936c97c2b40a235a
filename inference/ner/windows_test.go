package ner

import (
	"testing"

	"pgregory.net/rapid"
)

func TestEveryWordIsDecidedOnceAndWithinItsWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(4, 64).Draw(t, "size")
		var words []word
		at := int32(0)
		for range rapid.IntRange(0, 300).Draw(t, "words") {
			n := rapid.SampledFrom([]int32{1, 1, 1, 2, 3, 9, 40, 90}).Draw(t, "pieces")
			words = append(words, word{first: at, n: n})
			at += n
		}
		decided := 0
		for _, w := range windowsOf(words, size, nil) {
			pieces := int32(0)
			for _, x := range words[w.from:w.to] {
				pieces += x.n
			}
			if int(pieces) > size && w.to-w.from > 1 {
				t.Fatalf("window of %d pieces, at most %d", pieces, size)
			}
			if w.keep != decided || w.keep < w.from || w.until > w.to || w.until < w.keep {
				t.Fatalf("window %+v after %d words", w, decided)
			}
			decided = w.until
		}
		if decided != len(words) {
			t.Fatalf("%d of %d words decided", decided, len(words))
		}
	})
}

func TestEveryCharacterIsDecidedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3000).Draw(t, "characters")
		g := &charGroup{breaks: make([]bool, n)}
		for range rapid.IntRange(0, 20).Draw(t, "breaks") {
			if n > 0 {
				g.breaks[rapid.IntRange(0, n-1).Draw(t, "at")] = true
			}
		}
		g.cut(0, 0, n)
		decided := 0
		for _, s := range g.segments {
			if s.at+s.keep != decided || s.until > s.n || s.n > maxSegment || s.until <= s.keep {
				t.Fatalf("segment %+v after %d characters", s, decided)
			}
			decided = s.at + s.until
		}
		if decided != n {
			t.Fatalf("%d of %d characters decided", decided, n)
		}
	})
}

func TestLabelsDecodeToWellFormedSpans(t *testing.T) {
	s, err := newLabelSet([]string{"O", "B-PER", "I-PER", "B-LOC", "I-LOC"})
	if err != nil {
		t.Fatal(err)
	}
	// The likeliest label of the second word alone is I-LOC, which may not follow B-PER.
	probs := []float32{0.05, 0.9, 0.02, 0.02, 0.01, 0.05, 0.05, 0.4, 0.05, 0.45}
	path := s.decode(probs, 2, &bio{})
	if path[0] != 1 || path[1] != 2 {
		t.Errorf("path %v", path)
	}
	spans := s.spans(path, probs, nil)
	if len(spans) != 1 || spans[0].from != 0 || spans[0].to != 2 {
		t.Errorf("spans %v", spans)
	}
	for _, bad := range [][]string{{"B-PER", "O"}, {"O", "B-PER"}, {"O", "B-PER", "I-PER", "I-LOC"}, {"O", "O"}} {
		if _, err := newLabelSet(bad); err == nil {
			t.Errorf("%v is taken for a label list", bad)
		}
	}
}
