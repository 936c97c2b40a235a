package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"concordat/policy/authn"
	"concordat/policy/ledger"
)

const keyUsage = `usage: concordat key new [--type issuer] --dir DIR [--json]
       concordat key new --type ledger --origin NAME --dir DIR [--json]
       concordat key new --type policy --agency NAME --dir DIR [--json]
       concordat key rotate [--type issuer] --dir DIR [--at-once] [--json]

new makes a key in DIR: issuer.jwk.json, with which the development issuer signs tokens; ledger.skey, with which
a ledger of that origin signs checkpoints, and ledger.vkey, its public half; or NAME.key.pem, with which an agency signs
its policy, and NAME.pub.pem, which gateways pin. Secret keys have mode 0600.
A key that is already there is never replaced by new.

rotate gives the development issuer in DIR another key, also while a demo runs on it. The old public key is served until the
last token that it signed has expired (issuer.retired.json), or with --at-once no more.
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
	case "rotate":
		return keyRotate(args[1:], stdout, stderr)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, keyUsage)
		return 0
	}
	fmt.Fprintf(stderr, "concordat key: unknown verb %q\n%s", args[0], keyUsage)
	return 2
}

func keyNew(args []string, stdout, stderr io.Writer) int {
	set := newCredentialFlags("key new", stderr)
	kind := set.String("type", "issuer", "issuer, ledger or policy")
	dir := set.String("dir", "", "directory for the key (required)")
	origin := set.String("origin", "", "the ledger's origin, a name without spaces or '+' (required for a ledger)")
	agency := set.String("agency", "", "whose policy the key signs (required for a policy)")
	asJSON := set.Bool("json", false, "print JSON")
	rest, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	var made newKey
	var err error
	switch {
	case len(rest) == 0 && *dir != "" && *kind == "issuer" && *origin == "" && *agency == "":
		made, err = newIssuerKey(*dir)
	case len(rest) == 0 && *dir != "" && *kind == "ledger" && *origin != "" && *agency == "":
		made, err = newLedgerKey(*dir, *origin)
	case len(rest) == 0 && *dir != "" && *kind == "policy" && *origin == "" && agencyName(*agency):
		made, err = newPolicyKey(*dir, *agency)
	default:
		fmt.Fprint(stderr, keyUsage)
		return 2
	}
	if err == nil {
		err = made.print(stdout, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(stderr, "concordat key new:", err)
		return 1
	}
	return 0
}

// newKey says where the secret lies and what the public half is; it never holds the secret.
type newKey struct {
	File   string `json:"file"`
	Public any    `json:"public"` // a JWK set, or a note verifier key
}

func (k newKey) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(k)
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", k.File, k.Public)
	return err
}

func newIssuerKey(dir string) (newKey, error) {
	issuer, err := authn.CreateIssuer(dir)
	if err != nil {
		return newKey{}, err
	}
	return newKey{filepath.Join(dir, authn.IssuerFile), json.RawMessage(issuer.JWKS())}, nil
}

func newLedgerKey(dir, origin string) (newKey, error) {
	path := filepath.Join(dir, ledger.SecretKeyFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return newKey{}, errors.Join(fmt.Errorf("%s: %w", path, fs.ErrExist), err)
	}
	if _, _, err := ledger.LoadOrCreateKey(dir, origin); err != nil {
		return newKey{}, err
	}
	public, err := os.ReadFile(filepath.Join(dir, ledger.PublicKeyFile))
	return newKey{path, strings.TrimSpace(string(public))}, err
}
