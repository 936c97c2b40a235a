package deid

import (
	"fmt"
	"strings"
	"testing"

	"concordat/privacy"
)

// Each runs over 1,000 rows, all different or of ten values: transforms of text cost once per distinct value.
func BenchmarkTransform(b *testing.B) {
	for _, test := range []struct{ name, method, args string }{
		{"pseudonym", "pseudonym", ""},
		{"mask", "mask", `{"keepLast":4}`},
		{"pattern", "mask", `{"pattern":"###-****-####"}`},
		{"prefix", "prefix", `{"length":3}`},
		{"redact", "redact", ""},
	} {
		for _, distinct := range []int{10, 1000} {
			b.Run(fmt.Sprintf("%s/distinct=%d", test.name, distinct), func(b *testing.B) {
				in := privacy.NewColumn("c", "T.c", privacy.String, 1000)
				for i := range 1000 {
					in.AppendText(fmt.Sprintf("154-1234-%04d", i%distinct))
				}
				benchmark(b, obligation(test.method, test.args), in)
			})
		}
	}
	ints := privacy.NewColumn("c", "T.c", privacy.Int, 1000)
	dates := privacy.NewColumn("c", "T.c", privacy.Date, 1000)
	for i := range 1000 {
		ints.AppendInt(int64(i))
		dates.AppendText(fmt.Sprintf("19%02d-05-17", i%100))
	}
	b.Run("round", func(b *testing.B) { benchmark(b, obligation("round", `{"to":10}`), ints) })
	b.Run("year", func(b *testing.B) { benchmark(b, obligation("year", ""), dates) })
}

func benchmark(b *testing.B, ob privacy.Obligation, in *privacy.Column) {
	set := New()
	b.ReportAllocs()
	for b.Loop() {
		do, err := set.Prepare(in.Kind, ob, scope())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := do(in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(in.Len()), "ns/cell")
}

const plainNote = "No fever, no cough; eats and drinks. The wound is dry, the leg is warm, and the patient walks to the door and back. "

// BenchmarkRedact is the rules alone over notes, with what stands in place.
func BenchmarkRedact(b *testing.B) {
	key := make([]byte, 32)
	for name, style := range map[string]Style{"label": StyleLabel, "surrogate": StyleSurrogate} {
		b.Run(name, func(b *testing.B) {
			r := NewRedactor(TextOptions{RulesOnly: true, Style: style, Key: key})
			notes, size := []string{strings.Repeat(plainNote, 3) + englishNote, chineseNote, plainNote}, 0
			for _, n := range notes {
				size += len(n)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r.Redact(b.Context(), notes)
			}
		})
	}
}
