package console_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"concordat/console"
)

// gateway is a fake POST /graphql beside the pages. It checks its caller: JSON, a known token, no cookies.
func gateway(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", console.Handler(console.Options{Demo: demo()}))
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" || len(r.Cookies()) > 0 {
			t.Errorf("headers: %v", r.Header)
		}
		var operation struct{ Query string }
		if err := json.NewDecoder(r.Body).Decode(&operation); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		switch r.Header.Get("Authorization") {
		case "Bearer token-a":
			w.Write([]byte(granted()))
		case "Bearer token-p":
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"data":null,"errors":[{"message":"not permitted","path":["admissions"],"extensions":{"code":"FORBIDDEN"}}],` +
				`"extensions":{"concordat":{"receipt":{"origin":"demo","index":8,"leaf":"bGVhZg=="}}}}`))
		default:
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"errors":[{"message":"a token is needed","extensions":{"code":"UNAUTHENTICATED"}}]}`))
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// granted is an answer whose data would be markup, were it not put on the page as text. Its digest is right.
func granted() string {
	const data = `{"admissions":{"nodes":[{"id":"A-1","phone":"<img src=x onerror=alert(1)>"}],"totalCount":4711}}`
	salt := make([]byte, 32)
	digest := sha256.Sum256(append(salt, data...))
	encode := base64.StdEncoding.EncodeToString
	return `{"data":` + data + `,"extensions":{"concordat":{"receipt":{"origin":"demo","index":7,"leaf":"bGVhZg==","digest":"` +
		encode(digest[:]) + `","salt":"` + encode(salt) + `"},"obligations":[{"coordinate":"Admission.phone","method":"mask"}]}}}`
}

// browser finds chromium. On CI a missing one is a failure: a test that nobody runs guards nothing.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no chromium on this machine")
	}
	t.Skip("no chromium on this machine: the pages' scripts were not run")
	return ""
}

// open loads a page, lets its scripts settle, and returns the document as it is then.
func open(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, browser(t), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-extensions", "--no-first-run", "--user-data-dir="+t.TempDir(), "--enable-logging=stderr",
		"--virtual-time-budget=20000", "--dump-dom", url)
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	for line := range strings.SplitSeq(stderr.String(), "\n") {
		if strings.Contains(line, "Content Security Policy") || strings.Contains(line, "Uncaught") {
			t.Errorf("%s: %s", url, line)
		}
	}
	return string(dom)
}

func wantAll(t *testing.T, dom string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(dom, part) {
			t.Errorf("the page does not show %q", part)
		}
	}
	if t.Failed() {
		t.Log(dom)
	}
}

func TestBrowserAsksAQuestionAndShowsTheReceipt(t *testing.T) {
	server := gateway(t)
	dom := open(t, server.URL+"/#persona=analyst&question=one&run")
	wantAll(t, dom, "How many admissions?", "Which district?", "Partner &lt;b&gt;&amp;", "HTTP 200", "4711 in all",
		"&lt;img src=x onerror=alert(1)&gt;", "Admission.phone", "mask", "The digest is that of the data shown here")
	if strings.Contains(dom, "<img src=\"x\"") {
		t.Error("data of an answer became markup")
	}
}

func TestBrowserShowsARefusal(t *testing.T) {
	server := gateway(t)
	wantAll(t, open(t, server.URL+"/#persona=partner&question=one&run"), "HTTP 403", "FORBIDDEN", "not permitted")
}

func TestBrowserOpensGraphiQLAsThePersona(t *testing.T) {
	server := gateway(t)
	wantAll(t, open(t, server.URL+"/graphiql#persona=analyst&question=one"), "graphiql-container", "Receipt and obligations",
		"How many admissions?", "totalCount", "Analyst")
}
