package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"concordat/policy/authn"
)

const keyUsage = `usage: concordat key new [--type issuer] --dir DIR [--json]

new makes a key in DIR: issuer.jwk.json (mode 0600), with which the development issuer signs tokens.
A key that is already there is never replaced.
`

// Key runs the verb "key".
func Key(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, keyUsage)
		return 2
	}
	switch args[0] {
	case "new":
		return keyNew(args[1:], stdout, stderr)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, keyUsage)
		return 0
	}
	fmt.Fprintf(stderr, "concordat key: unknown verb %q\n%s", args[0], keyUsage)
	return 2
}

func keyNew(args []string, stdout, stderr io.Writer) int {
	set := newCredentialFlags("key new", stderr)
	kind := set.String("type", "issuer", "issuer")
	dir := set.String("dir", "", "directory for the key (required)")
	asJSON := set.Bool("json", false, "print JSON")
	rest, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 || *dir == "" || *kind != "issuer" {
		fmt.Fprint(stderr, keyUsage)
		return 2
	}
	if err := newKey(*dir, *asJSON, stdout); err != nil {
		fmt.Fprintln(stderr, "concordat key new:", err)
		return 1
	}
	return 0
}

// newKey prints where the secret lies and the public half, never the secret.
func newKey(dir string, asJSON bool, stdout io.Writer) error {
	issuer, err := authn.CreateIssuer(dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, authn.IssuerFile)
	if asJSON {
		return json.NewEncoder(stdout).Encode(map[string]any{
			"file": path, "public": json.RawMessage(issuer.JWKS()),
		})
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s\n", path, issuer.JWKS())
	return err
}
