package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asAgent makes this test binary an agent, as the product's own binary is: the demo starts itself four times.
func asAgent(args []string) bool { return len(args) > 2 && args[1] == "agent" && args[2] == "--config" }

func TestMain(m *testing.M) {
	if asAgent(os.Args) {
		os.Exit(Main(context.Background(), os.Args[1:], Wire{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}))
	}
	os.Exit(m.Run())
}

func verbRun(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Main(t.Context(), args, Wire{Stdout: &stdout, Stderr: &stderr, Getenv: os.Getenv})
	return stdout.String(), stderr.String(), code
}

func TestSecaggDemoAgreesWithThePlaintextAndLosesOneAgency(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	out, errs, code := verbRun(t, "secagg", "demo", "--json", "--dir", dir)
	if code != exitDone {
		t.Fatal(code, errs)
	}
	var report struct {
		Sessions []struct {
			Measure        string
			Result, Oracle json.RawMessage
			Equal          bool
			Contributors   int
			Dropped        []string
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Sessions) != len(demoMeasures()) {
		t.Fatal(len(report.Sessions))
	}
	for i, s := range report.Sessions {
		off := i >= len(report.Sessions)/2
		if !s.Equal || string(s.Result) != string(s.Oracle) || (s.Contributors == 3) != off || (len(s.Dropped) == 1) != off {
			t.Errorf("%+v", s)
		}
	}
	opened, errs, code := verbRun(t, "secagg", "open", filepath.Join(dir, "answers", "count.answer.json"), "--key", filepath.Join(dir, "querier.key"),
		"--question", filepath.Join(dir, "answers", "count.question.json"), "--members", filepath.Join(dir, "members.json"), "--json")
	if code != exitDone || !strings.Contains(opened, `"count":7500`) {
		t.Error(code, opened, errs)
	}
	_, errs, code = verbRun(t, "secagg", "open", filepath.Join(dir, "answers", "count.answer.json"), "--key", filepath.Join(dir, "querier.key"),
		"--question", filepath.Join(dir, "answers", "count by ward.question.json"), "--members", filepath.Join(dir, "members.json"))
	if code != exitFailed || !strings.Contains(errs, "another question") {
		t.Error("opened as the answer to another question:", code, errs)
	}
}

func TestSecaggKeygenKeepsAnExistingKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "querier.key")
	thumbprint, errs, code := verbRun(t, "secagg", "keygen", "--out", file)
	if code != exitDone || len(strings.TrimSpace(thumbprint)) != 43 {
		t.Fatal(code, thumbprint, errs)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if _, _, code := verbRun(t, "secagg", "keygen", "--out", file); code != exitFailed {
		t.Error("a key was replaced")
	}
}

func TestAgentConfigurationListsEveryMistakeWithItsPlace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.yaml")
	text := `name: east
identity: MC4CAQAwBQYDK2VwBCIEIA
members: {east: "short"}
gateways:
  - {address: "127.0.0.1:1"}
issuers:
  - {issuer: x, jwks: absent.json}
policy: p.rego
data: {}
minimum: 1
budget:
  - {agreement: a, dataset: d, epsilon: "0.00000001"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code := verbRun(t, "agent", "--config", file, "--check")
	if code != exitFailed {
		t.Fatal(code)
	}
	for _, want := range []string{":2: identity:", ":3: members:", ":4: gateways:", ":6: issuers:", ":9: data: missing", "state: missing", ":10: minimum:", ":11: budget:"} {
		if !strings.Contains(errs, want) {
			t.Errorf("no mistake %q in\n%s", want, errs)
		}
	}
	if strings.Contains(errs, "MC4CAQ") {
		t.Error("a secret in the configuration is repeated")
	}
	if err := os.WriteFile(file, []byte("name: east\nnonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, _ := verbRun(t, "agent", "--config", file, "--check"); !strings.Contains(errs, ":2: field nonsense not found") {
		t.Error(errs)
	}
}

// TestAgentDataIsACSVFileOrATableOfASource checks the configuration's two shapes, and that they do not mix.
func TestAgentDataIsACSVFileOrATableOfASource(t *testing.T) {
	table := agentData{Sources: "s.yaml", Source: "h", Table: "t", Unit: "p", Columns: map[string]agentColumn{"p": {Kind: "text"}, "d": {Kind: "int", Column: "days"}}}
	if err := table.check(); err != nil {
		t.Fatal(err)
	}
	if r := table.relation(); r.Columns["d"].Physical != "days" || r.Columns["p"].Physical != "p" {
		t.Error(r)
	}
	for name, change := range map[string]func(*agentData){
		"both": func(d *agentData) { d.CSV = "x.csv" }, "no source": func(d *agentData) { d.Source = "" }, "no table": func(d *agentData) { d.Table = "" },
		"unknown kind": func(d *agentData) { d.Columns = map[string]agentColumn{"p": {Kind: "number"}} }, "unit is no column": func(d *agentData) { d.Unit = "q" },
		"no columns": func(d *agentData) { d.Columns = nil },
	} {
		d := table
		change(&d)
		if d.check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
