package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// An answer that a rule marks says so in its ledger entry and in the log; the mark is no part of the answer.
func TestAMarkStandsInTheLedgerAndInTheLog(t *testing.T) {
	dir := demoDir(t)
	unpackDemo(t, dir)
	file := filepath.Join(dir, "config", "policies", "publichealth", "access.rego")
	writeFile(t, file, readFile(t, file)+"\nlimits contains {\"mark\": \"break-glass case-7\"} if lib.purpose(\"care-coordination\")\n")
	g := start(t, dir)
	a := g.ask(t, "partner", "{ fluWeeks(first: 1) { nodes { week } } }", nil)
	if a.code() != "" || strings.Contains(string(a.body), "case-7") {
		t.Fatalf("%s", a.body)
	}
	g.ask(t, "analyst", "{ fluWeeks(first: 1) { nodes { week } } }", nil)
	eventually(t, "the entry is published", func() bool {
		_, out := tool(t, "ledger", "search", "--url", g.url, "--key", filepath.Join(dir, "ledger.vkey"), "--coordinate", "FluWeek.week",
			"--token", g.tokens["auditor"], "--json")
		return strings.Count(out, `"mark":"break-glass case-7"`) == 1 && strings.Count(out, `"FluWeek.week"`) >= 2
	})
	if log := g.stderr.String(); strings.Count(log, "marked answer") != 1 || !strings.Contains(log, "break-glass case-7") {
		t.Error(log)
	}
}
