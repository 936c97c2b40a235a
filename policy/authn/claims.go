package authn

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"concordat/policy"
)

const (
	skew        = 30 * time.Second
	maxLifetime = time.Hour // exp - iat
	maxText     = 256       // bytes of one identifier claim
	maxSeconds  = 1 << 40   // far beyond any NumericDate we meet, far below overflow
)

// RevocationKey names a token in a denylist. It is made of (iss, jti), never of the token's bytes: an ECDSA
// signature has a second valid spelling, so one token has two byte strings.
func RevocationKey(issuer, tokenID string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(issuer), issuer, tokenID))
	return "token/revoked/" + hex.EncodeToString(sum[:])
}

// claimReader reads typed members and keeps the first mistake, so that the list of claims reads as a list.
type claimReader struct {
	members map[string]any
	err     error
}

func (c *claimReader) fail(name, why string) {
	if c.err == nil {
		c.err = refuseToken(name + " " + why)
	}
}

// text reads an identifier: short, printable, because it goes to logs, policy input and the ledger.
func (c *claimReader) text(name string, required bool) string {
	value, present := c.members[name]
	if !present && !required {
		return ""
	}
	s, ok := value.(string)
	if !ok || !plainText(s) {
		c.fail(name, "is missing or not a plain string")
	}
	return s
}

func plainText(s string) bool {
	return s != "" && len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// texts reads an optional array of strings, none twice.
func (c *claimReader) texts(name string) []string {
	value, present := c.members[name]
	if !present {
		return nil
	}
	array, ok := value.([]any)
	if !ok || len(array) == 0 {
		c.fail(name, "is not a list of strings")
		return nil
	}
	list := make([]string, 0, len(array))
	for _, item := range array {
		s, ok := item.(string)
		if !ok || !plainText(s) || slices.Contains(list, s) {
			c.fail(name, "is not a list of strings")
			return nil
		}
		list = append(list, s)
	}
	return list
}

// audience reads aud, a string or a list of strings (RFC 7519 section 4.1.3).
func (c *claimReader) audience() []string {
	if _, single := c.members["aud"].(string); single {
		return []string{c.text("aud", true)}
	}
	return c.texts("aud")
}

// date reads a NumericDate. Whole seconds only: fractions and exponents are legal JSON that readers round apart.
func (c *claimReader) date(name string) time.Time {
	number, ok := c.members[name].(json.Number)
	if !ok {
		c.fail(name, "is missing or not a number")
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || seconds < 0 || seconds > maxSeconds {
		c.fail(name, "is not a whole number of seconds")
	}
	return time.Unix(seconds, 0).UTC()
}

// readClaims checks the claims of RFC 9068 section 2.2 and ours, all but iss, which chose the issuer.
// bound is the thumbprint of the key that the token is bound to; "" for a bearer token.
func readClaims(members map[string]any, audience string, now time.Time) (subject policy.Subject, bound string, err error) {
	c := &claimReader{members: members}
	if !slices.Contains(c.audience(), audience) {
		c.fail("aud", "does not contain us")
	}
	subject = policy.Subject{
		ID:           c.text("sub", true),
		Organisation: c.text("organisation", false),
		Client:       c.text("client_id", true),
		Scopes:       c.scopes(),
		Agreement:    c.text("agreement", false),
		Issuer:       c.text("iss", true),
		TokenID:      c.text("jti", true),
		Expires:      c.date("exp"),
		Persona:      c.text("persona", false),
		QuerierKey:   c.text("secagg_jkt", false),
	}
	subject.Purpose, subject.Purposes = c.purposes()
	c.checkTimes(subject.Expires, now)
	bound = c.confirmation()
	if subject.ID == AnonymousID {
		c.fail("sub", "is reserved")
	}
	if c.err != nil {
		return policy.Subject{}, "", c.err
	}
	return subject, bound, nil
}

func (c *claimReader) checkTimes(expires, now time.Time) {
	issued := c.date("iat")
	switch {
	case c.err != nil:
	case !now.Before(expires.Add(skew)):
		c.fail("exp", "is past")
	case issued.After(now.Add(skew)):
		c.fail("iat", "lies in the future")
	case !expires.After(issued) || expires.Sub(issued) > maxLifetime:
		c.fail("exp", "is not within an hour after iat")
	}
	if _, present := c.members["nbf"]; present && c.date("nbf").After(now.Add(skew)) {
		c.fail("nbf", "lies in the future")
	}
}

// scopes splits scope at single spaces (RFC 6749 section 3.3).
func (c *claimReader) scopes() []string {
	value, present := c.members["scope"]
	if !present || value == "" {
		return nil
	}
	s, ok := value.(string)
	if !ok {
		c.fail("scope", "is not a string")
		return nil
	}
	scopes := strings.Split(s, " ")
	for _, scope := range scopes {
		if !scopeToken(scope) {
			c.fail("scope", "is not scope tokens between single spaces")
			return nil
		}
	}
	return scopes
}

// scopeToken is RFC 6749 appendix A.4: 1*( %x21 / %x23-5B / %x5D-7E ).
func scopeToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x21 || r > 0x7e || r == '"' || r == '\\'
	})
}

// purposes reads purpose, the one used where the request names none, and purposes, those that it may name. A token
// with a single purpose needs no header.
func (c *claimReader) purposes() (own string, all []string) {
	own, all = c.text("purpose", false), c.texts("purposes")
	switch {
	case own != "" && all == nil:
		all = []string{own}
	case own == "" && len(all) == 1:
		own = all[0]
	case own != "" && !slices.Contains(all, own):
		c.fail("purpose", "is not among purposes")
	}
	return own, all
}
