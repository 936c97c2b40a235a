package agent_test

import (
	"io"
	"slices"
	"syscall"
	"testing"
	"time"
)

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkOnline is one question to a prepared session of ten agents, all in this process, over mutual TLS on loopback:
// wall time (also the least, which a busy machine says most with), and the processor time of everyone together.
func BenchmarkOnline(b *testing.B) {
	w := newWorld(b, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
	w.logs, w.round = io.Discard, time.Minute
	w.start()
	var used, wall []time.Duration
	for b.Loop() {
		s := w.prepare(10)
		cpu, begin := processor(), time.Now()
		_, _, err := w.ask(s)
		must(b, err)
		used, wall = append(used, processor()-cpu), append(wall, time.Since(begin))
	}
	slices.Sort(used)
	slices.Sort(wall)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(wall[len(wall)/2]), "ms/question")
	b.ReportMetric(ms(wall[0]), "fastest-ms/question")
	b.ReportMetric(ms(used[len(used)/2]), "cpu-ms/question")
}
