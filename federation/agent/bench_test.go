package agent_test

import (
	"fmt"
	"io"
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
// wall time, and the processor time of everyone together.
func BenchmarkOnline(b *testing.B) {
	w := newWorld(b, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
	w.logs, w.round = io.Discard, time.Minute
	w.start()
	var used, wall time.Duration
	n := 0
	for b.Loop() {
		s := w.prepare(10)
		cpu, begin := processor(), time.Now()
		_, _, err := w.ask(s)
		must(b, err)
		used, wall, n = used+processor()-cpu, wall+time.Since(begin), n+1
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(n) }
	b.ReportMetric(ms(wall), "ms/question")
	b.ReportMetric(ms(used), "cpu-ms/question")
	fmt.Printf("secagg-online: %.1f ms wall, %.1f ms of processor time over 10 agents and the gateway\n", ms(wall), ms(used))
}
