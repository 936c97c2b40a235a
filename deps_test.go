package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows says which of our packages each of our packages may import, tests aside: the house's plan, docs/architecture.md
// section 3. A package that is not in the table fails, so that a new one takes its place on purpose. Rooms that are
// planned stand here before they are built.
var arrows = map[string][]string{
	// Leaves.
	"schema":           {},
	"graph":            {},
	"console":          {},
	"state":            {},
	"policy/predicate": {},
	"policy/rego":      {},
	"privacy/dp":       {},
	"privacy/secagg":   {"privacy/dp"},
	"inference":        {},

	// What stands in one transaction meets in state.Tx; ledger and privacy do not know each other.
	"state/statetest":  {"state"},
	"policy/ledger":    {"state"},
	"policy/agreement": {"state"},
	"privacy/budget":   {"state", "privacy/dp"},

	// Enforcement. privacy declares what transforms are; deid implements them, and main hands them in.
	"privacy":                {"privacy/budget"},
	"privacy/anonymity":      {"privacy"},
	"privacy/deid":           {"privacy", "privacy/deid/recognise"},
	"privacy/deid/recognise": {},
	"privacy/deid/plant":     {},

	"policy":       {"policy/predicate", "policy/rego", "policy/ledger", "policy/agreement", "privacy"},
	"policy/authn": {"policy", "state"},

	// The officer's rooms ask an engine, and change nothing.
	"policy/explain":  {"policy", "policy/predicate", "privacy"},
	"policy/diff":     {"policy", "policy/predicate", "privacy"},
	"policy/check":    {"policy", "policy/predicate", "privacy"},
	"policy/scenario": {"policy", "policy/explain", "policy/predicate", "privacy"},

	// Sources know predicates and tables, and nothing of who asks.
	"federation/source":             {"policy/predicate", "privacy"},
	"federation/source/cell":        {"privacy"},
	"federation/source/eval":        {"federation/source", "federation/source/cell", "policy/predicate", "privacy"},
	"federation/source/memory":      {"federation/source", "federation/source/cell", "federation/source/eval", "policy/predicate", "privacy"},
	"federation/source/graphql":     {"federation/source", "federation/source/cell", "federation/source/eval", "federation/source/introspect", "policy/predicate", "privacy"},
	"federation/source/sqlite":      {"federation/source", "federation/source/cell", "federation/source/eval", "federation/source/introspect", "federation/source/sqlite/lite", "policy/predicate", "privacy"},
	"federation/source/sqlite/lite": {},
	"federation/source/sql":         {"federation/source", "federation/source/cell", "federation/source/eval", "policy/predicate", "privacy"},
	"federation/source/postgres":    {"federation/source", "federation/source/cell", "federation/source/eval", "federation/source/introspect", "federation/source/sql", "policy/predicate", "privacy"},
	"federation/source/mysql":       {"federation/source", "federation/source/cell", "federation/source/eval", "federation/source/introspect", "federation/source/sql", "policy/predicate", "privacy"},
	"federation/source/introspect":  {"federation/source", "federation/source/cell", "policy/predicate", "privacy", "privacy/deid/recognise"},
	"federation/source/servertest":  {},
	"federation/source/guard":       {"federation/source", "privacy"},
	"federation/source/sourcetest":  {"federation/source", "federation/source/eval", "policy/predicate", "privacy"},
	"federation/source/fresh":       {"federation/source", "policy/predicate", "privacy"},
	"federation/source/mock":        {"federation/compose", "federation/source", "federation/source/cell", "federation/source/memory", "privacy"},
	"federation/source/open":        {"federation/source", "federation/source/fresh", "federation/source/graphql", "federation/source/guard", "federation/source/introspect", "federation/source/memory", "federation/source/mysql", "federation/source/postgres", "federation/source/sqlite", "privacy"},

	// The gateway. Planning is pure; graph stays outside, and reaches federation as a function.
	"federation/compose": {"federation/source", "federation/source/cell", "policy", "policy/predicate", "privacy", "schema"},
	"federation/plan":    {"federation/compose", "federation/source", "policy", "policy/predicate", "privacy"},
	"federation/execute": {"federation/compose", "federation/plan", "federation/source", "federation/source/eval", "policy", "policy/predicate", "privacy", "privacy/budget", "inference"},
	"federation/agent":   {"federation/source", "federation/source/eval", "policy", "policy/predicate", "privacy", "privacy/budget", "privacy/dp", "privacy/secagg", "state"},
	"federation/secure":  {"federation/agent", "federation/compose", "federation/execute", "federation/plan", "policy", "policy/agreement", "policy/predicate", "privacy", "privacy/budget", "privacy/secagg"},
	"federation": {"federation/compose", "federation/execute", "federation/plan", "federation/secure", "policy", "policy/agreement", "policy/authn",
		"policy/ledger", "privacy", "privacy/budget", "inference"},
	"federation/review": {"federation/compose", "federation/plan", "policy", "policy/agreement", "policy/check", "policy/diff", "policy/scenario", "privacy"},
	"resolvers": {"federation", "federation/review", "graph", "policy", "policy/agreement", "policy/check", "policy/diff", "policy/explain",
		"policy/ledger", "privacy", "privacy/budget"},

	// The shelf of models. Engines know the contract, and main hands them in.
	"inference/enginetest":    {"inference"},
	"inference/drift":         {"inference"},
	"inference/admission":     {"inference"},
	"inference/tensor":        {},
	"inference/score":         {},
	"inference/engine/kernel": {},
	"inference/engine/bert":   {"inference", "inference/engine/kernel", "inference/tensor"},
	"inference/engine/gru":    {"inference", "inference/engine/kernel", "inference/tensor"},
	"inference/models":        {"inference"},
	"inference/ner": {"inference", "inference/engine/bert", "inference/engine/gru", "inference/engine/kernel", "inference/models",
		"inference/tensor"},

	// What a person starts.
	"demo":           {},
	"demo/transport": {},
	"cli/config":     {"federation", "policy", "policy/authn"},
	"cli/node": {"cli/config", "federation", "federation/agent", "federation/secure", "federation/compose", "federation/execute", "federation/source", "policy", "policy/agreement",
		"policy/authn", "federation/review", "policy/check", "policy/explain", "policy/ledger", "policy/scenario", "privacy", "privacy/budget",
		"resolvers", "schema", "state", "inference"},
	"cli": {"cli/config", "cli/node", "console", "demo", "demo/transport", "federation", "federation/agent", "federation/compose", "federation/execute",
		"federation/plan", "federation/review", "federation/source", "federation/source/introspect", "inference", "inference/admission", "inference/drift", "inference/models", "inference/ner", "inference/score", "policy", "policy/agreement", "policy/authn", "policy/check", "policy/diff", "policy/explain", "policy/scenario",
		"policy/ledger", "policy/predicate", "policy/rego", "privacy", "privacy/anonymity", "privacy/budget", "privacy/deid/recognise", "privacy/dp",
		"privacy/secagg", "resolvers", "schema", "state"},
	"cli/tagger": {"federation/execute", "inference", "inference/admission", "inference/drift", "inference/models", "inference/ner", "privacy/deid"},
	"":           {"cli", "cli/tagger", "console", "federation/agent", "federation/compose", "federation/source", "federation/source/mock", "federation/source/open", "privacy/deid"},

	// Benchmarks measure the whole.
	"bench/inference":  {"cli/tagger", "privacy/deid/plant", "inference/engine/bert", "inference/engine/gru", "inference/engine/kernel", "inference/models", "inference/tensor"},
	"bench/redaction":  {"cli/tagger", "privacy/deid", "privacy/deid/plant"},
	"bench/start":      {},
	"bench/load":       {"policy/authn"},
	"bench/peers":      {"bench/load", "federation/source/servertest"},
	"bench/federation": {"bench/load"},
	"bench/ask": {"cli", "cli/config", "cli/node", "console", "demo", "demo/transport", "federation", "federation/source",
		"federation/source/open", "policy", "policy/authn", "policy/ledger", "privacy", "privacy/deid", "state"},
}

