package privacy

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// RootKeySize is the length of the root key in bytes.
const RootKeySize = 32

// rootKeyFile holds the key and nothing else. Whoever has it can recompute every pseudonym; without it none can be
// made again.
const rootKeyFile = "pseudonym-root.key"

// ErrRootKey refuses a key file that is damaged or that others may read. It is never replaced: new pseudonyms would
// silently stop matching those that partners hold.
var ErrRootKey = errors.New("root key unusable")

// RootKey reads the root key of keyed transforms from dir, or makes one there the first time. Of several processes
// that start at once, all get the same key.
func RootKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, rootKeyFile)
	key, err := readRootKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := makeRootKey(dir, path); err != nil {
		return nil, fmt.Errorf("make root key: %w", err)
	}
	return readRootKey(path)
}

func readRootKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read root key: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s must be a file that only its owner may read: %w", path, ErrRootKey)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read root key: %w", err)
	}
	if len(key) != RootKeySize {
		return nil, fmt.Errorf("%s has not %d bytes: %w", path, RootKeySize, ErrRootKey)
	}
	return key, nil
}

// makeRootKey writes a whole key beside the path and links it there: a crash leaves no half key, and where another
// process was first its key stays.
func makeRootKey(dir, path string) error {
	f, err := os.CreateTemp(dir, rootKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, RootKeySize)
	rand.Read(key) // never fails (crypto/rand since Go 1.24)
	_, err = f.Write(key)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
