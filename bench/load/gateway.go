package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"concordat/policy/authn"
)

// Gateway is a directory from which the product serves: schemas, policies, agreements, sources and an issuer's keys.
type Gateway struct {
	Dir    string
	binary string
	issuer *authn.Issuer
	at     string
	// Profile is where the gateway writes what its processor did; "" for nowhere.
	Profile string
}

const gatewayConfig = `listen: %s
state: .
origin: bench.concordat.example
resource: %s
schemas: agencies
policies: policies
bundles: {unsigned: true}
agreements: agreements
sources: sources.yaml
issuers:
  - {issuer: %q, audience: %q, jwks: "file:jwks.json"}
`

// NewGateway builds the product and fills a directory; files is by path.
func NewGateway(ctx context.Context, dir string, files map[string]string) (*Gateway, error) {
	issuer, err := authn.LoadOrCreate(dir)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	at, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	g := &Gateway{Dir: dir, binary: filepath.Join(dir, "concordat"), issuer: issuer, at: at}
	files["jwks.json"] = string(issuer.JWKS())
	files["concordat.yaml"] = fmt.Sprintf(gatewayConfig, at, authn.DevelopmentAudience, authn.DevelopmentIssuer, authn.DevelopmentAudience)
	for path, text := range files {
		file := filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			return nil, err
		}
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", g.binary, "concordat")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the gateway: %w: %s", err, out)
	}
	return g, nil
}

// Tokens are of n subjects under one agreement, for one purpose.
func (g *Gateway) Tokens(n int, agreement, purpose string) ([]string, error) {
	tokens := make([]string, n)
	for i := range tokens {
		var err error
		tokens[i], err = g.issuer.Mint(authn.Claims{Subject: fmt.Sprintf("%s-%d", purpose, i+1), Organisation: "bench", Client: "bench",
			Scope: "graph:read", Agreement: agreement, Purposes: []string{purpose}})
		if err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// Start serves, with more in its environment.
func (g *Gateway) Start(ctx context.Context, token, probe string, environment ...string) (*Process, error) {
	serve := exec.Command(g.binary, "serve", "--config", filepath.Join(g.Dir, "concordat.yaml"))
	if g.Profile != "" {
		serve.Args = append(serve.Args, "--cpuprofile", g.Profile)
	}
	serve.Env = append(os.Environ(), environment...)
	return Start(ctx, Server{Name: "gateway", URL: "http://" + g.at + "/graphql", Command: serve, Token: token, Probe: probe})
}
