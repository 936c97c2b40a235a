package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(t *testing.T, s http.Handler, body string) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body)))
	return w.Body.String()
}

// The same rows reach a gateway that asks by keys in arguments and one that asks for entities.
func TestServicesAnswerBothWaysOfAsking(t *testing.T) {
	s := subgraphs()
	for _, c := range []struct{ service, body, want string }{
		{"users", `{"query":"{ rows: users(ids: [\"2\"]) { c0: id c1: name } }"}`, `{"data":{"rows":[{"c0":"2","c1":"User 2"}]}}`},
		{"users", `{"query":"query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on User { name } ...F } } fragment F on Other { id }",
			"variables":{"r":[{"__typename":"User","id":"6"}]}}`, `{"data":{"_entities":[{"__typename":"User","name":"User 6"}]}}`},
		{"products", `{"query":"{ product(upc: \"3\") { price } }"}`, `{"data":{"product":{"price":300}}}`},
		{"reviews", `{"query":"{ reviews(productUpcs: [\"1\"]) { id author { id } } }"}`, `{"data":{"reviews":[{"author":{"id":"2"},"id":"10"},` +
			`{"author":{"id":"3"},"id":"11"},{"author":{"id":"4"},"id":"12"},{"author":{"id":"5"},"id":"13"}]}}`},
	} {
		if got := ask(t, s[c.service], strings.ReplaceAll(c.body, "\n", " ")); got != c.want {
			t.Errorf("%s: %s, want %s", c.service, got, c.want)
		}
	}
	if s["users"].hits.Load() != 2 {
		t.Errorf("%d requests counted", s["users"].hits.Load())
	}
}

func TestServiceRefusesWhatIsNotGraphQL(t *testing.T) {
	w := httptest.NewRecorder()
	subgraphs()["users"].ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(`{"query":"{"}`)))
	if w.Code != http.StatusBadRequest {
		t.Error(w.Code)
	}
}
