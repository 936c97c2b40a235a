//go:build !amd64

package kernel

func detect() Level { return Plain }

// The vector kernels exist for amd64 only; nothing calls these, since detect never says so.

func float6x16(k int, a *float32, lda int, b *float32, c *float32, ldc int, bias *float32) { none() }
func float4x16(k int, a *float32, lda int, b *float32, c *float32, ldc int, bias *float32) { none() }
func float2x16(k int, a *float32, lda int, b *float32, c *float32, ldc int, bias *float32) { none() }
func float1x16(k int, a *float32, lda int, b *float32, c *float32, ldc int, bias *float32) { none() }
func float1x64(k int, a *float32, b *float32, panel int, c *float32, bias *float32)        { none() }

func byte12x32(quads int, a *int8, lda int, b *uint8, c *float32, ldc int, scale, bias *float32, row *uint64) {
	none()
}
func byte6x32(quads int, a *int8, lda int, b *uint8, c *float32, ldc int, scale, bias *float32, row *uint64) {
	none()
}
func byte3x32(quads int, a *int8, lda int, b *uint8, c *float32, ldc int, scale, bias *float32, row *uint64) {
	none()
}
func byte1x32(quads int, a *int8, lda int, b *uint8, c *float32, ldc int, scale, bias *float32, row *uint64) {
	none()
}
func quantise(n int, x *float32, q *int8, row *uint64)                    { none() }
func softmaxRow(n int, x *float32, scale float32)                         { none() }
func geluRow(n int, x *float32)                                           { none() }
func gruGates(n int, in, rec, state *float32)                             { none() }
func normaliseRow(n int, x, add, gain, shift *float32, eps float32)       { none() }
func viterbiStep(tags int, prev, trans, emit, next *float32, back *int32) { none() }

func none() { panic("kernel: no vector kernels on this machine") }
