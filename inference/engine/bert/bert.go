// Package bert runs a BERT encoder with a token-classification head on the processor.
//
//	m, err := bert.Load(file, kernel.Best(), kernel.Int8)
//	ws := m.NewWorkspace()
//	logits := ws.Run(batch) // one row of len(labels) for each piece
//
// Sequences of a batch are laid one after the other without padding: products run over all rows at once, attention within
// each sequence. A Model is read-only and shared; a Workspace belongs to one goroutine at a time and grows to the largest
// batch it has seen, after which runs allocate nothing.
package bert

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"concordat/inference/engine/kernel"
	"concordat/inference/tensor"
)

// ErrModel says that a file is no BERT model of this engine.
var ErrModel = errors.New("bert: not a model of this engine")

// Config is the shape of a model, as its file states it.
type Config struct {
	Labels    []string `json:"labels"`
	Width     int      `json:"width"`
	Heads     int      `json:"heads"`
	Inner     int      `json:"inner"`
	Layers    int      `json:"layers"`
	Positions int      `json:"positions"`
	Shapes    int      `json:"shapes"` // rows of the token-type table, which carries the shape of words
	Epsilon   float32  `json:"eps"`
	Window    int      `json:"window"` // pieces read at once, the two markers among them
	Pool      string   `json:"pool"`   // "first" or "mean": which pieces decide for their word
}

func (c Config) check() error {
	in := func(v, low, high int) bool { return v >= low && v <= high }
	if !in(len(c.Labels), 2, 4096) || !in(c.Width, 16, 4096) || c.Width%32 != 0 || !in(c.Heads, 1, 64) || c.Width%c.Heads != 0 ||
		c.Width/c.Heads%16 != 0 || !in(c.Inner, 16, 16384) || c.Inner%32 != 0 || !in(c.Layers, 1, 48) ||
		!in(c.Positions, 8, 8192) || !in(c.Shapes, 1, 64) || !in(c.Window, 8, c.Positions) || c.Epsilon <= 0 || c.Epsilon > 1 ||
		c.Pool != "first" && c.Pool != "mean" {
		return fmt.Errorf("%w: its sizes are out of bounds", ErrModel)
	}
	return nil
}

// norm is a layer normalisation's gain and shift.
type norm struct{ gain, shift []float32 }

type layer struct {
	qkv, out, up, down *kernel.Matrix
	outNorm, downNorm  norm
}

// Model is loaded weights.
type Model struct {
	Config
	Vocab      string // one piece a line
	k          kernel.Set
	word       []int8
	wordScale  []float32
	position   []float32
	shape      []float32
	norm       norm
	layers     []layer
	classifier *kernel.Matrix
}

// Load reads a model; every tensor must be there with the shape that the configuration asks for.
func Load(f *tensor.File, k kernel.Set, p kernel.Precision) (*Model, error) {
	m := &Model{k: k}
	if f.Kind != "bert" {
		return nil, fmt.Errorf("%w: it is of kind %.20q", ErrModel, f.Kind)
	}
	if err := json.Unmarshal(f.Meta, &m.Config); err != nil {
		return nil, fmt.Errorf("%w: its description does not read", ErrModel)
	}
	if err := m.Config.check(); err != nil {
		return nil, err
	}
	l := loader{file: f, k: k, precision: p}
	m.Vocab = l.text("vocab")
	m.word, m.wordScale = l.bytes("word", f.Rows("word"), m.Width)
	m.position = l.floats("position", m.Positions, m.Width)
	m.shape = l.floats("shape", m.Shapes, m.Width)
	m.norm = l.norm("norm", m.Width)
	for n := range m.Layers {
		m.layers = append(m.layers, l.layer(n, m.Config))
	}
	m.classifier = l.matrix("classifier", m.Width, len(m.Labels), kernel.Float32)
	return m, l.err
}

// Vocabulary is the number of word embeddings.
func (m *Model) Vocabulary() int { return len(m.wordScale) }

// loader keeps the first error, so that loading reads as a list.
type loader struct {
	file      *tensor.File
	k         kernel.Set
	precision kernel.Precision
	err       error
}

func (l *loader) keep(err error) {
	if l.err == nil {
		l.err = err
	}
}

func (l *loader) text(name string) string {
	t, err := l.file.Text(name)
	l.keep(err)
	return t
}

func (l *loader) floats(name string, shape ...int) []float32 {
	v, err := l.file.Float(name, shape...)
	l.keep(err)
	return v
}

func (l *loader) bytes(name string, rows, columns int) ([]int8, []float32) {
	q, scale, err := l.file.Int8(name, rows, columns)
	l.keep(err)
	return q, scale
}

func (l *loader) norm(name string, n int) norm {
	return norm{l.floats(name+".gain", n), l.floats(name+".shift", n)}
}

func (l *loader) matrix(name string, in, out int, p kernel.Precision) *kernel.Matrix {
	w := kernel.Weights{In: in, Out: out, Bias: l.floats(name+".bias", out)}
	if l.file.Has(name, tensor.I8) {
		w.Bytes, w.Scale = l.bytes(name, out, in)
	} else {
		w.Float = l.floats(name, out, in)
	}
	if l.err != nil {
		return nil
	}
	m, err := l.k.Pack(w, p)
	l.keep(err)
	return m
}

func (l *loader) layer(n int, c Config) layer {
	name := func(s string) string { return fmt.Sprintf("%d.%s", n, s) }
	return layer{
		qkv:      l.matrix(name("qkv"), c.Width, 3*c.Width, l.precision),
		out:      l.matrix(name("out"), c.Width, c.Width, l.precision),
		up:       l.matrix(name("up"), c.Width, c.Inner, l.precision),
		down:     l.matrix(name("down"), c.Inner, c.Width, l.precision),
		outNorm:  l.norm(name("out.norm"), c.Width),
		downNorm: l.norm(name("down.norm"), c.Width),
	}
}

