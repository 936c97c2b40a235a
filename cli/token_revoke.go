package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"concordat/cli/node"
	"concordat/policy/authn"
	"concordat/resolvers"
)

// revokeFlags say which token is to be refused, where, and by whose authority.
type revokeFlags struct {
	dir, url, as, id, issuer string
	json                     bool
}

func tokenRevoke(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var f revokeFlags
	set := newCredentialFlags("token revoke", stderr)
	set.StringVar(&f.dir, "dir", "", "state directory of the running gateway: its address, and the development issuer's key")
	set.StringVar(&f.url, "url", "", "the gateway's URL (default: the one in the directory)")
	set.StringVar(&f.as, "as", "", "file with the access token of who revokes (default: one minted in the directory)")
	set.StringVar(&f.id, "jti", "", "the token's jti, in place of the token")
	set.StringVar(&f.issuer, "issuer", authn.DevelopmentIssuer, "the issuer that gave out the jti")
	set.BoolVar(&f.json, "json", false, "print JSON")
	rest, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(rest) > 1 || f.id != "" && len(rest) > 0 || f.dir == "" && (f.url == "" || f.as == "") {
		fmt.Fprint(stderr, tokenUsage)
		return 2
	}
	if err := f.revoke(rest, stdin, stdout); err != nil {
		fmt.Fprintln(stderr, "concordat token revoke:", err)
		return 1
	}
	return 0
}

func (f revokeFlags) revoke(rest []string, stdin io.Reader, stdout io.Writer) error {
	if err := f.name(rest, stdin); err != nil {
		return err
	}
	address, err := f.address()
	if err != nil {
		return err
	}
	authority, err := f.authority()
	if err != nil {
		return err
	}
	done, err := f.ask(address, authority)
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(stdout).Encode(done)
	}
	_, err = fmt.Fprintf(stdout, "revoked %s of %s; it is refused from now on (remembered until %s)\n", done.ID, done.Issuer, done.Until.Format(time.RFC3339))
	return err
}

// name takes jti and issuer from the token, which need not be valid any more.
func (f *revokeFlags) name(rest []string, stdin io.Reader) error {
	if f.id != "" {
		return nil
	}
	token, err := tokenArgument(rest, stdin)
	if err != nil {
		return err
	}
	u, err := authn.Inspect(token)
	if err != nil {
		return err
	}
	id, _ := u.Claims["jti"].(string)
	issuer, _ := u.Claims["iss"].(string)
	if id == "" || issuer == "" {
		return errors.New("the token has no jti or no iss")
	}
	f.id, f.issuer = id, issuer
	return nil
}

// address is where the gateway of the directory said that it answers.
func (f *revokeFlags) address() (string, error) {
	address := f.url
	if address == "" {
		text, err := os.ReadFile(filepath.Join(f.dir, node.AddressFile))
		if err != nil {
			return "", fmt.Errorf("no gateway runs on %s (or give --url): %w", f.dir, err)
		}
		address = strings.TrimSpace(string(text))
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", errors.New("the gateway's URL is not one")
	}
	return u.JoinPath("graphql").String(), nil
}

// authority is a token that may revoke: whoever can read the issuer's key can be anyone.
func (f *revokeFlags) authority() (string, error) {
	if f.as != "" {
		text, err := os.ReadFile(f.as)
		return strings.TrimSpace(string(text)), err
	}
	issuer, err := authn.LoadIssuer(f.dir)
	if err != nil {
		return "", err
	}
	return issuer.Mint(authn.Claims{Subject: "operator", Client: "concordat-token-revoke", Scope: resolvers.ScopeTokenRevoke, TTL: time.Minute})
}

// revoked is what the gateway says of it.
type revoked struct {
	ID     string    `json:"id"`
	Issuer string    `json:"issuer"`
	Until  time.Time `json:"until"`
}

const revokeDocument = `mutation($id: String!, $issuer: String) { revokeToken(id: $id, issuer: $issuer) { id issuer until } }`

func (f *revokeFlags) ask(address, authority string) (*revoked, error) {
	body, err := json.Marshal(map[string]any{"query": revokeDocument, "variables": map[string]any{"id": f.id, "issuer": f.issuer}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+authority)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the gateway does not answer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	var answer struct {
		Data   struct{ RevokeToken *revoked }
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("the gateway's answer (HTTP %d) is not GraphQL", response.StatusCode)
	}
	if answer.Data.RevokeToken == nil {
		if len(answer.Errors) == 0 {
			return nil, fmt.Errorf("the gateway refused: HTTP %d", response.StatusCode)
		}
		return nil, fmt.Errorf("the gateway refused: %s (%s)", answer.Errors[0].Message, answer.Errors[0].Extensions.Code)
	}
	return answer.Data.RevokeToken, nil
}
