package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// chromium finds a browser. On CI a missing one is a failure: a test that nobody runs guards nothing.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no chromium on this machine")
	}
	t.Skip("no chromium on this machine: the demo's pages were not run")
	return ""
}

// browse loads a page, lets its scripts settle, and returns the document as it is then.
func browse(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, chromium(t), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-extensions", "--no-first-run", "--user-data-dir="+t.TempDir(), "--enable-logging=stderr",
		"--virtual-time-budget=20000", "--dump-dom", url)
	command.Stderr = &stderr
	command.WaitDelay = time.Second
	dom, err := command.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	return string(dom)
}

// The demo's first page runs a question as two personas against the gateway itself, each with what is theirs.
func TestFirstPageRunsAQuestionAsTwoPersonas(t *testing.T) {
	g := common(t)
	for persona, want := range map[string][]string{
		"analyst": {"HTTP 200", "16 in all", "Eastmere", "Receipt"},
		"partner": {"HTTP 200", "4 in all", "Norvale", "Receipt"},
	} {
		dom := browse(t, g.url+"#persona="+persona+"&question=12-flu-in-december&run")
		for _, part := range want {
			if !strings.Contains(dom, part) {
				t.Errorf("as %s the page does not show %q\n%s", persona, part, dom)
			}
		}
	}
}

func TestGraphiQLOpensOnTheDemo(t *testing.T) {
	g := common(t)
	dom := browse(t, g.url+"graphiql#persona=analyst&question=12-flu-in-december")
	for _, part := range []string{"graphiql-container", "FluInDecember"} {
		if !strings.Contains(dom, part) {
			t.Errorf("GraphiQL does not show %q", part)
		}
	}
}

// The pages are the binary's own: nothing is asked of another host, and no page can be framed or given scripts.
func TestPagesAreServedFromTheBinary(t *testing.T) {
	g := common(t)
	for _, path := range []string{"", "graphiql"} {
		response, err := http.Get(g.url + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close() //nolint:errcheck // only its head is looked at
		policy := response.Header.Get("Content-Security-Policy")
		if response.StatusCode != http.StatusOK || !strings.Contains(policy, "default-src 'none'") && !strings.Contains(policy, "default-src 'self'") {
			t.Errorf("/%s: %d, %q", path, response.StatusCode, policy)
		}
	}
}
