// Package graphql answers queries from a GraphQL service over HTTP.
//
//	s, err := graphql.Open(graphql.Options{URL: url, Tables: tables, Page: page})
//	rows, err := s.Fetch(ctx, query)
//
// A table is a list field of Query. One document asks for the needed fields only. Conditions for which the service has
// an argument are sent, as literals, since a variable would need the argument's type; they are necessary ones, so the
// answer is a superset of the rows, which package eval then finishes. Pages are read until a short one.
//
// The answer is decoded as it arrives, straight into columns, with strict types: an object that lacks a field, or
// holds another type, is source.ErrInvalid. The package follows no redirect, sends no credentials, and does not
// promise one snapshot over several pages.
package graphql

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/privacy"
)

// Table says how a table is asked for.
type Table struct {
	Field     string               // field of Query: a list of objects
	Arguments map[string]Arguments // by field of the type
}

// Arguments names the arguments that restrict one field; empty: the service has none.
type Arguments struct{ In, Eq, Gte, Lte string }

// Page names the arguments of paging and bounds a page.
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
}

// Source is one service. It is safe for concurrent use.
type Source struct {
	Options
	client *http.Client
}

// Open checks the options; it sends nothing.
func Open(o Options) (*Source, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("the address is not http or https, or holds credentials: %w", source.ErrInvalid)
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
	return &Source{o, newClient(o.Timeout)}, nil
}

// newClient never follows a redirect: the service's host is the only one that may learn keys.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			ResponseHeaderTimeout: timeout,
			TLSHandshakeTimeout:   10 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
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
	if !q.Empty() {
		for _, d := range newDocuments(s.Tables[q.Relation.Table], s.Page, q) {
			if err := s.pages(ctx, d, rows); err != nil {
				return nil, err
			}
		}
	}
	return eval.Run(rows, q)
}

// pages asks until a page is short. A page longer than asked for is refused: the service ignores its limit.
func (s *Source) pages(ctx context.Context, d *document, rows *privacy.Table) error {
	for offset := 0; ; {
		before := rows.Rows
		if err := s.ask(ctx, d.page(offset), rows); err != nil {
			return err
		}
		got := rows.Rows - before
		switch {
		case s.Page == nil || got < s.Page.Size:
			return nil
		case got > s.Page.Size:
			return fmt.Errorf("a page is longer than its limit: %w", source.ErrInvalid)
		}
		offset += got
	}
}

// Explain implements source.Explainer.
func (s *Source) Explain(q *source.Query) source.Explanation {
	d := newDocuments(s.Tables[q.Relation.Table], s.Page, q)[0]
	e := source.Explanation{Statement: d.shape(), Pushed: []string{"projection"}, Local: []string{"filter"}}
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
