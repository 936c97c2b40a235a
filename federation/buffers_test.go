package federation

import (
	"bytes"
	"testing"
)

func TestBuffersKeepNothingThatWasWritten(t *testing.T) {
	var b buffers
	for range 100 { // the pool drops some on purpose under the race detector
		written := append(b.take(leastKept), bytes.Repeat([]byte("marker"), 100)...)
		b.give(written)
		again := b.take(leastKept)
		if len(again) != 0 || bytes.Contains(again[:cap(again)], []byte("marker")) {
			t.Fatal("a buffer holds what another request wrote")
		}
		b.give(again)
	}
}

func TestBuffersAreLargeEnough(t *testing.T) {
	var b buffers
	b.give(make([]byte, leastKept))
	b.give(make([]byte, 1))
	if got := b.take(2 * leastKept); cap(got) < 2*leastKept {
		t.Errorf("%d bytes", cap(got))
	}
}
