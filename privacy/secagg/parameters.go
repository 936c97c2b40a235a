package secagg

import (
	"fmt"
	"sync"

	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
	"github.com/tuneinsight/lattigo/v6/utils/sampling"
)

// SetA names the one parameter set: ring degree 2^13, a ciphertext modulus of three 60-bit primes (180 bits, where the
// HE standard allows 218 for 128-bit security with a ternary secret), a 58-bit plaintext prime, smudging 2^80.
const SetA = "A"

const (
	logN    = 13
	degree  = 1 << logN // coefficients, and slots
	primes  = 3
	polyLen = degree * primes * 8 // bytes of one polynomial on the wire

	// plainModulus is the largest prime below 2^58 that is 1 modulo 2^14, so that every slot is usable.
	plainModulus uint64 = 288230376150876161

	// smudging hides the party's secret in its key-switch share. With t of 58 bits the ciphertext noise is about 2^14,
	// and sqrt(24 n alpha) 2^(s/2) times that is about 2^60 for s = 64 and 1,024 openings (Li et al.); 2^80 leaves
	// 37 bits below Q/2t. Do not lower it to about 2^60: with 60-bit primes, sigma above q/6 and below 2^64/6 makes
	// the library's sampler return garbage without an error.
	smudging = 0x1p80
)

func modulusChain() []uint64 {
	return []uint64{1152921504606830593, 1152921504606748673, 1152921504606683137}
}

// scheme is what a parameter set needs at run time. It is immutable and safe for concurrent use.
type scheme struct {
	params  bgv.Parameters
	encoder *bgv.Encoder
	keygen  multiparty.PublicKeyGenProtocol
	deal    multiparty.Thresholdizer
	noise   ring.Sampler // smudging; safe for concurrent use, as its source of bytes is
	moduli  []uint64
}

// loadA builds set A once: the tables cost milliseconds, and nothing in them is secret or changes.
var loadA = sync.OnceValues(newSchemeA)

func newSchemeA() (*scheme, error) {
	params, err := bgv.NewParametersFromLiteral(bgv.ParametersLiteral{LogN: logN, Q: modulusChain(), PlaintextModulus: plainModulus})
	if err != nil {
		return nil, fmt.Errorf("parameter set A: %w", err)
	}
	random, err := sampling.NewPRNG()
	if err != nil {
		return nil, fmt.Errorf("parameter set A: %w", err)
	}
	noise, err := ring.NewSampler(random, params.RingQ(), ring.DiscreteGaussian{Sigma: smudging, Bound: 6 * smudging}, false)
	if err != nil {
		return nil, fmt.Errorf("parameter set A: %w", err)
	}
	return &scheme{
		params: params, encoder: bgv.NewEncoder(params), moduli: modulusChain(), noise: noise,
		keygen: multiparty.NewPublicKeyGenProtocol(params), deal: multiparty.NewThresholdizer(params),
	}, nil
}

func loadScheme(set string) (*scheme, error) {
	if set != SetA {
		return nil, fmt.Errorf("%w: parameter set %q", ErrProtocol, set)
	}
	return loadA()
}
