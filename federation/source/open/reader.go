package open

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// reader walks YAML nodes and collects every problem with its line.
type reader struct {
	file     string
	problems Problems
}

// keys says how each key of a mapping is read.
type keys map[string]func(n *yaml.Node, path string)

func (r *reader) report(n *yaml.Node, path, message string) {
	r.problems = append(r.problems, Problem{r.file, n.Line, path, message})
}

func (r *reader) sorted() Problems {
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return r.problems
}

// mapping reads a mapping whose keys are all known, each at most once, the required ones among them.
func (r *reader) mapping(n *yaml.Node, path string, known keys, required ...string) {
	seen := map[string]bool{}
	r.each(n, path, func(key string, n *yaml.Node, path string) {
		seen[key] = true
		read, ok := known[key]
		if !ok {
			r.report(n, path, "unknown key")
			return
		}
		read(n, path)
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, key := range required {
		if !seen[key] {
			r.report(n, join(path, key), "missing")
		}
	}
}

// each visits a mapping of any keys. Aliases and merges are refused: they can make a small file large.
func (r *reader) each(n *yaml.Node, path string, visit func(key string, n *yaml.Node, path string)) {
	if n.Kind != yaml.MappingNode {
		r.report(n, path, "not a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || value.Kind == yaml.AliasNode:
			r.report(key, at, "neither aliases nor merges are allowed")
		case seen[key.Value]:
			r.report(key, at, "given twice")
		default:
			seen[key.Value] = true
			visit(key.Value, value, at)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// child finds a key of a mapping.
func child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (r *reader) text(n *yaml.Node, path string) string {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
		r.report(n, path, "not a text")
		return ""
	}
	return n.Value
}

// reference reads where a secret is, never the secret itself.
func (r *reader) reference(n *yaml.Node, path string) string {
	s := r.text(n, path)
	if s != "" && !strings.HasPrefix(s, "env:") && !strings.HasPrefix(s, "file:") {
		r.report(n, path, "not a reference like env:NAME or file:PATH")
		return ""
	}
	return s
}

func (r *reader) texts(n *yaml.Node, path string) map[string]string {
	out := map[string]string{}
	r.each(n, path, func(key string, n *yaml.Node, path string) { out[key] = r.text(n, path) })
	return out
}

// name reads a GraphQL name (October 2021 specification, section 2.1.9): it becomes part of a document.
func (r *reader) name(n *yaml.Node, path string) string {
	s := r.text(n, path)
	for i, c := range []byte(s) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			r.report(n, path, "not a GraphQL name")
			return ""
		}
	}
	return s
}

func (r *reader) truth(n *yaml.Node, path string) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		r.report(n, path, "neither true nor false")
		return false
	}
	return n.Value == "true"
}

func (r *reader) positive(n *yaml.Node, path string) int { return r.whole(n, path, 1, 1_000_000) }

func (r *reader) whole(n *yaml.Node, path string, least, most int) int {
	v, err := strconv.Atoi(n.Value)
	if n.Tag != "!!int" || err != nil || v < least || v > most {
		r.report(n, path, fmt.Sprintf("not a whole number from %d to %d", least, most))
		return 0
	}
	return v
}

func (r *reader) duration(n *yaml.Node, path string) time.Duration {
	d, err := time.ParseDuration(n.Value)
	if err != nil || d <= 0 {
		r.report(n, path, "not a duration like 10s")
		return 0
	}
	return d
}
