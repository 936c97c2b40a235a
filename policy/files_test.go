package policy_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"concordat/policy"
)

const harmless = "package concordat.access.north\nfields contains {\"type\": \"Admission\", \"effect\": \"allow\"}\n"

// loadFiles loads one agency's files, and gives the problems that refuse them.
func loadFiles(t *testing.T, files fs.FS) []policy.Problem {
	t.Helper()
	o := rules{}.options()
	o.Bundles = []policy.Bundle{{Agency: "north", Files: files}}
	_, err := policy.Load(t.Context(), o)
	var refused *policy.LoadError
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if refused == nil {
		return nil
	}
	return refused.Problems
}

// Files that are too large, too many, not text, or not whole are refused by code and place, before they are parsed.
func TestBundlesThatAreNoPolicyAreRefused(t *testing.T) {
	file := func(name, text string) fstest.MapFS {
		return fstest.MapFS{"a.rego": {Data: []byte(harmless)}, name: {Data: []byte(text)}}
	}
	many := func(n int, name string) fstest.MapFS {
		out := fstest.MapFS{}
		for i := range n {
			out[fmt.Sprintf(name, i)] = &fstest.MapFile{Data: []byte(harmless)}
		}
		return out
	}
	list := func(n int) string { return `{"sets": {"x": ["` + strings.Repeat("y", n) + `"]}}` }
	cases := []struct {
		name  string
		files fstest.MapFS
		want  string // how the problem begins; "" for none
	}{
		{"harmless", file("b.rego", harmless), ""},
		{"a long Rego file", file("b.rego", harmless+"# "+strings.Repeat("x", 1<<20)), "north/b.rego: POLICY_SIZE: the file is too large: more than 1024 KiB"},
		{"long data", file("data.json", list(16<<20)), "north/data.json: POLICY_SIZE: the file is too large: more than 16384 KiB"},
		{"data of many files", fstest.MapFS{"a/data.json": {Data: []byte(list(12 << 20))}, "b/data.json": {Data: []byte(strings.Replace(list(12<<20), "x", "z", 1))},
			"c/data.json": {Data: []byte(strings.Replace(list(12<<20), "x", "w", 1))}}, "north: POLICY_SIZE: the bundle is too large: more than 32 MiB"},
		{"many Rego files", many(501, "f%d.rego"), "north: POLICY_SIZE: the bundle holds too many files"},
		{"many other files", many(5001, "f%d.txt"), "north: POLICY_SIZE: the bundle holds too many files"},
		{"no UTF-8 in Rego", file("b.rego", harmless+"# \xff"), "north/b.rego:3: POLICY_FILE: the file is not UTF-8"},
		{"no UTF-8 in data", file("data.json", "{\"sets\":\n {\"x\":\n [\"a\xc3(\"]}}"), "north/data.json:3: POLICY_FILE: the file is not UTF-8"},
		{"half a surrogate in data", file("data.json", `{"sets": {"x": ["\ud800"]}}`), "north/data.json: POLICY_DATA"},
		{"deep data", file("data.json", `{"sets": {"x": `+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`}}`), "north/data.json: POLICY_DATA"},
		{"a member twice", file("data.json", `{"sets": {"x": ["a"], "x": []}}`), "north/data.json: POLICY_DATA"},
		{"deep Rego", file("b.rego", harmless+"x := "+strings.Repeat("[", 500_000)+strings.Repeat("]", 500_000)), "north/b.rego:3: POLICY_FILE"},
		{"an empty file", file("b.rego", ""), "north/b.rego: POLICY_FILE: empty module"},
		{"a rule that refers to itself", file("b.rego", harmless+"x if y\ny if x\n"), "north/b.rego:3: POLICY_COMPILE: rule data.concordat.access.north.x is recursive"},
		{"packages that import each other", fstest.MapFS{"a.rego": {Data: []byte("package concordat.access.north.a\nimport data.concordat.access.north.b\nx if b.x\n")},
			"b.rego": {Data: []byte("package concordat.access.north.b\nimport data.concordat.access.north.a\nx if a.x\n")}}, "north/a.rego:3: POLICY_COMPILE: rule data.concordat.access.north.a.x is recursive"},
		{"two defaults", file("b.rego", harmless+"default x := true\ndefault x := false\n"), "north/b.rego:1: POLICY_COMPILE: multiple default rules"},
		{"a rule and a set of one name", file("b.rego", harmless+"x := 1\nx contains 2\n"), "north/b.rego:3: POLICY_COMPILE: conflicting rules"},
		{"a set that two files define", fstest.MapFS{"a.rego": {Data: []byte(harmless)}, "data.json": {Data: []byte(`{"sets": {"x": []}}`)},
			"more/data.json": {Data: []byte(`{"sets": {"x": ["a"]}}`)}}, "north/more/data.json: POLICY_DATA"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var lines []string
			for _, p := range loadFiles(t, c.files) {
				lines = append(lines, p.String())
			}
			all := strings.Join(lines, "\n")
			if len(all) > 2000 {
				all = all[:2000]
			}
			if c.want == "" && all != "" || !strings.HasPrefix("\n"+all, "\n"+c.want) {
				t.Errorf("%q, got\n%s", c.want, all)
			}
		})
	}
}

