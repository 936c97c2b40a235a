package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"concordat/policy"
	"concordat/privacy/deid"
)

// A key made, a bundle signed with it, and the public half believes it; nothing else does.
func TestAnAgencySignsItsBundle(t *testing.T) {
	keys, dir := t.TempDir(), policyDir(t, map[string]string{"north/a.rego": onePolicy})
	var out, errs bytes.Buffer
	if code := Key([]string{"new", "--type", "policy", "--agency", "north", "--dir", keys}, &out, &errs); code != 0 {
		t.Fatal(code, errs.String())
	}
	if code := Key([]string{"new", "--type", "policy", "--agency", "north", "--dir", keys}, &out, &errs); code != 1 {
		t.Error("a key was replaced", code)
	}
	secret := filepath.Join(keys, "north.key.pem")
	if code := policyMain(t, &out, &errs, "sign", dir, "--agency", "north", "--key", secret); code != 0 {
		t.Fatal(code, errs.String())
	}
	public, err := os.ReadFile(filepath.Join(keys, "north.pub.pem"))
	if err != nil {
		t.Fatal(err)
	}
	load := func() error {
		_, err := policy.Load(t.Context(), policy.Options{Bundles: []policy.Bundle{{Agency: "north", Files: os.DirFS(filepath.Join(dir, "north"))}},
			Catalog:         policy.Catalog{Fields: []policy.Field{{Agency: "north", Coordinate: "T.a", Type: "T", Name: "a", Classification: "SENSITIVE", Kind: 6}}},
			CheckObligation: deid.New().Check, Signatures: &policy.Signatures{Keys: map[policy.AgencyID]string{"north": string(public)}, MaxAge: time.Hour}})
		return err
	}
	if err := load(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "north", "a.rego"), []byte(onePolicy+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if load() == nil {
		t.Error("a changed bundle is believed")
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	if code := policyMain(t, &out, &errs, "sign", dir, "--agency", "north", "--key", secret); code != 1 {
		t.Error("a key that others may read was used")
	}
}
