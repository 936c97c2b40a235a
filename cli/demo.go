package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"concordat/cli/config"
	"concordat/cli/node"
	"concordat/console"
	"concordat/demo"
	"concordat/demo/transport"
	"concordat/federation"
	"concordat/policy/authn"
	"concordat/policy/check"
)

const demoOrigin = "demo.concordat.example/gateway"

// demoVerb starts the gateway over the demo agencies.
func demoVerb(ctx context.Context, args []string, w *Wire) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	address := flags.String("addr", "127.0.0.1:8080", "`address` to listen on")
	dir := flags.String("dir", "", "`directory` of databases, keys and ledger; a second start continues there (default: a new temporary one, removed at the end)")
	tokens := flags.String("tokens-file", "", "`file` to keep each persona's token in, mode 0600 (default: tokens.json in the directory)")
	admin := flags.String("admin", "", "`address` of /metrics (default: none)")
	verbose := flags.Bool("verbose", false, "log every request that is refused")
	if code, ok := parsed(flags, args); !ok {
		return code
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d, err := newDemo(ctx, *dir, *tokens, w, *verbose)
	if err != nil {
		return failed(w, err)
	}
	defer d.close()
	n, err := node.Open(ctx, d.config(), d.wire())
	if err != nil {
		return failed(w, err)
	}
	defer n.Close()
	d.agents.serveTokens(n)
	return serve(ctx, n, *address, *admin, w, func(bound string) error {
		d.greet(bound)
		return d.keepTokens(ctx)
	})
}

// demoWorld is the demo's surroundings: its directory, its transport agency, its issuer.
type demoWorld struct {
	w          *Wire
	dir        string
	temporary  bool
	tokensFile string
	issuer     *authn.Issuer                // as it was at the start
	current    atomic.Pointer[authn.Issuer] // with the keys as they were rotated since
	writing    sync.Mutex                   // the tokens file
	agents     *demoAgents
	transport  net.Listener
	served     chan error
	stop       context.CancelFunc
	log        *slog.Logger
}

func newDemo(ctx context.Context, dir, tokensFile string, w *Wire, verbose bool) (d *demoWorld, err error) {
	d = &demoWorld{w: w, dir: dir, tokensFile: tokensFile, served: make(chan error, 1)}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if dir == "" {
		if d.dir, err = os.MkdirTemp("", "concordat-demo-"); err != nil {
			return d, fmt.Errorf("demo directory: %w", err)
		}
		d.temporary = true
	}
	if tokensFile == "" {
		d.tokensFile = filepath.Join(d.dir, "tokens.json")
	}
	if err := demo.Prepare(ctx, d.dir); err != nil {
		return d, fmt.Errorf("preparing the demo's data: %w", err)
	}
	if err := unpack(demo.Files, filepath.Join(d.dir, "config")); err != nil {
		return d, err
	}
	if d.issuer, err = authn.LoadOrCreate(d.dir); err != nil {
		return d, fmt.Errorf("development issuer: %w", err)
	}
	d.current.Store(d.issuer)
	if err := d.personas(); err != nil {
		return d, err
	}
	if d.agents, err = newDemoAgents(d.dir, d.issuer); err != nil {
		return d, err
	}
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	d.log = slog.New(slog.NewTextHandler(w.Stderr, &slog.HandlerOptions{Level: level}))
	return d, d.startTransport(ctx)
}

// unpack writes the embedded configuration, so that it can be read and edited while the demo runs. A file that is
// there is kept: it may have been edited.
func unpack(from fs.FS, dir string) error {
	return fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, path)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if _, err := os.Stat(to); err == nil {
			return nil
		}
		text, err := fs.ReadFile(from, path)
		if err != nil {
			return fmt.Errorf("unpacking the demo: %w", err)
		}
		return os.WriteFile(to, text, 0o644)
	})
}

// personas keeps the claims that `token mint --persona` reads beside a running demo.
func (d *demoWorld) personas() error {
	text, err := fs.ReadFile(demo.Files, "personas.json")
	if err != nil {
		return fmt.Errorf("personas: %w", err)
	}
	return os.WriteFile(filepath.Join(d.dir, "personas.json"), text, 0o600)
}

// startTransport serves the transport agency's own GraphQL service on loopback.
func (d *demoWorld) startTransport(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("transport agency: %w", err)
	}
	d.transport = l
	ctx, d.stop = context.WithCancel(ctx)
	go func() { d.served <- transport.Serve(ctx, l, transport.Options{}) }()
	return nil
}

func (d *demoWorld) close() {
	if d.agents != nil {
		if err := d.agents.close(); err != nil {
			fmt.Fprintln(d.w.Stderr, "concordat: the agents:", err)
		}
	}
	if d.stop != nil {
		d.stop()
		if err := <-d.served; err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(d.w.Stderr, "concordat: the transport agency:", err)
		}
	}
	if d.temporary {
		os.RemoveAll(d.dir) //nolint:errcheck // a temporary directory that stays does no harm
	}
}

