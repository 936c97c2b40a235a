// Package open reads the configuration of sources and opens them.
//
//	cfg, err := open.Parse("sources.yaml", text)
//	sources, closer, err := open.Open(ctx, cfg, open.Options{Dir: dir, Relations: relations, Getenv: os.Getenv})
//
// The configuration is YAML:
//
//	sources:
//	  registry: {kind: sqlite, file: registry.db}
//	  health: {kind: postgres, dsn: "env:HEALTH_DSN", connections: 10, timeout: 30s}
//	  taxes: {kind: mysql, dsn: "file:taxes.dsn"}
//	  environment: {kind: memory, tables: {stations: stations.csv}}
//	  transport:
//	    kind: graphql
//	    url: env:TRANSPORT_URL        # or the address itself
//	    timeout: 10s
//	    page: {limit: limit, offset: offset, size: 5000}
//	    subgraph: true                # the schema that the service says it has is compared at load
//	    token: true                   # each question carries a short-lived token of the gateway's for this source
//	    headers: {X-Api-Key: "file:transport.key"}
//	    tls: {ca: "file:ca.pem", certificate: "file:client.pem", key: "file:client.key"}
//	    tables:
//	      sensors: {field: sensors, entity: {type: Sensor, key: id}, arguments: {id: {in: "ids: [ID!]"}}}
//	  clinics: {kind: agent}          # served by the agency's own agent
//	    guard: {timeout: 5s, concurrency: 16, bytes: 67108864, keys: 1000, failures: 5, cooldown: 5s, retries: 2, backoff: 50ms, snapshots: true}
//
// Every source but tables in memory is guarded (package guard), with its defaults where guard is not given, and with
// two retries.
//
// An unknown key, a missing one and a value of the wrong type are errors, all listed, each with file and line. The
// package keeps no watch on the file.
package open

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"concordat/federation/source/graphql"
	"concordat/federation/source/guard"
)

// Kind says which adapter a source uses.
type Kind string

// Kinds of sources.
const (
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
	MySQL    Kind = "mysql" // MariaDB too
	Memory   Kind = "memory"
	GraphQL  Kind = "graphql"
	Agent    Kind = "agent" // the agency's own agent serves it
)

// Config is a configuration that Parse has accepted.
type Config struct {
	Sources map[string]Source
}

// Source is the configuration of one source. Which fields are set depends on Kind.
type Source struct {
	Kind        Kind
	File        string                   // sqlite: path, relative to the directory of the configuration
	DSN         string                   // postgres, mysql: env:NAME or file:PATH, because it may hold a password
	Connections int                      // sqlite, postgres, mysql
	Files       map[string]string        // memory: table -> CSV file
	URL         string                   // graphql: address, or env:NAME
	Timeout     time.Duration            // graphql: of one request; postgres, mysql: of one statement; 0: the adapter's own
	Page        *graphql.Page            // graphql
	Tables      map[string]graphql.Table // graphql
	Subgraph    bool                     // graphql
	Token       bool                     // graphql
	Headers     map[string]string        // graphql: name -> env:NAME or file:PATH
	TLS         TLS                      // graphql
	Guard       guard.Options            // not memory
	Freshness   *Freshness               // sqlite, postgres, mysql, memory; nil: the source does not say how fresh it is
}

// Freshness says where a source records up to when its data are current: the greatest value of a field.
type Freshness struct {
	Type, Field string
	Every       time.Duration // how old a reading may be
	Precision   time.Duration // it is rounded down to
}

// TLS is where the parts of a TLS configuration are: PEM, by env:NAME or file:PATH. "" is none.
type TLS struct {
	CA               string // the only roots, instead of the system's
	Certificate, Key string // of the gateway, both or neither
}

// Problem is one mistake in a configuration.
type Problem struct {
	File    string
	Line    int
	Path    string // "sources.transport.page"
	Message string
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Path, p.Message)
}

