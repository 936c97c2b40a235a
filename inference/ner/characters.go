package ner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"concordat/inference"
	"concordat/inference/engine/gru"
	"concordat/inference/engine/kernel"
)

// A segment is read whole; a longer text is cut at a sentence's end, or where it must be.
const (
	maxSegment     = 400 // characters
	overlapSegment = 60
	charRows       = 768 // characters side by side
)

// Alphabet maps characters to embedding rows: one pass of folding (full to half width, traditional to simplified, lower
// case), then the look-up. Length never changes, so offsets hold.
type Alphabet struct {
	low  [1 << 16]uint16 // folded and looked up, for the basic plane
	rest map[rune]uint16
	oov  uint16
}

// NewAlphabet reads the alphabet and the folding map, character by character. rows is the number of embeddings, the last
// of them for other characters.
func NewAlphabet(characters, from, to string, rows int) (*Alphabet, error) {
	if n := utf8.RuneCountInString(characters); n+1 != rows || rows > math.MaxUint16 {
		return nil, fmt.Errorf("%w: %d characters for %d embeddings", ErrModel, n, rows)
	}
	source, target := []rune(from), []rune(to)
	if len(source) != len(target) {
		return nil, fmt.Errorf("%w: folding map of unequal halves", ErrModel)
	}
	a := &Alphabet{rest: map[rune]uint16{}, oov: uint16(rows - 1)}
	number := map[rune]uint16{}
	for i, r := range []rune(characters) {
		number[r] = uint16(i)
	}
	for i := range a.low {
		a.low[i] = a.oov
	}
	for r, n := range number {
		a.set(r, n)
	}
	for i, r := range source {
		n, ok := number[target[i]]
		if !ok {
			n = a.oov
		}
		a.set(r, n)
	}
	return a, nil
}

func (a *Alphabet) set(r rune, n uint16) {
	if int(r) < len(a.low) {
		a.low[r] = n
		return
	}
	a.rest[r] = n
}

// Row is the embedding row of a character.
func (a *Alphabet) Row(r rune) int32 {
	if int(r) < len(a.low) {
		return int32(a.low[r])
	}
	if n, ok := a.rest[r]; ok {
		return int32(n)
	}
	return int32(a.oov)
}

// characters is the engine over a character tagger.
type characters struct {
	about    inference.Description
	m        *gru.Model
	alphabet *Alphabet
	tags     []charTag
	outside  int32 // a tag that is no name's and continues nothing
	*workers[*gru.Workspace]
	groups sync.Pool // *charGroup
}

// charTag is what a tag says: which name type its word has, and whether it continues a word.
type charTag struct {
	label string // empty for words that are no names
	inner bool
}

var nameTypes = []string{"PER", "ORG", "LOC"}

func newCharacters(card inference.Card, m *gru.Model, o Options) (*characters, error) {
	alphabet, err := NewAlphabet(m.Characters, m.FoldFrom, m.FoldTo, m.Rows())
	if err != nil {
		return nil, err
	}
	e := &characters{about: describe(card, o, o.Recurrent), m: m, alphabet: alphabet}
	for _, t := range m.Tags {
		name, end := t, byte(0)
		if len(t) > 2 && t[len(t)-2] == '-' {
			name, end = t[:len(t)-2], t[len(t)-1]
		}
		tag := charTag{inner: end == 'I'}
		if slices.Contains(nameTypes, name) {
			tag.label = name
		}
		e.tags = append(e.tags, tag)
	}
	outside := slices.Index(e.tags, charTag{})
	if outside < 0 {
		return nil, fmt.Errorf("%w: every tag is a name's", ErrModel)
	}
	e.outside = int32(outside)
	e.workers = newWorkers(o.Workers, m.NewWorkspace)
	e.groups.New = func() any { return &charGroup{} }
	return e, nil
}

func (e *characters) Describe() inference.Description { return e.about }

// Warm runs one short text, so that working memory exists.
func (e *characters) Warm(ctx context.Context) error {
	_, err := e.Infer(ctx, []string{"预热。"})
	return err
}

// charSegment is a part of a text that is read at once; the characters keep..until of it decide.
type charSegment struct {
	text        int
	at, n       int // its characters in the group
	keep, until int
}

// charGroup is texts read together.
type charGroup struct {
	rows     []int32
	bytes    []int32 // where each character begins in its text
	texts    []int   // where each text's characters end
	tags     []int32 // of all characters
	scores   []float32
	segments []charSegment
	ends     []int // where each batch of segments ends
	breaks   []bool
	words    []charWord
}

