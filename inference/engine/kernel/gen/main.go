// Command gen writes the vector kernels of package kernel.
//
//	go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg kernel
//
// It is a module of its own so that avo is no dependency of the product.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	for _, rows := range []int{6, 4, 2, 1} {
		floatTile(rows)
	}
	floatRow()
	for _, rows := range []int{12, 6, 3, 1} {
		byteTile(rows)
	}
	quantise()
	softmax()
	gelu()
	gates()
	normalise()
	viterbi()
	Generate()
}

// rowBase is the address of row r of a row-major operand: every third row has its own pointer, the rows after it are
// reached through the stride as index.
type rowBase struct {
	ptrs   []GPVirtual
	stride GPVirtual
}

func rowsAt(ptr, stride GPVirtual, rows int) rowBase {
	b := rowBase{ptrs: []GPVirtual{ptr}, stride: stride}
	for r := 3; r < rows; r += 3 {
		p := GP64()
		LEAQ(Mem{Base: b.ptrs[len(b.ptrs)-1], Index: stride, Scale: 2}, p)
		ADDQ(stride, p)
		b.ptrs = append(b.ptrs, p)
	}
	return b
}

func (b rowBase) at(r, disp int) Mem {
	m := Mem{Base: b.ptrs[r/3], Disp: disp}
	if r%3 > 0 {
		m.Index, m.Scale = b.stride, uint8(r%3)
	}
	return m
}

func (b rowBase) advance(bytes int) {
	for _, p := range b.ptrs {
		ADDQ(Imm(uint64(bytes)), p)
	}
}

func param(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// floatTile: c[rows x 16] = bias + a[rows x k] * b, b packed k x 16. AVX2 and FMA.
func floatTile(rows int) {
	TEXT(fmt.Sprintf("float%dx16", rows), NOSPLIT, "func(k int, a *float32, lda int, b *float32, c *float32, ldc int, bias *float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("float%dx16 multiplies %d rows of a by a packed panel of 16 columns. Strides are in bytes.", rows, rows))
	k, b, bias := param("k"), param("b"), param("bias")
	a := rowsAt(param("a"), param("lda"), rows)
	acc := make([][2]VecVirtual, rows)
	for r := range acc {
		acc[r] = [2]VecVirtual{YMM(), YMM()}
		VMOVUPS(Mem{Base: bias}, acc[r][0])
		VMOVUPS(Mem{Base: bias, Disp: 32}, acc[r][1])
	}
	label := fmt.Sprintf("loop%d", rows)
	Label(label)
	b0, b1, x := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: b}, b0)
	VMOVUPS(Mem{Base: b, Disp: 32}, b1)
	for r := range acc {
		VBROADCASTSS(a.at(r, 0), x)
		VFMADD231PS(b0, x, acc[r][0])
		VFMADD231PS(b1, x, acc[r][1])
	}
	a.advance(4)
	ADDQ(Imm(64), b)
	DECQ(k)
	JNZ(LabelRef(label))
	c := rowsAt(param("c"), param("ldc"), rows)
	for r := range acc {
		VMOVUPS(acc[r][0], c.at(r, 0))
		VMOVUPS(acc[r][1], c.at(r, 32))
	}
	VZEROUPPER()
	RET()
}

// floatRow: one row by four panels at once, for recurrent steps of a single sequence.
func floatRow() {
	TEXT("float1x64", NOSPLIT, "func(k int, a *float32, b *float32, panel int, c *float32, bias *float32)")
	Pragma("noescape")
	Doc("float1x64 multiplies one row by four packed panels, `panel` bytes apart.")
	k, a, bias := param("k"), param("a"), param("bias")
	b := rowsAt(param("b"), param("panel"), 4)
	var acc [8]VecVirtual
	for i := range acc {
		acc[i] = YMM()
		VMOVUPS(Mem{Base: bias, Disp: 32 * i}, acc[i])
	}
	Label("row")
	x := YMM()
	VBROADCASTSS(Mem{Base: a}, x)
	for i := range acc {
		VFMADD231PS(b.at(i/2, 32*(i%2)), x, acc[i])
	}
	b.advance(64)
	ADDQ(Imm(4), a)
	DECQ(k)
	JNZ(LabelRef("row"))
	c := param("c")
	for i := range acc {
		VMOVUPS(acc[i], Mem{Base: c, Disp: 32 * i})
	}
	VZEROUPPER()
	RET()
}

// byteTile: c[rows x 32] from signed activations and unsigned (offset by 128) weights. AVX-512 VNNI.
//
// VPDPBUSD multiplies unsigned by signed bytes, so weights carry the offset: the sum is w*x + 128*sum(x), and the
// caller gives 128*sum(x) of each row to take off again.
func byteTile(rows int) {
	TEXT(fmt.Sprintf("byte%dx32", rows), NOSPLIT,
		"func(quads int, a *int8, lda int, b *uint8, c *float32, ldc int, scale *float32, bias *float32, row *uint64)")
	Pragma("noescape")
	Doc(fmt.Sprintf("byte%dx32 multiplies %d quantised rows by a packed panel of 32 columns. Strides are in bytes.", rows, rows))
	quads, b := param("quads"), param("b")
	a := rowsAt(param("a"), param("lda"), rows)
	acc := make([][2]VecVirtual, rows)
	for r := range acc {
		acc[r] = [2]VecVirtual{ZMM(), ZMM()}
		VPXORD(acc[r][0], acc[r][0], acc[r][0])
		VPXORD(acc[r][1], acc[r][1], acc[r][1])
	}
	label := fmt.Sprintf("quad%d", rows)
	Label(label)
	b0, b1 := ZMM(), ZMM()
	VMOVDQU32(Mem{Base: b}, b0)
	VMOVDQU32(Mem{Base: b, Disp: 64}, b1)
	for r := range acc {
		VPDPBUSD_BCST(a.at(r, 0), b0, acc[r][0])
		VPDPBUSD_BCST(a.at(r, 0), b1, acc[r][1])
	}
	a.advance(4)
	ADDQ(Imm(128), b)
	DECQ(quads)
	JNZ(LabelRef(label))
	byteEpilogue(acc, rows)
}

