package tagger

import (
	"fmt"
	"testing"
)

// note is the n-th of many different notes of about 35 words' pieces.
func note(n int) string {
	return fmt.Sprintf("Pt Simon Hayward, ID 9901031976%d, Acute bronchitis. Afebrile, eating and drinking. Discharge planned, lives at 31 Rope Walk, Skarn Bay.", n)
}

// BenchmarkNamesOneByOne is one caller that asks a note at a time.
func BenchmarkNamesOneByOne(b *testing.B) {
	names := opened(b).Names()
	for i := range b.N {
		if _, err := names.Tag(b.Context(), "somebody", []string{note(i)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNamesOf32Callers is 32 of them: the queue makes their notes batches.
func BenchmarkNamesOf32Callers(b *testing.B) {
	names := opened(b).Names()
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for i := 0; p.Next(); i++ {
			if _, err := names.Tag(b.Context(), "somebody", []string{note(i)}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkNamesOfALevel is a page of 100 notes in one call, an operation being one note.
func BenchmarkNamesOfALevel(b *testing.B) {
	names := opened(b).Names()
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = note(i)
	}
	for range (b.N + 99) / 100 {
		if _, err := names.Tag(b.Context(), "somebody", texts); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRedaction is a page of 100 notes through all three models, an operation being one note.
func BenchmarkRedaction(b *testing.B) {
	redaction := opened(b).Redaction()
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = note(i)
	}
	for range (b.N + 99) / 100 {
		if _, err := redaction.Tag(b.Context(), texts); err != nil {
			b.Fatal(err)
		}
	}
}
