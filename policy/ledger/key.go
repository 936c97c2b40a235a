package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Names of the key files beside a log.
const (
	SecretKeyFile = "ledger.skey" // mode 0600
	PublicKeyFile = "ledger.vkey" // one line, C2SP note verifier key
)

// GenerateKey makes an Ed25519 key for a log of that origin, in the C2SP signed-note encodings.
func GenerateKey(origin string) (skey, vkey string, err error) {
	return note.GenerateKey(rand.Reader, origin)
}

// LoadOrCreateKey reads the log's key from dir, or makes one where there is none, and writes the public half beside
// it. A secret key that others can read, or that belongs to another origin, is refused.
func LoadOrCreateKey(dir, origin string) (note.Signer, note.Verifier, error) {
	skey, err := readSecret(filepath.Join(dir, SecretKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(dir, origin)
	}
	if err != nil {
		return nil, nil, err
	}
	return loadKey(dir, origin, skey)
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s: others may read it: mode must be 0600", path)
	}
	raw, err := os.ReadFile(path)
	return strings.TrimSpace(string(raw)), err
}

// createKey writes the public key first: a secret key on disk always has its public half beside it.
func createKey(dir, origin string) (note.Signer, note.Verifier, error) {
	skey, vkey, err := GenerateKey(origin)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, PublicKeyFile), []byte(vkey+"\n"), 0o644); err != nil {
		return nil, nil, err
	}
	if err := writeNew(filepath.Join(dir, SecretKeyFile), skey+"\n"); err != nil {
		return nil, nil, err
	}
	return loadKey(dir, origin, skey)
}

func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func loadKey(dir, origin, skey string) (note.Signer, note.Verifier, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: malformed secret key", filepath.Join(dir, SecretKeyFile))
	}
	verifier, err := ReadPublicKey(filepath.Join(dir, PublicKeyFile))
	if err != nil {
		return nil, nil, err
	}
	if signer.Name() != origin || verifier.Name() != origin || signer.KeyHash() != verifier.KeyHash() {
		return nil, nil, fmt.Errorf("keys in %s are not a pair for origin %q", dir, origin)
	}
	return signer, verifier, nil
}

// ReadPublicKey reads a file holding one verifier key.
func ReadPublicKey(path string) (note.Verifier, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
