package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"concordat/federation"
)

const operatorPage = "../../docs/operator.md"

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(operatorPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows maps each key of the page's table to its line.
func rows(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	_, table, _ := strings.Cut(page(t), "| key | default | meaning |")
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\|.*$").FindAllStringSubmatch(table, -1) {
		if strings.Count(m[0], "|") == 4 && (slices.Contains(topKeys, m[1]) || strings.HasPrefix(m[1], "limits.")) {
			out[m[1]] = m[0]
		}
	}
	return out
}

func TestOperatorPageExplainsEveryKeyWithItsDefault(t *testing.T) {
	have := rows(t)
	l := federation.DefaultLimits()
	defaults := map[string]string{
		"deadline": DefaultDeadline.String(), "maxRows": fmt.Sprint(DefaultMaxRows),
		"requestRows": fmt.Sprint(DefaultRequestRows), "requestMiB": fmt.Sprint(DefaultRequestMiB),
		"limits.body": fmt.Sprint(l.Body), "limits.tokens": fmt.Sprint(l.Tokens), "limits.depth": fmt.Sprint(l.Depth),
		"limits.selections": fmt.Sprint(l.Selections), "limits.roots": fmt.Sprint(l.Roots), "limits.directives": fmt.Sprint(l.Directives),
	}
	for _, key := range topKeys {
		if have[key] == "" {
			t.Errorf("%s is not explained", key)
		}
	}
	for key, value := range defaults {
		if !strings.Contains(have[key], "| "+value+" |") {
			t.Errorf("%s: the default is %s, the page says: %s", key, value, have[key])
		}
	}
}

// The example is read with the directories and keys that it names.
func TestOperatorPagesExampleIsAccepted(t *testing.T) {
	_, rest, ok := strings.Cut(page(t), "<!-- example: read by cli/config's tests -->\n```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the page has no example")
	}
	dir := t.TempDir()
	const keys = `{"keys":[{"alg":"ES256","crv":"P-256","kid":"a","kty":"EC","use":"sig",` +
		`"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}` // RFC 7517, A.1
	write(t, filepath.Join(dir, "issuer-keys.json"), keys)
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "keys", "registry.pub.pem"), examplePublicKey)
	write(t, filepath.Join(dir, "concordat.yaml"), example)
	c, err := Load(filepath.Join(dir, "concordat.yaml"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if c.Deadline != 10*time.Second || c.Limits != federation.DefaultLimits() || c.Schemas != filepath.Join(dir, "agencies") || len(c.Trusted) != 1 {
		t.Errorf("%+v", c)
	}
}

func TestEveryMistakeOfAConfigurationIsListedWithItsLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "concordat.yaml")
	write(t, file, "listen: ''\norgin: x\ndeadline: 3 hours\nlimits: {depth: -1, height: 2}\nissuers: []\nlisten: again\nresource: nowhere\n")
	_, err := Load(file, func(string) string { return "" })
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{":1: listen: not a text", ":2: orgin: unknown key", ":3: deadline: not a duration", ":4: limits.depth: not a positive number",
		":4: limits.height: unknown key", "issuers: at least one is needed", ":6: listen: stands twice", ":7: resource: not an absolute URL", "origin: missing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among:\n%s", want, err)
		}
	}
}

func TestSecretsAreReferencesAndNeverEchoed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "concordat.yaml")
	for value, want := range map[string]string{"hunter2": "not a reference", "env:ABSENT": "is not set", "file:absent.json": "cannot be read"} {
		write(t, file, "issuers:\n  - {issuer: a, audience: b, jwks: "+value+"}\n")
		_, err := Load(file, func(string) string { return "" })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
