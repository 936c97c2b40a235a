package secagg

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

const (
	half           = degree / 2 // slots for values; the other half holds their tags
	maxCiphertexts = 16
)

// macKeys derives the multipliers of one ciphertext's slots from the seed that members and querier share and the
// middle does not know: uniform in [1, t). A tag is multiplier times value modulo t, so tags add as values do, and who
// changes a value without the key guesses the tag with probability 2^-58.
func macKeys(seed [32]byte, question [32]byte, ciphertext int) []uint64 {
	info := append([]byte("concordat-secagg/1 mac"), question[:]...)
	info = binary.BigEndian.AppendUint32(info, uint32(ciphertext))
	key, err := hkdf.Key(sha256.New, seed[:], nil, string(info), 32)
	if err != nil {
		panic(err) // only a length above 255 hashes fails
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // 32 bytes are an AES-256 key
	}
	return uniform(cipher.NewCTR(block, make([]byte, aes.BlockSize)), half)
}

// uniform draws n numbers of [1, t) by rejection from 58 bits each.
func uniform(stream cipher.Stream, n int) []uint64 {
	out := make([]uint64, 0, n)
	buffer := make([]byte, 8*n)
	for len(out) < n {
		clear(buffer)
		stream.XORKeyStream(buffer, buffer)
		for i := 0; i < len(buffer) && len(out) < n; i += 8 {
			v := binary.LittleEndian.Uint64(buffer[i:]) >> 6
			if v != 0 && v < plainModulus {
				out = append(out, v)
			}
		}
	}
	return out
}

func mulMod(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rest := bits.Div64(hi, lo, plainModulus) // hi < t because a, b < t
	return rest
}

// residue is v modulo t, for |v| < t.
func residue(v int64) uint64 {
	if v < 0 {
		return plainModulus - uint64(-v)
	}
	return uint64(v)
}

// centred is the number nearest zero with that residue.
func centred(r uint64) int64 {
	if r > plainModulus/2 {
		return -int64(plainModulus - r)
	}
	return int64(r)
}
