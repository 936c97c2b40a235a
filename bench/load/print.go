package load

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Median of rounds, in ms.
func Median(times []time.Duration) float64 {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2].Seconds() * 1000
}

// More prints a figure of which more is better.
func More(w io.Writer, name, unit string, ours, peer float64) {
	fmt.Fprintf(w, "BENCH name=%s ours=%.4g peer=%.4g ratio=%.2f unit=%s\n", name, ours, peer, ours/peer, unit)
}

// Less prints a figure of which less is better.
func Less(w io.Writer, name, unit string, ours, peer float64) {
	fmt.Fprintf(w, "BENCH name=%s ours=%.4g peer=%.4g ratio=%.2f unit=%s\n", name, ours, peer, peer/ours, unit)
}

// Compare prints every figure of one question, ours against a peer's.
func Compare(w io.Writer, name string, ours, peer *Figures) {
	More(w, name, "req/s", ours.Rate(), peer.Rate())
	Less(w, name+"-cpu", "ms/req", ours.Cost(), peer.Cost())
	Less(w, name+"-p50", "ms", Median(ours.P50), Median(peer.P50))
	Less(w, name+"-p95", "ms", Median(ours.P95), Median(peer.P95))
	Less(w, name+"-p99", "ms", Median(ours.P99), Median(peer.P99))
}
