package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concordat/federation/compose"
)

const (
	goodSDL   = `type Stay @source(table: "s") @key(fields: "id") { id: ID @classify(as: NON_SENSITIVE) }`
	warnedSDL = `type Stay @source(table: "s") @key(fields: "id") { id: ID }`
	brokenSDL = "type Stay @source(table: \"s\") {\n  id: ID @classify(as: SECRET)\n}"
)

func runSchema(env SchemaEnv, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Schema(args, &out, &errs, env)
	return code, out.String(), errs.String()
}

// agencyFile writes the file of agency health in a directory of its own.
func agencyFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "health.graphqls")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSchemaComposeSaysEachMistakeAtItsPlace(t *testing.T) {
	name := agencyFile(t, brokenSDL)
	code, stdout, _ := runSchema(SchemaEnv{}, "compose", name)
	want := name + ":1: Stay: the type has no @key (NO_KEY)\n"
	if code != 1 || !strings.Contains(stdout, want) || !strings.Contains(stdout, ":2: Stay.id: ") {
		t.Errorf("code %d:\n%s", code, stdout)
	}
}

func TestSchemaComposeJSONHasErrorsAndHints(t *testing.T) {
	for text, want := range map[string]struct{ code, errors, hints int }{
		goodSDL: {0, 0, 0}, warnedSDL: {0, 0, 1}, brokenSDL: {1, 2, 0},
	} {
		code, stdout, _ := runSchema(SchemaEnv{}, "compose", agencyFile(t, text), "--json")
		var got struct {
			Errors []struct {
				Code, Coordinate, File, Message string
				Line                            int
			}
			Hints []struct{ Code string }
		}
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatalf("%v: %s", err, stdout)
		}
		if code != want.code || len(got.Errors) != want.errors || len(got.Hints) != want.hints {
			t.Errorf("code %d: %s", code, stdout)
		}
		if strings.Contains(stdout, "null") {
			t.Errorf("an empty list is null: %s", stdout)
		}
	}
}

func TestSchemaCheckStrictFailsOnWarning(t *testing.T) {
	warned, good := agencyFile(t, warnedSDL), agencyFile(t, goodSDL)
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"check", warned}, 0},
		{[]string{"check", warned, "--strict"}, 1},
		{[]string{"check", "--strict", good}, 0},
	} {
		code, stdout, _ := runSchema(SchemaEnv{}, c.args...)
		if code != c.code || strings.Contains(stdout, "warning: ") != (c.args[1] == warned) {
			t.Errorf("%v: code %d: %s", c.args, code, stdout)
		}
	}
}

func TestSchemaPrintTakesADirectoryAndWritesSDL(t *testing.T) {
	dir := filepath.Dir(agencyFile(t, goodSDL))
	code, stdout, stderr := runSchema(SchemaEnv{}, "print", dir)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "stays(where: StayFilter") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

func TestSchemaPlanHandsDocumentAndSupergraphOn(t *testing.T) {
	document := filepath.Join(t.TempDir(), "q.graphql")
	if err := os.WriteFile(document, []byte("{ stays { totalCount } }"), 0o600); err != nil {
		t.Fatal(err)
	}
	planned := 0
	env := SchemaEnv{Plan: func(sg *compose.Supergraph, o PlanOptions) error {
		if sg.Roots["stays"] == nil || o.Document != "{ stays { totalCount } }" || !o.JSON || o.Demo {
			return errors.New("something else was asked")
		}
		planned++
		return nil
	}}
	code, stdout, stderr := runSchema(env, "plan", document, "--schema", agencyFile(t, goodSDL), "--json")
	if code != 0 || planned != 1 {
		t.Errorf("code %d: %s %s", code, stdout, stderr)
	}
	if code, _, _ := runSchema(env, "plan", document, "--schema", agencyFile(t, brokenSDL)); code != 1 {
		t.Errorf("a broken schema is planned: code %d", code)
	}
}

