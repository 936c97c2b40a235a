package authn

import "math/big"

// rocaPrimes are the first small primes of the fingerprint below; 2, 3 and 5 tell nothing.
var rocaPrimes = [...]int64{
	7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
	101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// hasROCA reports whether a modulus was made by the flawed generator of CVE-2017-15361 (Nemec et al. 2017, section
// 3): both its primes are powers of 65537 modulo a primorial, so the modulus is one too modulo each small prime.
// A random modulus passes all of them with a chance of about 2^-28.
func hasROCA(n *big.Int) bool {
	remainder := new(big.Int)
	for _, p := range rocaPrimes {
		if !isPower(65537%p, remainder.Mod(n, big.NewInt(p)).Int64(), p) {
			return false
		}
	}
	return true
}

// isPower reports whether x is a power of base modulo p.
func isPower(base, x, p int64) bool {
	for power, i := int64(1), int64(0); i < p; i++ {
		if power == x {
			return true
		}
		power = power * base % p
	}
	return false
}
