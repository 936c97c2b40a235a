package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"concordat/policy/authn"
)

// settings are the values of a unit file's or container file's lines, by key.
func settings(t *testing.T, separator string, files ...string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, file := range files {
		for line := range strings.Lines(readFile(t, file)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), separator)
			if ok && !strings.HasPrefix(key, "#") {
				out[key] = append(out[key], value)
			}
		}
	}
	return out
}

// installed is an agency's configuration as docs/secure-aggregation.md has it, with every file that it names.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	public := strings.Fields(verb(t, dir, "agent", "keygen", "--out", "identity.key"))[1]
	issuer, err := authn.CreateIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var config string
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readFile(t, "docs/secure-aggregation.md"), -1) {
		if strings.HasPrefix(block[1], "name: ") || strings.HasPrefix(block[1], "fetch:") {
			config += block[1]
		}
	}
	for name, text := range map[string]string{"agent.yaml": strings.ReplaceAll(config, "BASE64", public), "issuer.jwks.json": string(issuer.JWKS()), "gateway.jwks.json": string(issuer.JWKS()),
		"policy.rego": takerRules, "fetch.rego": bedFetch, "sources.yaml": "sources:\n  hospital: {kind: sqlite, dsn: \"file:rows.db\"}\n"} {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

// checks runs a command line of a deployment with --check: its flags exist, and the configuration is found and good.
func checks(t *testing.T, words []string) {
	t.Helper()
	cmd := exec.Command(binary(t), append(words[1:], "--check")...)
	cmd.Env = append(os.Environ(), "ENROLMENT_CODE=once")
	if said, err := cmd.CombinedOutput(); err != nil || string(said) != "the configuration is good\n" {
		t.Errorf("%v: %v %s", words, err, said)
	}
}

// TestUnitGivesTheAgentEveryFileItReads loads the unit's credentials as systemd would, and nothing else, and has the
// agent check the documented configuration there.
func TestUnitGivesTheAgentEveryFileItReads(t *testing.T) {
	etc, credentials := installed(t), t.TempDir()
	unit := settings(t, "=", "deploy/concordat-agent.service", "deploy/concordat-agent.service.d/fetch.conf")
	for _, c := range unit["LoadCredential"] {
		id, path, _ := strings.Cut(c, ":")
		if filepath.Dir(path) != "/etc/concordat-agent" || filepath.Base(path) != id {
			t.Errorf("%s: files beside agent.yaml are found by their own names", c)
		}
		write(t, filepath.Join(credentials, id), readFile(t, filepath.Join(etc, id)))
	}
	checks(t, strings.Fields(strings.ReplaceAll(unit["ExecStart"][0], "${CREDENTIALS_DIRECTORY}", credentials)))
	config := readFile(t, filepath.Join(etc, "agent.yaml"))
	if len(unit["EnvironmentFile"]) != 1 || !strings.Contains(config, "env:ENROLMENT_CODE") || !strings.Contains(config, "state: /var/lib/"+unit["StateDirectory"][0]+"\n") {
		t.Error("the enrolment code or the state is not where the configuration looks for it")
	}
	for _, key := range []string{"DynamicUser", "NoNewPrivileges", "MemoryDenyWriteExecute", "CapabilityBoundingSet", "LimitCORE", "MemorySwapMax"} {
		if len(unit[key]) != 1 {
			t.Errorf("%s is not set once", key)
		}
	}
}

// TestSystemdReadsTheUnit has systemd's own parser read unit and drop-in.
func TestSystemdReadsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("no systemd-analyze on this machine")
	}
	if err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	dir := t.TempDir()
	unit := filepath.Join(dir, "concordat-agent.service")
	write(t, unit, strings.Replace(readFile(t, "deploy/concordat-agent.service"), "ExecStart=/usr/local/bin/concordat", "ExecStart="+binary(t), 1))
	write(t, filepath.Join(unit+".d", "fetch.conf"), readFile(t, "deploy/concordat-agent.service.d/fetch.conf"))
	if said, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(said), filepath.Base(unit)) || strings.Contains(string(said), "fetch.conf") {
		t.Errorf("%v %s", err, said)
	}
}

// TestContainerRunsTheAgentAsNobody holds the container file's paths, user and flags against the verb and the documents.
func TestContainerRunsTheAgentAsNobody(t *testing.T) {
	file := settings(t, " ", "deploy/agent.Dockerfile")
	var entry []string
	mustDecode(t, []byte(file["ENTRYPOINT"][0]), &entry)
	state := strings.Fields(file["COPY"][len(file["COPY"])-1])
	user := file["USER"][0]
	if user == "" || strings.HasPrefix(user, "0") || state[1] != "--chown="+user || state[3] != "/var/lib/concordat-agent" {
		t.Errorf("user %s, state %v", user, state)
	}
	if binary := strings.Fields(file["COPY"][len(file["COPY"])-2]); binary[2] != entry[0] || !strings.Contains(file["RUN"][1], "-o "+binary[1]+" ") {
		t.Errorf("%v is not what was built", entry)
	}
	if version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "go.mod"))[1]; file["FROM"][0] != fmt.Sprintf("golang:%s AS build", version) || file["FROM"][1] != "scratch" {
		t.Error(file["FROM"], version)
	}
	place, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	var here []string
	mustDecode(t, []byte(strings.ReplaceAll(string(place), "/etc/concordat-agent", installed(t))), &here)
	checks(t, here)
}
