package ledger

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyIsKeptBetweenStarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s1, v1, err := LoadOrCreateKey(dir, testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	s2, v2, err := LoadOrCreateKey(dir, testOrigin)
	if err != nil || s1.KeyHash() != s2.KeyHash() || v1.KeyHash() != v2.KeyHash() {
		t.Errorf("second start: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, SecretKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret key: %v, %v", info.Mode(), err)
	}
	if err := os.Remove(filepath.Join(dir, PublicKeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, v, err := LoadKey(dir); err != nil || v.KeyHash() != v1.KeyHash() {
		t.Errorf("the public key was not restored: %v", err)
	}
	public, err := os.ReadFile(filepath.Join(dir, PublicKeyFile))
	if err != nil || strings.Count(string(public), "\n") != 1 || strings.Contains(string(public), "PRIVATE") {
		t.Errorf("public key %q, %v", public, err)
	}
}

func TestBadKeyFilesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"readable by others": func(dir string) error { return os.Chmod(filepath.Join(dir, SecretKeyFile), 0o644) },
		"no secret key":      func(dir string) error { return os.Remove(filepath.Join(dir, SecretKeyFile)) },
		"malformed secret":   func(dir string) error { return os.WriteFile(filepath.Join(dir, SecretKeyFile), []byte("x"), 0o600) },
		"another's public": func(dir string) error {
			_, vkey, err := GenerateKey(testOrigin)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, PublicKeyFile), []byte(vkey), 0o644)
		},
	} {
		dir := t.TempDir()
		if _, _, err := LoadOrCreateKey(dir, testOrigin); err != nil {
			t.Fatal(err)
		}
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		_, _, err := LoadOrCreateKey(dir, testOrigin)
		if err == nil || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if _, _, err := LoadOrCreateKey(dir, testOrigin); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadOrCreateKey(dir, "other.example/log"); err == nil {
		t.Error("a key of another origin was accepted")
	}
}
