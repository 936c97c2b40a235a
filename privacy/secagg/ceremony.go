package secagg

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Member is one agency as the others know it. Identity is pinned by the agreement, never taken from the middle.
type Member struct {
	Name     string            `json:"name"`
	Identity ed25519.PublicKey `json:"identity"`
}

// Ceremony is what the members agree on before any question: who they are and how many of them can open. Its hash
// binds every message.
type Ceremony struct {
	Session   string   `json:"session"` // unique, 1 to 64 bytes
	Set       string   `json:"set"`     // SetA
	Members   []Member `json:"members"` // sorted by name, at least two
	Threshold int      `json:"threshold"`
}

const maxMembers = 1024

// check refuses what must not bind anything. Threshold is between two and the number of members; where they are
// equal the keys are not reshared, and every member must take part to the end.
func (c *Ceremony) check() error {
	if c.Session == "" || len(c.Session) > maxName || len(c.Members) < 2 || len(c.Members) > maxMembers {
		return fmt.Errorf("%w: ceremony", ErrProtocol)
	}
	if c.Threshold < 2 || c.Threshold > len(c.Members) {
		return fmt.Errorf("%w: threshold", ErrProtocol)
	}
	for i, m := range c.Members {
		if m.Name == "" || len(m.Name) > maxName || len(m.Identity) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: member", ErrProtocol)
		}
		if i > 0 && strings.Compare(c.Members[i-1].Name, m.Name) >= 0 {
			return fmt.Errorf("%w: members are not in order", ErrProtocol)
		}
	}
	return nil
}

func (c *Ceremony) bind() [32]byte { return digest("ceremony", canonical(c)) }

// canonical encodes a struct without maps or floats: field order makes it unique.
func canonical(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of this package come here, and all of them encode
	}
	return text
}

// ParseCeremony reads what a peer sent, in its canonical form only.
func ParseCeremony(text []byte) (*Ceremony, error) {
	var c Ceremony
	if err := parseCanonical(text, &c); err != nil {
		return nil, err
	}
	return &c, c.check()
}

// Encode is the canonical form.
func (c *Ceremony) Encode() []byte { return canonical(c) }

func parseCanonical(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil || !bytes.Equal(canonical(to), text) {
		return fmt.Errorf("%w: not in canonical form", ErrWire)
	}
	return nil
}

func (c *Ceremony) index(name string) int {
	return slices.IndexFunc(c.Members, func(m Member) bool { return m.Name == name })
}

func (c *Ceremony) reshares() bool { return c.Threshold < len(c.Members) }

// gather verifies that messages are one from each of members, and returns them in the members' order.
func gather(kind Kind, bind [32]byte, members []Member, messages []*Message) ([]*Message, error) {
	byName := make(map[string]*Message, len(messages))
	for _, m := range messages {
		if byName[m.From] != nil {
			return nil, blame(m.From, fmt.Errorf("%w: two messages", ErrProtocol))
		}
		byName[m.From] = m
	}
	ordered := make([]*Message, len(members))
	for i, member := range members {
		m := byName[member.Name]
		if m == nil {
			return nil, blame(member.Name, fmt.Errorf("%w: no message", ErrProtocol))
		}
		if err := m.verify(kind, bind, member); err != nil {
			return nil, err
		}
		ordered[i] = m
	}
	if len(byName) != len(members) {
		return nil, fmt.Errorf("%w: a message of no member", ErrProtocol)
	}
	return ordered, nil
}

// chain extends a transcript by the messages of one round, which gather has verified.
func chain(transcript [32]byte, ordered []*Message) [32]byte {
	parts := [][]byte{transcript[:]}
	for _, m := range ordered {
		parts = append(parts, m.verified[:])
	}
	return digest("transcript", parts...)
}
