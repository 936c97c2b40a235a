// Package console is the gateway's web pages, embedded: `/` says what this is and, in the demo, lets a visitor ask
// each prepared question as each persona and see the answer, what was changed on the way, and the receipt;
// `/graphiql` is GraphiQL with the same beneath each result; `/officer` shows what the caller may see, and officers what
// a change of policy would alter.
//
//	mux.Handle("/", console.Handler(console.Options{}))
//
// Pages need nothing from outside the binary, and a Content-Security-Policy that names only 'self' keeps it so. They
// are clients of POST /graphql like any other: they see what the token they send may see. What the gateway answers is
// put on the page as text, never as markup.
//
// The package does not authenticate anyone. With Options.Demo it hands out the demo's tokens to every visitor of its
// own origin, which is the demo's purpose and must be left out elsewhere.
package console

import (
	"encoding/json"
	"net/http"
)

// Options of the pages. The zero value serves them without the demo.
type Options struct {
	Demo *DemoInfo // nil: no personas, no questions, no tokens
}

// DemoInfo is what the pages show of the demo world.
type DemoInfo struct {
	Personas  []Persona
	Questions []Question
	// Tokens gives a fresh token for each persona's name; it is called for each visit and must be safe for
	// concurrent use.
	Tokens func() map[string]string
}

// Persona is one invented caller.
type Persona struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Story string `json:"story"`
}

// Question is one prepared document.
type Question struct {
	Name      string          `json:"name"`
	Title     string          `json:"title"`
	Document  string          `json:"document"`
	Variables json.RawMessage `json:"variables,omitempty"` // an object, or empty
}

// Handler serves the pages. It answers every path that it is given: what it does not know is 404.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/{$}", page("index", o.Demo != nil))
	mux.Handle("/officer", page("officer", o.Demo != nil))
	mux.Handle("/graphiql", page("graphiql", o.Demo != nil))
	mux.Handle("/console/", http.StripPrefix("/console/", newAssets()))
	if o.Demo != nil {
		mux.Handle("/demo/world.json", world{o.Demo})
	}
	return guard(mux)
}

// policies are the headers of every answer, errors too. style-src 'self' still lets scripts set single properties
// through the CSSOM, which is all that GraphiQL's editors need.
var policies = [...][2]string{
	{"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
}

func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range policies {
			w.Header().Set(p[0], p[1])
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
