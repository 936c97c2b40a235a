package main

import (
	"context"
	"embed"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"concordat/bench/load"
	"concordat/federation/source/servertest"
)

//go:embed store.sql
var storeSQL string

//go:embed postgraphile.mjs
var postgraphileJS string

//go:embed gateway
var gatewayFiles embed.FS

// party is one server in one role, with the figures of each question.
type party struct {
	name    string
	process *load.Process
	tokens  []string
	base    string // URL up to the question's path, where each question has one
	figures map[string]*load.Figures
}

// world is a database, a directory, and the servers over them.
type world struct {
	options
	dir      string
	database *servertest.Server
	dsn      string
	node     string // program
	npm      string // folder with node_modules
	parties  []*party
	running  []*load.Process
}

func newWorld(ctx context.Context, o options) (*world, error) {
	err := load.Need(ctx, map[string]string{"/usr/lib/postgresql/*/bin/postgres": "postgresql", "/usr/bin/wrk": "wrk"})
	if err != nil {
		return nil, err
	}
	w := &world{options: o, database: servertest.New(servertest.Postgres)}
	if w.node, err = load.Node(ctx); err != nil {
		return nil, err
	}
	if w.npm, err = load.NPM(ctx, "postgraphile", false, "postgraphile@5.1.5"); err != nil {
		return nil, err
	}
	if w.dir, err = os.MkdirTemp("", "concordat-peers-"); err != nil {
		return nil, err
	}
	if w.dsn, err = w.database.Start(); err == nil {
		err = fill(ctx, w.dsn)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func fill(ctx context.Context, dsn string) error {
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer c.Close(ctx) //nolint:errcheck // the server is ours and ends
	if _, err := c.Exec(ctx, storeSQL); err != nil {
		return fmt.Errorf("store.sql: %w", err)
	}
	return nil
}

// close ends what runs, in reverse order, and removes the directory.
func (w *world) close() error {
	var errs []error
	for _, p := range w.running {
		errs = append(errs, p.End())
	}
	if w.profile != "" && len(w.running) > 0 {
		errs = append(errs, load.Bare(w.profile))
	}
	w.database.Stop()
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}

func (w *world) start(ctx context.Context) error {
	for _, start := range []func() error{
		func() error { return w.startGateway(ctx) },
		func() error { return w.startPostGraphile(ctx, "peer") },
		func() error { return w.startPostGraphile(ctx, "rls", "rls") },
		func() error { return w.startCeiling(ctx) },
	} {
		if err := start(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) take(p *load.Process, name string, tokens []string, base string) {
	w.parties = append(w.parties, &party{name: name, process: p, tokens: tokens, base: base, figures: map[string]*load.Figures{}})
}

func probe(query string) string { return strings.Replace(body(query), "@ID@", "1", 1) }

func (w *world) startGateway(ctx context.Context) error {
	files := map[string]string{}
	err := fs.WalkDir(gatewayFiles, "gateway", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := gatewayFiles.ReadFile(path)
		files[strings.TrimPrefix(path, "gateway/")] = string(text)
		return err
	})
	if err != nil {
		return err
	}
	g, err := load.NewGateway(ctx, w.dir, files)
	if err != nil {
		return err
	}
	g.Profile = w.profile
	sales, err1 := g.Tokens(w.connections, "shop", "sales")
	open, err2 := g.Tokens(w.connections, "shop", "open")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	p, err := g.Start(ctx, sales[0], probe(questions[0].gateway), "STORE_DSN="+w.dsn)
	if err != nil {
		return err
	}
	w.running = append(w.running, p)
	w.take(p, "ours", sales, "")
	w.take(p, "open", open, "")
	return nil
}

func (w *world) startPostGraphile(ctx context.Context, name string, more ...string) error {
	script := filepath.Join(w.npm, "server.mjs") // beside node_modules
	if err := os.WriteFile(script, []byte(postgraphileJS), 0o600); err != nil {
		return err
	}
	at, err := load.FreeAddress()
	if err != nil {
		return err
	}
	_, port, _ := strings.Cut(at, ":")
	c := exec.Command(w.node, append([]string{script, port, w.dsn}, more...)...)
	c.Env = append(os.Environ(), "GRAPHILE_ENV=production", "NODE_ENV=production")
	p, err := load.Start(ctx, load.Server{Name: name, URL: "http://" + at + "/graphql", Command: c, Probe: probe(questions[0].postgraphile)})
	if err != nil {
		return err
	}
	w.running = append(w.running, p)
	w.take(p, name, w.parties[0].tokens, "")
	return nil
}

func (w *world) startCeiling(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	at, err := load.FreeAddress()
	if err != nil {
		return err
	}
	c := exec.Command(self, "-ceiling", at)
	c.Env = append(os.Environ(), "STORE_DSN="+w.dsn)
	p, err := load.Start(ctx, load.Server{Name: "ceiling", URL: "http://" + at + "/q1", Command: c, Probe: probe("")})
	if err != nil {
		return err
	}
	w.running = append(w.running, p)
	w.take(p, "ceiling", w.parties[0].tokens, "http://"+at+"/")
	return nil
}
