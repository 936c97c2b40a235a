package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var shared = map[string]Mem{}

// constant gives the address of a float shared by all kernels.
func constant(name string, v float32) Mem {
	if m, ok := shared[name]; ok {
		return m
	}
	shared[name] = ConstData(name, F32(v))
	return shared[name]
}

func spread(name string, v float32) VecVirtual {
	r := YMM()
	VBROADCASTSS(constant(name, v), r)
	return r
}

// exponent: x becomes e^x, relative error below 2e-7, x held in [-87.3, 88]. Cephes expf's polynomial.
func exponent(x VecVirtual) {
	n, r, p := YMM(), YMM(), YMM()
	VMAXPS(spread("expLow", -87.3), x, x)
	VMINPS(spread("expHigh", 88), x, x)
	VMULPS(spread("log2e", 1.44269504088896341), x, n)
	VROUNDPS(Imm(8), n, n)
	VMOVAPS(x, r)
	VFNMADD231PS(spread("ln2High", 0.693359375), n, r)
	VFNMADD231PS(spread("ln2Low", -2.12194440e-4), n, r)
	VBROADCASTSS(constant("exp0", 1.9875691500e-4), p)
	for _, c := range []struct {
		name string
		v    float32
	}{{"exp1", 1.3981999507e-3}, {"exp2", 8.3334519073e-3}, {"exp3", 4.1665795894e-2}, {"exp4", 1.6666665459e-1}, {"exp5", 5.0000001201e-1}} {
		VFMADD213PS(spread(c.name, c.v), r, p)
	}
	one := spread("one", 1)
	VMULPS(r, p, p)
	VFMADD213PS(r, r, p)
	VADDPS(one, p, p)
	VCVTPS2DQ(n, n)
	VPSLLD(Imm(23), n, n)
	VPADDD(n, p, x)
}

// softmax: one row in place, n a multiple of 8; positions to leave out hold a very negative number.
func softmax() {
	TEXT("softmaxRow", NOSPLIT, "func(n int, x *float32, scale float32)")
	Pragma("noescape")
	Doc("softmaxRow replaces n (a multiple of 8) scores, times scale, by their softmax.")
	n, x := param("n"), param("x")
	scale := YMM()
	VBROADCASTSS(NewParamAddr("scale", 16), scale)
	SHRQ(Imm(3), n)
	count, at := GP64(), GP64()
	top := YMM()
	VMOVUPS(Mem{Base: x}, top)
	MOVQ(n, count)
	MOVQ(x, at)
	Label("softmaxTop")
	VMAXPS(Mem{Base: at}, top, top)
	ADDQ(Imm(32), at)
	DECQ(count)
	JNZ(LabelRef("softmaxTop"))
	VBROADCASTSS(acrossMax(top), top)
	sum := YMM()
	VXORPS(sum, sum, sum)
	MOVQ(n, count)
	MOVQ(x, at)
	Label("softmaxExp")
	v := YMM()
	VMOVUPS(Mem{Base: at}, v)
	VSUBPS(top, v, v)
	VMULPS(scale, v, v)
	exponent(v)
	VADDPS(v, sum, sum)
	VMOVUPS(v, Mem{Base: at})
	ADDQ(Imm(32), at)
	DECQ(count)
	JNZ(LabelRef("softmaxExp"))
	by, total := YMM(), acrossAdd(sum)
	one := XMM()
	VMOVSS(constant("one", 1), one)
	VDIVSS(total, one, one)
	VBROADCASTSS(one, by)
	Label("softmaxScale")
	VMULPS(Mem{Base: x}, by, v)
	VMOVUPS(v, Mem{Base: x})
	ADDQ(Imm(32), x)
	DECQ(n)
	JNZ(LabelRef("softmaxScale"))
	VZEROUPPER()
	RET()
}

