package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"concordat/federation"
	"concordat/policy/authn"
)

// Mistake is one thing wrong with a configuration.
type Mistake struct {
	File    string
	Line    int
	Path    string
	Message string
}

func (m Mistake) Error() string {
	return fmt.Sprintf("%s:%d: %s: %s", m.File, m.Line, m.Path, m.Message)
}

// Mistakes is every mistake of a configuration, in order of lines.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Load reads a configuration. Its error is Mistakes where the file was read and found wrong.
func Load(file string, getenv func(string) string) (Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	r := &reader{file: file, dir: filepath.Dir(file), getenv: getenv}
	root, err := document(text)
	if err != nil {
		return Config{}, Mistakes{{File: file, Line: 1, Message: err.Error()}}
	}
	c := r.config(root)
	if len(r.mistakes) > 0 {
		slices.SortStableFunc(r.mistakes, func(a, b Mistake) int { return a.Line - b.Line })
		return Config{}, r.mistakes
	}
	return c, nil
}

func document(text []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("not YAML: %w", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("not a mapping")
	}
	return doc.Content[0], nil
}

type reader struct {
	file, dir string
	getenv    func(string) string
	mistakes  Mistakes
}

func (r *reader) wrong(n *yaml.Node, path, message string) {
	line := 1
	if n != nil {
		line = n.Line
	}
	r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: line, Path: path, Message: message})
}

// members maps the keys of a mapping; unknown and repeated keys are mistakes.
func (r *reader) members(n *yaml.Node, path string, known ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, path, "not a mapping")
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := join(path, key.Value)
		switch {
		case !slices.Contains(known, key.Value):
			r.wrong(key, at, "unknown key")
		case out[key.Value] != nil:
			r.wrong(key, at, "stands twice")
		default:
			out[key.Value] = n.Content[i+1]
		}
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

var topKeys = []string{"listen", "admin", "state", "origin", "resource", "schemas", "policies", "bundles", "agreements", "sources", "data",
	"issuers", "limits", "agents", "deadline", "maxRows", "requestRows", "requestMiB"}

func (r *reader) config(root *yaml.Node) Config {
	m := r.members(root, "", topKeys...)
	c := Config{
		Listen: r.text(root, m, "listen", true), Admin: r.text(root, m, "admin", false), Origin: r.text(root, m, "origin", true),
		Resource: r.text(root, m, "resource", true), State: r.path(root, m, "state"), Schemas: r.path(root, m, "schemas"),
		Policies: r.path(root, m, "policies"), Agreements: r.path(root, m, "agreements"), Sources: r.path(root, m, "sources"),
		Data: r.dir, Limits: federation.DefaultLimits(), Deadline: DefaultDeadline, MaxRows: DefaultMaxRows,
		RequestRows: DefaultRequestRows, RequestMiB: DefaultRequestMiB,
	}
	if m["data"] != nil {
		c.Data = r.path(root, m, "data")
	}
	if u, err := url.Parse(c.Resource); c.Resource != "" && (err != nil || u.Host == "") {
		r.wrong(m["resource"], "resource", "not an absolute URL")
	}
	if n := m["deadline"]; n != nil {
		c.Deadline = r.duration(n, "deadline")
	}
	r.number(m["maxRows"], "maxRows", &c.MaxRows)
	r.number(m["requestRows"], "requestRows", &c.RequestRows)
	r.number(m["requestMiB"], "requestMiB", &c.RequestMiB)
	r.limits(m["limits"], &c.Limits)
	c.Trusted = r.issuers(root, m["issuers"])
	c.Bundles = r.bundles(root, m["bundles"])
	c.Agents = r.agents(root, m["agents"])
	return c
}

func (r *reader) text(root *yaml.Node, m map[string]*yaml.Node, key string, required bool) string {
	n := m[key]
	switch {
	case n == nil && required:
		r.wrong(root, key, "missing")
	case n == nil:
	case n.Kind != yaml.ScalarNode || n.Value == "":
		r.wrong(n, key, "not a text")
	default:
		return n.Value
	}
	return ""
}

func (r *reader) path(root *yaml.Node, m map[string]*yaml.Node, key string) string {
	text := r.text(root, m, key, true)
	if text == "" || filepath.IsAbs(text) {
		return text
	}
	return filepath.Join(r.dir, text)
}

func (r *reader) duration(n *yaml.Node, path string) time.Duration {
	d, err := time.ParseDuration(n.Value)
	if err != nil || d <= 0 || d > 10*time.Minute {
		r.wrong(n, path, "not a duration between 0 and 10m, such as 10s")
	}
	return d
}

func (r *reader) number(n *yaml.Node, path string, into *int) {
	if n == nil {
		return
	}
	var v int
	if err := n.Decode(&v); err != nil || v <= 0 {
		r.wrong(n, path, "not a positive number")
		return
	}
	*into = v
}

func (r *reader) limits(n *yaml.Node, l *federation.Limits) {
	if n == nil {
		return
	}
	m := r.members(n, "limits", "body", "tokens", "depth", "selections", "roots", "directives")
	body := int(l.Body)
	r.number(m["body"], "limits.body", &body)
	l.Body = int64(body)
	r.number(m["tokens"], "limits.tokens", &l.Tokens)
	r.number(m["depth"], "limits.depth", &l.Depth)
	r.number(m["selections"], "limits.selections", &l.Selections)
	r.number(m["roots"], "limits.roots", &l.Roots)
	r.number(m["directives"], "limits.directives", &l.Directives)
}

func (r *reader) issuers(root, n *yaml.Node) []authn.Trusted {
	if n == nil || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.wrong(root, "issuers", "at least one is needed")
		return nil
	}
	var out []authn.Trusted
	for i, item := range n.Content {
		path := fmt.Sprintf("issuers[%d]", i)
		m := r.members(item, path, "issuer", "audience", "jwks")
		t := authn.Trusted{Issuer: r.text(item, m, "issuer", true), Audience: r.text(item, m, "audience", true)}
		if set, ok := r.reference(item, m["jwks"], join(path, "jwks")); ok {
			keys, err := authn.ParseKeys(set)
			if err != nil {
				r.wrong(m["jwks"], join(path, "jwks"), err.Error())
			}
			t.Keys = keys
		}
		out = append(out, t)
	}
	return out
}

// reference reads `file:PATH` or `env:NAME`: what must not stand in the configuration itself.
func (r *reader) reference(parent, n *yaml.Node, path string) ([]byte, bool) {
	if n == nil {
		r.wrong(parent, path, "missing")
		return nil, false
	}
	if name, ok := strings.CutPrefix(n.Value, "env:"); ok {
		if text := r.getenv(name); text != "" {
			return []byte(text), true
		}
		r.wrong(n, path, "the environment variable is not set")
		return nil, false
	}
	name, ok := strings.CutPrefix(n.Value, "file:")
	if !ok {
		r.wrong(n, path, "not a reference: file:PATH or env:NAME")
		return nil, false
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.dir, name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		r.wrong(n, path, "the file cannot be read")
		return nil, false
	}
	return text, true
}
