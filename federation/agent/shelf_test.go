package agent_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"concordat/federation/agent"
	"concordat/privacy/secagg"
)

func TestQuerierKeyIsTakenOnlyUnderItsOwnThumbprint(t *testing.T) {
	allowed := true
	shelf := &agent.Shelf{Store: memory(t), Allowed: func(*http.Request) bool { return allowed }}
	mux := http.NewServeMux()
	mux.Handle(agent.ShelfPath, shelf)
	server := httptest.NewServer(mux)
	defer server.Close()
	put := func(thumbprint string, body []byte) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/secagg/keys/"+thumbprint, bytes.NewReader(body))
		must(t, err)
		response, err := server.Client().Do(r)
		must(t, err)
		must(t, response.Body.Close())
		return response.StatusCode
	}
	good := key(t).Public()
	other, err := secagg.NewQuerierKey()
	must(t, err)
	for name, c := range map[string]struct {
		thumbprint string
		body       []byte
		want       int
	}{
		"another's thumbprint": {other.Public().Thumbprint(), good.Encode(), 400}, "truncated": {good.Thumbprint(), good.Encode()[:1000], 400},
		"empty": {good.Thumbprint(), nil, 400}, "longer": {good.Thumbprint(), append(good.Encode(), 0), 413}, "16 MiB": {good.Thumbprint(), make([]byte, 16<<20), 413},
	} {
		if got := put(c.thumbprint, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if _, err := shelf.Key(good.Thumbprint()); !errors.Is(err, agent.ErrNoKey) {
		t.Fatal("a refused key was kept:", err)
	}
	for range 2 {
		if got := put(good.Thumbprint(), good.Encode()); got != 204 {
			t.Fatal(got)
		}
	}
	back, err := shelf.Key(good.Thumbprint())
	if err != nil || !bytes.Equal(back.Encode(), good.Encode()) {
		t.Fatal(err)
	}
	allowed = false
	if got := put(good.Thumbprint(), good.Encode()); got != 401 {
		t.Error("without leave:", got)
	}
}