func byteEpilogue(acc [][2]VecVirtual, rows int) {
	scale, bias, row := param("scale"), param("bias"), param("row")
	c := rowsAt(param("c"), param("ldc"), rows)
	s, o := ZMM(), ZMM()
	for half := range 2 {
		VMOVUPS(Mem{Base: scale, Disp: 64 * half}, s)
		VMOVUPS(Mem{Base: bias, Disp: 64 * half}, o)
		for r := range acc {
			v := acc[r][half]
			VPSUBD_BCST(Mem{Base: row, Disp: 8*r + 4}, v, v)
			VCVTDQ2PS(v, v)
			VMULPS(s, v, v)
			VFMADD132PS_BCST(Mem{Base: row, Disp: 8 * r}, o, v)
			VMOVUPS(v, c.at(r, 64*half))
		}
	}
	VZEROUPPER()
	RET()
}

// quantise turns one row into signed bytes with one scale. AVX-512.
func quantise() {
	TEXT("quantise", NOSPLIT, "func(n int, x *float32, q *int8, row *uint64)")
	Pragma("noescape")
	Doc("quantise writes n (a multiple of 16) floats as bytes of one scale, and 128 times their sum.")
	n, x, q, row := param("n"), param("x"), param("q"), param("row")
	SHRQ(Imm(4), n)
	count, at := GP64(), GP64()
	top, mask, v := ZMM(), ZMM(), ZMM()
	VPXORD(top, top, top)
	VPBROADCASTD(ConstData("absMask", U32(0x7fffffff)), mask)
	MOVQ(n, count)
	MOVQ(x, at)
	Label("absmax")
	VPANDD(Mem{Base: at}, mask, v)
	VMAXPS(v, top, top)
	ADDQ(Imm(64), at)
	DECQ(count)
	JNZ(LabelRef("absmax"))
	half := YMM()
	VEXTRACTF64X4(Imm(1), top, half)
	VMAXPS(half, top.AsY(), half)
	m := acrossMax(half)
	least, step, inverse := XMM(), XMM(), XMM()
	VMOVSS(ConstData("tiny", F32(1e-30)), least)
	VMAXSS(least, m, m)
	VMOVSS(ConstData("levels", F32(127)), least)
	VDIVSS(least, m, step)
	VDIVSS(m, least, inverse)
	VMOVSS(step, Mem{Base: row})
	by, sum, i, ones := ZMM(), ZMM(), ZMM(), XMM()
	VBROADCASTSS(inverse, by)
	VPXORD(sum, sum, sum)
	Label("quantiseLoop")
	VMULPS(Mem{Base: x}, by, v)
	VCVTPS2DQ(v, i)
	VPADDD(i, sum, sum)
	VPMOVSDB(i, ones)
	VMOVDQU(ones, Mem{Base: q})
	ADDQ(Imm(64), x)
	ADDQ(Imm(16), q)
	DECQ(n)
	JNZ(LabelRef("quantiseLoop"))
	VEXTRACTI64X4(Imm(1), sum, half)
	VPADDD(half, sum.AsY(), half)
	total := acrossSum(half)
	out := GP32()
	VMOVD(total, out)
	SHLL(Imm(7), out)
	MOVL(out, Mem{Base: row, Disp: 4})
	VZEROUPPER()
	RET()
}

func acrossMax(v VecVirtual) VecVirtual {
	hi := XMM()
	VEXTRACTF128(Imm(1), v, hi)
	VMAXPS(hi, v.AsX(), hi)
	t := XMM()
	VPERMILPS(Imm(0b01001110), hi, t)
	VMAXPS(t, hi, hi)
	VPERMILPS(Imm(0b10110001), hi, t)
	VMAXPS(t, hi, hi)
	return hi
}

func acrossSum(v VecVirtual) VecVirtual {
	hi := XMM()
	VEXTRACTI128(Imm(1), v, hi)
	VPADDD(hi, v.AsX(), hi)
	t := XMM()
	VPSHUFD(Imm(0b01001110), hi, t)
	VPADDD(t, hi, hi)
	VPSHUFD(Imm(0b10110001), hi, t)
	VPADDD(t, hi, hi)
	return hi
}

func acrossAdd(v VecVirtual) VecVirtual {
	hi := XMM()
	VEXTRACTF128(Imm(1), v, hi)
	VADDPS(hi, v.AsX(), hi)
	t := XMM()
	VPERMILPS(Imm(0b01001110), hi, t)
	VADDPS(t, hi, hi)
	VPERMILPS(Imm(0b10110001), hi, t)
	VADDPS(t, hi, hi)
	return hi
}
