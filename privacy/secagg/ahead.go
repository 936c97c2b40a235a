package secagg

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

// ahead is randomness drawn while the session is prepared, when nobody waits: it depends on no value and no question.
// Each piece serves one ciphertext; a question of more ciphertexts draws the rest when it comes.
type ahead struct {
	mask   *rlwe.Ciphertext // an encryption of zero under the collective key
	smudge ring.Poly        // noise of one key-switch share, in the transform's domain
}

// draw fills what the first ciphertext needs.
func (p *Party) draw() {
	p.ahead = ahead{mask: p.newMask(), smudge: p.scheme.newSmudge()}
}

func (p *Party) newMask() *rlwe.Ciphertext {
	return bgv.NewEncryptor(p.scheme.params, p.key).EncryptZeroNew(p.scheme.params.MaxLevel())
}

// mask gives each mask away once.
func (p *Party) mask() *rlwe.Ciphertext {
	m := p.ahead.mask
	if p.ahead.mask = nil; m == nil {
		return p.newMask()
	}
	return m
}

// smudge gives each noise away once.
func (p *Party) smudge() ring.Poly {
	e := p.ahead.smudge
	if p.ahead.smudge = (ring.Poly{}); len(e.Coeffs) == 0 {
		return p.scheme.newSmudge()
	}
	return e
}

func (s *scheme) newSmudge() ring.Poly {
	e := s.params.RingQ().NewPoly()
	s.noise.Read(e)
	s.params.RingQ().NTT(e, e)
	return e
}

// encrypt is what the library's own Encrypt does: a fresh encryption of zero plus the plaintext.
func (p *Party) encrypt(slots []uint64) (*rlwe.Ciphertext, error) {
	plain := bgv.NewPlaintext(p.scheme.params, p.scheme.params.MaxLevel())
	if err := p.scheme.encoder.Encode(slots, plain); err != nil {
		return nil, err
	}
	ct := p.mask()
	if !plain.IsNTT || !ct.IsNTT {
		return nil, fmt.Errorf("%w: plaintext and mask are not of one domain", ErrProtocol)
	}
	p.scheme.params.RingQ().Add(ct.Value[0], plain.Value, ct.Value[0])
	return ct, nil
}

// switchShare is what the library's GenShare does for a sum of c1 halves: an encryption of zero under the querier's
// key, plus c1 times the secret, plus smudging noise.
func (p *Party) switchShare(secret *rlwe.SecretKey, sum *rlwe.Ciphertext) *rlwe.Ciphertext {
	out := bgv.NewEncryptor(p.scheme.params, p.querier).EncryptZeroNew(p.scheme.params.MaxLevel())
	r, e := p.scheme.params.RingQ(), p.smudge()
	r.MulCoeffsMontgomeryThenAdd(sum.Value[1], secret.Value.Q, out.Value[0])
	r.Add(out.Value[0], e, out.Value[0])
	wipe(e)
	return out
}