// Two values of one complete rule conflict when they are evaluated: that is a failure, and a failure denies.
func TestRulesThatContradictThemselvesDeny(t *testing.T) {
	var fault error
	o := rules{"north": "x := 1 if input.purpose == \"research\"\nx := 2 if input.purpose != \"audit\"\n" +
		`fields contains {"type": "Admission", "effect": "allow"} if x > 0`}.options()
	o.Fault = func(_ policy.AgencyID, err error) { fault = err }
	e, err := policy.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := ruling(t, e, analyst(), "north", "Admission.id"); got.Effect != policy.Deny || fault == nil {
		t.Errorf("%+v, told %v", got, fault)
	}
}

// A link that leads out of the bundle is not followed, however it is written; one that stays within is.
func TestLinksOutOfABundleAreNotFollowed(t *testing.T) {
	outside := t.TempDir()
	for name, text := range map[string]string{"other.rego": harmless, "data.json": `{"sets": {"secret": ["x"]}}`} {
		if err := os.WriteFile(filepath.Join(outside, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct{ name, link, to, want string }{
		{"absolute", "b.rego", filepath.Join(outside, "other.rego"), "north/b.rego: POLICY_FILE: path escapes from parent"},
		{"relative", "b.rego", "../" + filepath.Base(outside) + "/other.rego", "north/b.rego: POLICY_FILE"},
		{"data", "data.json", filepath.Join(outside, "data.json"), "north/data.json: POLICY_FILE: path escapes from parent"},
		{"nowhere", "b.rego", "missing.rego", "north/b.rego: POLICY_FILE: "},
		{"a directory", "b.rego", ".", "north/b.rego: POLICY_FILE: not a regular file"},
		{"within", "b.rego", "..mounted/b.rego", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "..mounted"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a.rego", "..mounted/b.rego"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(harmless), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(c.to, filepath.Join(dir, c.link)); err != nil {
				t.Fatal(err)
			}
			found := loadFiles(t, policy.Folder(dir))
			if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0].String(), c.want)) {
				t.Errorf("%q, got %v", c.want, found)
			}
			for _, p := range found {
				if strings.Contains(p.String(), dir) || strings.Contains(p.String(), outside) {
					t.Errorf("the place on this machine is told: %s", p)
				}
			}
		})
	}
}

func TestAFolderOpensNothingOutside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"../x", "/etc/passwd", "a/../../x", ""} {
		if _, err := policy.Folder(dir).Open(name); err == nil {
			t.Errorf("%q was opened", name)
		}
		if _, err := fs.Sub(policy.Folder(dir), name); err == nil {
			t.Errorf("%q is a part of it", name)
		}
		if _, err := fs.Stat(policy.Folder(dir), name); err == nil {
			t.Errorf("%q was looked at", name)
		}
	}
}
