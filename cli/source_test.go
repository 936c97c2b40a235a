package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"concordat/cli"
	"concordat/federation/source/open"
	"concordat/privacy/deid"
)

func runSource(t *testing.T, args ...string) (code int, out, mistakes string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(context.Background(), append([]string{"source"}, args...), cli.Wire{Stdout: &stdout, Stderr: &stderr,
		Getenv: func(string) string { return "" }, Transforms: deid.New(), Describe: open.Describe})
	return code, stdout.String(), stderr.String()
}

func registry(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "registry.db")
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range []string{"CREATE TABLE people (id INTEGER PRIMARY KEY, phone TEXT, born DATE)",
		"INSERT INTO people VALUES (1, '+442079460001', '1980-05-06'), (2, '+442079460002', '1990-01-02')"} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestSourceIntrospectDraftsASchema(t *testing.T) {
	file := registry(t)
	code, out, _ := runSource(t, "introspect", file)
	if code != 0 || !strings.Contains(out, "phone: String @classify(as: DIRECT_IDENTIFIER)") || strings.Contains(out, "7946") {
		t.Errorf("%d\n%s", code, out)
	}
	code, out, _ = runSource(t, "introspect", "--json", file)
	var all []struct{ Table, Column, Class string }
	if err := json.Unmarshal([]byte(out), &all); code != 0 || err != nil || len(all) != 3 || all[1].Class != "DIRECT_IDENTIFIER" {
		t.Errorf("%d %v\n%s", code, err, out)
	}
}

func TestSourceSampleShowsEachTransform(t *testing.T) {
	file := registry(t)
	code, out, _ := runSource(t, "sample", file, "people", "phone", "--rows", "1")
	for _, part := range []string{`"+442079460001"`, `"*********0001"`, "pseudonym", `"[REDACTED]"`} {
		if code != 0 || !strings.Contains(out, part) {
			t.Errorf("%d: %s is missing\n%s", code, part, out)
		}
	}
	if _, out, _ = runSource(t, "sample", file, "people", "born"); !strings.Contains(out, `"1980-05"`) || strings.Contains(out, "mask") {
		t.Errorf("%s", out)
	}
}

func TestSourceSaysWhatIsWrong(t *testing.T) {
	file := registry(t)
	for _, c := range []struct {
		code int
		args []string
	}{{2, nil}, {2, []string{"drop", file}}, {2, []string{"introspect"}}, {2, []string{"introspect", file, "--rows", "0"}},
		{1, []string{"introspect", "oracle://x"}}, {1, []string{"sample", file, "people", "none"}}, {0, []string{"--help"}}} {
		if code, _, _ := runSource(t, c.args...); code != c.code {
			t.Errorf("%v: exit %d, want %d", c.args, code, c.code)
		}
	}
}