// Batch is sequences of pieces, one after the other.
type Batch struct {
	IDs    []int32 // piece numbers, below Vocabulary
	Shapes []uint8 // word shapes, below Config.Shapes (all zero where a model has one)
	Ends   []int   // where each sequence ends; none is longer than Positions
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.IDs, b.Shapes, b.Ends = b.IDs[:0], b.Shapes[:0], b.Ends[:0] }

// Workspace is the working memory of one run.
type Workspace struct {
	m       *Model
	hidden  []float32 // rows x width
	qkv     []float32 // rows x 3 width
	context []float32 // rows x width
	result  []float32 // rows x width: what is added to hidden
	inner   []float32 // rows x inner
	scores  []float32 // longest x longest, padded
	panels  []float32 // keys or values of one head
	logits  []float32
	zero    []float32
	scratch kernel.Scratch
}

// NewWorkspace makes working memory for a model.
func (m *Model) NewWorkspace() *Workspace { return &Workspace{m: m, zero: make([]float32, m.Width)} }

func grow(s *[]float32, n int) []float32 {
	if len(*s) < n {
		*s = make([]float32, n+n/4)
	}
	return (*s)[:n]
}

// LogitRow is the distance of two rows of logits.
func (m *Model) LogitRow() int { return kernel.Padded(len(m.Labels)) }

// Run classifies every piece: row i of the result, LogitRow apart, belongs to piece i. It is valid until the next run.
func (ws *Workspace) Run(b *Batch) []float32 {
	rows := len(b.IDs)
	hidden := ws.Encode(b)
	out := grow(&ws.logits, rows*ws.m.LogitRow())
	ws.m.k.Mul(ws.m.classifier, hidden, rows, ws.m.Width, out, ws.m.LogitRow(), &ws.scratch)
	return out
}

// Encode gives the last hidden states, Width apart, valid until the next run.
func (ws *Workspace) Encode(b *Batch) []float32 {
	m, rows := ws.m, len(b.IDs)
	hidden := grow(&ws.hidden, rows*m.Width)
	ws.embed(b, hidden)
	for i := range m.layers {
		ws.layer(&m.layers[i], b, hidden, rows)
	}
	return hidden
}

func (ws *Workspace) embed(b *Batch, hidden []float32) {
	m, w := ws.m, ws.m.Width
	start := 0
	for _, end := range b.Ends {
		for i := start; i < end; i++ {
			row, id, at := hidden[i*w:(i+1)*w], int(b.IDs[i]), i-start
			word, scale := m.word[id*w:(id+1)*w], m.wordScale[id]
			position, shape := m.position[at*w:(at+1)*w], m.shape[int(b.Shapes[i])*w:][:w]
			for j := range row {
				row[j] = float32(word[j])*scale + position[j] + shape[j]
			}
			m.k.AddNormalise(row, ws.zero, m.norm.gain, m.norm.shift, m.Epsilon)
		}
		start = end
	}
}

func (ws *Workspace) layer(l *layer, b *Batch, hidden []float32, rows int) {
	m, w := ws.m, ws.m.Width
	qkv := grow(&ws.qkv, rows*3*w)
	context, result := grow(&ws.context, rows*w), grow(&ws.result, rows*w)
	m.k.Mul(l.qkv, hidden, rows, w, qkv, 3*w, &ws.scratch)
	start := 0
	for _, end := range b.Ends {
		ws.attend(qkv[start*3*w:end*3*w], context[start*w:end*w], end-start)
		start = end
	}
	m.k.Mul(l.out, context, rows, w, result, w, &ws.scratch)
	ws.addNormalise(hidden, result, rows, l.outNorm)
	inner := grow(&ws.inner, rows*m.Inner)
	m.k.Mul(l.up, hidden, rows, w, inner, m.Inner, &ws.scratch)
	m.k.GELU(inner)
	m.k.Mul(l.down, inner, rows, m.Inner, result, w, &ws.scratch)
	ws.addNormalise(hidden, result, rows, l.downNorm)
}

func (ws *Workspace) addNormalise(hidden, add []float32, rows int, n norm) {
	w := ws.m.Width
	for r := range rows {
		ws.m.k.AddNormalise(hidden[r*w:(r+1)*w], add[r*w:(r+1)*w], n.gain, n.shift, ws.m.Epsilon)
	}
}

// attend mixes one sequence's values: softmax(q · kᵀ / √d) · v for each head.
func (ws *Workspace) attend(qkv, context []float32, n int) {
	m, w := ws.m, ws.m.Width
	d := w / m.Heads
	padded := (n + 15) / 16 * 16
	scores, panels := grow(&ws.scores, n*padded), grow(&ws.panels, padded*d)
	scale := float32(1 / math.Sqrt(float64(d)))
	for h := range m.Heads {
		kernel.PackRows(panels, qkv[w+h*d:], n, d, 3*w)
		m.k.MulPanels(panels, d, padded, qkv[h*d:], n, 3*w, scores, padded, &ws.scratch)
		for r := range n {
			row := scores[r*padded : (r+1)*padded]
			for i := n; i < padded; i++ {
				row[i] = -1e30
			}
			m.k.Softmax(row, scale)
		}
		kernel.PackColumns(panels, qkv[2*w+h*d:], n, d, 3*w)
		m.k.MulPanels(panels[:n*d], n, d, scores, n, padded, context[h*d:], w, &ws.scratch)
	}
}