func (e *characters) Infer(ctx context.Context, texts []string) ([]inference.Result, error) {
	if err := inference.CheckTexts(texts); err != nil {
		return nil, err
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	results := make([]inference.Result, len(texts))
	g := e.groups.Get().(*charGroup)
	defer e.groups.Put(g)
	for from := 0; from < len(texts); {
		to := e.gather(g, texts, from)
		if err := e.run(ctx, g); err != nil {
			return nil, err
		}
		start := 0
		for i, end := range g.texts {
			results[from+i].Entities = e.entities(g, start, end, texts[from+i])
			start = end
		}
		from = to
	}
	return results, nil
}

// gather takes texts from `from` on into g and cuts them into segments.
func (e *characters) gather(g *charGroup, texts []string, from int) int {
	g.rows, g.bytes, g.texts, g.breaks, g.segments = g.rows[:0], g.bytes[:0], g.texts[:0], g.breaks[:0], g.segments[:0]
	to, size := from, 0
	for to < len(texts) && (to == from || size+len(texts[to]) <= groupSize) {
		line := len(g.rows)
		for i, r := range texts[to] {
			if r == '\n' || r == '\r' { // ends a sentence, and is in no name
				g.cut(to-from, line, len(g.rows))
				line = len(g.rows) + 1
			}
			g.rows = append(g.rows, e.alphabet.Row(r))
			g.bytes = append(g.bytes, int32(i))
			g.breaks = append(g.breaks, r == '。' || r == '！' || r == '？')
		}
		g.texts = append(g.texts, len(g.rows))
		g.cut(to-from, line, len(g.rows))
		size += len(texts[to])
		to++
	}
	return to
}

// cut divides the characters at..end into segments: whole, or at the last sentence's end that fits, or overlapping.
func (g *charGroup) cut(text, at, end int) {
	keep := 0
	for at < end {
		n := min(maxSegment, end-at)
		s := charSegment{text: text, at: at, n: n, keep: keep, until: n}
		keep = 0
		next := at + n
		if next < end {
			if b := lastBreak(g.breaks[at+s.keep : next]); b > 0 {
				s.n = s.keep + b
				s.until = s.n
				next = at + s.n
			} else {
				s.until = n - overlapSegment/2
				next = at + n - overlapSegment
				keep = overlapSegment / 2
			}
		}
		g.segments = append(g.segments, s)
		at = next
	}
}

// lastBreak is the position after the last break of the second half, 0 where there is none.
func lastBreak(breaks []bool) int {
	for i := len(breaks) - 1; i >= len(breaks)/2; i-- {
		if breaks[i] {
			return i + 1
		}
	}
	return 0
}

// run tags all segments, in batches of like length.
func (e *characters) run(ctx context.Context, g *charGroup) error {
	slices.SortStableFunc(g.segments, func(a, b charSegment) int { return a.n - b.n })
	g.ends = g.ends[:0]
	limit := min(charRows, max(len(g.rows)/e.size, 96))
	n := 0
	for i, s := range g.segments {
		if n > 0 && n+s.n > limit {
			g.ends = append(g.ends, i)
			n = 0
		}
		n += s.n
	}
	if n > 0 {
		g.ends = append(g.ends, len(g.segments))
	}
	g.tags, g.scores = resize(g.tags, len(g.rows)), resize(g.scores, len(g.rows))
	for i := range g.tags {
		g.tags[i] = e.outside // of line ends, which no segment has
	}
	return e.each(ctx, len(g.ends), func(ws *gru.Workspace, i int) {
		start := 0
		if i > 0 {
			start = g.ends[i-1]
		}
		e.tag(g, ws, g.segments[start:g.ends[i]])
	})
}

func (e *characters) tag(g *charGroup, ws *gru.Workspace, segments []charSegment) {
	rows, ends := ws.Input()
	for _, s := range segments {
		rows = append(rows, g.rows[s.at:s.at+s.n]...)
		ends = append(ends, len(rows))
	}
	tags := ws.Tag(rows, ends)
	at := 0
	for _, s := range segments {
		for i := s.keep; i < s.until; i++ {
			tag := tags[at+i]
			g.tags[s.at+i] = tag
			if e.tags[tag].label != "" {
				g.scores[s.at+i] = probability(ws.Scores()[(at+i)*kernel.TagRow:][:len(e.tags)], tag)
			}
		}
		at += s.n
	}
}

// probability is the softmax of a tag's emission score.
func probability(scores []float32, tag int32) float32 {
	sum := 0.0
	for _, v := range scores {
		sum += math.Exp(float64(v - scores[tag]))
	}
	return float32(1 / sum)
}

// charWord is a word that is a name.
type charWord struct {
	label    string
	from, to int
	score    float32
}

// entities reads words off the tags and joins neighbours: the tagger cuts names into words (a place within a place, a
// place before its organisation). A word begins at a tag that is not inner, whatever its type; its type is its first
// character's.
func (e *characters) entities(g *charGroup, start, end int, text string) []inference.Entity {
	g.words = g.words[:0]
	for i := start; i < end; {
		label, at, sum := e.tags[g.tags[i]].label, i, float32(0)
		for ; i < end && (i == at || e.tags[g.tags[i]].inner); i++ {
			sum += g.scores[i]
			if e.tags[g.tags[i]].label != label {
				sum -= g.scores[i]
			}
		}
		if label != "" && strings.ContainsFunc(g.slice(text, at, i, end), unicode.IsLetter) { // a sign is nobody's name
			g.add(charWord{label, at, i, sum / float32(i-at)})
		}
	}
	if len(g.words) == 0 {
		return nil
	}
	out := make([]inference.Entity, len(g.words))
	for i, w := range g.words {
		from := int(g.bytes[w.from])
		out[i] = inference.Entity{Label: w.label, Score: w.score, ByteStart: from, ByteEnd: from + len(g.slice(text, w.from, w.to, end))}
	}
	inference.SetUTF16(text, out)
	return out
}

// slice is the characters from..to of a text whose characters end at end.
func (g *charGroup) slice(text string, from, to, end int) string {
	if to == end {
		return text[g.bytes[from]:]
	}
	return text[g.bytes[from]:g.bytes[to]]
}

// add appends a name, or joins it to the one right before: LOC LOC and ORG ORG stay what they are, LOC ORG is an ORG.
func (g *charGroup) add(w charWord) {
	if n := len(g.words); n > 0 {
		last := &g.words[n-1]
		if last.to == w.from && last.label != "PER" && (last.label == w.label || w.label == "ORG") && w.label != "PER" {
			a, b := float32(last.to-last.from), float32(w.to-w.from)
			last.score = (last.score*a + w.score*b) / (a + b)
			last.to, last.label = w.to, w.label
			return
		}
	}
	g.words = append(g.words, w)
}
