package main_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// Every direct dependency has a line in docs/dependencies.md with the version that go.mod asks for, and no line is
// about something that went.
func TestDependenciesPageSaysWhatGoModAsksFor(t *testing.T) {
	documented := documentedDependencies(t)
	for module, version := range directDependencies(t) {
		switch have, ok := documented[module]; {
		case !ok:
			t.Errorf("docs/dependencies.md says nothing of %s %s: what is it for, and why this one?", module, version)
		case have != version:
			t.Errorf("docs/dependencies.md says %s of %s, go.mod %s", have, module, version)
		}
		delete(documented, module)
	}
	for module := range documented {
		t.Errorf("docs/dependencies.md speaks of %s, which go.mod does not ask for", module)
	}
}

// directDependencies are the modules that our code and tests import, and those of our tools. What go.mod marks as
// indirect is not asked: `go get` marks everything that nothing imports yet.
func directDependencies(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	used := importedPackages(t)
	for _, tool := range file.Tool {
		used = append(used, tool.Path)
	}
	out := map[string]string{}
	for _, r := range file.Require {
		if slices.ContainsFunc(used, func(i string) bool { return under(i, r.Mod.Path) }) {
			out[r.Mod.Path] = r.Mod.Version
		}
	}
	return out
}

func importedPackages(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-f",
		`{{range .Imports}}{{.}} {{end}}{{range .TestImports}}{{.}} {{end}}{{range .XTestImports}}{{.}} {{end}}`, "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := strings.Fields(string(out))
	slices.Sort(all)
	return slices.Compact(all)
}

// documentedDependencies reads the table's lines: | for | `module` | why this one | version |.
func documentedDependencies(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n "), "|")
		if len(cells) != 4 || !strings.Contains(cells[1], "`") {
			continue
		}
		module := strings.Trim(strings.TrimSpace(cells[1]), "`")
		if out[module] != "" {
			t.Errorf("%s stands twice", module)
		}
		out[module] = strings.TrimSpace(cells[3])
	}
	return out
}
