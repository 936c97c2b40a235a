package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"concordat/policy/authn"
)

// PersonasFile is where the demo keeps, in its directory, the claims of each persona: {"NAME": {claims}}.
const PersonasFile = "personas.json"

const tokenUsage = `usage: concordat token mint --dir DIR (--persona NAME | --sub ID --client ID) [flags]
       concordat token inspect [TOKEN | -] [--jwks FILE] [--json]
       concordat token revoke [TOKEN | - | --jti ID] (--dir DIR | --url URL --as FILE) [--issuer NAME] [--json]

mint signs an access token with the development issuer's key in DIR (issuer.jwk.json).
inspect prints what a token says; without --jwks nothing of it is verified.
revoke has the gateway that runs on DIR refuse a token from its next request on, also after a restart.
`

// Token runs the verb "token".
func Token(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, tokenUsage)
		return 2
	}
	switch args[0] {
	case "mint":
		return tokenMint(args[1:], stdout, stderr)
	case "inspect":
		return tokenInspect(args[1:], os.Stdin, stdout, stderr)
	case "revoke":
		return tokenRevoke(args[1:], os.Stdin, stdout, stderr)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, tokenUsage)
		return 0
	}
	fmt.Fprintf(stderr, "concordat token: unknown verb %q\n%s", args[0], tokenUsage)
	return 2
}

type mintFlags struct {
	dir, persona, sub, org, client, scope, agreement string
	dpopKey                                          string
	secaggKey                                        string
	purposes                                         []string
	ttl                                              time.Duration
	json                                             bool
}

func tokenMint(args []string, stdout, stderr io.Writer) int {
	var f mintFlags
	set := newCredentialFlags("token mint", stderr)
	set.StringVar(&f.dir, "dir", "", "directory with issuer.jwk.json (required)")
	set.StringVar(&f.persona, "persona", "", "take the claims of this persona from personas.json in the directory")
	set.StringVar(&f.sub, "sub", "", "subject")
	set.StringVar(&f.org, "org", "", "organisation")
	set.StringVar(&f.client, "client", "", "client id")
	set.StringVar(&f.scope, "scope", "", "scopes, space separated")
	set.StringVar(&f.agreement, "agreement", "", "agreement id")
	set.StringVar(&f.dpopKey, "dpop-jkt", "", "thumbprint (RFC 7638) of the key that the bearer has to prove possession of (DPoP)")
	set.StringVar(&f.secaggKey, "secagg-key", "", "thumbprint of the key that the bearer opens secure sums with (secagg keygen prints it)")
	set.Func("purpose", "purpose; may be repeated, the first is the default", func(p string) error {
		f.purposes = append(f.purposes, p)
		return nil
	})
	set.DurationVar(&f.ttl, "ttl", authn.DefaultTTL, "time to live, at most 1h")
	set.BoolVar(&f.json, "json", false, "print JSON")
	rest, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 || f.dir == "" || (f.persona == "") == (f.sub == "" || f.client == "") {
		fmt.Fprint(stderr, tokenUsage)
		return 2
	}
	if err := f.mint(stdout); err != nil {
		fmt.Fprintln(stderr, "concordat token mint:", err)
		return 1
	}
	return 0
}

func (f mintFlags) mint(stdout io.Writer) error {
	issuer, err := authn.LoadIssuer(f.dir)
	if err != nil {
		return err
	}
	claims, err := f.claims()
	if err != nil {
		return err
	}
	token, err := issuer.Mint(claims)
	if err != nil {
		return err
	}
	if !f.json {
		_, err = fmt.Fprintln(stdout, token)
		return err
	}
	return json.NewEncoder(stdout).Encode(map[string]any{
		"token": token, "token_type": tokenType(claims), "expires_in": int(f.ttl / time.Second), "sub": claims.Subject,
	})
}

// tokenType is the scheme that a token is sent with.
func tokenType(c authn.Claims) string {
	if c.Confirmation != nil {
		return "DPoP"
	}
	return "Bearer"
}

// claims are the persona's, with what the flags say in their place.
func (f mintFlags) claims() (authn.Claims, error) {
	claims := authn.Claims{}
	if f.persona != "" {
		var err error
		if claims, err = readPersona(f.dir, f.persona); err != nil {
			return authn.Claims{}, err
		}
		if err := f.checkPurposes(claims); err != nil {
			return authn.Claims{}, err
		}
	}
	override(&claims.Subject, f.sub)
	override(&claims.Organisation, f.org)
	override(&claims.Client, f.client)
	override(&claims.Scope, f.scope)
	override(&claims.Agreement, f.agreement)
	override(&claims.QuerierKey, f.secaggKey)
	if f.dpopKey != "" {
		claims.Confirmation = &authn.Confirmation{Thumbprint: f.dpopKey}
	}
	if len(f.purposes) > 0 {
		claims.Purpose, claims.Purposes = f.purposes[0], f.purposes
	}
	claims.TTL = f.ttl
	return claims, nil
}

