package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"concordat/policy"
)

func (v policyCommand) sign(args []string) int {
	set := newCredentialFlags("policy sign", v.Stderr)
	agency := set.String("agency", "", "whose bundle is signed (required)")
	key := set.String("key", "", "`file` of the agency's secret key (required)")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(paths) != 1 || *key == "" || !agencyName(*agency) {
		return v.misuse("sign takes one directory, --agency and --key")
	}
	dir := filepath.Join(policyFlags{}.at(paths[0]).policies, *agency)
	if err := signBundle(dir, policy.AgencyID(*agency), *key); err != nil {
		return v.failed("sign", err)
	}
	fmt.Fprintf(v.Stdout, "%s is signed\n", dir)
	return exitDone
}

// signBundle writes manifest and signature beside the files. The signature comes last and in one step: a gateway that
// reads meanwhile refuses the bundle and keeps the one before.
func signBundle(dir string, agency policy.AgencyID, keyFile string) error {
	info, err := os.Stat(keyFile)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s: others may read the secret key: make it 0600", keyFile)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	if block, _ := pem.Decode(key); block == nil || block.Type != "PRIVATE KEY" {
		return fmt.Errorf("%s: not a private key in PEM", keyFile)
	}
	files, err := policy.Sign(agency, policy.Folder(dir), string(key), time.Now())
	if err != nil {
		return err
	}
	names := []string{policy.ManifestFile, policy.SignaturesFile}
	for _, name := range names {
		next := filepath.Join(dir, name+".next")
		if err := os.WriteFile(next, files[name], 0o644); err != nil {
			return err
		}
		if err := os.Rename(next, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

var agencyNames = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func agencyName(name string) bool { return agencyNames.MatchString(name) }

// newPolicyKey makes an Ed25519 key pair; neither file is ever replaced.
func newPolicyKey(dir, agency string) (newKey, error) {
	secretFile, publicFile := filepath.Join(dir, agency+".key.pem"), filepath.Join(dir, agency+".pub.pem")
	for _, file := range []string{secretFile, publicFile} {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return newKey{}, errors.Join(fmt.Errorf("%s: %w", file, fs.ErrExist), err)
		}
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return newKey{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return newKey{}, err
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return newKey{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open})
	if err := os.WriteFile(secretFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		return newKey{}, err
	}
	return newKey{secretFile, string(text)}, os.WriteFile(publicFile, text, 0o644)
}
