package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"
)

// Agents is the gateway's side of the agencies' agents: where they dial, the key that they pin, and the issuer that
// exchanges tokens for secure aggregation.
type Agents struct {
	Listen    string
	Identity  ed25519.PrivateKey
	Minimum   int // of contributors where an agreement says nothing; 0: 3
	Threshold int // of members that can open; 0: more than half of them
	Exchange  Exchange
}

// Exchange is the issuer's token endpoint (RFC 8693) and who the gateway is there.
type Exchange struct {
	Token          string // URL
	Client, Secret string
	Audience       string // of session tokens; "" for the agents' default
}

func (r *reader) agents(root, n *yaml.Node) *Agents {
	if n == nil {
		return nil
	}
	m := r.members(n, "agents", "listen", "key", "minimum", "threshold", "exchange")
	a := &Agents{Listen: r.text(n, m, "listen", true)}
	if _, _, err := net.SplitHostPort(a.Listen); a.Listen != "" && err != nil {
		r.wrong(m["listen"], "agents.listen", "not HOST:PORT")
	}
	if text, ok := r.reference(n, m["key"], "agents.key"); ok {
		seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(seed) != ed25519.SeedSize {
			r.wrong(m["key"], "agents.key", "not an identity key, as `agent keygen` makes one")
		} else {
			a.Identity = ed25519.NewKeyFromSeed(seed)
		}
	}
	for key, into := range map[string]*int{"minimum": &a.Minimum, "threshold": &a.Threshold} {
		if r.number(m[key], "agents."+key, into); m[key] != nil && *into < 2 {
			r.wrong(m[key], "agents."+key, "below two there is nobody to hide among")
		}
	}
	a.Exchange = r.exchange(n, m["exchange"])
	return a
}

func (r *reader) exchange(parent, n *yaml.Node) Exchange {
	if n == nil {
		r.wrong(parent, "agents.exchange", "missing")
		return Exchange{}
	}
	m := r.members(n, "agents.exchange", "token", "client", "secret", "audience")
	e := Exchange{Token: r.text(n, m, "token", true), Client: r.text(n, m, "client", true), Audience: r.text(n, m, "audience", false)}
	if e.Token != "" && !confidential(e.Token) {
		r.wrong(m["token"], "agents.exchange.token", "not an https URL")
	}
	if text, ok := r.reference(n, m["secret"], "agents.exchange.secret"); ok {
		e.Secret = strings.TrimSpace(string(text))
	}
	return e
}

// confidential: access tokens and a secret travel there, so that only this machine is reached without TLS.
func confidential(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback()
}
