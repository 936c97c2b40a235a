package authn

import "errors"

// What callers branch on besides *Error.
var (
	// ErrPurpose: the token is good but lacks the purpose asked for, or several are possible and none is named.
	ErrPurpose = errors.New("authn: purpose required")
	// ErrUnavailable: the denylist could not be read, so the request is refused.
	ErrUnavailable = errors.New("authn: revocation status unavailable")
)

// RFC 6750 section 3.1 error codes.
const (
	InvalidRequest = "invalid_request"
	InvalidToken   = "invalid_token"
)

// Error says why a request was not authenticated. Only Code may reach the client; Error() names the rule that was
// broken, for logs, and never holds a value from the token.
type Error struct {
	Code   string // InvalidRequest, InvalidToken or InvalidProof
	reason string
	proof  bool // the request came, or should have come, with a proof of possession
}

func (e *Error) Error() string { return "authn: " + e.Code + ": " + e.reason }

func refuseToken(reason string) *Error   { return &Error{Code: InvalidToken, reason: reason} }
func refuseRequest(reason string) *Error { return &Error{Code: InvalidRequest, reason: reason} }

// Challenge is the WWW-Authenticate header for err. A request without credentials gets no error code
// (RFC 6750 section 3.1), and neither does any error that is not about the token itself. resourceMetadata, where
// not empty, is the URL of the RFC 9728 document.
func Challenge(err error, resourceMetadata string) string {
	challenge := `Bearer realm="concordat"`
	var refused *Error
	if errors.As(err, &refused) {
		if refused.proof { // RFC 9449 section 7.1
			challenge = `DPoP realm="concordat", algs="` + proofAlgorithms + `"`
		}
		challenge += `, error="` + refused.Code + `"`
	}
	if resourceMetadata != "" {
		challenge += `, resource_metadata="` + resourceMetadata + `"`
	}
	return challenge
}
