package ner

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a basic token: a run without white space and punctuation, or one mark or Chinese character.
type word struct {
	start, end int32 // bytes in the text
	first, n   int32 // its pieces
}

// pieces is a tokenised text.
type pieces struct {
	words  []word
	ids    []int32
	shapes []uint8
}

func (p *pieces) reset() { p.words, p.ids, p.shapes = p.words[:0], p.ids[:0], p.shapes[:0] }

// WordPiece is BERT's uncased tokeniser (lower case, accents stripped, greedy longest match) with byte offsets into the
// original text. It is read-only after NewWordPiece.
type WordPiece struct {
	whole, inner  map[string]int32 // pieces that begin a word, and those that continue one (without "##")
	longest       int
	unk, cls, sep int32
	shaped        bool
}

// maxWordRunes is BERT's limit, beyond which a word is one unknown piece.
const maxWordRunes = 100

// NewWordPiece reads a vocabulary, one piece a line. size is the number of embeddings it must match; shaped says whether
// the model's token-type table carries word shapes.
func NewWordPiece(vocab string, size int, shaped bool) (*WordPiece, error) {
	lines := strings.Split(strings.TrimSuffix(vocab, "\n"), "\n")
	if len(lines) != size {
		return nil, fmt.Errorf("%w: %d pieces for %d embeddings", ErrModel, len(lines), size)
	}
	w := &WordPiece{whole: make(map[string]int32, size), inner: make(map[string]int32, size/4), shaped: shaped}
	for i, line := range lines {
		piece, to := line, w.whole
		if rest, ok := strings.CutPrefix(line, "##"); ok && rest != "" {
			piece, to = rest, w.inner
		}
		to[piece] = int32(i)
		w.longest = max(w.longest, len(piece))
	}
	for name, at := range map[string]*int32{"[UNK]": &w.unk, "[CLS]": &w.cls, "[SEP]": &w.sep} {
		id, ok := w.whole[name]
		if !ok {
			return nil, fmt.Errorf("%w: vocabulary without %s", ErrModel, name)
		}
		*at = id
		delete(w.whole, name)
	}
	return w, nil
}

// split tokenises text into p. buf is working memory, returned for the next call.
func (w *WordPiece) split(text string, p *pieces, buf []byte) []byte {
	p.reset()
	start := -1
	for i, r := range text {
		space, alone := isSpace(r), isMark(r) || isHan(r)
		if !space && !alone {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			buf = w.word(text, start, i, p, buf)
			start = -1
		}
		if alone {
			buf = w.word(text, i, i+utf8.RuneLen(r), p, buf)
		}
	}
	if start >= 0 {
		buf = w.word(text, start, len(text), p, buf)
	}
	return buf
}

// word adds text[start:end] without control characters around it; what folds to nothing is no word.
func (w *WordPiece) word(text string, start, end int, p *pieces, buf []byte) []byte {
	trimmed := strings.TrimLeftFunc(text[start:end], isControl)
	start = end - len(trimmed)
	original := strings.TrimRightFunc(trimmed, isControl)
	end = start + len(original)
	buf = foldWord(buf[:0], original)
	if len(buf) == 0 {
		return buf
	}
	first := len(p.ids)
	w.match(buf, p)
	shape := uint8(0)
	if w.shaped {
		shape = shapeOf(original)
	}
	for range len(p.ids) - first {
		p.shapes = append(p.shapes, shape)
	}
	p.words = append(p.words, word{int32(start), int32(end), int32(first), int32(len(p.ids) - first)})
	return buf
}

// match is the greedy longest match.
func (w *WordPiece) match(folded []byte, p *pieces) {
	from := len(p.ids)
	if utf8.RuneCount(folded) > maxWordRunes {
		p.ids = append(p.ids, w.unk)
		return
	}
	table := w.whole
	for at := 0; at < len(folded); {
		end := min(len(folded), at+w.longest)
		id, found := int32(0), false
		for ; end > at; end-- {
			if id, found = table[string(folded[at:end])]; found {
				break
			}
		}
		if !found {
			p.ids = append(p.ids[:from], w.unk)
			return
		}
		p.ids = append(p.ids, id)
		table, at = w.inner, end
	}
}

// foldWord lower-cases, decomposes and drops accents and control characters.
func foldWord(dst []byte, s string) []byte {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' || c == 0x7f {
			ascii = false
			break
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	if ascii {
		return dst
	}
	return foldUnicode(dst[:0], s)
}

func foldUnicode(dst []byte, s string) []byte {
	for _, r := range s {
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
	}
	lower := len(dst)
	dst = norm.NFD.Append(dst, dst[:lower]...)
	out := 0
	for at := lower; at < len(dst); {
		r, n := utf8.DecodeRune(dst[at:])
		if !unicode.Is(unicode.Mn, r) && !isControl(r) {
			out += copy(dst[out:], dst[at:at+n])
		}
		at += n
	}
	return dst[:out]
}

// isControl says what BERT's cleaning drops: control and format characters, and the replacement character.
func isControl(r rune) bool {
	return r == utf8.RuneError || unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)
}

func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r' || 0x1c <= r && r <= 0x1f
	}
	return unicode.IsSpace(r)
}

func isMark(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~'
	}
	return unicode.IsPunct(r)
}

func isHan(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r <= 0x4dbf || r >= 0x20000 && r <= 0x2fa1f || r >= 0xf900 && r <= 0xfaff
}

// Word shapes: what an uncased encoder cannot see. Rows of the token-type table.
const (
	shapeLower   = 0 // or without case
	shapeTitle   = 1
	shapeUpper   = 2
	shapeMixed   = 3
	shapeDigits  = 4
	shapeInitial = 5 // one capital letter
	shapeCode    = 6 // letters and digits
	shapeMark    = 7
	shapeCount   = 8
)

func shapeOf(s string) uint8 {
	var runes, letters, digits, upper int
	first := false
	for _, r := range s {
		if unicode.IsUpper(r) {
			upper++
			first = first || runes == 0
		}
		if unicode.IsLetter(r) {
			letters++
		} else if unicode.IsDigit(r) {
			digits++
		}
		runes++
	}
	switch {
	case letters == 0 && digits > 0:
		return shapeDigits
	case letters == 0:
		return shapeMark
	case digits > 0:
		return shapeCode
	case upper == 0:
		return shapeLower
	case runes == 1:
		return shapeInitial
	case upper == runes:
		return shapeUpper
	case first && upper == 1:
		return shapeTitle
	}
	return shapeMixed
}
