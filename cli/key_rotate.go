package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"concordat/policy/authn"
)

func keyRotate(args []string, stdout, stderr io.Writer) int {
	set := newCredentialFlags("key rotate", stderr)
	kind := set.String("type", "issuer", "issuer; no other key can be rotated")
	dir := set.String("dir", "", "directory of the key (required)")
	atOnce := set.Bool("at-once", false, "believe no token of the old key any more: for a key that was stolen")
	asJSON := set.Bool("json", false, "print JSON")
	rest, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 || *dir == "" {
		fmt.Fprint(stderr, keyUsage)
		return 2
	}
	if *kind != "issuer" {
		fmt.Fprintf(stderr, "concordat key rotate: a %s key cannot be rotated: what it signed is checked with it for ever, or by whoever pinned it\n", *kind)
		return 2
	}
	issuer, err := authn.RotateIssuer(*dir, time.Now(), *atOnce)
	if err == nil {
		err = newKey{filepath.Join(*dir, authn.IssuerFile), json.RawMessage(issuer.JWKS())}.print(stdout, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(stderr, "concordat key rotate:", err)
		return 1
	}
	return 0
}
