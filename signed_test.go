package main

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concordat/cli"
	"concordat/cli/node"
	"concordat/policy"
	"concordat/policy/authn"
	"concordat/privacy/deid"
)

// signAll makes a key for each bundle of a directory, signs it, and returns the public halves.
func signAll(t *testing.T, policies, keys string) map[policy.AgencyID]string {
	t.Helper()
	entries, err := os.ReadDir(policies)
	if err != nil {
		t.Fatal(err)
	}
	pinned := map[policy.AgencyID]string{}
	for _, e := range entries {
		signOne(t, policies, keys, e.Name(), true)
		public, err := os.ReadFile(filepath.Join(keys, e.Name()+".pub.pem"))
		if err != nil {
			t.Fatal(err)
		}
		pinned[policy.AgencyID(e.Name())] = string(public)
	}
	return pinned
}

func signOne(t *testing.T, policies, keys, agency string, fresh bool) {
	t.Helper()
	run := func(args ...string) {
		var out strings.Builder
		if code := cli.Main(t.Context(), args, cli.Wire{Stdout: &out, Stderr: &out, Transforms: deid.New()}); code != 0 {
			t.Fatal(args, out.String())
		}
	}
	if fresh {
		run("key", "new", "--type", "policy", "--agency", agency, "--dir", keys)
	}
	run("policy", "sign", policies, "--agency", agency, "--key", filepath.Join(keys, agency+".key.pem"))
}

// A gateway with pinned keys starts on signed bundles alone. A change that nobody signed leaves the old snapshot in
// force; signed, it takes its place.
func TestAGatewayWithPinnedKeysBelievesOnlySignedBundles(t *testing.T) {
	dir, keys := demoDir(t), t.TempDir()
	unpackDemo(t, dir)
	issuer, err := authn.LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	policies := filepath.Join(dir, "config", "policies")
	c := houseConfig(dir, issuer, houseOptions{})
	c.Bundles = &policy.Signatures{Keys: signAll(t, policies, keys), MaxAge: time.Hour}
	wire := node.Wire{Transforms: deid.New(), Sources: openSources, SourceNames: sourceNames, Pages: http.NotFoundHandler(), WellKnown: http.NotFoundHandler(),
		Getenv: func(string) string { return "http://127.0.0.1:1/" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	n, err := node.Open(t.Context(), c, wire)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(policies, "transport", "access.rego")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(text)+"\ninclude.SpeedReading if true\n")
	if err := n.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "transport/access.rego: POLICY_SIGNATURE") {
		t.Errorf("an unsigned change: %v", err)
	}
	signOne(t, policies, keys, "transport", false)
	if err := n.Reload(t.Context()); err != nil {
		t.Errorf("a signed change: %v", err)
	}
	for _, check := range n.Checks(t.Context()) {
		if !check.Ready {
			t.Errorf("%s is not ready", check.Name)
		}
	}
}
