package federation

import "sync"

// Sizes of buffers that are kept: a smaller one is made in no time, a larger one is rarely needed again.
const (
	leastKept = 4 << 10
	mostKept  = 256 << 10
)

// buffers lends memory to write answers into. What was written is wiped before the next request has it.
type buffers struct{ kept sync.Pool }

// take is an empty buffer for about size bytes.
func (b *buffers) take(size int) []byte {
	if kept, ok := b.kept.Get().(*[]byte); ok {
		if cap(*kept) >= size {
			return *kept
		}
		b.kept.Put(kept)
	}
	return make([]byte, 0, size)
}

// give takes a buffer back that nobody reads any more.
func (b *buffers) give(buffer []byte) {
	if cap(buffer) < leastKept || cap(buffer) > mostKept {
		return
	}
	clear(buffer[:cap(buffer)])
	buffer = buffer[:0]
	b.kept.Put(&buffer)
}
