package policy

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// capabilities are OPA's, less whatever reaches outside the policy's own inputs, draws randomness, or reads a
// clock that the cache key does not know of. time.now_ns stays: rules that reach it are decided anew each time.
func capabilities() *ast.Capabilities {
	caps := ast.CapabilitiesForThisVersion()
	kept := caps.Builtins[:0]
	for _, b := range caps.Builtins {
		if b.Name == "time.now_ns" || !b.Nondeterministic && !outward(b.Name) {
			kept = append(kept, b)
		}
	}
	caps.Builtins = kept
	caps.AllowNet = []string{} // JSON schemas may not be fetched
	return caps
}

// outward names what OPA does not mark as nondeterministic and yet reads the clock, the network or the process:
// token and certificate verification compare with the present time, signing reads keys.
func outward(name string) bool {
	for _, prefix := range []string{"io.jwt.", "crypto.x509.", "providers.", "net.", "http.", "rand.", "uuid.", "opa."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "trace"
}
