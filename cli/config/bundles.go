package config

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"time"

	"gopkg.in/yaml.v3"

	"concordat/policy"
)

// bundles reads which bundles are believed. That unsigned ones are taken has to be said: a configuration that says
// nothing is a mistake.
func (r *reader) bundles(root, n *yaml.Node) *policy.Signatures {
	if n == nil {
		r.wrong(root, "bundles", "missing: pin a key for each agency under keys, or say unsigned: true, for development only")
		return nil
	}
	m := r.members(n, "bundles", "keys", "maxAge", "unsigned")
	if u := m["unsigned"]; u != nil {
		var yes bool
		if err := u.Decode(&yes); err != nil || !yes || len(m) > 1 {
			r.wrong(u, "bundles.unsigned", "is true and stands alone, or is left out")
		}
		return nil
	}
	out := &policy.Signatures{Keys: map[policy.AgencyID]string{}}
	if keys := m["keys"]; keys == nil || keys.Kind != yaml.MappingNode || len(keys.Content) == 0 {
		r.wrong(n, "bundles.keys", "at least one is needed")
	} else {
		r.keys(keys, out)
	}
	if age := m["maxAge"]; age != nil {
		d, err := time.ParseDuration(age.Value)
		if err != nil || d < time.Minute {
			r.wrong(age, "bundles.maxAge", "not a duration of a minute or more, such as 720h")
		}
		out.MaxAge = d
	}
	return out
}

func (r *reader) keys(n *yaml.Node, into *policy.Signatures) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		agency, path := n.Content[i].Value, join("bundles.keys", n.Content[i].Value)
		if _, twice := into.Keys[policy.AgencyID(agency)]; twice {
			r.wrong(n.Content[i], path, "stands twice")
		}
		text, ok := r.reference(n, n.Content[i+1], path)
		if ok && !publicKey(text) {
			r.wrong(n.Content[i+1], path, "not an Ed25519 public key in PEM")
		}
		into.Keys[policy.AgencyID(agency)] = string(text)
	}
}

func publicKey(text []byte) bool {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		return false
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	_, ours := key.(ed25519.PublicKey)
	return err == nil && ours
}