// pure rooms decide and compute: no disk, no network, no clock of the machine's own, no randomness that is not handed in.
var pure = []string{"policy/predicate", "policy/explain", "policy/diff", "policy/check", "privacy/anonymity", "privacy/dp", "privacy/deid", "privacy/deid/recognise",
	"federation/compose", "federation/plan", "federation/execute", "federation/source", "federation/source/cell", "federation/source/eval",
	"federation/source/memory"}

// impure packages of the standard library.
var impure = []string{"os", "os/exec", "os/signal", "net", "net/http", "database/sql", "syscall", "crypto/rand", "math/rand", "math/rand/v2"}

// offline rooms may draw randomness or read a key file; they reach nobody.
var offline = []string{"policy", "policy/rego", "policy/agreement", "privacy", "privacy/budget", "privacy/secagg", "state", "resolvers", "schema", "inference"}

// homes of dependencies that only these rooms may know, so that one of them can be exchanged in one place.
var homes = map[string][]string{
	"github.com/open-policy-agent/opa":    {"policy", "cli"}, // cli: the officer's verbs run OPA's tester
	"github.com/dgraph-io/badger/v4":      {"state"},
	"github.com/lestrrat-go/jwx/v3":       {"policy/authn"},
	"github.com/99designs/gqlgen":         {"graph", "federation", "resolvers"},
	"modernc.org/sqlite":                  {"demo", "federation/source/sqlite/lite"},
	"golang.org/x/mod":                    {"policy/ledger", "cli"}, // cli: ledger verify works without a store
	"github.com/prometheus/client_golang": {"cli/node"},
	"github.com/fsnotify/fsnotify":        {"cli/node"},
	"github.com/tuneinsight/lattigo/v6":   {"privacy/secagg"},
	"google.golang.org/grpc":              {"federation/agent"},
	"github.com/jackc/pgx/v5":             {"federation/source/postgres", "federation/source/servertest"},
	"github.com/go-sql-driver/mysql":      {"federation/source/mysql", "federation/source/servertest"},
}

