package graphql

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"concordat/federation/source"
)

// newClient never follows a redirect: the service's host is the only one that may learn keys and credentials. TLS is
// 1.3 (RFC 8446) or nothing.
func newClient(o Options) *http.Client {
	secure := &tls.Config{}
	if o.TLS != nil {
		secure = o.TLS.Clone()
	}
	secure.MinVersion = tls.VersionTLS13
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			ResponseHeaderTimeout: o.Timeout,
			TLSHandshakeTimeout:   10 * time.Second,
			TLSClientConfig:       secure,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkAddress refuses what is no address of a service, and credentials that would travel in clear to another machine.
func (o *Options) checkAddress() error {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return fmt.Errorf("the address is not http or https, or holds credentials: %w", source.ErrInvalid)
	}
	credentials := len(o.Headers) > 0 || o.Audience != "" || o.TLS != nil
	if u.Scheme == "http" && credentials && !loopback(u.Hostname()) {
		return fmt.Errorf("headers, a token or a certificate need an https address: %w", source.ErrInvalid)
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// ours are headers that the package or net/http sets.
var ours = []string{"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Expect",
	"Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// checkHeaders refuses names and values that HTTP has no place for (RFC 9110 section 5): net/http would say so only
// when the first question fails.
func (o *Options) checkHeaders() error {
	for name, value := range o.Headers {
		if !isToken(name) || !isFieldValue(value) || reserved(name, o.Audience) {
			return fmt.Errorf("the header %q is not one that may be set, or its value is none: %w", name, source.ErrInvalid)
		}
	}
	return nil
}

func reserved(name, audience string) bool {
	for _, own := range ours {
		if strings.EqualFold(name, own) {
			return true
		}
	}
	return audience != "" && strings.EqualFold(name, "Authorization") // the token's place
}

func isToken(s string) bool {
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

func isFieldValue(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return s != ""
}
