package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Weights is a matrix as a model file has it: Out rows of In values, row by output, with a bias each. Exactly one of
// Float and Bytes is set; Bytes comes with one Scale a row.
type Weights struct {
	In, Out int
	Float   []float32
	Bytes   []int8
	Scale   []float32
	Bias    []float32 // Out long, or nil for none
}

// Matrix is packed weights. It is read-only and may be shared.
type Matrix struct {
	in, out int
	floats  []float32 // panels of 16 columns, in deep
	bytes   []uint8   // panels of 32 columns, in/4 deep, 4 bytes a column, offset by 128
	scale   []float32
	bias    []float32
}

// Out is the number of columns of a product, without padding.
func (m *Matrix) Out() int { return m.out }

// Pack lays weights out for the set. Int8 needs rows of a multiple of 16; others are held as floats.
func (s Set) Pack(w Weights, p Precision) (*Matrix, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	m := &Matrix{in: w.In, out: w.Out, bias: make([]float32, Padded(w.Out))}
	copy(m.bias, w.Bias)
	if p == Int8 && s.level >= VNNI && w.In%16 == 0 {
		m.packBytes(w)
		return m, nil
	}
	m.packFloats(w)
	return m, nil
}

func (w Weights) check() error {
	n := w.In * w.Out
	switch {
	case w.In <= 0 || w.Out <= 0 || w.In > 1<<20 || w.Out > 1<<20,
		w.Bias != nil && len(w.Bias) != w.Out,
		(w.Float == nil) == (w.Bytes == nil),
		w.Float != nil && len(w.Float) != n,
		w.Bytes != nil && (len(w.Bytes) != n || len(w.Scale) != w.Out):
		return fmt.Errorf("%w: %d x %d", ErrShape, w.Out, w.In)
	}
	return nil
}

func (w Weights) at(out, in int) float32 {
	if w.Float != nil {
		return w.Float[out*w.In+in]
	}
	return float32(w.Bytes[out*w.In+in]) * w.Scale[out]
}

func (m *Matrix) packFloats(w Weights) {
	m.floats = make([]float32, roundUp(m.out, floatPanel)*m.in)
	for o := range m.out {
		panel := m.floats[o/floatPanel*floatPanel*m.in:]
		col := o % floatPanel
		for i := range m.in {
			panel[i*floatPanel+col] = w.at(o, i)
		}
	}
}

func (m *Matrix) packBytes(w Weights) {
	padded := Padded(m.out)
	m.bytes = make([]uint8, padded*m.in)
	for i := range m.bytes {
		m.bytes[i] = 128
	}
	m.scale = make([]float32, padded)
	row := make([]int8, m.in)
	for o := range m.out {
		src := row
		if w.Bytes != nil {
			src, m.scale[o] = w.Bytes[o*m.in:(o+1)*m.in], w.Scale[o]
		} else {
			m.scale[o] = QuantiseRow(w.Float[o*m.in:(o+1)*m.in], row)
		}
		panel := m.bytes[o/bytePanel*bytePanel*m.in:]
		col := o % bytePanel
		for i, v := range src {
			panel[i/4*4*bytePanel+col*4+i%4] = uint8(int(v) + 128)
		}
	}
}

// QuantiseRow writes x as bytes of one scale, which it returns: x ≈ scale * q.
func QuantiseRow(x []float32, q []int8) float32 {
	var top float32
	for _, v := range x {
		top = max(top, v, -v)
	}
	if top < 1e-30 {
		top = 1e-30
	}
	by := 127 / top
	for i, v := range x {
		q[i] = int8(math.RoundToEven(float64(v * by)))
	}
	return top / 127
}

// Mul computes rows of c from rows of a: c = a · mᵀ + bias. Rows of a are lda apart, rows of c ldc apart; ldc is at
// least Padded(m.Out()), and the padding of c is written too.
func (s Set) Mul(m *Matrix, a []float32, rows, lda int, c []float32, ldc int, sc *Scratch) {
	if rows == 0 {
		return
	}
	_, _ = a[(rows-1)*lda+m.in-1], c[(rows-1)*ldc+Padded(m.out)-1]
	if m.bytes != nil {
		s.mulBytes(m, a, rows, lda, c, ldc, sc)
		return
	}
	if rows == 1 && s.level >= AVX2 && m.out%64 == 0 {
		for o := 0; o < m.out; o += 64 {
			float1x64(m.in, &a[0], &m.floats[o*m.in], floatPanel*4*m.in, &c[o], &m.bias[o])
		}
		return
	}
	for o := 0; o < m.out; o += floatPanel {
		s.floatPanel(m.in, a, rows, lda, m.floats[o*m.in:], c[o:], ldc, m.bias[o:])
	}
}

