package secagg

import (
	"bytes"
	"math"
	"math/big"
	"testing"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

// A mask or noise that served two ciphertexts would open their difference.
func TestWhatIsDrawnAheadServesOnce(t *testing.T) {
	s, err := loadScheme(SetA)
	if err != nil {
		t.Fatal(err)
	}
	_, key := bgv.NewKeyGenerator(s.params).GenKeyPairNew()
	p := &Party{scheme: s, key: key}
	p.draw()
	drawn := writeBlock(blockCiphertext, p.ahead.mask.Value...)
	seen := [][]byte{}
	for i := range 3 {
		mask := writeBlock(blockCiphertext, p.mask().Value...)
		if (i == 0) != bytes.Equal(mask, drawn) {
			t.Errorf("mask %d: drawn ahead is %v", i, i != 0)
		}
		seen = append(seen, mask, writeBlock(blockHalf, p.smudge()))
	}
	for i := range seen {
		for j := range i {
			if bytes.Equal(seen[i], seen[j]) {
				t.Errorf("draws %d and %d are the same", j, i)
			}
		}
	}
}

func TestDiscardedPartyKeepsNothingDrawnAhead(t *testing.T) {
	s, err := loadScheme(SetA)
	if err != nil {
		t.Fatal(err)
	}
	_, key := bgv.NewKeyGenerator(s.params).GenKeyPairNew()
	p := &Party{scheme: s, key: key}
	p.draw()
	e := p.ahead.smudge
	p.Discard()
	if p.ahead.mask != nil || len(p.ahead.smudge.Coeffs) != 0 || e.Coeffs[0][0] != 0 || e.Coeffs[2][degree-1] != 0 {
		t.Error("noise outlives the party")
	}
}

// The share of a sum decrypts under the querier's key to c1 times the secret, but for noise of the declared size: with
// less, shares tell the secret. Over 8,192 coefficients the deviation of the estimate is 0.8 %; five of them is 4 %.
func TestSwitchShareIsSmudged(t *testing.T) {
	s, err := loadScheme(SetA)
	if err != nil {
		t.Fatal(err)
	}
	secret, key := bgv.NewKeyGenerator(s.params).GenKeyPairNew()
	reader, public := bgv.NewKeyGenerator(s.params).GenKeyPairNew()
	p := &Party{scheme: s, key: key, querier: public}
	p.draw()
	sum := p.newMask()
	for range 2 { // drawn ahead, and drawn when it comes
		share := p.switchShare(secret, sum)
		r := s.params.RingQ()
		opened := rlwe.NewDecryptor(s.params, reader).DecryptNew(share).Value
		exact := r.NewPoly()
		r.MulCoeffsMontgomery(sum.Value[1], secret.Value.Q, exact)
		r.Sub(opened, exact, opened)
		r.INTT(opened, opened)
		noise := make([]*big.Int, degree)
		for i := range noise {
			noise[i] = new(big.Int)
		}
		r.PolyToBigintCentered(opened, 1, noise)
		var squares float64
		for _, n := range noise {
			v, _ := new(big.Float).SetInt(n).Float64()
			squares += v / smudging * (v / smudging)
		}
		if deviation := math.Sqrt(squares / degree); deviation < 0.96 || deviation > 1.04 {
			t.Errorf("noise is %.3f times the declared", deviation)
		}
	}
}
