package cli

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"concordat/federation/agent"
	"concordat/policy/authn"
)

// agentConfig is agent.yaml. Paths are relative to it; secrets are env: or file: references.
type agentConfig struct {
	Name     string            `yaml:"name"`
	Identity string            `yaml:"identity"` // reference
	Members  map[string]string `yaml:"members"`  // base64 Ed25519 keys by agency
	Gateways []struct {
		Address string `yaml:"address"`
		Key     string `yaml:"key"`  // pin
		Code    string `yaml:"code"` // reference, optional
	} `yaml:"gateways"`
	Issuers []struct {
		Issuer   string `yaml:"issuer"`
		Audience string `yaml:"audience"` // default AgentAudience
		JWKS     string `yaml:"jwks"`
	} `yaml:"issuers"`
	Policy  string      `yaml:"policy"`
	Data    agentData   `yaml:"data"`
	Fetch   *agentFetch `yaml:"fetch"`
	State   string      `yaml:"state"`
	Minimum int         `yaml:"minimum"`
	// Threshold: see agent.Options.
	Threshold int `yaml:"threshold"`
	Budget    []struct {
		Agreement  string `yaml:"agreement"`
		Dataset    string `yaml:"dataset"`
		Epsilon    string `yaml:"epsilon"` // decimal, as text
		Delta      string `yaml:"delta"`   // decimal, as text; optional
		Millionths int64  `yaml:"-"`
		// Trillionths of delta.
		Trillionths int64 `yaml:"-"`
	} `yaml:"budget"`

	identity ed25519.PrivateKey
	members  map[string]ed25519.PublicKey
	gateways []agent.Gateway
	tokens   sessionTokens
	file     string
	root     *yaml.Node
	mistakes []error
}

// loadAgentConfig reads and checks the whole file; its error lists every mistake with its place.
func loadAgentConfig(file string, getenv func(string) string) (*agentConfig, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &agentConfig{file: file, root: &yaml.Node{}}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil {
		return nil, yamlMistakes(file, err)
	}
	if err := yaml.Unmarshal(text, c.root); err != nil {
		return nil, yamlMistakes(file, err)
	}
	c.resolve(filepath.Dir(file), getenv)
	return c, errors.Join(c.mistakes...)
}

func yamlMistakes(file string, err error) error {
	var many *yaml.TypeError
	if !errors.As(err, &many) {
		return fmt.Errorf("%s: %w", file, err)
	}
	var list []error
	for _, line := range many.Errors { // "line 3: field x not found in type ..."
		where, what, _ := strings.Cut(strings.TrimPrefix(line, "line "), ": ")
		what, _, _ = strings.Cut(what, " in type ")
		list = append(list, fmt.Errorf("%s:%s: %s", file, where, what))
	}
	return errors.Join(list...)
}

// wrong notes a mistake at a top-level key.
func (c *agentConfig) wrong(key, message string) {
	line := 1
	if len(c.root.Content) == 1 {
		for i := 0; i+1 < len(c.root.Content[0].Content); i += 2 {
			if n := c.root.Content[0].Content[i]; n.Value == key {
				line = n.Line
			}
		}
	}
	c.mistakes = append(c.mistakes, fmt.Errorf("%s:%d: %s: %s", c.file, line, key, message))
}

func (c *agentConfig) resolve(dir string, getenv func(string) string) {
	for _, p := range []struct {
		key  string
		path *string
	}{{"policy", &c.Policy}, {"data", c.Data.file()}, {"state", &c.State}} {
		if *p.path == "" {
			c.wrong(p.key, "missing")
		} else if !filepath.IsAbs(*p.path) {
			*p.path = filepath.Join(dir, *p.path)
		}
	}
	if c.Fetch != nil {
		if err := c.Fetch.resolve(dir, c.Name); err != nil {
			c.wrong("fetch", err.Error())
		}
	}
	if err := c.Data.check(); err != nil {
		c.wrong("data", err.Error())
	}
	if c.Minimum != 0 && c.Minimum < 2 {
		c.wrong("minimum", "below two a sum is one agency's value")
	}
	if c.Threshold != 0 && c.Threshold < 2 {
		c.wrong("threshold", "below two a single agency could open")
	}
	c.resolveKeys(dir, getenv)
	c.resolveGateways(dir, getenv)
	c.resolveIssuers(dir)
	c.resolveBudget()
}