// checkPurposes keeps --purpose to what the persona has: a slip of the pen is not a new permission.
func (f mintFlags) checkPurposes(persona authn.Claims) error {
	for _, p := range f.purposes {
		if p != persona.Purpose && !slices.Contains(persona.Purposes, p) {
			return fmt.Errorf("persona %s has no purpose %q", f.persona, p)
		}
	}
	return nil
}

func override(claim *string, flag string) {
	if flag != "" {
		*claim = flag
	}
}

func readPersona(dir, name string) (authn.Claims, error) {
	path := filepath.Join(dir, PersonasFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return authn.Claims{}, err
	}
	var personas map[string]authn.Claims
	if err := json.Unmarshal(text, &personas); err != nil {
		return authn.Claims{}, fmt.Errorf("%s: %w", path, err)
	}
	claims, ok := personas[name]
	if !ok {
		return authn.Claims{}, fmt.Errorf("%s: no persona %q", path, name)
	}
	claims.Persona = name
	return claims, nil
}

func tokenInspect(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	set := newCredentialFlags("token inspect", stderr)
	jwks := set.String("jwks", "", "verify the signature with this JWK set")
	asJSON := set.Bool("json", false, "print JSON")
	rest, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(rest) > 1 {
		fmt.Fprint(stderr, tokenUsage)
		return 2
	}
	if err := inspect(rest, *jwks, *asJSON, stdin, stdout); err != nil {
		fmt.Fprintln(stderr, "concordat token inspect:", err)
		return 1
	}
	return 0
}

func inspect(rest []string, jwks string, asJSON bool, stdin io.Reader, stdout io.Writer) error {
	token, err := tokenArgument(rest, stdin)
	if err != nil {
		return err
	}
	u, err := authn.Inspect(token)
	if err != nil {
		return err
	}
	r := inspection{Header: u.Header, Claims: u.Claims, Signature: "not verified"}
	if err := u.Check("", time.Now()); err != nil {
		r.Refused = err.Error()
	}
	signature := verifyWith(u, jwks)
	if jwks != "" && signature == nil {
		r.Signature = "valid"
	} else if signature != nil {
		r.Signature = "not valid"
	}
	return errors.Join(r.print(stdout, asJSON), signature)
}

// tokenArgument takes the token from the command line, or from standard input, which keeps it out of the process
// list and the shell's history.
func tokenArgument(rest []string, stdin io.Reader) (string, error) {
	if len(rest) == 1 && rest[0] != "-" {
		return rest[0], nil
	}
	text, err := io.ReadAll(io.LimitReader(stdin, 2*authn.MaxTokenBytes))
	return strings.TrimSpace(string(text)), err
}

func verifyWith(u authn.Unverified, jwks string) error {
	if jwks == "" {
		return nil
	}
	text, err := os.ReadFile(jwks)
	if err != nil {
		return err
	}
	keys, err := authn.ParseKeys(text)
	if err != nil {
		return err
	}
	return u.SignedBy(keys)
}

// inspection never holds the signature: what is printed must not be usable as a token.
type inspection struct {
	Header    map[string]any `json:"header"`
	Claims    map[string]any `json:"claims"`
	Signature string         `json:"signature"`
	Refused   string         `json:"refused,omitempty"` // the gate's rule that it breaks
}

func (r inspection) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	header, err := json.MarshalIndent(r.Header, "", "  ")
	if err != nil {
		return err
	}
	claims, err := json.MarshalIndent(r.Claims, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "header %s\nclaims %s\nsignature %s\n", header, claims, r.Signature)
	if r.Refused != "" {
		fmt.Fprintf(w, "a gateway would refuse it: %s\n", r.Refused)
	}
	return nil
}

func newCredentialFlags(verb string, stderr io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("concordat "+verb, flag.ContinueOnError)
	set.SetOutput(stderr)
	return set
}

// parseCredentialFlags lets flags stand after arguments. The code is -1, or the exit code to end with.
func parseCredentialFlags(set *flag.FlagSet, args []string) (rest []string, code int) {
	for {
		switch err := set.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, 0
		case err != nil:
			return nil, 2
		}
		if set.NArg() == 0 {
			return rest, -1
		}
		rest, args = append(rest, set.Arg(0)), set.Args()[1:]
	}
}
