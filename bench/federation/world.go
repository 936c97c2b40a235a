package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"concordat/bench/load"
)

//go:embed gateway subgraphs hive.mjs hive.config.mjs
var files embed.FS

const (
	gatewayQuestion = `{"query":"{ products(first: 5) { nodes { upc name price reviews(first: 10) { nodes { id body author { id name } } } } } }"}`
	peerQuestion    = `{"query":"{ topProducts { upc name price reviews { id body author { id name } } } }"}`
)

// party is one server in one role.
type party struct {
	name     string
	process  *load.Process
	question string
	tokens   []string
	figures  load.Figures
}

// world is the three services, a directory, and the gateways over them.
type world struct {
	options
	dir      string
	services map[string]*subgraph
	urls     map[string]string
	servers  []*http.Server
	parties  []*party
	running  []*load.Process
}

func newWorld(ctx context.Context, o options) (*world, error) {
	if err := load.Need(ctx, map[string]string{"/usr/bin/wrk": "wrk"}); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "concordat-federation-")
	if err != nil {
		return nil, err
	}
	w := &world{options: o, dir: dir, services: subgraphs(), urls: map[string]string{}}
	for name, s := range w.services {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
		w.servers = append(w.servers, server)
		w.urls[name] = "http://" + l.Addr().String() + "/graphql"
		go server.Serve(l) //nolint:errcheck // it ends by Close
	}
	return w, nil
}

// close ends what runs and removes the directory.
func (w *world) close() error {
	var errs []error
	for _, p := range w.running {
		errs = append(errs, p.End())
	}
	for _, s := range w.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}

func (w *world) start(ctx context.Context) error {
	if err := w.startGateway(ctx); err != nil || w.alone {
		return err
	}
	return w.startHive(ctx)
}

func (w *world) startGateway(ctx context.Context) error {
	texts, err := under("gateway")
	if err != nil {
		return err
	}
	g, err := load.NewGateway(ctx, w.dir, texts)
	if err != nil {
		return err
	}
	reading, err1 := g.Tokens(w.connections, "shop", "reading")
	open, err2 := g.Tokens(w.connections, "shop", "open")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	p, err := g.Start(ctx, reading[0], gatewayQuestion, "PRODUCTS_URL="+w.urls["products"], "REVIEWS_URL="+w.urls["reviews"], "USERS_URL="+w.urls["users"])
	if err != nil {
		return err
	}
	w.running = append(w.running, p)
	w.parties = append(w.parties, &party{name: "ours", process: p, question: gatewayQuestion, tokens: reading},
		&party{name: "open", process: p, question: gatewayQuestion, tokens: open})
	return nil
}

// under is the embedded files below a folder, by path.
func under(folder string) (map[string]string, error) {
	texts := map[string]string{}
	err := fs.WalkDir(files, folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		texts[strings.TrimPrefix(path, folder+"/")] = string(text)
		return err
	})
	return texts, err
}

// startHive composes the services and starts Hive Gateway twice, once with each of its planners.
func (w *world) startHive(ctx context.Context) error {
	node, err := load.Node(ctx)
	if err != nil {
		return err
	}
	dir, err := load.NPM(ctx, "hive", false, "@graphql-hive/gateway@2.15.1")
	if err != nil {
		return err
	}
	supergraph, err := w.supergraph(ctx, node, dir)
	if err != nil {
		return err
	}
	if err := w.hive(ctx, "peer", node, dir, supergraph, "--hive-router-runtime"); err != nil {
		return err
	}
	return w.hive(ctx, "js", node, dir, supergraph)
}

func (w *world) supergraph(ctx context.Context, node, dir string) (string, error) {
	texts, err := under("subgraphs")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"hive.mjs", "hive.config.mjs"} {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		texts[name] = string(text)
	}
	for name, text := range texts { // beside node_modules
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	arguments := []string{filepath.Join(dir, "hive.mjs")}
	for name, url := range w.urls {
		arguments = append(arguments, name+"="+url)
	}
	slices.Sort(arguments[1:])
	out, err := exec.CommandContext(ctx, node, arguments...).Output()
	if err != nil {
		return "", fmt.Errorf("composing for the peer: %w", err)
	}
	file := filepath.Join(w.dir, "supergraph.graphql")
	return file, os.WriteFile(file, out, 0o600)
}

func (w *world) hive(ctx context.Context, name, node, dir, supergraph string, more ...string) error {
	at, err := load.FreeAddress()
	if err != nil {
		return err
	}
	_, port, _ := strings.Cut(at, ":")
	c := exec.Command(node, append([]string{filepath.Join(dir, "node_modules/.bin/hive-gateway"), "supergraph", supergraph,
		"-c", filepath.Join(dir, "hive.config.mjs"), "--host", "127.0.0.1", "--port", port, "--fork", "1"}, more...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "NODE_ENV=production")
	p, err := load.Start(ctx, load.Server{Name: name, URL: "http://" + at + "/graphql", Command: c, Probe: peerQuestion})
	if err != nil {
		return err
	}
	w.running = append(w.running, p)
	w.parties = append(w.parties, &party{name: name, process: p, question: peerQuestion, tokens: w.parties[0].tokens})
	return nil
}
