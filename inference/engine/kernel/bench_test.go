//go:build unix

package kernel

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
)

// BenchmarkRows is the byte products of an encoder of 6 layers of 384 over so many rows at once: what a batch can gain.
func BenchmarkRows(b *testing.B) {
	s, r := Best(), rand.New(rand.NewPCG(1, 2))
	all := encoder(b, s, r)
	for _, rows := range []int{1, 3, 6, 12, 14, 24, 48, 96, 192} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			in, out := make([]float32, rows*1536), make([]float32, rows*1536)
			for i := range in {
				in[i] = r.Float32()
			}
			var sc Scratch
			begun := processor()
			for b.Loop() {
				for _, m := range all {
					s.Mul(m, in, rows, m.in, out, m.out, &sc)
				}
			}
			row := (processor() - begun) / float64(b.N) / float64(rows)
			b.ReportMetric(row/1e3, "µs-processor/row")
		})
	}
}

func encoder(b *testing.B, s Set, r *rand.Rand) []*Matrix {
	var all []*Matrix
	for range 6 {
		for _, shape := range [][2]int{{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}} {
			w := make([]float32, shape[0]*shape[1])
			for i := range w {
				w[i] = r.Float32() - 0.5
			}
			m, err := s.Pack(Weights{In: shape[0], Out: shape[1], Float: w}, Int8)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, m)
		}
	}
	return all
}

// processor is this process's processor time in nanoseconds.
func processor() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano() + u.Stime.Nano())
}
