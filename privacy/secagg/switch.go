package secagg

import (
	"bytes"
	"slices"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
)

// combine weighs a Shamir share for the active set. All of the active members take part, also where fewer could: the
// interpolation is over all their points, so that a set either opens as it was signed or not at all.
func (s *scheme) combine(share multiparty.ShamirSecretShare, self int, active []int) (*rlwe.SecretKey, error) {
	points := make([]multiparty.ShamirPublicPoint, len(active))
	for i, a := range active {
		points[i] = point(a)
	}
	out := rlwe.NewSecretKey(s.params)
	combiner := multiparty.NewCombiner(s.params, point(self), slices.Clone(points), len(points))
	err := combiner.GenAdditiveShare(points, point(self), share, out)
	return out, err
}

// switchShares are one key-switch share per ciphertext, towards the querier's key, after the hash of the active set.
func (p *Party) switchShares(secret *rlwe.SecretKey, sums []*rlwe.Ciphertext) []byte {
	out := bytes.NewBuffer(make([]byte, 0, 32+len(sums)*blockSwitch.size()))
	out.Write(p.activeHash[:])
	for _, ct := range sums {
		out.Write(writeBlock(blockSwitch, p.switchShare(secret, ct).Value...))
	}
	return out.Bytes()
}
