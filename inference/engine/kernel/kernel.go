// Package kernel is the arithmetic of the embedded engine: matrix products over packed weights, and the row functions
// between them.
//
//	k := kernel.Best()
//	m, err := k.Pack(kernel.Weights{In: 384, Out: 1152, Float: w, Bias: b}, kernel.Int8)
//	k.Mul(m, x, rows, out, scratch) // out = x · wᵀ + b
//
// A Set is chosen once, by what the processor has: Plain is Go on any machine, AVX2 uses FMA, VNNI adds byte dot
// products. All sets read the same weights and agree within rounding; Int8 rounds the activations too, one scale a row.
//
// Slices are checked against the shapes before assembly sees them; a wrong length panics, since only this module calls
// the package. The assembly is generated: see gen.
package kernel

import (
	"errors"
	"fmt"
	"math"
)

// Level is an instruction set.
type Level int

// Levels, in order of speed.
const (
	Plain Level = iota
	AVX2
	VNNI
)

func (l Level) String() string { return [...]string{"plain", "avx2", "vnni"}[l] }

// Precision is how a matrix is held.
type Precision int

// Precisions. Int8 falls back to Float32 where the set has no byte products.
const (
	Float32 Precision = iota
	Int8
)

// ErrLevel says that this processor lacks the instruction set asked for.
var ErrLevel = errors.New("kernel: the processor has no such instructions")

// ErrShape says that weights do not fit their declared shape.
var ErrShape = errors.New("kernel: weights of another shape than declared")

// Set is one implementation of every kernel. The zero value is Plain.
type Set struct{ level Level }

// Best is the fastest set of this processor.
func Best() Set { return Set{detect()} }

// At is the set of one level, for tests and comparisons.
func At(level Level) (Set, error) {
	if level > detect() || level < Plain {
		return Set{}, fmt.Errorf("%w: %v", ErrLevel, level)
	}
	return Set{level}, nil
}

// Level names the instruction set in use.
func (s Set) Level() Level { return s.level }

const (
	floatPanel = 16 // columns of a float panel: two AVX registers
	bytePanel  = 32 // columns of a byte panel: two AVX-512 registers
)

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// Padded is the row length that a result of n columns needs.
func Padded(n int) int { return roundUp(n, bytePanel) }

// Row is the quantisation of one activation row: its scale, and 128 times the sum of its bytes.
type Row struct {
	Scale  float32
	Offset int32
}

// Scratch is the working memory of one goroutine's products. The zero value is ready.
type Scratch struct {
	bytes []int8
	rows  []Row
	zero  [floatPanel]float32
}

func (sc *Scratch) quantised(rows, width int) ([]int8, []Row) {
	if len(sc.bytes) < rows*width {
		sc.bytes = make([]int8, rows*width)
	}
	if len(sc.rows) < rows {
		sc.rows = make([]Row, rows)
	}
	return sc.bytes, sc.rows
}

// Softmax replaces the row, times scale, by its softmax. Its length is a multiple of 8; positions to leave out hold
// -1e30.
func (s Set) Softmax(row []float32, scale float32) {
	mustBeMultiple(len(row), 8)
	if s.level >= AVX2 {
		softmaxRow(len(row), &row[0], scale)
		return
	}
	top := row[0]
	for _, v := range row {
		top = max(top, v)
	}
	var sum float32
	for i, v := range row {
		e := float32(math.Exp(float64((v - top) * scale)))
		row[i] = e
		sum += e
	}
	for i := range row {
		row[i] /= sum
	}
}

// GELU applies x/2 (1 + erf(x/√2)) in place; the length is a multiple of 8.
func (s Set) GELU(x []float32) {
	mustBeMultiple(len(x), 8)
	if s.level >= AVX2 {
		geluRow(len(x), &x[0])
		return
	}
	for i, v := range x {
		x[i] = float32(float64(v) / 2 * (1 + math.Erf(float64(v)/math.Sqrt2)))
	}
}

// AddNormalise writes the layer normalisation of x + add to x.
func (s Set) AddNormalise(x, add, gain, shift []float32, eps float32) {
	n := len(x)
	mustBeMultiple(n, 8)
	add, gain, shift = add[:n], gain[:n], shift[:n]
	if s.level >= AVX2 {
		normaliseRow(n, &x[0], &add[0], &gain[0], &shift[0], eps)
		return
	}
	var sum float64
	for i := range x {
		x[i] += add[i]
		sum += float64(x[i])
	}
	mean := sum / float64(n)
	var square float64
	for _, v := range x {
		square += (float64(v) - mean) * (float64(v) - mean)
	}
	by := 1 / math.Sqrt(square/float64(n)+float64(eps))
	for i, v := range x {
		x[i] = float32((float64(v)-mean)*by)*gain[i] + shift[i]
	}
}

// Gates takes one step of a gated recurrent unit (ONNX GRU, gate order update, reset, candidate, linear_before_reset):
// in and rec are the input's and the state's products, 3 times as long as the state.
func (s Set) Gates(in, rec, state []float32) {
	n := len(state)
	mustBeMultiple(n, 8)
	in, rec = in[:3*n], rec[:3*n]
	if s.level >= AVX2 {
		gruGates(n, &in[0], &rec[0], &state[0])
		return
	}
	for i, h := range state {
		z := sigmoid(in[i] + rec[i])
		r := sigmoid(in[n+i] + rec[n+i])
		c := float32(math.Tanh(float64(in[2*n+i] + r*rec[2*n+i])))
		state[i] = c + z*(h-c)
	}
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

// TagRow is the padded width of a row of Viterbi scores.
const TagRow = 64

// Viterbi takes one step of the best path: next[to] = emit[to] + max over from of prev[from] + trans[from][to], and
// back[to] the from that gave it, the lowest of equals. Rows are TagRow wide.
func (s Set) Viterbi(tags int, prev, trans, emit, next []float32, back []int32) {
	prev, trans, emit, next, back = prev[:TagRow], trans[:tags*TagRow], emit[:TagRow], next[:TagRow], back[:TagRow]
	if s.level >= AVX2 {
		viterbiStep(tags, &prev[0], &trans[0], &emit[0], &next[0], &back[0])
		return
	}
	for to := range TagRow {
		best, arg := float32(-3e38), int32(0)
		for from := range tags {
			if v := prev[from] + trans[from*TagRow+to]; v > best {
				best, arg = v, int32(from)
			}
		}
		next[to], back[to] = best+emit[to], arg
	}
}

func mustBeMultiple(n, of int) {
	if n == 0 || n%of != 0 {
		panic(fmt.Sprintf("kernel: a row of %d is not a multiple of %d", n, of))
	}
}