func (c *agentConfig) resolveKeys(dir string, getenv func(string) string) {
	text, err := secret(c.Identity, dir, getenv)
	if err == nil {
		c.identity, err = readIdentity(text)
	}
	if err != nil {
		c.wrong("identity", err.Error())
	}
	c.members = map[string]ed25519.PublicKey{}
	for name, text := range c.Members {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != ed25519.PublicKeySize {
			c.wrong("members", "not a key: "+name)
			continue
		}
		c.members[name] = key
	}
	if c.identity != nil && !c.members[c.Name].Equal(c.identity.Public()) {
		c.wrong("name", "members does not list this identity under this name")
	}
}

func (c *agentConfig) resolveGateways(dir string, getenv func(string) string) {
	for _, g := range c.Gateways {
		var code string
		var err error
		if g.Code != "" {
			code, err = secret(g.Code, dir, getenv)
		}
		if err != nil || g.Address == "" || g.Key == "" {
			c.wrong("gateways", "each needs an address, a key, and a code that can be read if one is named")
		}
		c.gateways = append(c.gateways, agent.Gateway{Address: g.Address, Pin: g.Key, Code: strings.TrimSpace(code)})
	}
	if len(c.gateways) == 0 {
		c.wrong("gateways", "missing")
	}
}

func (c *agentConfig) resolveIssuers(dir string) {
	var trusted []authn.Trusted
	for _, i := range c.Issuers {
		if i.Audience == "" {
			i.Audience = AgentAudience
		}
		text, err := os.ReadFile(filepath.Join(dir, i.JWKS))
		if filepath.IsAbs(i.JWKS) {
			text, err = os.ReadFile(i.JWKS)
		}
		var keys *authn.Keys
		if err == nil {
			keys, err = authn.ParseKeys(text)
		}
		if err != nil {
			c.wrong("issuers", err.Error())
			continue
		}
		trusted = append(trusted, authn.Trusted{Issuer: i.Issuer, Audience: i.Audience, Keys: keys})
	}
	var err error
	if c.tokens, err = newSessionTokens(trusted); err != nil {
		c.wrong("issuers", err.Error())
	}
}

func (c *agentConfig) resolveBudget() {
	for i := range c.Budget {
		b := &c.Budget[i]
		r, ok := new(big.Rat).SetString(b.Epsilon)
		if ok {
			r.Mul(r, big.NewRat(1_000_000, 1))
			ok = r.IsInt() && r.Sign() >= 0 && r.Num().IsInt64() && b.Agreement != "" && b.Dataset != ""
		}
		if !ok {
			c.wrong("budget", "each needs an agreement, a dataset, and an epsilon with at most six decimals")
			continue
		}
		b.Millionths = r.Num().Int64()
		if b.Delta == "" {
			continue
		}
		if r, ok = new(big.Rat).SetString(b.Delta); ok {
			r.Mul(r, big.NewRat(1_000_000_000_000, 1))
		}
		if !ok || !r.IsInt() || r.Sign() < 0 || !r.Num().IsInt64() {
			c.wrong("budget", "a delta has at most twelve decimals")
			continue
		}
		b.Trillionths = r.Num().Int64()
	}
}

// secret reads an env: or file: reference. A secret that stands in the configuration itself is refused.
func secret(reference, dir string, getenv func(string) string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	switch {
	case kind == "env" && getenv(name) != "":
		return getenv(name), nil
	case kind == "file" && name != "":
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = fs.ErrNotExist
		}
		return string(text), err
	}
	return "", errors.New("not an env: or file: reference to something that is there")
}
