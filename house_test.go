package main

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"concordat/cli/config"
	"concordat/cli/node"
	"concordat/demo"
	"concordat/demo/transport"
	"concordat/federation"
	executor "concordat/federation/execute"
	"concordat/federation/source"
	"concordat/policy/authn"
	"concordat/privacy"
	"concordat/privacy/deid"
)

// house is the demo's gateway inside the test process, over real files, real sources and a real socket: for what has
// to be watched from within. wrap may stand between the gateway and each of its sources.
type house struct {
	*gateway
	node *node.Node
}

type houseOptions struct {
	wrap      func(name string, s source.Source) source.Source
	transport transport.Options
	roads     func(http.Handler) http.Handler // may stand before the transport agency's service
	edit      func(config string)             // may change the demo's files before they are read
	commit    func() error                    // before each durable write
	deadline  time.Duration                   // of one request; default so long that nothing but the test ends one
	rows      int                             // of all fetches of one request; default as the executor has it
	tagger    executor.Tagger                 // default the binary's
	untagged  bool                            // no models at all
}

// build makes a house on dir. It ends with the test.
func build(t testing.TB, dir string, o houseOptions) *house {
	t.Helper()
	unpackDemo(t, dir)
	if o.edit != nil {
		o.edit(filepath.Join(dir, "config"))
	}
	service, err := transport.New(o.transport)
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler = service
	if o.roads != nil {
		handler = o.roads(service)
	}
	roads := httptest.NewServer(handler)
	t.Cleanup(roads.Close)
	issuer, err := authn.LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	transforms, names := o.models(t)
	n, err := node.Open(t.Context(), houseConfig(dir, issuer, o), node.Wire{
		Transforms: transforms, Tagger: names, Sources: o.sources, SourceNames: sourceNames, Pages: http.NotFoundHandler(), WellKnown: http.NotFoundHandler(),
		Getenv: func(string) string { return roads.URL }, Log: slog.New(slog.NewTextHandler(log, nil)), BeforeCommit: o.commit})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(n.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return &house{node: n, gateway: &gateway{url: server.URL + "/", dir: dir, stderr: log, tokens: mint(t, issuer), client: server.Client()}}
}

// models are the binary's, unless the house is to have others or none.
func (o houseOptions) models(t testing.TB) (*deid.Set, executor.Tagger) {
	t.Helper()
	if o.untagged {
		return deid.New(), nil
	}
	models, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	if o.tagger == nil {
		o.tagger = models.Names()
	}
	return deid.NewWithTagger(models.Redaction(), 0), o.tagger
}

func unpackDemo(t testing.TB, dir string) {
	t.Helper()
	for _, name := range []string{"agencies", "policies", "agreements"} {
		sub, err := fs.Sub(demo.Files, name)
		if err == nil {
			err = os.CopyFS(filepath.Join(dir, "config", name), sub)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := demo.Files.ReadFile("sources.yaml")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "config", "sources.yaml"), string(text))
}

func houseConfig(dir string, issuer *authn.Issuer, o houseOptions) config.Config {
	at := func(name string) string { return filepath.Join(dir, "config", name) }
	if o.deadline == 0 {
		o.deadline = time.Hour
	}
	return config.Config{State: dir, Origin: "test.example/gateway", Resource: authn.DevelopmentAudience, Schemas: at("agencies"),
		Policies: at("policies"), Agreements: at("agreements"), Sources: at("sources.yaml"), Data: dir,
		Trusted: []authn.Trusted{issuer.Trusted()}, Limits: federation.DefaultLimits(), Deadline: o.deadline, MaxRows: config.DefaultMaxRows, RequestRows: o.rows}
}

// sources opens the demo's sources as the binary does, and wraps them.
func (o houseOptions) sources(ctx context.Context, file string, text []byte, relations func(string) []*source.Relation, dir string, getenv func(string) string) (map[string]source.Source, io.Closer, error) {
	opened, closer, err := openSources(ctx, file, text, relations, dir, getenv)
	if err != nil || o.wrap == nil {
		return opened, closer, err
	}
	wrapped := maps.Clone(opened)
	for name, s := range opened {
		wrapped[name] = o.wrap(name, s)
	}
	return wrapped, closer, nil
}

func mint(t testing.TB, issuer *authn.Issuer) map[string]string {
	t.Helper()
	tokens := map[string]string{}
	for name, p := range demo.Personas() {
		token, err := issuer.Mint(authn.Claims{Subject: p.Subject, Organisation: p.Organisation, Client: p.Client, Scope: p.Scope,
			Agreement: p.Agreement, Purposes: p.Purposes, Persona: name})
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = token
	}
	return tokens
}

// fetcher is a source made of a function.
type fetcher func(ctx context.Context, q *source.Query) (*privacy.Table, error)

func (f fetcher) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return f(ctx, q)
}