// gelu: x/2 (1 + erf(x/sqrt 2)) in place; erf by Abramowitz and Stegun 7.1.26, error below 1.5e-7.
func gelu() {
	TEXT("geluRow", NOSPLIT, "func(n int, x *float32)")
	Pragma("noescape")
	Doc("geluRow applies GELU to n (a multiple of 8) floats in place.")
	n, at := param("n"), param("x")
	SHRQ(Imm(3), n)
	Label("gelu")
	x, a, t, p, e := YMM(), YMM(), YMM(), YMM(), YMM()
	sign := YMM()
	VMOVUPS(Mem{Base: at}, x)
	VBROADCASTSS(constant("signBit", float32FromBits(0x80000000)), sign)
	VANDNPS(x, sign, a)
	VMULPS(spread("invSqrt2", 0.70710678118654752), a, a)
	VMOVAPS(a, t)
	one := spread("one", 1)
	VFMADD132PS(spread("erfP", 0.3275911), one, t)
	VDIVPS(t, one, t)
	VBROADCASTSS(constant("erf5", 1.061405429), p)
	for _, c := range []struct {
		name string
		v    float32
	}{{"erf4", -1.453152027}, {"erf3", 1.421413741}, {"erf2", -0.284496736}, {"erf1", 0.254829592}} {
		VFMADD213PS(spread(c.name, c.v), t, p)
	}
	VMULPS(t, p, p)
	VMULPS(a, a, e)
	VXORPS(sign, e, e)
	exponent(e)
	VFNMADD213PS(spread("one", 1), e, p) // 1 - p*e = erf(|x|/sqrt 2)
	VANDPS(sign, x, t)
	VORPS(t, p, p)
	VADDPS(spread("one", 1), p, p)
	VMULPS(spread("half", 0.5), x, x)
	VMULPS(p, x, x)
	VMOVUPS(x, Mem{Base: at})
	ADDQ(Imm(32), at)
	DECQ(n)
	JNZ(LabelRef("gelu"))
	VZEROUPPER()
	RET()
}

// sigmoid: x becomes 1/(1+e^-x).
func sigmoid(x VecVirtual) {
	sign := YMM()
	VBROADCASTSS(constant("signBit", float32FromBits(0x80000000)), sign)
	VXORPS(sign, x, x)
	exponent(x)
	one := spread("one", 1)
	VADDPS(one, x, x)
	VDIVPS(x, one, x)
}

// gates: one step of a gated recurrent unit with linear_before_reset (ONNX GRU, order z r h).
func gates() {
	TEXT("gruGates", NOSPLIT, "func(n int, in *float32, rec *float32, state *float32)")
	Pragma("noescape")
	Doc("gruGates folds input products and recurrent products (3n each: update, reset, candidate) into n states; n is a multiple of 8.")
	n, in, rec, state := param("n"), param("in"), param("rec"), param("state")
	width := GP64()
	MOVQ(n, width)
	SHLQ(Imm(2), width)
	SHRQ(Imm(3), n)
	Label("gates")
	z, r, c, h := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: in, Index: width, Scale: 1}, r)
	VADDPS(Mem{Base: rec, Index: width, Scale: 1}, r, r)
	sigmoid(r)
	VMOVUPS(Mem{Base: in, Index: width, Scale: 2}, c)
	VFMADD231PS(Mem{Base: rec, Index: width, Scale: 2}, r, c)
	VADDPS(c, c, c) // tanh x = 2 sigmoid(2x) - 1
	sigmoid(c)
	VADDPS(c, c, c)
	VSUBPS(spread("one", 1), c, c)
	VMOVUPS(Mem{Base: in}, z)
	VADDPS(Mem{Base: rec}, z, z)
	sigmoid(z)
	VMOVUPS(Mem{Base: state}, h)
	VSUBPS(c, h, h)
	VFMADD231PS(z, h, c)
	VMOVUPS(c, Mem{Base: state})
	ADDQ(Imm(32), in)
	ADDQ(Imm(32), rec)
	ADDQ(Imm(32), state)
	DECQ(n)
	JNZ(LabelRef("gates"))
	VZEROUPPER()
	RET()
}

