package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const examplePublicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n" // RFC 8032, 7.1, test 1

// That unsigned bundles are taken has to be said, and cannot be said beside keys.
func TestWhichBundlesAreBelieved(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "north.pem"), examplePublicKey)
	write(t, filepath.Join(dir, "bad.pem"), "secret")
	for text, want := range map[string]string{
		"":                           "bundles: missing",
		"bundles: {}":                "bundles.keys: at least one is needed",
		"bundles: {unsigned: true}":  "",
		"bundles: {unsigned: false}": "bundles.unsigned: is true and stands alone",
		"bundles: {unsigned: true, keys: {north: 'file:north.pem'}}":   "bundles.unsigned: is true and stands alone",
		"bundles: {keys: {north: 'file:north.pem'}, maxAge: 720h}":     "",
		"bundles: {keys: {north: 'file:bad.pem'}}":                     "bundles.keys.north: not an Ed25519 public key in PEM",
		"bundles: {keys: {north: 'file:north.pem'}, maxAge: 3 months}": "bundles.maxAge: not a duration",
		"bundles: {keys: {north: 'file:north.pem'}, age: 1h}":          "bundles.age: unknown key",
	} {
		file := filepath.Join(dir, "c.yaml")
		write(t, file, "listen: x\n"+text+"\n")
		_, err := Load(file, func(string) string { return "" })
		if err == nil {
			t.Fatal("accepted")
		}
		if want == "" && strings.Contains(err.Error(), "bundles") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPinnedKeysAndAge(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "north.pem"), examplePublicKey)
	r := &reader{file: "c.yaml", dir: dir}
	root, err := document([]byte("bundles: {keys: {north: 'file:north.pem'}, maxAge: 720h}"))
	if err != nil {
		t.Fatal(err)
	}
	got := r.bundles(root, root.Content[1])
	if len(r.mistakes) > 0 || got == nil || got.Keys["north"] != examplePublicKey || got.MaxAge != 720*time.Hour {
		t.Errorf("%+v %v", got, r.mistakes)
	}
}
