package authn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"concordat/policy"
)

// Names of RFC 8693, OAuth 2.0 Token Exchange, and the two parameters of a session token: the session, and the hash of
// the question that it is for.
const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token"
	paramSession  = "secagg_session"
	paramQuestion = "secagg_query"
	maxExchange   = 16 << 10 // bytes of a request or answer
	sessionTTL    = 2 * time.Minute
)

// TokenPath is where the development issuer exchanges tokens.
const TokenPath = "/token"

// Gate says who sends a request; *Authenticator is one.
type Gate interface {
	Authenticate(r *http.Request) (policy.Subject, error)
}

// Exchanger is the issuer's side of a token exchange (RFC 8693) for secure aggregation: an access token for the gateway
// becomes a session token for the agencies' agents. The key that may open the sum (secagg_jkt) is taken from the access
// token, in which the caller had it put, and never from the request: the gateway, which makes the request, cannot name a
// key of its own.
type Exchanger struct {
	Issuer   *Issuer
	Gate     Gate              // verifies subject tokens; audience: the gateway
	Audience string            // of session tokens: the agents
	Clients  map[string]string // secrets by client id (RFC 6749 section 2.3.1)
}

// ServeHTTP answers a token request. Its errors are RFC 6749 section 5.2's words and nothing more.
func (e *Exchanger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxExchange)
	client, ok := e.client(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		refuseExchange(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	if r.ParseForm() != nil || !once(r.PostForm) {
		refuseExchange(w, http.StatusBadRequest, "invalid_request")
		return
	}
	token, wrong := e.exchange(r, client)
	if wrong != "" {
		refuseExchange(w, http.StatusBadRequest, wrong)
		return
	}
	answerExchange(w, http.StatusOK, map[string]any{"access_token": token, "issued_token_type": typeAccess, "token_type": "Bearer",
		"expires_in": int(sessionTTL / time.Second)})
}

// client authenticates by HTTP Basic; both parts are form-encoded (RFC 6749 section 2.3.1).
func (e *Exchanger) client(r *http.Request) (string, bool) {
	id, secret, ok := r.BasicAuth()
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	want, known := e.Clients[id]
	got, should := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(want))
	return id, ok && idErr == nil && secretErr == nil && known && want != "" && subtle.ConstantTimeCompare(got[:], should[:]) == 1
}

// once: a parameter that stands twice is refused (RFC 6749 section 3.2).
func once(form url.Values) bool {
	for _, values := range form {
		if len(values) != 1 {
			return false
		}
	}
	return true
}

func (e *Exchanger) exchange(r *http.Request, client string) (token, wrong string) {
	form := r.PostForm
	switch {
	case form.Get("grant_type") != grantExchange:
		return "", "unsupported_grant_type"
	case form.Get("subject_token_type") != typeAccess || form.Get("subject_token") == "":
		return "", "invalid_request"
	case form.Get("audience") != e.Audience:
		return "", "invalid_target" // RFC 8693 section 2.2.2
	case !plainText(form.Get(paramSession)) || !plainText(form.Get(paramQuestion)):
		return "", "invalid_request"
	}
	s, ok := e.subject(r, form.Get("subject_token"))
	if !ok || s.QuerierKey == "" {
		return "", "invalid_grant"
	}
	minting := *e.Issuer
	minting.Audience = e.Audience
	token, err := minting.Mint(Claims{Subject: s.ID, Organisation: s.Organisation, Client: s.Client, Agreement: s.Agreement, Purpose: s.Purpose,
		Session: form.Get(paramSession), Question: form.Get(paramQuestion), QuerierKey: s.QuerierKey, Actor: &Actor{client}, TTL: sessionTTL})
	if err != nil {
		return "", "invalid_request"
	}
	return token, ""
}

// subject verifies the subject token as the gateway would: signature, audience, times, revocation. The purpose is the one
// that the caller chose for this request, among the token's.
func (e *Exchanger) subject(r *http.Request, token string) (policy.Subject, bool) {
	inner := &http.Request{Method: http.MethodPost, URL: r.URL, Header: http.Header{"Authorization": {"Bearer " + token}}}
	if purpose := r.PostForm.Get("purpose"); purpose != "" {
		inner.Header.Set(PurposeHeader, purpose)
	}
	s, err := e.Gate.Authenticate(inner.WithContext(r.Context()))
	return s, err == nil && !s.Anonymous && s.Agreement != "" && s.Purpose != ""
}

func refuseExchange(w http.ResponseWriter, status int, code string) {
	answerExchange(w, status, map[string]any{"error": code})
}

func answerExchange(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the client went away: nothing left to tell it
}

// ErrExchange: the issuer gave no session token. Its own words stay with the issuer.
var ErrExchange = errors.New("token exchange refused")

// TokenClient is the gateway's side of the exchange.
type TokenClient struct {
	URL        string // of the issuer's token endpoint
	ID, Secret string
	Audience   string // of session tokens
	HTTP       *http.Client
}

// SessionToken exchanges a caller's access token for one that agents take, for this session and this question.
func (c *TokenClient) SessionToken(ctx context.Context, access, purpose, session, question string) (string, error) {
	form := url.Values{"grant_type": {grantExchange}, "subject_token": {access}, "subject_token_type": {typeAccess}, "audience": {c.Audience},
		"requested_token_type": {typeAccess}, "purpose": {purpose}, paramSession: {session}, paramQuestion: {question}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrExchange, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	response, err := c.HTTP.Do(r)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrExchange, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxExchange))
	if err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%w: status %d", ErrExchange, response.StatusCode)
	}
	var said struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if json.NewDecoder(bytes.NewReader(text)).Decode(&said) != nil || said.Token == "" || len(said.Token) > MaxTokenBytes || !strings.EqualFold(said.Type, "Bearer") {
		return "", fmt.Errorf("%w: not a token", ErrExchange)
	}
	return said.Token, nil
}
