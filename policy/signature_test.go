package policy_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"

	"concordat/policy"
)

func keyPair(t *testing.T) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))
}

const denies = "package concordat.access.north\nfields contains {\"type\": \"Admission\", \"effect\": \"deny\"} if input.row.x\n"

func plainBundle() fstest.MapFS {
	return fstest.MapFS{"a.rego": {Data: []byte("package concordat.access.north\nfields contains {\"type\": \"Admission\", \"effect\": \"allow\"}\n")},
		"deny.rego":      {Data: []byte("package concordat.access.north\nfields contains {\"coordinate\": \"Admission.note\", \"effect\": \"deny\"}\n")},
		"data.json":      {Data: []byte(`{"sets": {"north_objectors": ["x"]}}`)},
		"a_test.rego":    {Data: []byte("package concordat.access.north\ntest_x if true\n")},
		"scenarios.yaml": {Data: []byte("- name: x\n")}}
}

func signedBundle(t *testing.T, key string, at time.Time) fstest.MapFS {
	t.Helper()
	files := plainBundle()
	made, err := policy.Sign("north", files, key, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range made {
		files[name] = &fstest.MapFile{Data: text}
	}
	return files
}

// OPA's own reader, given the same key, believes what we sign.
func TestOPAVerifiesOurSignature(t *testing.T) {
	key, public := keyPair(t)
	files := signedBundle(t, key, time.Now())
	for _, c := range []struct {
		name, public string
		good         bool
	}{{"ours", public, true}, {"another's", func() string { _, p := keyPair(t); return p }(), false}} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, files); err != nil {
			t.Fatal(err)
		}
		loader := bundle.NewDirectoryLoader(dir)
		config := bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{"north": {Key: c.public, Algorithm: "EdDSA"}}, "north", "", nil)
		_, err := bundle.NewCustomReader(loader).WithBundleVerificationConfig(config).Read()
		if (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Each way in which a bundle can differ from what its agency signed is refused, by name.
func TestOnlyWhatTheAgencySignedIsLoaded(t *testing.T) {
	key, public := keyPair(t)
	stranger, _ := keyPair(t)
	now := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	cases := []struct {
		name   string
		key    string
		at     time.Time
		change func(fstest.MapFS)
		want   string
	}{
		{"as signed", key, now.Add(-time.Hour), nil, ""},
		{"reformatted data", key, now, func(f fstest.MapFS) {
			f["data.json"] = &fstest.MapFile{Data: []byte("{\"sets\":\n{\"north_objectors\":[\"x\"]}}")}
		}, ""},
		{"another test", key, now, func(f fstest.MapFS) { f["a_test.rego"] = &fstest.MapFile{Data: []byte("package x")} }, ""},
		{"unsigned", key, now, func(f fstest.MapFS) { delete(f, policy.SignaturesFile) }, "is missing"},
		{"another's key", stranger, now, nil, "not that of north's key"},
		{"a changed rule", key, now, func(f fstest.MapFS) { f["a.rego"] = &fstest.MapFile{Data: append(f["a.rego"].Data, ' ')} }, "a.rego is not what was signed"},
		{"an added rule", key, now, func(f fstest.MapFS) { f["b.rego"] = &fstest.MapFile{Data: []byte(denies)} }, "b.rego is not what was signed"},
		{"a removed rule", key, now, func(f fstest.MapFS) { delete(f, "deny.rego") }, "deny.rego was signed and is not there"},
		{"a removed list", key, now, func(f fstest.MapFS) { delete(f, "data.json") }, "data.json was signed and is not there"},
		{"changed data", key, now, func(f fstest.MapFS) {
			f["data.json"] = &fstest.MapFile{Data: []byte(`{"sets": {"north_objectors": []}}`)}
		}, "data.json is not what was signed"},
		{"no manifest", key, now, func(f fstest.MapFS) { delete(f, policy.ManifestFile) }, "manifest"},
		{"a younger manifest", key, now.Add(-time.Hour), func(f fstest.MapFS) {
			f[policy.ManifestFile] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(f[policy.ManifestFile].Data), "T11:", "T12:"))}
		}, ".manifest is not what was signed"},
		{"too old", key, now.Add(-25 * time.Hour), nil, "longer ago than 24h"},
		{"from the future", key, now.Add(time.Hour), nil, "which is to come"},
		{"a plugin", key, now, func(f fstest.MapFS) {
			f[policy.SignaturesFile] = &fstest.MapFile{Data: []byte(`{"plugin":"x","signatures":[]}`)}
		}, "cannot be read"},
		{"two signatures", key, now, func(f fstest.MapFS) {
			f[policy.SignaturesFile] = &fstest.MapFile{Data: []byte(`{"signatures":["a","b"]}`)}
		}, "north's key"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files := maps.Clone(signedBundle(t, c.key, c.at))
			if c.change != nil {
				c.change(files)
			}
			o := rules{}.options()
			o.Now = func() time.Time { return now }
			o.Bundles = []policy.Bundle{{Agency: "north", Files: files}}
			o.Signatures = &policy.Signatures{Keys: map[policy.AgencyID]string{"north": public}, MaxAge: 24 * time.Hour}
			e, err := policy.Load(t.Context(), o)
			var refused *policy.LoadError
			switch {
			case c.want == "" && (err != nil || !e.SignedAt().Equal(c.at)):
				t.Error(err)
			case c.want != "" && (!errors.As(err, &refused) || refused.Problems[0].Code != policy.CodeSignature || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%q: %v", c.want, err)
			}
		})
	}
}

func TestAnAgencyWithoutAPinnedKeyIsRefused(t *testing.T) {
	key, public := keyPair(t)
	o := rules{}.options()
	o.Bundles = []policy.Bundle{{Agency: "north", Files: signedBundle(t, key, o.Now())}}
	o.Signatures = &policy.Signatures{Keys: map[policy.AgencyID]string{"south": public}}
	if _, err := policy.Load(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no key is pinned for north") {
		t.Error(err)
	}
}
