package graphql_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/graphql"
)

// locked is a service over TLS that notes what it is sent.
type locked struct {
	*httptest.Server
	headers []http.Header
}

func newLocked(t *testing.T, change func(*tls.Config)) *locked {
	t.Helper()
	l := &locked{}
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.headers = append(l.headers, r.Header.Clone())
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"data":{"rows":[]}}`))
	}))
	l.Config.ErrorLog = log.New(io.Discard, "", 0)
	l.Server.TLS = &tls.Config{}
	change(l.Server.TLS)
	l.StartTLS()
	t.Cleanup(l.Close)
	return l
}

func (l *locked) roots() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(l.Certificate())
	return &tls.Config{RootCAs: pool}
}

func TestTLSIsOfTheGivenRootsAndNoOlderThan13(t *testing.T) {
	modern, old := newLocked(t, func(*tls.Config) {}), newLocked(t, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
	for name, c := range map[string]struct {
		server *locked
		tls    *tls.Config
		want   error
	}{
		"its root":        {modern, modern.roots(), nil},
		"system's roots":  {modern, nil, source.ErrUnavailable},
		"TLS 1.2":         {old, old.roots(), source.ErrUnavailable},
		"TLS 1.2 allowed": {old, &tls.Config{RootCAs: old.roots().RootCAs, MinVersion: tls.VersionTLS12}, source.ErrUnavailable},
	} {
		_, err := open(t, graphql.Options{URL: c.server.URL, Tables: tables(), TLS: c.tls}).Fetch(t.Context(), ids())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAClientCertificateIsShown(t *testing.T) {
	server := newLocked(t, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	shown := server.roots()
	if _, err := open(t, graphql.Options{URL: server.URL, Tables: tables(), TLS: shown}).Fetch(t.Context(), ids()); !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("without one: %v", err)
	}
	shown.Certificates = server.Server.TLS.Certificates
	if _, err := open(t, graphql.Options{URL: server.URL, Tables: tables(), TLS: shown}).Fetch(t.Context(), ids()); err != nil {
		t.Errorf("with one: %v", err)
	}
}

func TestHeadersAndATokenOfTheSourceAreSent(t *testing.T) {
	server := newLocked(t, func(*tls.Config) {})
	s := open(t, graphql.Options{URL: server.URL, Tables: tables(), TLS: server.roots(), Audience: "transport", Headers: map[string]string{"X-Api-Key": "k"}})
	ctx := source.WithCredential(t.Context(), func(audience string) (string, error) { return "for-" + audience, nil })
	if _, err := s.Fetch(ctx, ids()); err != nil {
		t.Fatal(err)
	}
	if h := server.headers[0]; h.Get("X-Api-Key") != "k" || h.Get("Authorization") != "Bearer for-transport" || h.Get("Content-Type") != "application/json" {
		t.Errorf("got %v", h)
	}
	for name, ctx := range map[string]context.Context{
		"no credential": t.Context(),
		"a failing one": source.WithCredential(t.Context(), func(string) (string, error) { return "", errors.New("no key") }),
	} {
		if _, err := s.Fetch(ctx, ids()); !errors.Is(err, source.ErrUnavailable) || len(server.headers) != 1 {
			t.Errorf("%s: %v, after %d questions", name, err, len(server.headers))
		}
	}
}

func TestCredentialsNeverTravelInClear(t *testing.T) {
	for name, o := range map[string]graphql.Options{
		"headers": {Headers: map[string]string{"X-Api-Key": "k"}}, "a token": {Audience: "transport"}, "a certificate": {TLS: &tls.Config{}},
	} {
		for address, refused := range map[string]bool{"http://db.agency.test/": true, "http://10.0.0.1/": true, "http://127.0.0.1:1/": false,
			"http://[::1]:1/": false, "http://localhost:1/": false, "https://db.agency.test/": false} {
			o.URL = address
			if _, err := graphql.Open(o); errors.Is(err, source.ErrInvalid) != refused {
				t.Errorf("%s to %s: %v", name, address, err)
			}
		}
	}
}

func TestHeadersThatAreNoneOrNotTheirsAreRefused(t *testing.T) {
	for name, value := range map[string]string{"X-A": "a\r\nX-B: b", "X A": "a", "": "a", "X-Empty": "", "Host": "h", "content-type": "text/html",
		"Content-Length": "1", "Transfer-Encoding": "chunked", "Cookie": "c", "Authorization": "Basic eDp5"} {
		o := graphql.Options{URL: "https://db.agency.test/", Headers: map[string]string{name: value}, Audience: "transport"}
		_, err := graphql.Open(o)
		if !errors.Is(err, source.ErrInvalid) || value != "" && strings.Contains(err.Error(), value) && len(value) > 1 {
			t.Errorf("%q: %v", name, err)
		}
	}
	o := graphql.Options{URL: "https://db.agency.test/", Headers: map[string]string{"Authorization": "Basic eDp5"}}
	if _, err := graphql.Open(o); err != nil {
		t.Errorf("a service's own credentials: %v", err)
	}
}

// A redirect leads nowhere: neither keys nor credentials reach the place that it names.
func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := newLocked(t, func(*tls.Config) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		s := open(t, graphql.Options{URL: server.URL, Tables: tables(), TLS: elsewhere.roots()})
		if _, err := s.Fetch(t.Context(), ids()); !errors.Is(err, source.ErrUnavailable) || len(elsewhere.headers) > 0 {
			t.Errorf("%d: %v; %d questions went elsewhere", status, err, len(elsewhere.headers))
		}
		server.Close()
	}
}
