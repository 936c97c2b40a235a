package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"concordat/policy/authn"
)

// overheard is every request that reached an agency's service, whole.
type overheard struct {
	mu       sync.Mutex
	requests [][]byte
	headers  []http.Header
}

func (o *overheard) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, true)
		if err != nil {
			panic(err)
		}
		o.mu.Lock()
		o.requests, o.headers = append(o.requests, dump), append(o.headers, r.Header.Clone())
		o.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

// A source learns who asks by a token of the gateway's for that source: the caller's own, which would open the gateway
// and every other source to it, never leaves.
func TestSourcesAreAskedWithATokenOfTheirOwn(t *testing.T) {
	heard := &overheard{}
	h := build(t, demoDir(t), houseOptions{roads: heard.before})
	got := h.ask(t, "analyst", `{ roadSensors(first: 2) { nodes { id readings(first: 1) { nodes { speed sensor { name } } } } } roadSensor(id: "S-773869") { name } }`, nil)
	if got.status != http.StatusOK || !strings.Contains(string(got.body), "Detector 773869") || strings.Contains(string(got.body), `"errors"`) {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	caller := h.tokens["analyst"]
	for i, request := range heard.requests {
		for _, part := range append(strings.Split(caller, "."), caller) {
			if bytes.Contains(request, []byte(part)) && len(part) > 40 {
				t.Errorf("request %d carries the caller's token", i)
			}
		}
	}
	if len(heard.requests) < 4 {
		t.Fatalf("only %d requests were heard", len(heard.requests))
	}
	token := verified(t, h, heard.headers[len(heard.headers)-1])
	for claim, want := range map[string]any{"purpose": "research", "agreement": "research-2025"} {
		if token[claim] != want {
			t.Errorf("%s is %v", claim, token[claim])
		}
	}
	if entry := string(heard.requests[0]); !strings.Contains(entry, "_service") {
		t.Errorf("the schema was not asked for at load: %s", entry)
	}
}

// verified is what the token of a request says, once the keys that the gateway serves have verified it.
func verified(t *testing.T, h *house, header http.Header) map[string]any {
	t.Helper()
	answer, err := h.client.Get(strings.TrimSuffix(h.url, "/") + authn.DownstreamPath)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	keys, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.Parse(keys)
	if err != nil {
		t.Fatalf("%v in %s", err, keys)
	}
	text, ok := strings.CutPrefix(header.Get("Authorization"), "Bearer ")
	if !ok {
		t.Fatalf("no token in %v", header)
	}
	parsed, err := jwt.Parse([]byte(text), jwt.WithKeySet(set), jwt.WithAudience("transport"), jwt.WithIssuer(authn.DevelopmentAudience))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// A source's token is of no use at the gateway's own door.
func TestASourcesTokenOpensNothing(t *testing.T) {
	heard := &overheard{}
	h := build(t, demoDir(t), houseOptions{roads: heard.before})
	h.ask(t, "analyst", `{ roadSensors(first: 1) { nodes { id } } }`, nil)
	text := strings.TrimPrefix(heard.headers[len(heard.headers)-1].Get("Authorization"), "Bearer ")
	got, err := send(t.Context(), h.client, h.url, text, operation(`{ roadSensors(first: 1) { nodes { id } } }`, nil))
	if err != nil || got.status != http.StatusUnauthorized {
		t.Errorf("got %d, %v", got.status, err)
	}
}

// A service of another kind than was configured answers nothing and is not quoted.
func TestALyingServiceCostsItsOwnFieldsAndSaysNothing(t *testing.T) {
	answers := map[string]string{
		"another type":   `{"data":{"rows":[{"__typename":"MARKER","c0":"S-773869","c1":"x"}]}}`,
		"too many":       `{"data":{"rows":[{"__typename":"Sensor","c0":"S-773869","c1":"x"},null]}}`,
		"a changed type": `{"data":{"rows":[{"__typename":"Sensor","c0":"S-773869","c1":7}]}}`,
		"deep":           `{"data":{"rows":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}}`,
		"not UTF-8":      "{\"data\":{\"rows\":[{\"__typename\":\"Sensor\",\"c0\":\"S-773869\",\"c1\":\"\xff\"}]}}",
	}
	lie := ""
	roads := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lie == "" {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, lie)
		})
	}
	h := build(t, demoDir(t), houseOptions{roads: roads})
	for name, body := range answers {
		lie = body
		got := h.ask(t, "analyst", `{ roadSensor(id: "S-773869") { id name } districts(first: 1) { nodes { id } } }`, nil)
		text := string(got.body)
		if got.status != http.StatusOK || !strings.Contains(text, "SOURCE_INVALID") || !strings.Contains(text, `"roadSensor":null`) ||
			!strings.Contains(text, `"districts":{"nodes":[{`) || strings.Contains(text, "MARKER") || strings.Contains(text, "127.0.0.1") {
			t.Errorf("%s: got %d %s", name, got.status, text)
		}
	}
}
