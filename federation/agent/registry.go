package agent

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"concordat/state"
)

// Registry knows the agents of a gateway: a name and a key each, kept in the gateway's state.
type Registry struct {
	Store *state.Store
	Now   func() time.Time // default time.Now
}

func (r *Registry) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

type invitation struct {
	Agency  string `json:"agency"`
	Expires int64  `json:"expires"` // Unix seconds
}

func identityKey(agency string) []byte { return []byte("agent/identity/" + agency) }

func codeKey(code string) []byte {
	d := sha256.Sum256([]byte(code))
	return append([]byte("agent/code/"), d[:]...)
}

// Invite makes a one-time code with which an agent can enrol under that name, or replace its key. Only its hash is kept.
func (r *Registry) Invite(ctx context.Context, agency string, life time.Duration) (string, error) {
	var raw [24]byte
	rand.Read(raw[:]) // never fails (crypto/rand since Go 1.24)
	code := base64.RawURLEncoding.EncodeToString(raw[:])
	value, err := json.Marshal(invitation{agency, r.now().Add(life).Unix()})
	if err != nil {
		return "", err
	}
	return code, r.Store.Commit(ctx, func(tx state.Tx) error { return tx.Set(codeKey(code), value) })
}

// Identity is the key that an agency enrolled with.
func (r *Registry) Identity(agency string) (key ed25519.PublicKey, err error) {
	err = r.Store.View(func(tx state.ReadTx) (err error) { key, err = tx.Get(identityKey(agency)); return err })
	if errors.Is(err, state.ErrNotFound) {
		err = ErrNotEnrolled
	}
	return key, err
}

// Admit decides who is at the other end of a link: an enrolled key needs no code, a new one uses one up.
func (r *Registry) Admit(ctx context.Context, agency, code string, key ed25519.PublicKey) error {
	var have []byte
	err := r.Store.View(func(tx state.ReadTx) (err error) { have, err = tx.Get(identityKey(agency)); return err })
	switch {
	case err == nil && bytes.Equal(have, key):
		return nil
	case err != nil && !errors.Is(err, state.ErrNotFound):
		return err
	case code == "":
		return ErrNotEnrolled
	}
	return r.Store.Commit(ctx, func(tx state.Tx) error { return r.enrol(tx, agency, code, key) })
}

func (r *Registry) enrol(tx state.Tx, agency, code string, key ed25519.PublicKey) error {
	value, err := tx.Get(codeKey(code))
	if errors.Is(err, state.ErrNotFound) {
		return ErrNotEnrolled
	}
	if err != nil {
		return err
	}
	var i invitation
	if json.Unmarshal(value, &i) != nil || i.Agency != agency || i.Expires <= r.now().Unix() {
		return ErrNotEnrolled
	}
	if err := tx.Delete(codeKey(code)); err != nil {
		return err
	}
	return tx.Set(identityKey(agency), key)
}