const module = "concordat"

// room is one package of ours and what its files import, whatever build tags they carry.
type room struct {
	name    string // path within the module, "" for main
	files   []string
	imports []string
}

func TestImportsFollowTheHousePlan(t *testing.T) {
	all := rooms(t)
	if len(all) < 20 {
		t.Fatalf("only %d packages were found", len(all))
	}
	for _, r := range all {
		for _, m := range mistakes(r) {
			t.Error(m)
		}
	}
}

// A rule that nothing can break guards nothing: each is broken once.
func TestBrokenArrowsAreReported(t *testing.T) {
	for _, broken := range []room{
		{name: "util"},
		{name: "federation", files: []string{"gateway.go"}, imports: []string{"concordat/graph"}},
		{name: "federation/plan", imports: []string{"net/http"}},
		{name: "privacy/secagg", imports: []string{"net/http"}},
		{name: "federation/source/eval", imports: []string{"C"}},
		{name: "resolvers", imports: []string{"github.com/open-policy-agent/opa/v1/rego"}},
		{name: "", files: []string{"server.go", "more.go"}},
	} {
		if len(mistakes(broken)) != 1 {
			t.Errorf("%+v: %v", broken, mistakes(broken))
		}
	}
	if m := mistakes(room{name: "federation/plan", imports: []string{"concordat/federation/compose", "slices"}}); len(m) > 0 {
		t.Errorf("a good room is refused: %v", m)
	}
}