// Problems is every mistake of a configuration, in order of lines.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Parse reads a configuration. Its error is Problems.
func Parse(file string, text []byte) (*Config, error) {
	r := &reader{file: file}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, Problems{{file, 1, "", "not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	cfg := &Config{Sources: map[string]Source{}}
	if len(document.Content) != 1 {
		return nil, Problems{{file, 1, "", "no configuration"}}
	}
	r.mapping(document.Content[0], "", keys{
		"sources": func(n *yaml.Node, path string) {
			r.each(n, path, func(name string, n *yaml.Node, path string) {
				cfg.Sources[name] = r.source(n, path)
			})
		},
	}, "sources")
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	return cfg, nil
}

// source reads one source; which keys exist depends on its kind.
func (r *reader) source(n *yaml.Node, path string) Source {
	s := Source{Guard: guard.Options{Retries: 2}}
	kind := child(n, "kind")
	if kind == nil {
		r.report(n, path, "kind is missing")
		return s
	}
	s.Kind = Kind(kind.Value)
	ks := keys{"kind": func(n *yaml.Node, path string) { r.text(n, path) }}
	if s.Kind != Memory {
		ks["guard"] = func(n *yaml.Node, path string) { r.guard(n, path, &s.Guard) }
	}
	if s.Kind != GraphQL && s.Kind != Agent {
		ks["freshness"] = func(n *yaml.Node, path string) { s.Freshness = r.freshness(n, path) }
	}
	switch s.Kind {
	case SQLite:
		ks["file"] = func(n *yaml.Node, path string) { s.File = r.text(n, path) }
		ks["connections"] = func(n *yaml.Node, path string) { s.Connections = r.positive(n, path) }
		r.mapping(n, path, ks, "file")
	case Postgres, MySQL:
		ks["dsn"] = func(n *yaml.Node, path string) { s.DSN = r.reference(n, path) }
		ks["connections"] = func(n *yaml.Node, path string) { s.Connections = r.positive(n, path) }
		ks["timeout"] = func(n *yaml.Node, path string) { s.Timeout = r.duration(n, path) }
		r.mapping(n, path, ks, "dsn")
	case Memory:
		ks["tables"] = func(n *yaml.Node, path string) { s.Files = r.texts(n, path) }
		r.mapping(n, path, ks, "tables")
	case GraphQL:
		r.graphqlKeys(&s, ks)
		r.mapping(n, path, ks, "url", "tables")
	case Agent:
		r.mapping(n, path, ks)
	default:
		r.report(kind, path+".kind", "not a kind of source: sqlite, postgres, mysql, memory, graphql, agent")
	}
	return s
}

func (r *reader) freshness(n *yaml.Node, path string) *Freshness {
	f := &Freshness{}
	r.mapping(n, path, keys{
		"type":      func(n *yaml.Node, path string) { f.Type = r.name(n, path) },
		"field":     func(n *yaml.Node, path string) { f.Field = r.name(n, path) },
		"every":     func(n *yaml.Node, path string) { f.Every = r.duration(n, path) },
		"precision": func(n *yaml.Node, path string) { f.Precision = r.duration(n, path) },
	}, "type", "field")
	return f
}

func (r *reader) guard(n *yaml.Node, path string, o *guard.Options) {
	r.mapping(n, path, keys{
		"timeout":     func(n *yaml.Node, path string) { o.Timeout = r.duration(n, path) },
		"concurrency": func(n *yaml.Node, path string) { o.Concurrency = r.whole(n, path, 1, 10_000) },
		"bytes":       func(n *yaml.Node, path string) { o.MaxBytes = int64(r.whole(n, path, 1, 1<<40)) },
		"keys":        func(n *yaml.Node, path string) { o.Keys = r.positive(n, path) },
		"failures":    func(n *yaml.Node, path string) { o.Failures = r.whole(n, path, 1, 1_000_000) },
		"cooldown":    func(n *yaml.Node, path string) { o.Cooldown = r.duration(n, path) },
		"retries":     func(n *yaml.Node, path string) { o.Retries = r.whole(n, path, 0, 10) },
		"snapshots":   func(n *yaml.Node, path string) { o.NoSnapshots = !r.truth(n, path) },
		"backoff":     func(n *yaml.Node, path string) { o.Backoff = r.duration(n, path) },
	})
}

var errNoURL = errors.New("the environment variable of the address is empty")
