package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concordat/federation/review"
	"concordat/privacy/deid"
)

// policyDir writes one bundle.
func policyDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func policyMain(t *testing.T, out, errs io.Writer, args ...string) int {
	t.Helper()
	return policyVerb(t.Context(), args, &Wire{Stdout: out, Stderr: errs, Transforms: deid.New()})
}

const (
	onePolicy = "package concordat.access.north\nfields contains {\"type\": \"T\", \"effect\": \"allow\"} if input.purpose == \"research\"\nother if input.purpose == \"x\"\n"
	goodTest  = "package concordat.access.north\ntest_allowed if count(fields) == 1 with input.purpose as \"research\"\n"
	badTest   = "package concordat.access.north\ntest_allowed if count(fields) == 2 with input.purpose as \"research\"\n"
)

func TestPolicyTestRunsTheBundlesTests(t *testing.T) {
	cases := []struct {
		name  string
		files map[string]string
		args  []string
		code  int
		says  string
	}{
		{"passes", map[string]string{"north/a.rego": onePolicy, "north/a_test.rego": goodTest}, nil, 0, "1 of 1 tests passed"},
		{"fails", map[string]string{"north/a.rego": onePolicy, "north/a_test.rego": badTest}, nil, 1, "north/a_test.rego:2: concordat.access.north.test_allowed: FAIL"},
		{"too little covered", map[string]string{"north/a.rego": onePolicy, "north/a_test.rego": goodTest}, []string{"--threshold", "99"}, 1, "1 of 1"},
		{"no tests", map[string]string{"north/a.rego": onePolicy}, nil, 1, "0 of 0"},
		{"no bundle", nil, nil, 1, ""},
		{"broken", map[string]string{"north/a.rego": "package x if"}, nil, 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := policyMain(t, &out, &errs, append([]string{"test", policyDir(t, c.files)}, c.args...)...)
			if code != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("%d %s %s", code, out.String(), errs.String())
			}
			if code == 1 && out.Len() == 0 && errs.Len() == 0 {
				t.Error("it failed and said nothing")
			}
		})
	}
}

func TestPolicyTestJSON(t *testing.T) {
	var out, errs bytes.Buffer
	dir := policyDir(t, map[string]string{"north/a.rego": onePolicy, "north/a_test.rego": goodTest})
	if code := policyMain(t, &out, &errs, "test", "--json", dir); code != 0 {
		t.Fatal(code, errs.String())
	}
	var got struct {
		Passed   bool
		Coverage float64
		Tests    []review.Test
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || !got.Passed || len(got.Tests) != 1 || got.Coverage <= 0 || got.Coverage >= 100 {
		t.Errorf("%s %v", out.String(), err)
	}
}

func TestPolicyMisuse(t *testing.T) {
	for _, args := range [][]string{nil, {"nosuch"}, {"eval"}, {"explain", "A.b"}, {"explain", "--subject", "analyst"}, {"check", "a", "b"},
		{"diff", "a"}, {"diff", "a", "b", "--fail-on", "x"}, {"test", "a", "b"}, {"test", "--nosuch", "a"}} {
		var out, errs bytes.Buffer
		if code := policyMain(t, &out, &errs, args...); code != 2 || errs.Len() == 0 {
			t.Errorf("%v: %d %q", args, code, errs.String())
		}
	}
}
