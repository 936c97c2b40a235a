package ner

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"concordat/inference"
	"concordat/inference/engine/bert"
)

// Rows of one product: enough to pay for reading the weights once, little enough to stay in the processor's cache.
const (
	minRows   = 64
	maxRows   = 192
	groupSize = 1 << 16 // bytes of text tokenised at once
)

// words is the engine over a BERT model.
type words struct {
	about  inference.Description
	m      *bert.Model
	pieces *WordPiece
	labels *labelSet
	window int // pieces read at once, the two markers among them
	*workers[*wordWorker]
	groups sync.Pool // *group: grown buffers, kept between calls
}

// wordWorker is what one goroutine needs.
type wordWorker struct {
	ws    *bert.Workspace
	batch bert.Batch
}

func newWords(card inference.Card, m *bert.Model, o Options) (*words, error) {
	if m.Shapes != 1 && m.Shapes != shapeCount {
		return nil, ErrModel
	}
	wp, err := NewWordPiece(m.Vocab, m.Vocabulary(), m.Shapes == shapeCount)
	if err != nil {
		return nil, err
	}
	labels, err := newLabelSet(m.Labels)
	if err != nil {
		return nil, err
	}
	window := cmp.Or(card.Window, m.Window)
	if window < 8 || window > m.Positions {
		return nil, fmt.Errorf("%w: a window of %d pieces", ErrModel, window)
	}
	e := &words{window: window, about: describe(card, o, o.Precision), m: m, pieces: wp, labels: labels}
	e.workers = newWorkers(o.Workers, func() *wordWorker { return &wordWorker{ws: m.NewWorkspace()} })
	e.groups.New = func() any { return &group{} }
	return e, nil
}

func (e *words) Describe() inference.Description { return e.about }

// Warm runs one short text, so that working memory exists.
func (e *words) Warm(ctx context.Context) error {
	_, err := e.Infer(ctx, []string{"Warm up."})
	return err
}

// document is one text of a group.
type document struct {
	pieces
	probs   []float32 // a row of label probabilities a word
	windows []window
	text    int
}

// task is one window to read.
type task struct{ doc, window, rows int }

// group is texts that are tokenised together, their windows, and the batches of windows.
type group struct {
	docs  []document
	tasks []task
	ends  []int // where each batch of tasks ends
	fold  []byte
	bio   bio
	spans []span
}

func (e *words) Infer(ctx context.Context, texts []string) ([]inference.Result, error) {
	if err := inference.CheckTexts(texts); err != nil {
		return nil, err
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	results := make([]inference.Result, len(texts))
	g := e.groups.Get().(*group)
	defer e.groups.Put(g)
	for from := 0; from < len(texts); {
		to, err := e.read(ctx, g, texts, from)
		if err != nil {
			return nil, err
		}
		for i := range to - from {
			results[from+i].Entities = e.entities(g, &g.docs[i], texts[from+i])
		}
		from = to
	}
	return results, nil
}

// read fills g with the probabilities of texts from `from` on, and says where the next group begins.
func (e *words) read(ctx context.Context, g *group, texts []string, from int) (int, error) {
	to := e.tokenise(g, texts, from)
	err := e.each(ctx, len(g.ends), func(w *wordWorker, i int) {
		start := 0
		if i > 0 {
			start = g.ends[i-1]
		}
		e.run(g, w, g.tasks[start:g.ends[i]])
	})
	return to, err
}

func (e *words) tokenise(g *group, texts []string, from int) int {
	g.tasks, g.ends = g.tasks[:0], g.ends[:0]
	to, size, rows := from, 0, 0
	for to < len(texts) && (to == from || size+len(texts[to]) <= groupSize) {
		if to-from == len(g.docs) {
			g.docs = append(g.docs, document{})
		}
		doc := &g.docs[to-from]
		doc.text = to
		g.fold = e.pieces.split(texts[to], &doc.pieces, g.fold)
		doc.probs = resize(doc.probs, len(doc.words)*len(e.m.Labels))
		doc.windows = windowsOf(doc.words, e.window-2, doc.windows[:0])
		for i, w := range doc.windows {
			n := e.rowsOf(doc, w)
			g.tasks = append(g.tasks, task{to - from, i, n})
			rows += n
		}
		size += len(texts[to])
		to++
	}
	g.batch(min(maxRows, max(minRows, rows/e.size)))
	return to
}

// rowsOf is the number of pieces of a window with its two markers.
func (e *words) rowsOf(doc *document, w window) int {
	last := doc.words[w.to-1]
	return min(int(last.first+last.n-doc.words[w.from].first), e.window-2) + 2
}

// batch puts windows of like length together, since attention costs by the longest, up to about `rows` rows.
func (g *group) batch(rows int) {
	slices.SortStableFunc(g.tasks, func(a, b task) int { return a.rows - b.rows })
	n := 0
	for i, t := range g.tasks {
		if n > 0 && n+t.rows > rows {
			g.ends = append(g.ends, i)
			n = 0
		}
		n += t.rows
	}
	if n > 0 {
		g.ends = append(g.ends, len(g.tasks))
	}
}

func (e *words) run(g *group, w *wordWorker, tasks []task) {
	w.batch.Reset()
	for _, t := range tasks {
		doc := &g.docs[t.doc]
		first := int(doc.words[doc.windows[t.window].from].first)
		ids, shapes := doc.ids[first:first+t.rows-2], doc.shapes[first:first+t.rows-2]
		w.batch.IDs = append(append(append(w.batch.IDs, e.pieces.cls), ids...), e.pieces.sep)
		w.batch.Shapes = append(append(append(w.batch.Shapes, 0), shapes...), 0)
		w.batch.Ends = append(w.batch.Ends, len(w.batch.IDs))
	}
	logits := w.ws.Run(&w.batch)
	at := 0
	for _, t := range tasks {
		e.collect(&g.docs[t.doc], g.docs[t.doc].windows[t.window], logits[at*e.m.LogitRow():], t.rows)
		at += t.rows
	}
}

// collect turns a window's logits into probabilities of the words that the window decides.
func (e *words) collect(doc *document, w window, logits []float32, rows int) {
	n, base := len(e.m.Labels), int(doc.words[w.from].first)-1 // row 0 is the marker
	for i := w.keep; i < w.until; i++ {
		word := doc.words[i]
		out := doc.probs[i*n : (i+1)*n]
		clear(out)
		count := 1
		if e.m.Pool == "mean" {
			count = int(word.n)
		}
		for k := range count {
			row := min(int(word.first)+k-base, rows-2)
			e.addSoftmax(logits[row*e.m.LogitRow():][:n], out, 1/float32(count), k > 0)
		}
	}
}

// addSoftmax adds a piece's label probabilities to its word's. A later piece that begins a type says that the word is of
// the type, not that another entity begins inside the word.
func (e *words) addSoftmax(logits, out []float32, weight float32, later bool) {
	top := logits[0]
	for _, v := range logits {
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v - top))
	}
	for l, v := range logits {
		p := weight * float32(math.Exp(float64(v-top))/sum)
		out[l] += p
	}
	if !later {
		return
	}
	for t, begin := range e.labels.begin {
		p := weight * float32(math.Exp(float64(logits[begin]-top))/sum)
		out[begin] -= p
		out[e.labels.in[t]] += p
	}
}

