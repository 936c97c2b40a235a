// Package gru runs a character tagger of two bidirectional gated recurrent layers and a linear-chain CRF (Baidu LAC).
//
//	m, err := gru.Load(file, kernel.Best(), kernel.Float32)
//	ws := m.NewWorkspace()
//	tags := ws.Tag(rows, ends) // one tag a character
//
// The first layer's product with the embedding is a table over the characters, made at load. Sequences of one call step
// through the recurrence side by side. A Model is shared; a Workspace belongs to one goroutine at a time.
package gru

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"concordat/inference/engine/kernel"
	"concordat/inference/tensor"
)

// ErrModel says that a file is no model of this engine.
var ErrModel = errors.New("gru: not a model of this engine")

// Config is the shape of a model, as its file states it.
type Config struct {
	Tags      []string `json:"tags"`
	Embedding int      `json:"embedding"`
	Hidden    int      `json:"hidden"`
}

// Model is loaded weights.
type Model struct {
	Config
	Characters, FoldFrom, FoldTo string // the alphabet, and the map into it, character by character
	k                            kernel.Set
	table                        [2][]float32 // character -> input product of layer 0, biases included
	state                        [2][2]*kernel.Matrix
	in                           [2]*kernel.Matrix // of layer 1
	output                       *kernel.Matrix
	transitions                  []float32 // rows of kernel.TagRow
	rows                         int
}

// Load reads a model; every tensor must be there with the shape that the configuration asks for.
func Load(f *tensor.File, k kernel.Set, p kernel.Precision) (*Model, error) {
	m := &Model{k: k}
	if f.Kind != "bigru-crf" {
		return nil, fmt.Errorf("%w: it is of kind %.20q", ErrModel, f.Kind)
	}
	if err := json.Unmarshal(f.Meta, &m.Config); err != nil {
		return nil, fmt.Errorf("%w: its description does not read", ErrModel)
	}
	if n := len(m.Tags); n < 2 || n > kernel.TagRow || m.Hidden < 16 || m.Hidden > 1024 || m.Hidden%32 != 0 ||
		m.Embedding < 8 || m.Embedding > 1024 {
		return nil, fmt.Errorf("%w: its sizes are out of bounds", ErrModel)
	}
	l := loader{file: f, k: k}
	m.Characters, m.FoldFrom, m.FoldTo = l.text("characters"), l.text("fold.from"), l.text("fold.to")
	m.rows = f.Rows("embedding")
	for d, name := range []string{"forward", "backward"} {
		m.table[d] = l.table(m, name)
		for n := range 2 {
			m.state[n][d] = l.matrix(fmt.Sprintf("%d.%s.state", n, name), m.Hidden, 3*m.Hidden, p)
		}
		m.in[d] = l.matrix(fmt.Sprintf("1.%s.in", name), 2*m.Hidden, 3*m.Hidden, p)
	}
	m.output = l.matrix("output", 2*m.Hidden, len(m.Tags), kernel.Float32)
	m.transitions = padTransitions(l.floats("transitions", len(m.Tags), len(m.Tags)), len(m.Tags))
	return m, l.err
}

// Rows is the number of embedding rows; the last is for characters outside the alphabet.
func (m *Model) Rows() int { return m.rows }

func padTransitions(t []float32, n int) []float32 {
	if t == nil {
		return nil
	}
	out := make([]float32, n*kernel.TagRow)
	for i := range out {
		out[i] = -1e30
	}
	for i := range n {
		copy(out[i*kernel.TagRow:], t[i*n:(i+1)*n])
	}
	return out
}

