package console_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"concordat/console"
)

func demo() *console.DemoInfo {
	return &console.DemoInfo{
		Personas: []console.Persona{
			{Name: "analyst", Title: "Analyst", Story: "Research over all regions."},
			{Name: "partner", Title: "Partner <b>&", Story: "Own region only."},
		},
		Questions: []console.Question{
			{Name: "one", Title: "How many admissions?", Document: "{ admissions { totalCount nodes { id phone } } }"},
			{Name: "two", Title: "Which district?", Document: "query($d: ID!) { district(id: $d) { name } }", Variables: json.RawMessage(`{"d":"D01"}`)},
		},
		Tokens: func() map[string]string { return map[string]string{"analyst": "token-a", "partner": "token-p"} },
	}
}

func get(t *testing.T, h http.Handler, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryReferenceOfAPageIsServedByTheBinary(t *testing.T) {
	reference := regexp.MustCompile(`(?:src|href)="([^"]*)"`)
	for _, o := range []console.Options{{}, {Demo: demo()}} {
		h := console.Handler(o)
		for _, page := range []string{"/", "/graphiql", "/officer"} {
			text := body(t, get(t, h, page))
			found := reference.FindAllStringSubmatch(text, -1)
			if len(found) == 0 {
				t.Fatalf("%s refers to nothing", page)
			}
			for _, m := range found {
				if strings.Contains(m[1], "//") {
					t.Errorf("%s refers to another host: %s", page, m[1])
				}
				if strings.HasPrefix(m[1], "/console/") {
					if r := get(t, h, m[1]); r.StatusCode != http.StatusOK {
						t.Errorf("%s: %s is %d", page, m[1], r.StatusCode)
					}
				}
			}
		}
	}
}

func TestScriptsImportOnlyWhatIsServed(t *testing.T) {
	imports := regexp.MustCompile(`from '\./([^']*)'`)
	h := console.Handler(console.Options{})
	for _, script := range []string{"index.js", "workbench.js", "table.js"} {
		found := imports.FindAllStringSubmatch(body(t, get(t, h, "/console/"+script)), -1)
		if len(found) == 0 {
			t.Errorf("%s imports nothing", script)
		}
		for _, m := range found {
			if r := get(t, h, "/console/"+m[1]); r.StatusCode != http.StatusOK {
				t.Errorf("%s: %s is %d", script, m[1], r.StatusCode)
			}
		}
	}
}

func TestNoScriptMakesMarkupOfText(t *testing.T) {
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\b|new Function|srcdoc`)
	h := console.Handler(console.Options{})
	for _, script := range []string{"index.js", "workbench.js", "table.js", "client.js"} {
		if m := markup.FindString(body(t, get(t, h, "/console/"+script))); m != "" {
			t.Errorf("%s uses %s", script, m)
		}
	}
	for _, page := range []string{"/", "/graphiql", "/officer"} {
		if m := regexp.MustCompile(`<script>|<style|\son[a-z]+=|style=`).FindString(body(t, get(t, h, page))); m != "" {
			t.Errorf("%s has %s, which the Content-Security-Policy stops", page, m)
		}
	}
}

func TestEveryAnswerCarriesTheContentSecurityPolicy(t *testing.T) {
	h := console.Handler(console.Options{Demo: demo()})
	for _, path := range []string{"/", "/graphiql", "/console/client.js", "/demo/world.json", "/nothing", "/console/nothing"} {
		header := get(t, h, path).Header
		policy := header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %q", path, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", path)
		}
	}
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	h := console.Handler(console.Options{})
	for _, path := range []string{"/nothing", "/console/", "/console/../console.go", "/console/index.html", "/console/pages/index.html", "/graphiql/x"} {
		if r := get(t, h, path); r.StatusCode == http.StatusOK {
			t.Errorf("%s is %d", path, r.StatusCode)
		}
	}
}

func TestOnlyReadingMethodsAreAnswered(t *testing.T) {
	w := httptest.NewRecorder()
	console.Handler(console.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST / is %d", w.Code)
	}
}

func TestAssetsAreRevalidatedByETag(t *testing.T) {
	h := console.Handler(console.Options{})
	for _, path := range []string{"/", "/console/client.js", "/console/graphiql.min.js"} {
		first := get(t, h, path, "Accept-Encoding", "gzip")
		tag := first.Header.Get("ETag")
		if tag == "" {
			t.Errorf("%s has no ETag", path)
		}
		if r := get(t, h, path, "Accept-Encoding", "gzip", "If-None-Match", tag); r.StatusCode != http.StatusNotModified {
			t.Errorf("%s again is %d", path, r.StatusCode)
		}
	}
}

func TestPackedAssetsAreUnpackedForWhoCannot(t *testing.T) {
	h := console.Handler(console.Options{})
	for _, name := range []string{"graphiql.min.js", "graphiql.min.css", "react.production.min.js", "react-dom.production.min.js"} {
		packed := get(t, h, "/console/"+name, "Accept-Encoding", "br, gzip")
		if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %v", name, packed.Header)
		}
		reader, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, encoding := range []string{"", "identity", "gzip;q=0", "gzip; q=0.0"} {
			plain := get(t, h, "/console/"+name, "Accept-Encoding", encoding)
			if plain.Header.Get("Content-Encoding") != "" || body(t, plain) != string(want) {
				t.Errorf("%s for %q is not the unpacked file", name, encoding)
			}
			if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
				t.Errorf("%s: two representations share an ETag", name)
			}
		}
	}
}

func TestMediaTypesAreOurs(t *testing.T) {
	h := console.Handler(console.Options{})
	want := map[string]string{
		"/":                         "text/html; charset=utf-8",
		"/console/client.js":        "text/javascript; charset=utf-8",
		"/console/graphiql.min.js":  "text/javascript; charset=utf-8",
		"/console/console.css":      "text/css; charset=utf-8",
		"/console/mark.svg":         "image/svg+xml",
		"/console/LICENSES.txt":     "text/plain; charset=utf-8",
		"/console/graphiql.min.css": "text/css; charset=utf-8",
	}
	for path, mediaType := range want {
		if got := get(t, h, path).Header.Get("Content-Type"); got != mediaType {
			t.Errorf("%s is %q, want %q", path, got, mediaType)
		}
	}
}

func TestWorldIsOfTheDemoOnly(t *testing.T) {
	if r := get(t, console.Handler(console.Options{}), "/demo/world.json"); r.StatusCode != http.StatusNotFound {
		t.Errorf("without demo: %d", r.StatusCode)
	}
	r := get(t, console.Handler(console.Options{Demo: demo()}), "/demo/world.json")
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers: %v", r.Header)
	}
	var w struct {
		Personas  []console.Persona
		Questions []console.Question
		Tokens    map[string]string
	}
	if err := json.Unmarshal([]byte(body(t, r)), &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Personas) != 2 || len(w.Questions) != 2 || w.Tokens["partner"] != "token-p" || string(w.Questions[1].Variables) != `{"d":"D01"}` {
		t.Errorf("got %+v", w)
	}
}

func TestWorldIsRefusedToOtherSitesPages(t *testing.T) {
	h := console.Handler(console.Options{Demo: demo()})
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		r := get(t, h, "/demo/world.json", "Sec-Fetch-Site", site)
		if r.StatusCode != want || want == 403 && strings.Contains(body(t, r), "token") {
			t.Errorf("%s: %d", site, r.StatusCode)
		}
	}
}

func TestDemoPartsAreLeftOutElsewhere(t *testing.T) {
	plain := console.Handler(console.Options{})
	for _, path := range []string{"/", "/graphiql", "/officer"} {
		if text := body(t, get(t, plain, path)); strings.Contains(text, "persona") {
			t.Errorf("%s names personas without the demo", path)
		}
		if text := body(t, get(t, console.Handler(console.Options{Demo: demo()}), path)); !strings.Contains(text, "persona") {
			t.Errorf("%s names no persona in the demo", path)
		}
	}
}