// mistakes is what is wrong with a room.
func mistakes(r room) []string {
	allowed, known := arrows[r.name]
	if !known {
		return []string{r.name + " is not in the plan: give it its arrows in deps_test.go and its line in docs/architecture.md"}
	}
	var out []string
	if r.name == "" && (len(r.files) != 1 || path.Base(r.files[0]) != "server.go") {
		out = append(out, fmt.Sprintf("package main has the files %v: wiring is one page, server.go", r.files))
	}
	for _, i := range r.imports {
		if target, ours := within(i); ours && !slices.Contains(allowed, target) {
			out = append(out, fmt.Sprintf("%s imports %s, which the plan does not allow", title(r.name), title(target)))
		}
		if i == "C" {
			out = append(out, title(r.name)+" uses cgo")
		}
		if slices.Contains(pure, r.name) && slices.Contains(impure, i) {
			out = append(out, fmt.Sprintf("%s imports %s, but is pure", r.name, i))
		}
		if slices.Contains(offline, r.name) && (under(i, "net") || i == "os/exec") {
			out = append(out, fmt.Sprintf("%s imports %s, but reaches nobody", r.name, i))
		}
		for dependency, home := range homes {
			if under(i, dependency) && !slices.Contains(home, r.name) && !under(r.name, "bench") { // peers are made of what they like
				out = append(out, fmt.Sprintf("%s imports %s, whose home is %v", title(r.name), i, home))
			}
		}
	}
	return out
}

func TestPlanHasNoCycleAndNamesOnlyItsOwnRooms(t *testing.T) {
	for name, allowed := range arrows {
		for _, target := range allowed {
			if _, ok := arrows[target]; !ok {
				t.Errorf("%s may import %q, which is no room", title(name), target)
			}
		}
		if reach(name)[name] {
			t.Errorf("%s reaches itself", title(name))
		}
	}
}

func TestPlanIsWhatTheArchitecturePageShows(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms(t) {
		if !strings.Contains(string(page), r.name) {
			t.Errorf("docs/architecture.md does not speak of %s", r.name)
		}
	}
}

// The arrows that carry a promise are named, so that a careless change of the table does not lose them.
func TestPlanKeepsItsPromises(t *testing.T) {
	if !reach("federation")["policy/predicate"] {
		t.Error("reach does not follow arrows")
	}
	for _, never := range []struct{ from, to, why string }{
		{"federation", "graph", "generated code must not be bound to the agencies' schema"},
		{"federation", "privacy/deid", "transforms come through an interface"},
		{"policy", "privacy/deid", "transforms come through an interface"},
		{"federation/execute", "federation/source/open", "the executor knows no concrete source"},
		{"federation", "cli", "the gateway is no command"},
		{"policy/ledger", "privacy", "what is one transaction meets in state.Tx"},
		{"privacy", "policy/ledger", "what is one transaction meets in state.Tx"},
		{"federation/source/sqlite", "policy", "a source learns predicates, never who asks"},
		{"cli", "privacy/deid", "server.go names concrete types"},
		{"cli", "federation/source/open", "server.go names concrete types"},
		{"state", "policy/ledger", "the store knows nothing of what it keeps"},
	} {
		if reach(never.from)[never.to] {
			t.Errorf("%s reaches %s: %s", never.from, never.to, never.why)
		}
	}
}

// reach is every room that name may import, directly or not.
func reach(name string) map[string]bool {
	seen := map[string]bool{}
	todo := slices.Clone(arrows[name])
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[next] {
			seen[next] = true
			todo = append(todo, arrows[next]...)
		}
	}
	return seen
}

// rooms lists our packages as the go command sees them.
func rooms(t *testing.T) []room {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Dir,GoFiles,CgoFiles,IgnoredGoFiles", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []room
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir                   string
			GoFiles, CgoFiles, IgnoredGoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		name, _ := within(p.ImportPath)
		r := room{name: name}
		for _, f := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles) {
			if !strings.HasSuffix(f, "_test.go") {
				r.files = append(r.files, filepath.Join(p.Dir, f))
			}
		}
		if r.imports = imports(t, r.files); len(r.files) > 0 {
			all = append(all, r)
		}
	}
}

func imports(t *testing.T, files []string) []string {
	t.Helper()
	found := map[string]bool{}
	for _, f := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[p] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// within is the part of an import path after the module's; false where it is not ours.
func within(importPath string) (string, bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func under(importPath, dependency string) bool {
	return importPath == dependency || strings.HasPrefix(importPath, dependency+"/")
}

func title(name string) string {
	if name == "" {
		return "main"
	}
	return name
}
