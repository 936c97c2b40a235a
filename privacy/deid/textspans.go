package deid

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// union makes overlapping spans one that covers them all; the longest gives label and rule, then the highest score.
func union(spans []Span) []Span {
	if len(spans) == 0 {
		return nil
	}
	slices.SortFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(b.Score, a.Score), cmp.Compare(a.Label, b.Label))
	})
	out, best := spans[:1], spans[0]
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if s.Start >= last.End {
			out, best = append(out, s), s
			continue
		}
		if long, had := s.End-s.Start, best.End-best.Start; long > had || (long == had && s.Score > best.Score) {
			best = s
			last.Label, last.Rule, last.Score = s.Label, s.Rule, s.Score
		}
		last.End = max(last.End, s.End)
	}
	return out
}

// count16 fills in offsets in UTF-16 code units; the text is valid UTF-8.
func count16(text string, spans []Span) {
	at, units := 0, 0
	to := func(end int) int {
		for _, c := range text[at:end] {
			units += max(1, utf16Len(c))
		}
		at = end
		return units
	}
	for i := range spans {
		spans[i].Start16 = to(spans[i].Start)
		spans[i].End16 = to(spans[i].End)
	}
}

func utf16Len(c rune) int {
	if c >= 0x10000 {
		return 2
	}
	return 1
}

// leastRepeat is how long, in bytes, hidden text must be for its repetitions to be hidden too: two Han characters, six
// digits.
const leastRepeat = 6

// repeats are the other places where text stands that was hidden once: an account number is met by the word before it,
// and stands without that word in the next sentence.
func repeats(text string, spans []Span) []Span {
	hidden := index{}
	for _, s := range spans {
		hidden.add(text[s.Start:s.End], s)
		if s.Label == "PERSON" {
			for w := range strings.FieldsSeq(text[s.Start:s.End]) {
				if w = strings.Trim(w, ".,'"); len(w) >= leastNamePart && !isHanText(w) {
					hidden.addWord(w, s)
				}
			}
		}
	}
	var found []Span
	at := 0
	for i := range len(spans) + 1 {
		end := len(text)
		if i < len(spans) {
			end = spans[i].Start
		}
		found = hidden.search(text, at, end, found)
		if i < len(spans) {
			at = spans[i].End
		}
	}
	return found
}

// leastNamePart is how long, in bytes, a part of a name must be to be hidden where it stands alone.
const leastNamePart = 4

// prefixSize is how much of a hidden text is looked up first.
const prefixSize = 4

// index finds hidden texts: by their first bytes, then by each length that occurs with these.
type index struct {
	first   [256]bool
	lengths map[string][]int
	texts   map[string]Span
	words   map[string]bool // whole words only
}

func (x *index) add(text string, s Span) {
	if len(text) >= leastRepeat {
		x.put(text, s)
		delete(x.words, text)
	}
}

func (x *index) addWord(text string, s Span) {
	if _, ok := x.texts[text]; !ok {
		x.put(text, s)
		x.words[text] = true
	}
}

func (x *index) put(text string, s Span) {
	if x.texts == nil {
		x.lengths, x.texts, x.words = map[string][]int{}, map[string]Span{}, map[string]bool{}
	}
	prefix := text[:prefixSize]
	if !slices.Contains(x.lengths[prefix], len(text)) {
		x.lengths[prefix] = append(x.lengths[prefix], len(text))
	}
	x.first[text[0]] = true
	x.texts[text] = Span{Label: s.Label, Rule: "repeat", Score: s.Score}
}

// search looks at text[from:to]. What it finds may overlap.
func (x *index) search(text string, from, to int, found []Span) []Span {
	if x.texts == nil {
		return found
	}
	for i := from; i+prefixSize <= to; i++ {
		if !x.first[text[i]] {
			continue
		}
		for _, n := range x.lengths[text[i:i+prefixSize]] {
			if i+n > to {
				continue
			}
			s, ok := x.texts[text[i:i+n]]
			if !ok || (x.words[text[i:i+n]] && !wholeWord(text, i, i+n)) {
				continue
			}
			s.Start, s.End = i, i+n
			found = append(found, s)
		}
	}
	return found
}

func wholeWord(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	return !unicode.IsLetter(before) && !unicode.IsLetter(after)
}

func isHanText(s string) bool { return strings.IndexFunc(s, isHan) >= 0 }

func isHan(c rune) bool {
	return c >= 0x4E00 && c < 0xA000 || c >= 0x2E80 && unicode.Is(unicode.Han, c)
}
