package open

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"concordat/federation/source"
	"concordat/federation/source/graphql"
)

func (r *reader) graphqlKeys(s *Source, ks keys) {
	s.Tables = map[string]graphql.Table{}
	ks["url"] = func(n *yaml.Node, path string) { s.URL = r.text(n, path) }
	ks["timeout"] = func(n *yaml.Node, path string) { s.Timeout = r.duration(n, path) }
	ks["page"] = func(n *yaml.Node, path string) { s.Page = r.page(n, path) }
	ks["subgraph"] = func(n *yaml.Node, path string) { s.Subgraph = r.truth(n, path) }
	ks["token"] = func(n *yaml.Node, path string) { s.Token = r.truth(n, path) }
	ks["tls"] = func(n *yaml.Node, path string) { s.TLS = r.tls(n, path) }
	ks["headers"] = func(n *yaml.Node, path string) {
		s.Headers = map[string]string{}
		r.each(n, path, func(name string, n *yaml.Node, path string) { s.Headers[name] = r.reference(n, path) })
	}
	ks["tables"] = func(n *yaml.Node, path string) {
		r.each(n, path, func(name string, n *yaml.Node, path string) { s.Tables[name] = r.table(n, path) })
	}
}

func (r *reader) page(n *yaml.Node, path string) *graphql.Page {
	p := &graphql.Page{}
	r.mapping(n, path, keys{
		"limit":  func(n *yaml.Node, path string) { p.Limit = r.name(n, path) },
		"offset": func(n *yaml.Node, path string) { p.Offset = r.name(n, path) },
		"size":   func(n *yaml.Node, path string) { p.Size = r.positive(n, path) },
	}, "limit", "offset", "size")
	return p
}

func (r *reader) tls(n *yaml.Node, path string) TLS {
	var t TLS
	r.mapping(n, path, keys{
		"ca":          func(n *yaml.Node, path string) { t.CA = r.reference(n, path) },
		"certificate": func(n *yaml.Node, path string) { t.Certificate = r.reference(n, path) },
		"key":         func(n *yaml.Node, path string) { t.Key = r.reference(n, path) },
	})
	if (t.Certificate == "") != (t.Key == "") {
		r.report(n, path, "a certificate needs its key, and a key its certificate")
	}
	return t
}

func (r *reader) table(n *yaml.Node, path string) graphql.Table {
	t := graphql.Table{Arguments: map[string]graphql.Arguments{}}
	r.mapping(n, path, keys{
		"field":  func(n *yaml.Node, path string) { t.Field = r.name(n, path) },
		"entity": func(n *yaml.Node, path string) { t.Entity = r.entity(n, path) },
		"arguments": func(n *yaml.Node, path string) {
			r.each(n, path, func(field string, n *yaml.Node, path string) {
				t.Arguments[field] = r.arguments(n, path)
			})
		},
	})
	if n.Kind == yaml.MappingNode && child(n, "field") == nil && child(n, "entity") == nil {
		r.report(n, join(path, "field"), "missing")
	}
	return t
}

func (r *reader) entity(n *yaml.Node, path string) *graphql.Entity {
	e := &graphql.Entity{}
	r.mapping(n, path, keys{
		"type": func(n *yaml.Node, path string) { e.Type = r.name(n, path) },
		"key":  func(n *yaml.Node, path string) { e.Key = r.name(n, path) },
	}, "type", "key")
	return e
}

func (r *reader) arguments(n *yaml.Node, path string) graphql.Arguments {
	var a graphql.Arguments
	r.mapping(n, path, keys{
		"in":  func(n *yaml.Node, path string) { a.In = r.argument(n, path, true) },
		"eq":  func(n *yaml.Node, path string) { a.Eq = r.argument(n, path, false) },
		"gte": func(n *yaml.Node, path string) { a.Gte = r.argument(n, path, false) },
		"lte": func(n *yaml.Node, path string) { a.Lte = r.argument(n, path, false) },
	})
	return a
}

// argumentForm is an argument, with its type or without (October 2021 specification, section 2.11).
var argumentForm = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]*( *: *(\[[_A-Za-z][_0-9A-Za-z]*!?\]!?|[_A-Za-z][_0-9A-Za-z]*!?))?$`)

// argument reads "ids: [ID!]" or "ids": both become part of a document.
func (r *reader) argument(n *yaml.Node, path string, many bool) string {
	s := r.text(n, path)
	switch {
	case s == "":
	case !argumentForm.MatchString(s):
		r.report(n, path, `not an argument like ids or "ids: [ID!]"`)
		return ""
	case strings.Contains(s, ":") && strings.Contains(s, "[") != many:
		r.report(n, path, "in takes a list, the others do not")
		return ""
	}
	return s
}

func openGraphQL(ctx context.Context, name string, s Source, o Options, relations []*source.Relation) (source.Source, error) {
	options, err := o.graphql(name, s)
	if err != nil {
		return nil, err
	}
	remote, err := graphql.Open(options)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, r := range relations {
		errs = append(errs, remote.Check(r))
	}
	err = errors.Join(errs...)
	if err == nil {
		err = remote.CheckService(ctx, relations)
	}
	if err != nil {
		return nil, errors.Join(err, remote.Close())
	}
	return remote, nil
}

// graphql resolves the references of a source.
func (o Options) graphql(name string, s Source) (graphql.Options, error) {
	out := graphql.Options{Timeout: s.Timeout, Page: s.Page, Tables: s.Tables, Subgraph: s.Subgraph, Headers: map[string]string{}}
	if s.Token {
		out.Audience = name
	}
	var err error
	if out.URL, err = o.address(s.URL); err != nil {
		return out, err
	}
	for header, reference := range s.Headers {
		if out.Headers[header], err = o.secret(reference); err != nil {
			return out, fmt.Errorf("header %s: %w", header, err)
		}
	}
	out.TLS, err = o.tls(s.TLS)
	return out, err
}

// tls makes the configuration; nil where nothing is configured.
func (o Options) tls(t TLS) (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if t.CA != "" {
		text, err := o.secret(t.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(text)) {
			return nil, fmt.Errorf("tls.ca holds no certificate in PEM: %w", source.ErrInvalid)
		}
	}
	if t.Certificate == "" {
		return c, nil
	}
	certificate, err := o.secret(t.Certificate)
	if err != nil {
		return nil, fmt.Errorf("tls.certificate: %w", err)
	}
	key, err := o.secret(t.Key)
	if err != nil {
		return nil, fmt.Errorf("tls.key: %w", err)
	}
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil { // crypto/tls's message could quote the text
		return nil, fmt.Errorf("tls.certificate and tls.key are no pair in PEM: %w", source.ErrInvalid)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