func (e *words) entities(g *group, doc *document, text string) []inference.Entity {
	path := e.labels.decode(doc.probs, len(doc.words), &g.bio)
	g.spans = e.labels.spans(path, doc.probs, g.spans[:0])
	if e.m.Pool == "mean" {
		g.spans = joinTouching(g.spans, doc.words)
	}
	if len(g.spans) == 0 {
		return nil
	}
	out := make([]inference.Entity, len(g.spans))
	for i, s := range g.spans {
		out[i] = inference.Entity{Label: e.labels.types[s.kind], Score: s.score,
			ByteStart: int(doc.words[s.from].start), ByteEnd: int(doc.words[s.to-1].end)}
	}
	inference.SetUTF16(text, out)
	return out
}

// joinTouching makes one span of neighbours of one type without space between them: a model whose every piece votes tends
// to begin anew at each mark inside an address or number.
func joinTouching(spans []span, words []word) []span {
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && out[n-1].kind == s.kind && words[out[n-1].to-1].end == words[s.from].start {
			last := &out[n-1]
			a, b := float32(last.to-last.from), float32(s.to-s.from)
			last.score = (last.score*a + s.score*b) / (a + b)
			last.to = s.to
			continue
		}
		out = append(out, s)
	}
	return out
}

// Embed gives the mean of each text's last hidden states, of length 1. Only the first window of a text is read; a text
// without words is a zero vector.
func (e *words) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := inference.CheckTexts(texts); err != nil {
		return nil, err
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	out := make([][]float32, len(texts))
	g := &group{}
	for from := 0; from < len(texts); {
		to := e.tokenise(g, texts, from)
		err := e.each(ctx, to-from, func(w *wordWorker, i int) { out[from+i] = e.embed(&g.docs[i], w) })
		if err != nil {
			return nil, err
		}
		from = to
	}
	return out, nil
}

func (e *words) embed(doc *document, w *wordWorker) []float32 {
	mean := make([]float32, e.m.Width)
	if len(doc.windows) == 0 {
		return mean
	}
	n := e.rowsOf(doc, doc.windows[0]) - 2
	w.batch.Reset()
	w.batch.IDs = append(append(append(w.batch.IDs, e.pieces.cls), doc.ids[:n]...), e.pieces.sep)
	w.batch.Shapes = append(append(append(w.batch.Shapes, 0), doc.shapes[:n]...), 0)
	w.batch.Ends = append(w.batch.Ends, n+2)
	hidden := w.ws.Encode(&w.batch)
	square := 0.0
	for j := range mean {
		for r := range n + 2 {
			mean[j] += hidden[r*e.m.Width+j]
		}
		square += float64(mean[j]) * float64(mean[j])
	}
	by := float32(1 / math.Sqrt(square+1e-30))
	for j := range mean {
		mean[j] *= by
	}
	return mean
}
