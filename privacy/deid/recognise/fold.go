package recognise

import (
	"sort"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a text in which one identifier has one spelling, and the way back. Without segments it is the text itself.
type folded struct {
	text     string
	segments []segment
}

// segment is a stretch of folded text and where it comes from. With a stride, each of its bytes stands for as many source
// bytes (1: the same bytes; 3: full width). Without one it stands for source bytes as a whole.
type segment struct {
	at, from, source int
	stride           int
}

// sizeOfWide is how many bytes a full-width character has.
const sizeOfWide = 3

// folder writes folded text. Nothing is copied before the first thing that folds.
type folder struct {
	r     *Recogniser
	text  string
	buf   []byte
	segs  []segment
	start int // of the literal stretch not yet written
}

func (r *Recogniser) fold(text string) folded {
	f := folder{r: r, text: text}
	for i := 0; i < len(text); {
		b := text[i]
		switch {
		case r.class[b]&folds == 0:
			i++
		case b >= 0xE4 && b <= 0xE9 && i+2 < len(text) && !r.han.numeral(text, i):
			i += 3 // Han folds to itself; a broken sequence is met byte by byte in the scan
		default:
			i = f.unit(i)
		}
	}
	if f.segs == nil {
		return folded{text: text}
	}
	f.flush(len(text))
	return folded{text: string(f.buf), segments: f.segs}
}

// flush writes the literal stretch up to end.
func (f *folder) flush(end int) {
	if end > f.start {
		f.segs = append(f.segs, segment{at: len(f.buf), from: f.start, stride: 1})
		f.buf = append(f.buf, f.text[f.start:end]...)
	}
	f.start = end
}

// begin makes room for what is replaced from here on.
func (f *folder) begin(from int) {
	if f.buf == nil {
		f.buf = make([]byte, 0, len(f.text)+16)
	}
	f.flush(from)
}

// wide folds a run of full-width letters, digits and signs, which are most of a text that has any, as one segment.
func (f *folder) wide(i int) int {
	f.begin(i)
	f.segs = append(f.segs, segment{at: len(f.buf), from: i, stride: sizeOfWide})
	for i+2 < len(f.text) && f.text[i] == 0xEF {
		r, _ := decode(f.text, i)
		if r < 0xFF01 || r > 0xFF5E {
			break
		}
		f.buf = append(f.buf, byte(r-0xFEE0))
		i += sizeOfWide
	}
	f.start = i
	return i
}

func (f *folder) replace(from, to int, with string) {
	f.begin(from)
	if f.segs == nil || with != "" {
		f.segs = append(f.segs, segment{at: len(f.buf), from: from, source: to - from})
	}
	f.buf = append(f.buf, with...)
	f.start = to
}

// unit folds what stands at i and returns where it ends.
func (f *folder) unit(i int) int {
	if f.text[i] < 0x80 {
		return f.escape(i)
	}
	r, size := decode(f.text, i)
	if _, ok := hanDigit(r); ok {
		return f.numerals(i)
	}
	if r >= 0xFF01 && r <= 0xFF5E {
		return f.wide(i)
	}
	if with, ok := f.r.foldRune(r); ok && size > 1 {
		f.replace(i, i+size, with)
	}
	return i + size
}

// numerals folds a run of three or more Chinese digits; fewer are words ("一", "三四").
func (f *folder) numerals(i int) int {
	end, n := i, 0
	for end < len(f.text) {
		r, size := decode(f.text, end)
		if _, ok := hanDigit(r); !ok {
			break
		}
		end, n = end+size, n+1
	}
	if n < 3 {
		return end
	}
	for i < end {
		r, size := decode(f.text, i)
		d, _ := hanDigit(r)
		f.replace(i, i+size, "0123456789"[d:d+1])
		i += size
	}
	return end
}

// foldRune is what a rune is for matching; ok is false where it stays as it is.
func (r *Recogniser) foldRune(c rune) (string, bool) {
	switch {
	case c < 0x80 || (c >= 0xC0 && c < 0x300 && c != 0x2D0):
		return "", false
	case c >= alikeFirst && c < alikeFirst+alikeSize:
		if to := r.alike[c-alikeFirst]; to != 0 {
			return string(rune(to)), true
		}
		return "", invisible(c)
	case c >= 0xFF01 && c <= 0xFF5E:
		return string(c - 0xFEE0), true
	case invisible(c):
		return "", true
	case c == 0x85 || c == 0x2028 || c == 0x2029 || unicode.Is(unicode.Zs, c):
		return " ", true
	case dash(c):
		return "-", true
	case c == 0x2019 || c == 0x2018:
		return "'", true
	case unicode.Is(unicode.Nd, c):
		return string('0' + decimal(c)), true
	case compatible(c):
		to := norm.NFKC.String(string(c))
		return to, to != string(c)
	}
	return "", false
}

// decimal is the value of a decimal digit: Unicode puts each script's ten in a row.
func decimal(c rune) rune {
	first := c
	for first > 0 && c-first < 9 && unicode.Is(unicode.Nd, first-1) {
		first--
	}
	if c >= 0x1D7CE && c <= 0x1D7FF { // mathematical digits: five rows without a gap
		return (c - 0x1D7CE) % 10
	}
	return c - first
}

// invisible characters are not seen, or only turn others around.
func invisible(c rune) bool {
	switch {
	case c == 0x34F || c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0:
		return true
	case c >= 0xFE00 && c <= 0xFE0F, c >= 0xE0100 && c <= 0xE01EF, c >= 0x180B && c <= 0x180F:
		return true // variation selectors
	case c >= 0x200B && c <= 0x200F, c >= 0x202A && c <= 0x202E:
		return true
	}
	return unicode.Is(unicode.Cf, c)
}

func dash(c rune) bool {
	return (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xFE58 || c == 0xFE63 || c == 0x2043
}

// compatible are the blocks whose characters NFKC takes apart: superscripts, enclosed and styled letters.
func compatible(c rune) bool {
	switch {
	case c >= 0xA0 && c < 0xC0, c >= 0x1D00 && c < 0x1DC0, c >= 0x2000 && c < 0x2C00:
		return true
	case c >= 0x3200 && c < 0x3400, c >= 0xF900 && c < 0xFB50, c >= 0xFE30 && c <= 0xFFEF:
		return true
	}
	return c >= 0x1D400 && c < 0x1D800 || c >= 0x1F100 && c < 0x1F200
}

// decode is utf8.DecodeRuneInString from i.
func decode(text string, i int) (rune, int) { return utf8.DecodeRuneInString(text[i:]) }

// restore turns offsets of the folded text into those of the given one.
func (f *folded) restore(text string, s *Span) {
	if f.segments != nil {
		s.Start, s.End = f.source(s.Start, false), f.source(s.End-1, true)
	}
	s.Start, s.End = onRune(text, s.Start, -1), onRune(text, s.End, 1)
}

// source is where the unit at a folded offset starts or ends.
func (f *folded) source(at int, end bool) int {
	i := sort.Search(len(f.segments), func(i int) bool { return f.segments[i].at > at }) - 1
	s := f.segments[max(i, 0)]
	switch {
	case s.stride > 0 && end:
		return s.from + (at-s.at+1)*s.stride
	case s.stride > 0:
		return s.from + (at-s.at)*s.stride
	case end:
		return s.from + s.source
	}
	return s.from
}

// onRune moves an offset out of the middle of a rune, back or forth.
func onRune(text string, at, step int) int {
	for back := 1; back < utf8.UTFMax && at-back >= 0 && at < len(text); back++ {
		if !utf8.RuneStart(text[at-back]) {
			continue
		}
		_, size := decode(text, at-back)
		if size <= back {
			return at
		}
		if step < 0 {
			return at - back
		}
		return at - back + size
	}
	return at
}
