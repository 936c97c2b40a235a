package privacy

import (
	"hash/maphash"
	"strings"
)

// intern finds the code of a text while a column is built. It is an open-addressed table of codes instead of a map:
// a page of twenty rows has a dozen text columns, and growing a map for each costs more than reading them. It also
// keeps texts in blocks, since a page's texts live and die together.
type intern struct {
	seed  maphash.Seed
	slots []uint32 // code + 1, 0 where free; a power of two, at most half full
	block strings.Builder
}

const (
	firstSlots = 64
	blockSize  = 512
)

func newIntern() *intern {
	return &intern{seed: maphash.MakeSeed(), slots: make([]uint32, firstSlots)}
}

// find is the code of s in dict.
func (x *intern) find(dict []string, s string) (uint32, bool) {
	for i := maphash.String(x.seed, s); ; i++ {
		code := x.slots[i&uint64(len(x.slots)-1)]
		if code == 0 {
			return 0, false
		}
		if dict[code-1] == s {
			return code - 1, true
		}
	}
}

// findBytes is find; the compiler does not allocate for this comparison.
func (x *intern) findBytes(dict []string, b []byte) (uint32, bool) {
	for i := maphash.Bytes(x.seed, b); ; i++ {
		code := x.slots[i&uint64(len(x.slots)-1)]
		if code == 0 {
			return 0, false
		}
		if dict[code-1] == string(b) {
			return code - 1, true
		}
	}
}

// add records the last text of dict, which find does not know.
func (x *intern) add(dict []string) {
	if 2*len(dict) > len(x.slots) {
		x.slots = make([]uint32, 2*len(x.slots))
		for code := range len(dict) - 1 {
			x.put(dict[code], uint32(code))
		}
	}
	x.put(dict[len(dict)-1], uint32(len(dict)-1))
}

func (x *intern) put(s string, code uint32) {
	i := maphash.String(x.seed, s)
	for x.slots[i&uint64(len(x.slots)-1)] != 0 {
		i++
	}
	x.slots[i&uint64(len(x.slots)-1)] = code + 1
}

// keep copies a text into the block.
func (x *intern) keep(b []byte) string {
	if len(b) > blockSize/4 {
		return string(b)
	}
	if x.block.Cap()-x.block.Len() < len(b) {
		x.block = strings.Builder{}
		x.block.Grow(blockSize)
	}
	at := x.block.Len()
	x.block.Write(b)
	return x.block.String()[at:]
}