func TestSchemaTakesTheDefaultOnlyWhereNoFileIsNamed(t *testing.T) {
	env := SchemaEnv{Default: func() ([]compose.File, error) {
		return []compose.File{{Name: "demo", Agency: "demo", Text: strings.ReplaceAll(goodSDL, "Stay", "Default")}}, nil
	}}
	if _, stdout, _ := runSchema(env, "print"); !strings.Contains(stdout, "type Default ") {
		t.Error("the default is not taken")
	}
	if _, stdout, _ := runSchema(env, "print", agencyFile(t, goodSDL)); strings.Contains(stdout, "type Default ") {
		t.Error("the default is taken beside a named file")
	}
}

func TestSchemaWrongUse(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
	}{
		{nil, 2},
		{[]string{"compare"}, 2},
		{[]string{"compose", "--colour"}, 2},
		{[]string{"plan"}, 2},
		{[]string{"compose"}, 2},
		{[]string{"compose", "does-not-exist.graphqls"}, 1},
		{[]string{"compose", t.TempDir()}, 1},
		{[]string{"help"}, 0},
	} {
		if code, _, _ := runSchema(SchemaEnv{}, c.args...); code != c.code {
			t.Errorf("%v: code %d, want %d", c.args, code, c.code)
		}
	}
}

func TestSchemaDiffSaysWhatBreaksAndWhatWeakens(t *testing.T) {
	dir := func(text string) string { return filepath.Dir(agencyFile(t, text)) }
	old := dir(`type Stay @source(table: "s") @key(fields: "id") { id: ID @classify(as: SENSITIVE) ward: String @classify(as: SENSITIVE) }`)
	lower := dir(`type Stay @source(table: "s") @key(fields: "id") { id: ID @classify(as: NON_SENSITIVE) ward: String @classify(as: SENSITIVE) }`)
	less := dir(`type Stay @source(table: "s") @key(fields: "id") { id: ID @classify(as: SENSITIVE) }`)
	for _, c := range []struct {
		next, failOn string
		code         int
		want         string
	}{
		{lower, "", 0, "WEAKER Stay.id: NON_SENSITIVE, was SENSITIVE (CLASSIFICATION_LOWERED)\n1 changes, 0 breaking, 1 weaker\n"},
		{lower, "weaker", 1, ""}, {lower, "either", 1, ""}, {lower, "breaking", 0, ""},
		{less, "", 0, "BREAKING Stay.ward: String is gone (FIELD_REMOVED)\n1 changes, 1 breaking, 0 weaker\n"},
		{less, "breaking", 1, ""}, {less, "either", 1, ""}, {less, "weaker", 0, ""},
		{old, "either", 0, "0 changes, 0 breaking, 0 weaker\n"},
	} {
		code, stdout, stderr := runSchema(SchemaEnv{}, "diff", old, c.next, "--fail-on", c.failOn)
		if code != c.code || c.want != "" && stdout != c.want {
			t.Errorf("--fail-on %q: code %d\n%s%s", c.failOn, code, stdout, stderr)
		}
	}
	if code, stdout, _ := runSchema(SchemaEnv{}, "diff", old, less, "--json"); code != 0 || stdout !=
		`{"changes":[{"code":"FIELD_REMOVED","coordinate":"Stay.ward","before":"String","after":"","breaking":true,"weaker":false}]}`+"\n" {
		t.Errorf("code %d: %s", code, stdout)
	}
	if _, stdout, _ := runSchema(SchemaEnv{}, "diff", old, old, "--json"); stdout != "{\"changes\":[]}\n" {
		t.Errorf("nothing changed: %s", stdout)
	}
	for _, args := range [][]string{{"diff", old}, {"diff", old, less, lower}, {"diff", old, less, "--fail-on", "x"}} {
		if code, _, _ := runSchema(SchemaEnv{}, args...); code != 2 {
			t.Errorf("%v: code %d", args[1:], code)
		}
	}
	if code, _, stderr := runSchema(SchemaEnv{}, "diff", old, dir(brokenSDL)); code != 1 || !strings.Contains(stderr, "NO_KEY") {
		t.Errorf("a broken schema: code %d: %s", code, stderr)
	}
}
