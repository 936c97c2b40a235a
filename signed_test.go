package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concordat/cli"
	"concordat/cli/node"
	"concordat/demo/transport"
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

// signedWire is what a node of the demo's agencies is made of, and the service that one of them asks.
func signedWire(t *testing.T) node.Wire {
	t.Helper()
	service, err := transport.New(transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roads := httptest.NewServer(service)
	t.Cleanup(roads.Close)
	return node.Wire{Transforms: deid.New(), Sources: openSources, SourceNames: sourceNames, Pages: http.NotFoundHandler(), WellKnown: http.NotFoundHandler(),
		Getenv: func(string) string { return roads.URL }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
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
	wire := signedWire(t)
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

// signAt signs a bundle as of a time, and returns its files.
func signAt(t *testing.T, policies, keys, agency string, at time.Time) map[string]string {
	t.Helper()
	dir := filepath.Join(policies, agency)
	key := readFile(t, filepath.Join(keys, agency+".key.pem"))
	made, err := policy.Sign(policy.AgencyID(agency), os.DirFS(dir), key, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range made {
		writeFile(t, filepath.Join(dir, name), string(text))
	}
	files := map[string]string{}
	for _, name := range []string{policy.ManifestFile, policy.SignaturesFile, "access.rego"} {
		files[name] = readFile(t, filepath.Join(dir, name))
	}
	return files
}

func putBack(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), text)
	}
}

// A bundle that its agency replaced does not come back while its signature is still young enough: not while the
// gateway runs, and not after it was started again. Signed anew, the same rules are in force again.
func TestAReplacedBundleDoesNotComeBack(t *testing.T) {
	dir, keys := demoDir(t), t.TempDir()
	unpackDemo(t, dir)
	issuer, err := authn.LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	policies := filepath.Join(dir, "config", "policies")
	transport := filepath.Join(policies, "transport")
	c := houseConfig(dir, issuer, houseOptions{})
	c.Bundles = &policy.Signatures{Keys: signAll(t, policies, keys), MaxAge: time.Hour}
	began := time.Now()
	old := signAt(t, policies, keys, "transport", began.Add(-3*time.Minute))
	wire := signedWire(t)
	n, err := node.Open(t.Context(), c, wire)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(transport, "access.rego"), old["access.rego"]+"\nexclude.SpeedReading if true\n")
	younger := signAt(t, policies, keys, "transport", began.Add(-2*time.Minute))
	if err := n.Reload(t.Context()); err != nil {
		t.Fatal("a younger bundle:", err)
	}
	replaced := func(err error) bool { return err != nil && strings.Contains(err.Error(), "transport: POLICY_REPLACED") }
	putBack(t, transport, old)
	if err := n.Reload(t.Context()); !replaced(err) {
		t.Errorf("the bundle that was replaced: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := node.Open(t.Context(), c, wire); !replaced(err) {
		t.Errorf("after a restart: %v", err)
	}
	putBack(t, transport, younger)
	if n, err = node.Open(t.Context(), c, wire); err != nil {
		t.Fatal("the newest bundle after a restart:", err)
	}
	putBack(t, transport, old)
	signAt(t, policies, keys, "transport", began.Add(-time.Minute))
	if err := n.Reload(t.Context()); err != nil {
		t.Errorf("the old rules signed anew: %v", err)
	}
	signAt(t, policies, keys, "transport", began)
	if err := n.Reload(t.Context()); err != nil {
		t.Errorf("the same rules once more: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	putBack(t, transport, younger)
	if _, err := node.Open(t.Context(), c, wire); !replaced(err) {
		t.Errorf("a bundle older than the same rules signed anew: %v", err)
	}
}