// normalise: layer normalisation of x + add, written to x.
func normalise() {
	TEXT("normaliseRow", NOSPLIT, "func(n int, x *float32, add *float32, gain *float32, shift *float32, eps float32)")
	Pragma("noescape")
	Doc("normaliseRow writes the layer normalisation of x + add to x; n is a multiple of 8.")
	n, x, add := param("n"), param("x"), param("add")
	inv := XMM()
	wide := XMM()
	VCVTSI2SSQ(n, wide, wide)
	VMOVSS(constant("one", 1), inv)
	VDIVSS(wide, inv, inv)
	steps, count, at := GP64(), GP64(), GP64()
	MOVQ(n, steps)
	SHRQ(Imm(3), steps)
	sum, mean, v := YMM(), YMM(), YMM()
	VXORPS(sum, sum, sum)
	MOVQ(steps, count)
	MOVQ(x, at)
	Label("sum")
	VMOVUPS(Mem{Base: at}, v)
	VADDPS(Mem{Base: add}, v, v)
	VMOVUPS(v, Mem{Base: at})
	VADDPS(v, sum, sum)
	ADDQ(Imm(32), at)
	ADDQ(Imm(32), add)
	DECQ(count)
	JNZ(LabelRef("sum"))
	total := acrossAdd(sum)
	VMULSS(inv, total, total)
	VBROADCASTSS(total, mean)
	VXORPS(sum, sum, sum)
	MOVQ(steps, count)
	MOVQ(x, at)
	Label("square")
	VMOVUPS(Mem{Base: at}, v)
	VSUBPS(mean, v, v)
	VFMADD231PS(v, v, sum)
	ADDQ(Imm(32), at)
	DECQ(count)
	JNZ(LabelRef("square"))
	variance, eps, one := acrossAdd(sum), XMM(), XMM()
	VMULSS(inv, variance, variance)
	VMOVSS(NewParamAddr("eps", 40), eps)
	VADDSS(eps, variance, variance)
	VSQRTSS(variance, variance, variance)
	VMOVSS(constant("one", 1), one)
	VDIVSS(variance, one, one)
	by := YMM()
	VBROADCASTSS(one, by)
	gain, shift := param("gain"), param("shift")
	Label("scale")
	VMOVUPS(Mem{Base: x}, v)
	VSUBPS(mean, v, v)
	VMULPS(by, v, v)
	g := YMM()
	VMOVUPS(Mem{Base: gain}, g)
	VFMADD213PS(Mem{Base: shift}, g, v)
	VMOVUPS(v, Mem{Base: x})
	ADDQ(Imm(32), x)
	ADDQ(Imm(32), gain)
	ADDQ(Imm(32), shift)
	DECQ(steps)
	JNZ(LabelRef("scale"))
	VZEROUPPER()
	RET()
}

// viterbi: one step over 64 tags (padded): next[to] = emit[to] + max over from of prev[from] + trans[from][to].
func viterbi() {
	TEXT("viterbiStep", NOSPLIT, "func(tags int, prev *float32, trans *float32, emit *float32, next *float32, back *int32)")
	Pragma("noescape")
	Doc("viterbiStep takes one step of the best path over `tags` tags; rows of trans, emit, next and back are 64 wide. Of equal scores the lowest tag wins.")
	prev, trans, emit, next, back := param("prev"), param("trans"), param("emit"), param("next"), param("back")
	halves := GP64()
	MOVQ(U32(2), halves)
	Label("half")
	tags, p, at := param("tags"), GP64(), GP64()
	MOVQ(prev, p)
	MOVQ(trans, at)
	var best, arg [4]VecVirtual
	for i := range best {
		best[i], arg[i] = YMM(), YMM()
		VBROADCASTSS(constant("lowest", -3e38), best[i])
		VXORPS(arg[i], arg[i], arg[i])
	}
	from, one := YMM(), YMM()
	VXORPS(from, from, from)
	VPBROADCASTD(ConstData("oneInt", U32(1)), one)
	Label("from")
	score, v, mask := YMM(), YMM(), YMM()
	VBROADCASTSS(Mem{Base: p}, score)
	for i := range best {
		VADDPS(Mem{Base: at, Disp: 32 * i}, score, v)
		VCMPPS(Imm(0x1e), best[i], v, mask) // v > best
		VMAXPS(best[i], v, best[i])
		VBLENDVPS(mask, from, arg[i], arg[i])
	}
	VPADDD(one, from, from)
	ADDQ(Imm(4), p)
	ADDQ(U32(256), at)
	DECQ(tags)
	JNZ(LabelRef("from"))
	for i := range best {
		VADDPS(Mem{Base: emit, Disp: 32 * i}, best[i], best[i])
		VMOVUPS(best[i], Mem{Base: next, Disp: 32 * i})
		VMOVUPS(arg[i], Mem{Base: back, Disp: 32 * i})
	}
	for _, r := range []GPVirtual{trans, emit, next, back} {
		ADDQ(Imm(128), r)
	}
	DECQ(halves)
	JNZ(LabelRef("half"))
	VZEROUPPER()
	RET()
}
func float32FromBits(b uint32) float32 { return math.Float32frombits(b) }
