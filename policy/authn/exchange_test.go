package authn

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const agentsAudience = "https://agents.test"

// desk is an issuer with its token endpoint on a real socket, and a gateway's client of it.
func desk(t *testing.T, denied map[string]bool) (*Issuer, *TokenClient) {
	t.Helper()
	issuer, err := CreateIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	gate, err := New(Options{Issuers: []Trusted{issuer.Trusted()}, Denylist: DenyFunc(func(key string) (bool, error) { return denied[key], nil })})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&Exchanger{Issuer: issuer, Gate: gate, Audience: agentsAudience, Clients: map[string]string{"gateway one": "a:b c"}})
	t.Cleanup(server.Close)
	return issuer, &TokenClient{URL: server.URL, ID: "gateway one", Secret: "a:b c", Audience: agentsAudience, HTTP: server.Client()}
}

func analyst(key string) Claims {
	return Claims{Subject: "ana", Organisation: "institute", Client: "notebook", Scope: "graph:read", Agreement: "research-2025",
		Purposes: []string{"research", "audit"}, QuerierKey: key}
}

func minted(t *testing.T, i *Issuer, c Claims) string {
	t.Helper()
	token, err := i.Mint(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestExchangeBindsTheCallersKeyTheSessionAndTheQuestion(t *testing.T) {
	issuer, client := desk(t, nil)
	access := minted(t, issuer, analyst("thumb"))
	token, err := client.SessionToken(t.Context(), access, "audit", "session-1", "abc")
	if err != nil {
		t.Fatal(err)
	}
	said, err := Inspect(token)
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string]any{"aud": agentsAudience, "sub": "ana", "agreement": "research-2025", "purpose": "audit",
		"secagg_session": "session-1", "secagg_query": "abc", "secagg_jkt": "thumb"} {
		if said.Claims[claim] != want {
			t.Errorf("%s is %v, want %v", claim, said.Claims[claim], want)
		}
	}
	if act, ok := said.Claims["act"].(map[string]any); !ok || act["sub"] != "gateway one" {
		t.Error("who acts is not said:", said.Claims["act"])
	}
	if said.Claims["scope"] != nil || strings.Contains(token, access) {
		t.Error("the session token can do more than open a session")
	}
}

// TestExchangeRefuses holds each reason against a request that differs in that alone from one that succeeds.
func TestExchangeRefuses(t *testing.T) {
	denied := map[string]bool{}
	issuer, client := desk(t, denied)
	good := minted(t, issuer, analyst("thumb"))
	other := *issuer
	other.Audience = agentsAudience
	revoked := minted(t, issuer, analyst("thumb"))
	said, err := Inspect(revoked)
	if err != nil {
		t.Fatal(err)
	}
	denied[RevocationKey(issuer.Name, said.Claims["jti"].(string))] = true
	unbound := analyst("thumb")
	unbound.Agreement = ""
	proven := analyst("thumb") // the gateway cannot prove that it holds the caller's key, and the issuer does not take its word
	proven.Confirmation = &Confirmation{Thumbprint: strings.Repeat("A", 43)}
	for name, ask := range map[string]func() (string, error){
		"a token that names no key": func() (string, error) {
			return client.SessionToken(t.Context(), minted(t, issuer, analyst("")), "research", "s", "q")
		},
		"a session token": func() (string, error) {
			return client.SessionToken(t.Context(), minted(t, &other, analyst("thumb")), "research", "s", "q")
		},
		"a token bound to the caller's key (DPoP)": func() (string, error) {
			return client.SessionToken(t.Context(), minted(t, issuer, proven), "research", "s", "q")
		},
		"a revoked token": func() (string, error) { return client.SessionToken(t.Context(), revoked, "research", "s", "q") },
		"a token of no agreement": func() (string, error) {
			return client.SessionToken(t.Context(), minted(t, issuer, unbound), "research", "s", "q")
		},
		"an altered token":                     func() (string, error) { return client.SessionToken(t.Context(), good+"A", "research", "s", "q") },
		"a purpose that the token has not got": func() (string, error) { return client.SessionToken(t.Context(), good, "tax", "s", "q") },
		"no session":                           func() (string, error) { return client.SessionToken(t.Context(), good, "research", "", "q") },
		"another client": func() (string, error) {
			c := *client
			c.ID = "stranger"
			return c.SessionToken(t.Context(), good, "research", "s", "q")
		},
		"a wrong secret": func() (string, error) {
			c := *client
			c.Secret = "guess"
			return c.SessionToken(t.Context(), good, "research", "s", "q")
		},
		"another audience": func() (string, error) {
			c := *client
			c.Audience = DevelopmentAudience
			return c.SessionToken(t.Context(), good, "research", "s", "q")
		},
	} {
		if token, err := ask(); !errors.Is(err, ErrExchange) || token != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := client.SessionToken(t.Context(), good, "research", "s", "q"); err != nil {
		t.Error("the request that all of these differ from is refused:", err)
	}
}

// TestExchangeTakesNoKeyFromTheRequest: a gateway that names a key of its own is given the caller's.
func TestExchangeTakesNoKeyFromTheRequest(t *testing.T) {
	issuer, client := desk(t, nil)
	body := "grant_type=" + grantExchange + "&subject_token_type=" + typeAccess + "&audience=" + agentsAudience +
		"&secagg_session=s&secagg_query=q&secagg_jkt=mine&subject_token="
	access := minted(t, issuer, analyst("thumb"))
	status, token := post(t, client, body+access)
	said, err := Inspect(token)
	if status != http.StatusOK || err != nil || said.Claims["secagg_jkt"] != "thumb" {
		t.Error(status, err, said.Claims["secagg_jkt"])
	}
	if got, _ := post(t, client, body+access+"&audience=x"); got != http.StatusBadRequest {
		t.Error("a parameter stands twice, and the request is answered:", got)
	}
	if got, _ := post(t, client, body+strings.Repeat("A", maxExchange)); got != http.StatusBadRequest {
		t.Error("a long request:", got)
	}
}

func post(t *testing.T, c *TokenClient, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, c.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("gateway+one", "a%3Ab+c")
	response, err := c.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, said.Token
}