// MulPanels is Mul for a matrix packed on the fly (attention), without bias: depth in, columns a multiple of 16.
func (s Set) MulPanels(panels []float32, in, columns int, a []float32, rows, lda int, c []float32, ldc int, sc *Scratch) {
	mustBeMultiple(columns, floatPanel)
	_, _, _ = panels[in*columns-1], a[(rows-1)*lda+in-1], c[(rows-1)*ldc+columns-1]
	for o := 0; o < columns; o += floatPanel {
		s.floatPanel(in, a, rows, lda, panels[o*in:], c[o:], ldc, sc.zero[:])
	}
}

func (s Set) floatPanel(in int, a []float32, rows, lda int, panel, c []float32, ldc int, bias []float32) {
	if s.level < AVX2 {
		plainPanel(in, a, rows, lda, panel, c, ldc, bias)
		return
	}
	r := 0
	for ; r+6 <= rows; r += 6 {
		float6x16(in, &a[r*lda], lda*4, &panel[0], &c[r*ldc], ldc*4, &bias[0])
	}
	if r+4 <= rows {
		float4x16(in, &a[r*lda], lda*4, &panel[0], &c[r*ldc], ldc*4, &bias[0])
		r += 4
	}
	if r+2 <= rows {
		float2x16(in, &a[r*lda], lda*4, &panel[0], &c[r*ldc], ldc*4, &bias[0])
		r += 2
	}
	if r < rows {
		float1x16(in, &a[r*lda], lda*4, &panel[0], &c[r*ldc], ldc*4, &bias[0])
	}
}

func plainPanel(in int, a []float32, rows, lda int, panel, c []float32, ldc int, bias []float32) {
	for r := range rows {
		var acc [floatPanel]float32
		copy(acc[:], bias[:floatPanel])
		row := a[r*lda : r*lda+in]
		for i, x := range row {
			w := panel[i*floatPanel : (i+1)*floatPanel]
			for j := range acc {
				acc[j] += x * w[j]
			}
		}
		copy(c[r*ldc:r*ldc+floatPanel], acc[:])
	}
}

func (s Set) mulBytes(m *Matrix, a []float32, rows, lda int, c []float32, ldc int, sc *Scratch) {
	q, info := sc.quantised(rows, m.in)
	for r := range rows {
		quantise(m.in, &a[r*lda], &q[r*m.in], (*uint64)(unsafe.Pointer(&info[r])))
	}
	for o := 0; o < Padded(m.out); o += bytePanel {
		bytePanels(m, o, q, info, rows, c, ldc)
	}
}

func bytePanels(m *Matrix, o int, q []int8, info []Row, rows int, c []float32, ldc int) {
	b, quads := &m.bytes[o*m.in], m.in/4
	scale, bias := &m.scale[o], &m.bias[o]
	at := func(r int) *uint64 { return (*uint64)(unsafe.Pointer(&info[r])) }
	r := 0
	for ; r+12 <= rows; r += 12 {
		byte12x32(quads, &q[r*m.in], m.in, b, &c[r*ldc+o], ldc*4, scale, bias, at(r))
	}
	if r+6 <= rows {
		byte6x32(quads, &q[r*m.in], m.in, b, &c[r*ldc+o], ldc*4, scale, bias, at(r))
		r += 6
	}
	if r+3 <= rows {
		byte3x32(quads, &q[r*m.in], m.in, b, &c[r*ldc+o], ldc*4, scale, bias, at(r))
		r += 3
	}
	if r < rows && rows >= 3 { // the last three rows, some of them again: one row alone costs as much as three
		r = rows
		byte3x32(quads, &q[(r-3)*m.in], m.in, b, &c[(r-3)*ldc+o], ldc*4, scale, bias, at(r-3))
	}
	for ; r < rows; r++ {
		byte1x32(quads, &q[r*m.in], m.in, b, &c[r*ldc+o], ldc*4, scale, bias, at(r))
	}
}

// PackRows lays n rows of `in` values (ld apart) out as the columns of panels: the transpose, for scores of queries
// against keys. Columns beyond n are zero.
func PackRows(panels, src []float32, n, in, ld int) {
	for o := 0; o < roundUp(n, floatPanel); o += floatPanel {
		panel := panels[o*in : (o+floatPanel)*in]
		for col := range floatPanel {
			if o+col >= n {
				for i := range in {
					panel[i*floatPanel+col] = 0
				}
				continue
			}
			for i, v := range src[(o+col)*ld : (o+col)*ld+in] {
				panel[i*floatPanel+col] = v
			}
		}
	}
}

// PackColumns lays `in` rows of n values (ld apart; n a multiple of 16) out as panels of n columns.
func PackColumns(panels, src []float32, in, n, ld int) {
	for o := 0; o < n; o += floatPanel {
		for i := range in {
			copy(panels[o*in+i*floatPanel:o*in+(i+1)*floatPanel], src[i*ld+o:i*ld+o+floatPanel])
		}
	}
}
