package kernel

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func sets(t testing.TB) []Set {
	var out []Set
	for l := Plain; l <= detect(); l++ {
		s, err := At(l)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// exact is the product in float64, straight from the definition.
func exact(w Weights, a []float32, rows int) []float64 {
	out := make([]float64, rows*w.Out)
	for r := range rows {
		for o := range w.Out {
			sum := 0.0
			if w.Bias != nil {
				sum = float64(w.Bias[o])
			}
			for i := range w.In {
				sum += float64(a[r*w.In+i]) * float64(w.at(o, i))
			}
			out[r*w.Out+o] = sum
		}
	}
	return out
}

func TestProductsAgreeWithDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range sets(t) {
		for _, shape := range [][2]int{{384, 64}, {128, 384}, {256, 49}, {16, 7}, {20, 35}} {
			w := Weights{In: shape[0], Out: shape[1], Float: random(r, shape[0]*shape[1]), Bias: random(r, shape[1])}
			for rows := 1; rows <= 29; rows++ {
				a := random(r, rows*w.In)
				want := exact(w, a, rows)
				checkProduct(t, s, w, Float32, a, rows, want, 1e-4)
				checkProduct(t, s, w, Int8, a, rows, want, 0.02)
			}
		}
	}
}

func checkProduct(t *testing.T, s Set, w Weights, p Precision, a []float32, rows int, want []float64, tolerance float64) {
	t.Helper()
	m, err := s.Pack(w, p)
	if err != nil {
		t.Fatal(err)
	}
	ldc := Padded(w.Out)
	c := make([]float32, rows*ldc)
	s.Mul(m, a, rows, w.In, c, ldc, &Scratch{})
	limit := tolerance * math.Sqrt(float64(w.In)) * 3
	for r := range rows {
		for o := range w.Out {
			if d := math.Abs(float64(c[r*ldc+o]) - want[r*w.Out+o]); d > limit || math.IsNaN(d) {
				t.Fatalf("%v precision %d %dx%d rows %d: at %d,%d off by %g", s.level, p, w.In, w.Out, rows, r, o, d)
			}
		}
	}
}

func TestByteWeightsAreReadAsStored(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	w := Weights{In: 32, Out: 48, Bytes: make([]int8, 32*48), Scale: make([]float32, 48)}
	for i := range w.Bytes {
		w.Bytes[i] = int8(r.IntN(255) - 127)
	}
	for i := range w.Scale {
		w.Scale[i] = 0.01 * float32(i+1)
	}
	a := random(r, 5*32)
	for _, s := range sets(t) {
		checkProduct(t, s, w, Float32, a, 5, exact(w, a, 5), 0.001)
		checkProduct(t, s, w, Int8, a, 5, exact(w, a, 5), 1)
	}
}

func TestRowFunctionsAgreeAcrossSets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	plain := Set{}
	for _, s := range sets(t) {
		for n := 8; n <= 400; n += 56 {
			x := random(r, n)
			for i := range x {
				x[i] *= 4
			}
			same(t, s, "softmax", x, func(s Set, y []float32) { s.Softmax(y, 0.7) }, plain)
			same(t, s, "gelu", x, func(s Set, y []float32) { s.GELU(y) }, plain)
			add, gain, shift := random(r, n), random(r, n), random(r, n)
			same(t, s, "normalise", x, func(s Set, y []float32) { s.AddNormalise(y, add, gain, shift, 1e-12) }, plain)
			in, rec := random(r, 3*n), random(r, 3*n)
			same(t, s, "gates", x, func(s Set, y []float32) { s.Gates(in, rec, y) }, plain)
		}
	}
}

func same(t *testing.T, s Set, what string, x []float32, f func(Set, []float32), plain Set) {
	t.Helper()
	got, want := append([]float32(nil), x...), append([]float32(nil), x...)
	f(s, got)
	f(plain, want)
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); d > 3e-6*(1+math.Abs(float64(want[i]))) || math.IsNaN(d) {
			t.Fatalf("%v %s: at %d of %d: %g, want %g", s.level, what, i, len(x), got[i], want[i])
		}
	}
}

