package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"concordat/demo"
	"concordat/policy/authn"
)

// world is a directory with what both servers read: the databases of the population registry and of one hospital,
// and the configuration of a gateway over exactly these two.
type world struct {
	dir    string
	config string // the gateway's configuration file
	jwks   string // the issuer's public keys
	token  string // the analyst's
	admin  string // address of the gateway's metrics
}

// newWorld fills a directory from the demo's data.
func newWorld(ctx context.Context, dir string) (*world, error) {
	if err := demo.Prepare(ctx, dir); err != nil {
		return nil, err
	}
	w := &world{dir: dir, config: filepath.Join(dir, "concordat.yaml"), jwks: filepath.Join(dir, "jwks.json")}
	issuer, err := authn.LoadOrCreate(dir)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	p := demo.Personas()["analyst"]
	w.token, err = issuer.Mint(authn.Claims{Subject: p.Subject, Organisation: p.Organisation, Client: p.Client, Scope: p.Scope,
		Agreement: p.Agreement, Purposes: p.Purposes})
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if err := os.WriteFile(w.jwks, issuer.JWKS(), 0o600); err != nil {
		return nil, err
	}
	for _, path := range []string{"agencies/registry.graphqls", "agencies/registry.education.csv", "agencies/hospital_a.graphqls", "agreements/research-2025.yaml",
		"policies/gateway", "policies/registry", "policies/hospital_a"} {
		if err := unpack(path, dir); err != nil {
			return nil, err
		}
	}
	if err := w.trimAgreement(); err != nil {
		return nil, err
	}
	return w, w.configure()
}

// trimAgreement leaves the datasets that two agencies share: one that nobody does is refused at load.
func (w *world) trimAgreement() error {
	file := filepath.Join(w.dir, "agreements", "research-2025.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("agreement: %w", err)
	}
	line := regexp.MustCompile(`(?m)^datasets: .*$`)
	if !line.Match(text) {
		return errors.New("agreement: it names no datasets")
	}
	text = line.ReplaceAll(text, []byte("datasets: [District, Resident, Admission, Condition]"))
	text = regexp.MustCompile(`(?m)^secureAggregation:\n(?:  .*\n)*`).ReplaceAll(text, nil) // its terms are of such a dataset
	return os.WriteFile(file, text, 0o600)
}

// unpack copies a file or folder of the demo.
func unpack(path, dir string) error {
	return fs.WalkDir(demo.Files, path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, path)
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		text, err := fs.ReadFile(demo.Files, path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
}

const sourcesFile = `sources:
  registry: {kind: sqlite, file: registry.db}
  hospital_a: {kind: sqlite, file: hospital_a.db}
`

const configFile = `listen: 127.0.0.1:0
admin: %s
state: .
origin: bench.concordat.example/ask
resource: %s
schemas: agencies
policies: policies
bundles: {unsigned: true}
agreements: agreements
sources: sources.yaml
issuers:
  - {issuer: %q, audience: %q, jwks: "file:jwks.json"}
`

func (w *world) configure() error {
	if err := os.WriteFile(filepath.Join(w.dir, "sources.yaml"), []byte(sourcesFile), 0o600); err != nil {
		return err
	}
	admin, err := freeAddress()
	if err != nil {
		return err
	}
	w.admin = admin
	text := fmt.Sprintf(configFile, admin, authn.DevelopmentAudience, authn.DevelopmentIssuer, authn.DevelopmentAudience)
	return os.WriteFile(w.config, []byte(text), 0o600)
}
