// Package graphql answers queries from a GraphQL service over HTTP.
//
//	s, err := graphql.Open(graphql.Options{URL: url, Tables: tables, Page: page})
//	rows, err := s.Fetch(ctx, query)
//
// A table is a list field of Query, or the entities of an Apollo Federation v2 subgraph, or both: rows that are asked
// for by their key are found with _entities, a batch at a time, and the answer must hold one entity of the right type
// and key, or null, for each. One document asks for the needed fields only. Conditions for which the service has an
// argument are sent: as variables where the argument's type is known, so that one shape of question is one document,
// else as literals. They are necessary ones, so the answer is a superset of the rows, which package eval then finishes.
// Pages are read until a short one.
//
// The answer is decoded as it arrives, straight into columns, with strict types: an object that lacks a field, or
// holds another type, is source.ErrInvalid. The package follows no redirect, sends no credentials but those it is
// given, none of them in clear to another machine, and does not promise one snapshot over several pages.
package graphql

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// Table says how a table is asked for.
type Table struct {
	Field     string               // field of Query: a list of objects; "": rows are found by key alone
	Arguments map[string]Arguments // by field of the type
	Entity    *Entity              // nil: the service finds nothing with _entities
}

// Entity says how rows are found with _entities.
type Entity struct {
	Type string // as the service names it
	Key  string // field of ours that is the service's whole @key
}

// Arguments names the arguments that restrict one field, as "ids: [ID!]", or as "ids" where the type is not known;
// empty: the service has none.
type Arguments struct{ In, Eq, Gte, Lte string }

// Page names the arguments of paging, of type Int, and bounds a page.
type Page struct {
	Limit, Offset string
	Size          int
}

// Options of a Source; URL and Tables are required.
type Options struct {
	URL     string
	Tables  map[string]Table
	Page    *Page         // nil: one answer holds everything
	Timeout time.Duration // of one request; 30 s where zero
	MaxScan int           // rows read at most for one query; 1,000,000 where zero
	MaxBody int64         // bytes of one answer; 64 MiB where zero

	Subgraph bool              // CheckService compares the configuration with _service { sdl }
	Headers  map[string]string // sent with every question
	Audience string            // not empty: questions carry a token for it, made by the request's source.Credential
	TLS      *tls.Config       // nil: the system's roots, no client certificate
}

// Source is one service. It is safe for concurrent use.
type Source struct {
	Options
	client *http.Client
}

// Open checks the options; it sends nothing.
func Open(o Options) (*Source, error) {
	if err := o.checkAddress(); err != nil {
		return nil, err
	}
	if err := o.checkHeaders(); err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxScan <= 0 {
		o.MaxScan = 1_000_000
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 64 << 20
	}
	return &Source{o, newClient(o)}, nil
}

// Close drops idle connections.
func (s *Source) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// Check reports whether the configuration names the relation's table and its fields are GraphQL names.
func (s *Source) Check(r *source.Relation) error {
	t, ok := s.Tables[r.Table]
	if !ok {
		return fmt.Errorf("%s: no table %q is configured: %w", r.Type, r.Table, source.ErrInvalid)
	}
	for field := range t.Arguments {
		if _, ok := r.Columns[field]; !ok {
			return fmt.Errorf("%s: table %q has arguments for %q, which is no field: %w", r.Type, r.Table, field, source.ErrInvalid)
		}
	}
	if err := t.checkEntity(r); err != nil {
		return err
	}
	for field, c := range r.Columns {
		if !isName(c.Physical) {
			return fmt.Errorf("%s.%s: %q is no GraphQL name: %w", r.Type, field, c.Physical, source.ErrInvalid)
		}
	}
	return nil
}

func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Fetch implements source.Source.
func (s *Source) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := s.Check(q.Relation); err != nil {
		return nil, err
	}
	rows := &privacy.Table{}
	for _, f := range q.Needed() {
		rows.Columns = append(rows.Columns, source.NewColumn(q.Relation, f, 64))
	}
	if q.Empty() {
		return eval.Run(rows, q)
	}
	documents, err := newDocuments(s.Tables[q.Relation.Table], s.Page, q)
	if err != nil {
		return nil, err
	}
	for _, d := range documents {
		if err := s.pages(ctx, d, rows); err != nil {
			return nil, err
		}
	}
	return eval.Run(rows, q)
}

// pages asks until a page is short. A page longer than asked for is refused: the service ignores its limit.
func (s *Source) pages(ctx context.Context, d *document, rows *privacy.Table) error {
	for offset := 0; ; {
		before := rows.Rows
		if err := s.ask(ctx, d.page(offset), d.entities, rows); err != nil {
			return err
		}
		got := rows.Rows - before
		switch {
		case d.paging == nil || got < d.paging.Size:
			return nil
		case got > d.paging.Size:
			return fmt.Errorf("a page is longer than its limit: %w", source.ErrInvalid)
		}
		offset += got
	}
}

// Explain implements source.Explainer.
func (s *Source) Explain(q *source.Query) source.Explanation {
	documents, err := newDocuments(s.Tables[q.Relation.Table], s.Page, q)
	if err != nil {
		return source.Explanation{Statement: "no question: the table is read by its key alone"}
	}
	d := documents[0]
	e := source.Explanation{Statement: d.text(), Pushed: []string{"projection"}, Local: []string{"filter"}}
	if d.restricted {
		e.Pushed = append(e.Pushed, "filter")
	}
	if d.keyed {
		e.Pushed = append(e.Pushed, "keys")
	}
	note := func(on bool, what string) {
		if on {
			e.Local = append(e.Local, what)
		}
	}
	note(len(q.Order) > 0, "order")
	note(q.Limit > 0, "limit")
	note(q.Aggregate != nil, "aggregate")
	return e
}