func TestMaskedScoresGetNothing(t *testing.T) {
	for _, s := range sets(t) {
		row := []float32{1, 2, 3, -1e30, -1e30, -1e30, -1e30, -1e30}
		s.Softmax(row, 1)
		if row[3] > 1e-30 || math.Abs(float64(row[0]+row[1]+row[2])-1) > 1e-6 {
			t.Errorf("%v: %v", s.level, row)
		}
	}
}

func TestExtremeInputsStayFinite(t *testing.T) {
	for _, s := range sets(t) {
		x := []float32{1e30, -1e30, 100, -100, 0, 88, -88, 1e-30}
		s.GELU(x)
		for i, v := range x {
			if math.IsNaN(float64(v)) {
				t.Errorf("%v: GELU at %d is not a number", s.level, i)
			}
		}
	}
}

func TestViterbiStepTakesLowestOfEquals(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, s := range sets(t) {
		prev, emit := random(r, TagRow), random(r, TagRow)
		trans := random(r, 49*TagRow)
		prev[3], prev[5] = 9, 9
		copy(trans[3*TagRow:4*TagRow], trans[5*TagRow:6*TagRow])
		next, back := make([]float32, TagRow), make([]int32, TagRow)
		s.Viterbi(49, prev, trans, emit, next, back)
		wantNext, wantBack := make([]float32, TagRow), make([]int32, TagRow)
		Set{}.Viterbi(49, prev, trans, emit, wantNext, wantBack)
		for i := range next {
			if next[i] != wantNext[i] || back[i] != wantBack[i] {
				t.Fatalf("%v: tag %d: %g from %d, want %g from %d", s.level, i, next[i], back[i], wantNext[i], wantBack[i])
			}
			if back[i] == 5 {
				t.Fatalf("%v: tag %d comes from 5, of equal score with 3", s.level, i)
			}
		}
	}
}

func TestPackRefusesWrongShapes(t *testing.T) {
	for name, w := range map[string]Weights{
		"short":     {In: 4, Out: 4, Float: make([]float32, 15)},
		"bias":      {In: 4, Out: 4, Float: make([]float32, 16), Bias: make([]float32, 3)},
		"both":      {In: 4, Out: 4, Float: make([]float32, 16), Bytes: make([]int8, 16), Scale: make([]float32, 4)},
		"no scale":  {In: 4, Out: 4, Bytes: make([]int8, 16)},
		"no values": {In: 4, Out: 4},
		"negative":  {In: -4, Out: -4, Float: make([]float32, 16)},
	} {
		if _, err := Best().Pack(w, Float32); !errors.Is(err, ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func benchmarkProduct(b *testing.B, level Level, p Precision, rows, in, out int) {
	s, err := At(level)
	if err != nil {
		b.Skip(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	m, err := s.Pack(Weights{In: in, Out: out, Float: random(r, in*out)}, p)
	if err != nil {
		b.Fatal(err)
	}
	a, c, sc := random(r, rows*in), make([]float32, rows*Padded(out)), &Scratch{}
	s.Mul(m, a, rows, in, c, Padded(out), sc)
	b.ReportAllocs()
	for b.Loop() {
		s.Mul(m, a, rows, in, c, Padded(out), sc)
	}
	b.ReportMetric(2*float64(rows*in*out)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
}

func BenchmarkProductPlain(b *testing.B) { benchmarkProduct(b, Plain, Float32, 128, 384, 1536) }
func BenchmarkProductFloat(b *testing.B) { benchmarkProduct(b, AVX2, Float32, 128, 384, 1536) }
func BenchmarkProductDeep(b *testing.B)  { benchmarkProduct(b, AVX2, Float32, 128, 1536, 384) }
func BenchmarkProductRow(b *testing.B)   { benchmarkProduct(b, AVX2, Float32, 1, 128, 384) }
func BenchmarkProductByte(b *testing.B)  { benchmarkProduct(b, VNNI, Int8, 128, 384, 1536) }
func BenchmarkRowByte(b *testing.B)      { benchmarkProduct(b, VNNI, Int8, 1, 128, 384) }

func BenchmarkGELU(b *testing.B) {
	x := random(rand.New(rand.NewPCG(1, 2)), 1536)
	for b.Loop() {
		Best().GELU(x)
	}
}
