package policy

import (
	"slices"
	"time"
)

// Subject is who asks, as one verified access token says it. Its slices are shared between requests and are
// never changed.
type Subject struct {
	ID           string // sub
	Organisation string
	Client       string // client_id
	Scopes       []string
	Agreement    string   // the agreement's ID, empty where the token is bound to none
	Purpose      string   // the purpose of this request: one of Purposes, or empty where the token has none
	Purposes     []string // every purpose that the token may choose
	Issuer       string
	TokenID      string // jti, unique only together with Issuer
	Expires      time.Time
	Persona      string // set by the development issuer only; names the caller in reports, decides nothing
	QuerierKey   string // thumbprint of the key that this caller opens secure sums with (secagg_jkt); empty for none
	Anonymous    bool   // no token was sent; the other fields but ID are empty
}

// HasScope reports whether the token was granted scope (RFC 6749 section 3.3: compared exactly).
func (s Subject) HasScope(scope string) bool { return slices.Contains(s.Scopes, scope) }
