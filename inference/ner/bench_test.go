//go:build unix

package ner

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"concordat/inference"
)

func engineFor(t testing.TB, name string, o Options) inference.Engine {
	t.Helper()
	card, blob := shelved(t, name)
	e, err := OpenWith(card, blob, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// benchmarkTexts reads the same texts again and again; units is what a text holds of the unit reported.
func benchmarkTexts(b *testing.B, name, arithmetic string, texts []string, unit string, units float64) {
	o, ok := arithmetics()[arithmetic]
	if !ok {
		b.Skip("this processor has no " + arithmetic)
	}
	o.Workers = 1
	e := engineFor(b, name, o)
	if _, err := e.Infer(context.Background(), texts); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	begun := processor()
	for b.Loop() {
		if _, err := e.Infer(context.Background(), texts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(units*float64(b.N)/(processor()-begun).Seconds(), unit)
}

// processor is the processor time of this process: on a busy machine the clock on the wall measures the others.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var chinese = strings.Repeat("国务院总理在北京会见了来访的客人，双方就经济合作交换了意见。", 1)[:3*25]

func chineseTexts(n int) (texts []string, characters float64) {
	for i := range n {
		t := strings.Repeat(chinese, 1+i%3)
		texts = append(texts, t)
		characters += float64(len(t) / 3)
	}
	return texts, characters
}

func BenchmarkChineseFloat(b *testing.B) {
	texts, n := chineseTexts(64)
	benchmarkTexts(b, "ner-zh", "avx2", texts, "chars/s", n)
}

func BenchmarkChineseInt8(b *testing.B) {
	texts, n := chineseTexts(64)
	benchmarkTexts(b, "ner-zh", "int8", texts, "chars/s", n)
}

func BenchmarkChineseFloatOne(b *testing.B) {
	texts, n := chineseTexts(1)
	benchmarkTexts(b, "ner-zh", "avx2", texts, "chars/s", n)
}

func BenchmarkChineseInt8One(b *testing.B) {
	texts, n := chineseTexts(1)
	benchmarkTexts(b, "ner-zh", "int8", texts, "chars/s", n)
}

// 126 pieces and two markers.
var english = strings.TrimSpace(strings.Repeat("the committee met john smith in paris on monday ", 14))

func BenchmarkEnglishFloat(b *testing.B) {
	benchmarkTexts(b, "pii-en", "avx2", []string{english}, "pieces/s", 128)
}
func BenchmarkEnglishInt8(b *testing.B) {
	benchmarkTexts(b, "pii-en", "int8", []string{english}, "pieces/s", 128)
}