// loader keeps the first error, so that loading reads as a list.
type loader struct {
	file *tensor.File
	k    kernel.Set
	err  error
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

func (l *loader) matrix(name string, in, out int, p kernel.Precision) *kernel.Matrix {
	w := kernel.Weights{In: in, Out: out, Float: l.floats(name, out, in), Bias: l.floats(name+".bias", out)}
	if l.err != nil {
		return nil
	}
	m, err := l.k.Pack(w, p)
	l.keep(err)
	return m
}

// table multiplies every embedding by the first layer's input matrix.
func (l *loader) table(m *Model, direction string) []float32 {
	embedding := l.floats("embedding", m.rows, m.Embedding)
	in := l.matrix("0."+direction+".in", m.Embedding, 3*m.Hidden, kernel.Float32)
	if l.err != nil {
		return nil
	}
	out := make([]float32, m.rows*3*m.Hidden)
	m.k.Mul(in, embedding, m.rows, m.Embedding, out, 3*m.Hidden, &kernel.Scratch{})
	return out
}

// Workspace is the working memory of one call.
type Workspace struct {
	m       *Model
	in      []float32 // rows x 3 hidden: input products of one direction
	first   []float32 // rows x 2 hidden
	second  []float32 // rows x 2 hidden
	states  []float32 // sequences x hidden
	rec     []float32 // sequences x 3 hidden
	scores  []float32 // rows x TagRow
	path    [2][]float32
	back    []int32
	tags    []int32
	rows    []int32 // the arguments of the last call, for Input
	ends    []int
	order   []int // sequences, longest first
	starts  []int
	lengths []int
	scratch kernel.Scratch
}

// NewWorkspace makes working memory for a model.
func (m *Model) NewWorkspace() *Workspace {
	return &Workspace{m: m, path: [2][]float32{make([]float32, kernel.TagRow), make([]float32, kernel.TagRow)}}
}

func grow[T any](s *[]T, n int) []T {
	if len(*s) < n {
		*s = make([]T, n+n/4)
	}
	return (*s)[:n]
}

// Tag gives the best tag of every character. rows are embedding rows of all sequences, ends where each sequence ends.
// The result is valid until the next call, as are the scores.
func (ws *Workspace) Tag(rows []int32, ends []int) []int32 {
	m, n := ws.m, len(rows)
	ws.rows, ws.ends = rows, ends
	ws.arrange(ends)
	first, second := grow(&ws.first, n*2*m.Hidden), grow(&ws.second, n*2*m.Hidden)
	in := grow(&ws.in, n*3*m.Hidden)
	for d := range 2 {
		for i, row := range rows {
			copy(in[i*3*m.Hidden:(i+1)*3*m.Hidden], m.table[d][int(row)*3*m.Hidden:])
		}
		ws.recur(m.state[0][d], in, first, d)
	}
	for d := range 2 {
		m.k.Mul(m.in[d], first, n, 2*m.Hidden, in, 3*m.Hidden, &ws.scratch)
		ws.recur(m.state[1][d], in, second, d)
	}
	scores := grow(&ws.scores, n*kernel.TagRow)
	for i := range scores {
		scores[i] = 0
	}
	m.k.Mul(m.output, second, n, 2*m.Hidden, scores, kernel.TagRow, &ws.scratch)
	tags := grow(&ws.tags, n)
	start := 0
	for _, end := range ends {
		ws.bestPath(scores[start*kernel.TagRow:end*kernel.TagRow], tags[start:end])
		start = end
	}
	return tags
}

// Input is empty working memory for the arguments of Tag, so that callers need not allocate.
func (ws *Workspace) Input() (rows []int32, ends []int) { return ws.rows[:0], ws.ends[:0] }

// Scores gives the emission scores of the last call, kernel.TagRow apart.
func (ws *Workspace) Scores() []float32 { return ws.scores }

// arrange orders the sequences by length, so that those still running are always the first of the states.
func (ws *Workspace) arrange(ends []int) {
	ws.order, ws.starts, ws.lengths = ws.order[:0], ws.starts[:0], ws.lengths[:0]
	start := 0
	for i, end := range ends {
		ws.order = append(ws.order, i)
		ws.starts = append(ws.starts, start)
		ws.lengths = append(ws.lengths, end-start)
		start = end
	}
	slices.SortStableFunc(ws.order, func(a, b int) int { return ws.lengths[b] - ws.lengths[a] })
}

// recur runs one direction of one layer over all sequences side by side.
func (ws *Workspace) recur(state *kernel.Matrix, in, out []float32, direction int) {
	h := ws.m.Hidden
	running := len(ws.order)
	states, rec := grow(&ws.states, running*h), grow(&ws.rec, running*3*h)
	clear(states)
	for t := 0; running > 0; t++ {
		for running > 0 && ws.lengths[ws.order[running-1]] <= t {
			running--
		}
		ws.m.k.Mul(state, states, running, h, rec, 3*h, &ws.scratch)
		for s := range running {
			seq := ws.order[s]
			at := ws.starts[seq] + t
			if direction == 1 {
				at = ws.starts[seq] + ws.lengths[seq] - 1 - t
			}
			mine := states[s*h : (s+1)*h]
			ws.m.k.Gates(in[at*3*h:(at+1)*3*h], rec[s*3*h:(s+1)*3*h], mine)
			copy(out[at*2*h+direction*h:], mine)
		}
	}
}

// bestPath is Viterbi's algorithm over one sequence.
func (ws *Workspace) bestPath(scores []float32, tags []int32) {
	if len(tags) == 0 {
		return
	}
	n := len(ws.m.Tags)
	back := grow(&ws.back, len(tags)*kernel.TagRow)
	prev, next := ws.path[0], ws.path[1]
	copy(prev, scores[:kernel.TagRow])
	for t := 1; t < len(tags); t++ {
		row := t * kernel.TagRow
		ws.m.k.Viterbi(n, prev, ws.m.transitions, scores[row:], next, back[row:])
		prev, next = next, prev
	}
	best := int32(0)
	for i := range n {
		if prev[i] > prev[best] {
			best = int32(i)
		}
	}
	for t := len(tags) - 1; ; t-- {
		tags[t] = best
		if t == 0 {
			return
		}
		best = back[t*kernel.TagRow+int(best)]
	}
}
