package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"concordat/policy"
	"concordat/policy/authn"
)

const somePersonas = `{
  "analyst": {"sub":"ana","organisation":"university","client_id":"notebook","scope":"read:health","agreement":"A-1",
              "purposes":["research","audit"],"title":"reads for research"},
  "auditor": {"sub":"aud","client_id":"console","scope":"ledger:read"}
}`

type tokenRun struct {
	code           int
	stdout, stderr string
}

func runTokenVerb(verb func([]string, io.Writer, io.Writer) int, args ...string) tokenRun {
	var stdout, stderr bytes.Buffer
	code := verb(args, &stdout, &stderr)
	return tokenRun{code, stdout.String(), stderr.String()}
}

// issuerDir is a directory as the demo leaves it.
func issuerDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if r := runTokenVerb(Key, "new", "--dir", dir); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, PersonasFile), []byte(somePersonas), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// let sends the token to a gate that trusts the issuer in dir.
func let(t *testing.T, dir, token string) policy.Subject {
	t.Helper()
	issuer, err := authn.LoadIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := authn.New(authn.Options{
		Issuers:  []authn.Trusted{issuer.Trusted()},
		Denylist: authn.DenyFunc(func(string) (bool, error) { return false, nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	subject, err := gate.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

func TestMintedPersonaPassesTheGate(t *testing.T) {
	dir := issuerDir(t)
	r := runTokenVerb(Token, "mint", "--persona", "analyst", "--dir", dir)
	if r.code != 0 {
		t.Fatal(r.stderr)
	}
	s := let(t, dir, r.stdout)
	if s.ID != "ana" || s.Organisation != "university" || s.Persona != "analyst" || s.Agreement != "A-1" ||
		s.Purpose != "research" || !slices.Equal(s.Purposes, []string{"research", "audit"}) {
		t.Errorf("got %+v", s)
	}
	r = runTokenVerb(Token, "mint", "--purpose", "audit", "--persona=analyst", "--dir", dir)
	if s := let(t, dir, r.stdout); s.Purpose != "audit" || len(s.Purposes) != 1 {
		t.Errorf("one purpose: got %+v", s)
	}
}

func TestMintFromFlags(t *testing.T) {
	dir := issuerDir(t)
	r := runTokenVerb(Token, "mint", "--dir", dir, "--sub", "ada", "--org", "north", "--client", "portal",
		"--scope", "a b", "--agreement", "A-2", "--purpose", "treatment", "--ttl", "5m", "--json")
	var minted struct {
		Token     string `json:"token"`
		ExpiresIn int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &minted); err != nil || r.code != 0 || minted.ExpiresIn != 300 {
		t.Fatalf("got %+v, %v", r, err)
	}
	if s := let(t, dir, minted.Token); s.ID != "ada" || !s.HasScope("b") || s.Purpose != "treatment" {
		t.Errorf("got %+v", s)
	}
}

func TestMintRefusals(t *testing.T) {
	dir := issuerDir(t)
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"no directory":              {2, []string{"mint", "--persona", "analyst"}},
		"neither persona nor sub":   {2, []string{"mint", "--dir", dir}},
		"persona and sub":           {2, []string{"mint", "--dir", dir, "--persona", "analyst", "--sub", "x", "--client", "y"}},
		"unknown flag":              {2, []string{"mint", "--dir", dir, "--admin"}},
		"stray argument":            {2, []string{"mint", "x", "--dir", dir, "--persona", "analyst"}},
		"unknown verb":              {2, []string{"forge"}},
		"no verb":                   {2, nil},
		"unknown persona":           {1, []string{"mint", "--dir", dir, "--persona", "nobody"}},
		"purpose the persona lacks": {1, []string{"mint", "--dir", dir, "--persona", "analyst", "--purpose", "marketing"}},
		"too long a life":           {1, []string{"mint", "--dir", dir, "--persona", "analyst", "--ttl", "61m"}},
		"no key":                    {1, []string{"mint", "--dir", t.TempDir(), "--sub", "x", "--client", "y"}},
	} {
		if r := runTokenVerb(Token, c.args...); r.code != c.code || r.stdout != "" || r.stderr == "" {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

func TestInspectPrintsNoSignature(t *testing.T) {
	dir := issuerDir(t)
	token := strings.TrimSpace(runTokenVerb(Token, "mint", "--persona", "analyst", "--dir", dir).stdout)
	signature := token[strings.LastIndexByte(token, '.')+1:]
	for _, args := range [][]string{{"inspect", token}, {"inspect", token, "--json"}} {
		r := runTokenVerb(Token, args...)
		if r.code != 0 || !strings.Contains(r.stdout, "ana") || !strings.Contains(r.stdout, "not verified") {
			t.Errorf("%v: got %+v", args, r)
		}
		if strings.Contains(r.stdout, signature) {
			t.Error("the signature is printed")
		}
	}
}

func TestInspectVerifiesWithAKeySet(t *testing.T) {
	dir, other := issuerDir(t), issuerDir(t)
	token := strings.TrimSpace(runTokenVerb(Token, "mint", "--persona", "analyst", "--dir", dir).stdout)
	for from, want := range map[string]int{dir: 0, other: 1} {
		issuer, err := authn.LoadIssuer(from)
		if err != nil {
			t.Fatal(err)
		}
		jwks := filepath.Join(t.TempDir(), "jwks.json")
		if err := os.WriteFile(jwks, issuer.JWKS(), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := runTokenVerb(Token, "inspect", token, "--jwks", jwks); r.code != want {
			t.Errorf("got %+v", r)
		}
	}
}

func TestInspectReadsStandardInput(t *testing.T) {
	dir := issuerDir(t)
	token := runTokenVerb(Token, "mint", "--persona", "analyst", "--dir", dir).stdout
	var stdout, stderr bytes.Buffer
	if code := tokenInspect([]string{"-", "--json"}, strings.NewReader(token), &stdout, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	var r inspection
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || r.Claims["sub"] != "ana" || r.Refused != "" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestNewKeyIsNeverOverwrittenNorPrinted(t *testing.T) {
	for kind, args := range map[string][]string{
		authn.IssuerFile: {"new"},
		"ledger.skey":    {"new", "--type", "ledger", "--origin", "ledger.test"},
	} {
		dir := t.TempDir()
		args = append(args, "--dir", dir, "--json")
		r := runTokenVerb(Key, args...)
		secret, err := os.ReadFile(filepath.Join(dir, kind))
		if r.code != 0 || err != nil {
			t.Fatalf("%s: %+v, %v", kind, r, err)
		}
		if strings.Contains(r.stdout, `"d"`) || strings.Contains(r.stdout, strings.TrimSpace(string(secret))) {
			t.Errorf("%s: the secret is printed", kind)
		}
		if r := runTokenVerb(Key, args...); r.code != 1 {
			t.Errorf("%s: second run: %+v", kind, r)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, kind)); !bytes.Equal(after, secret) {
			t.Errorf("%s: replaced", kind)
		}
	}
	for _, args := range [][]string{nil, {"new"}, {"burn"}, {"new", "--dir", "x", "--type", "ledger"}, {"new", "--dir", "x", "--type", "y"}} {
		if r := runTokenVerb(Key, args...); r.code != 2 {
			t.Errorf("%v: got %+v", args, r)
		}
	}
}