func (d *demoWorld) config() config.Config {
	at := func(name string) string { return filepath.Join(d.dir, "config", name) }
	return config.Config{State: d.dir, Origin: demoOrigin, Resource: authn.DevelopmentAudience, Schemas: at("agencies"),
		Policies: at("policies"), Agreements: at("agreements"), Sources: at("sources.yaml"), Data: d.dir,
		Trusted: []authn.Trusted{d.issuer.Trusted()}, Limits: federation.DefaultLimits(), Deadline: config.DefaultDeadline,
		MaxRows: config.DefaultMaxRows, Agents: d.agents.config()}
}

func (d *demoWorld) wire() node.Wire {
	known, err := authn.WellKnown(authn.DevelopmentAudience, []string{authn.DevelopmentIssuer}, func() []byte { return d.current.Load().JWKS() })
	if err != nil {
		panic(err) // constants of ours
	}
	return node.Wire{Transforms: d.w.Transforms, Tagger: d.w.Tagger, Sources: d.w.Sources, SourceNames: d.w.SourceNames, Pages: d.w.Pages(d.info()), WellKnown: known,
		Personas: demoPersonas(), Issuers: d.rotated, IssuerDir: d.dir, Wake: d.agents.wake, Getenv: d.getenv, Log: d.log}
}

// demoPersonas are the subjects of the personas' tokens.
func demoPersonas() []check.Persona {
	var out []check.Persona
	for _, name := range demo.PersonaNames() {
		out = append(out, check.Persona{Name: name, Subject: personaSubject(name, demo.Personas()[name])})
	}
	return out
}

// rotated reads the development issuer's key again; where it is another one, the tokens file is written with it.
func (d *demoWorld) rotated() ([]authn.Trusted, error) {
	next, err := authn.LoadIssuer(d.dir)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(next.JWKS(), d.current.Load().JWKS()) {
		d.current.Store(next)
		err = d.writeTokens()
	}
	return []authn.Trusted{next.Trusted()}, err
}

// getenv adds the address of the transport agency, which is known only now.
func (d *demoWorld) getenv(name string) string {
	if name == "DEMO_TRANSPORT_URL" {
		return "http://" + d.transport.Addr().String() + "/"
	}
	return d.w.Getenv(name)
}

// tokens mints one for each persona.
func (d *demoWorld) tokens() (map[string]string, error) {
	out := map[string]string{}
	for name, p := range demo.Personas() {
		token, err := d.current.Load().Mint(authn.Claims{Subject: p.Subject, Organisation: p.Organisation, Client: p.Client, Scope: p.Scope,
			Agreement: p.Agreement, Purposes: p.Purposes, Persona: name})
		if err != nil {
			return nil, fmt.Errorf("minting for %s: %w", name, err)
		}
		out[name] = token
	}
	return out, nil
}

// keepTokens writes the tokens file now and before the tokens in it expire.
func (d *demoWorld) keepTokens(ctx context.Context) error {
	if err := d.writeTokens(); err != nil {
		return err
	}
	go func() {
		tick := time.NewTicker(authn.DefaultTTL / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := d.writeTokens(); err != nil {
					d.log.Warn("tokens file", "cause", err)
				}
			}
		}
	}()
	return nil
}

func (d *demoWorld) writeTokens() error {
	d.writing.Lock()
	defer d.writing.Unlock()
	tokens, err := d.tokens()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return fmt.Errorf("tokens file: %w", err)
	}
	next := d.tokensFile + ".next"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("tokens file: %w", err)
	}
	if err := os.Rename(next, d.tokensFile); err != nil {
		return fmt.Errorf("tokens file: %w", err)
	}
	return nil
}

func (d *demoWorld) info() *console.DemoInfo {
	info := &console.DemoInfo{Tokens: func() map[string]string {
		tokens, err := d.tokens()
		if err != nil {
			d.log.Error("tokens", "cause", err)
		}
		return tokens
	}}
	for _, name := range demo.PersonaNames() {
		p := personaStories[name]
		info.Personas = append(info.Personas, console.Persona{Name: name, Title: p.title, Story: p.story})
	}
	for _, q := range demo.Questions() {
		info.Questions = append(info.Questions, console.Question{Name: q.Name, Title: q.Title, Document: q.Document, Variables: q.Variables})
	}
	return info
}

// personaStories says who each persona is, for the pages; demo/README.md tells it at length.
var personaStories = map[string]struct{ title, story string }{
	"developer": {"Agency developer", "builds against the graph with what is not sensitive"},
	"analyst":   {"Analyst at a research institute", "sees pseudonyms and coarse values of all regions, and aggregates of at least ten"},
	"officer":   {"Privacy officer of hospital A", "oversees her own hospital's data"},
	"partner":   {"Partner organisation", "sees its own region, masked, under one agreement"},
	"auditor":   {"Auditor", "sees no data, and the whole ledger"},
}

func (d *demoWorld) greet(address string) {
	fmt.Fprintf(d.w.Stderr, "The demo's files are in %s (policies and agreements under config/ can be edited while it runs).\n"+
		"Tokens of the personas: %s\nQuestions ready to run: http://%s/   GraphiQL: http://%s/graphiql\n", d.dir, d.tokensFile, address, address)
}
