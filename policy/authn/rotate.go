package authn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

// RetiredFile holds the public halves of keys that sign no more, as a JWK set. Each has exp (OpenID Federation 1.0
// section 8.7): when the last token signed with it has expired.
const RetiredFile = "issuer.retired.json"

// maxRetired bounds the retired keys that are served; older ones go first.
const maxRetired = 8

// RotateIssuer gives the issuer in dir a new key. The old public half is served and believed until the last token signed
// with the old key has expired; with atOnce, for a key that is not the owner's alone any more, from now on it is not.
func RotateIssuer(dir string, now time.Time, atOnce bool) (*Issuer, error) {
	issuer, err := rotate(dir, now, atOnce)
	if err != nil {
		return nil, fmt.Errorf("development issuer: %w", err)
	}
	return issuer, nil
}

func rotate(dir string, now time.Time, atOnce bool) (*Issuer, error) {
	old, err := LoadIssuer(dir)
	if err != nil {
		return nil, err
	}
	text, err := newIssuerKey()
	if err != nil {
		return nil, err
	}
	// The next key's file is also the lock: of two rotations at once, one is refused.
	next := filepath.Join(dir, IssuerFile+".next")
	if err := writeSecret(next, text); err != nil {
		return nil, err
	}
	retired, err := old.retire(now, atOnce)
	if err == nil {
		err = replace(filepath.Join(dir, RetiredFile), retired)
	}
	if err == nil {
		err = os.Rename(next, filepath.Join(dir, IssuerFile))
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(next))
	}
	return LoadIssuer(dir)
}

// retire is the set of retired keys once this issuer's own is among them.
func (i *Issuer) retire(now time.Time, atOnce bool) ([]byte, error) {
	keep := living(i.retired, now)
	if atOnce {
		keep = nil // what was stolen once may have been stolen before
	} else {
		until := LongestLife(now)
		public, err := i.publicKey()
		if err == nil {
			err = public.Set("exp", until.Unix())
		}
		if err != nil {
			return nil, err
		}
		raw, err := json.Marshal(public)
		if err != nil {
			return nil, err
		}
		keep = append(keep, retiredKey{i.kid, until, raw})
	}
	keep = keep[max(0, len(keep)-maxRetired):]
	return json.MarshalIndent(setOf(nil, keep), "", "  ")
}

// retiredKey is a public key that is served until an instant.
type retiredKey struct {
	kid   string
	until time.Time
	raw   json.RawMessage
}

func living(keys []retiredKey, now time.Time) []retiredKey {
	var out []retiredKey
	for _, k := range keys {
		if now.Before(k.until) {
			out = append(out, k)
		}
	}
	return out
}

// setOf is a JWK set of the key in use, where one is given, and retired ones.
func setOf(own any, retired []retiredKey) map[string]any {
	list := []any{}
	if own != nil {
		list = append(list, own)
	}
	for _, k := range retired {
		list = append(list, k.raw)
	}
	return map[string]any{"keys": list}
}

// readRetired reads a directory's retired keys, none where there is no file. A rotation that was cut short leaves the key
// in use among them, which is left out.
func readRetired(dir, kid string) ([]retiredKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, RetiredFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: not a key set", RetiredFile)
	}
	var out []retiredKey
	for n, raw := range document.Keys {
		var member struct {
			KeyID string `json:"kid"`
			Until int64  `json:"exp"`
		}
		if err := json.Unmarshal(raw, &member); err != nil || member.Until <= 0 { // without an end it would live for ever
			return nil, fmt.Errorf("%s: key %d: exp or kid is missing or of the wrong form", RetiredFile, n)
		}
		if member.KeyID != kid {
			out = append(out, retiredKey{member.KeyID, time.Unix(member.Until, 0), raw})
		}
	}
	return out, nil
}

// replace writes a file whole or not at all.
func replace(path string, text []byte) error {
	next := path + ".next"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func (i *Issuer) publicKey() (jwk.Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(i.public, &set); err != nil || len(set.Keys) != 1 {
		return nil, errors.New("no public half")
	}
	return jwk.ParseKey(set.Keys[0])
}
