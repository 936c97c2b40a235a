package ner

// window is a range of words read together: from..to are read, keep..until decide.
type window struct{ from, to, keep, until int }

// windowsOf covers words by windows of at most size pieces, overlapping by about a quarter. Where two overlap, the first
// decides for the first half of the overlap and the second for the rest, so that every word is decided once, and with
// context on both sides. A word of more than size pieces stands alone and is cut by the reader.
func windowsOf(words []word, size int, out []window) []window {
	from := 0
	for from < len(words) {
		to, n := from, 0
		for to < len(words) && (n+int(words[to].n) <= size || to == from) {
			n += int(words[to].n)
			to++
		}
		w := window{from: from, to: to, keep: from, until: to}
		if len(out) > 0 && from > 0 {
			last := &out[len(out)-1]
			middle := (from + last.to) / 2
			last.until, w.keep = middle, middle
		}
		out = append(out, w)
		if to == len(words) {
			break
		}
		next, back := to, 0
		for next-1 > from && back+int(words[next-1].n) <= size/4 {
			next--
			back += int(words[next].n)
		}
		from = next
	}
	return out
}
