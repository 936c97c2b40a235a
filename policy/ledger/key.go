package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
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

// LoadOrCreateKey is LoadKey for a log of that origin, and makes a key where dir has none yet. A directory that has
// only the public half is refused: the secret was lost, and a new one would silently begin another log.
func LoadOrCreateKey(dir, origin string) (note.Signer, note.Verifier, error) {
	signer, verifier, err := LoadKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(dir, origin); err != nil {
			return nil, nil, err
		}
		signer, verifier, err = LoadKey(dir)
	}
	if err != nil {
		return nil, nil, err
	}
	if signer.Name() != origin {
		return nil, nil, fmt.Errorf("the key in %s is of origin %q, not %q", dir, signer.Name(), origin)
	}
	return signer, verifier, nil
}

// LoadKey reads the log's key from dir. The public half is derived and written where it is missing. A secret key that
// others can read, and a public key that is not its half, are refused.
func LoadKey(dir string) (note.Signer, note.Verifier, error) {
	skey, err := readSecret(filepath.Join(dir, SecretKeyFile))
	if err != nil {
		return nil, nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: malformed secret key", filepath.Join(dir, SecretKeyFile))
	}
	vkey, err := publicHalf(skey)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, PublicKeyFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(path, []byte(vkey+"\n"), 0o644); err != nil {
			return nil, nil, err
		}
	}
	verifier, err := ReadPublicKey(path)
	if err != nil {
		return nil, nil, err
	}
	if signer.Name() != verifier.Name() || signer.KeyHash() != verifier.KeyHash() {
		return nil, nil, fmt.Errorf("the keys in %s are not a pair", dir)
	}
	return signer, verifier, nil
}

// publicHalf derives the verifier key from a signer key, "PRIVATE+KEY+name+hash+base64(0x01, seed)": C2SP
// signed-note does not define that form, golang.org/x/mod/sumdb/note does.
func publicHalf(skey string) (string, error) {
	parts := strings.SplitN(skey, "+", 5)
	if len(parts) != 5 {
		return "", errors.New("ledger: malformed secret key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", errors.New("ledger: malformed secret key")
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
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

func createKey(dir, origin string) error {
	public := filepath.Join(dir, PublicKeyFile)
	if _, err := os.Stat(public); err == nil {
		return fmt.Errorf("%s has no secret key beside it: %s is lost", public, SecretKeyFile)
	}
	skey, _, err := GenerateKey(origin)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return writeNew(filepath.Join(dir, SecretKeyFile), skey+"\n")
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
