package agent

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"concordat/privacy/secagg"
	"concordat/state"
)

// Shelf keeps queriers' public keys, each uploaded once under its own thumbprint: PUT /secagg/keys/{thumbprint}. A key
// under a thumbprint never changes, so uploading it again does nothing. It is public, and can be checked by anybody.
type Shelf struct {
	Store *state.Store
	// Allowed says whether a request may upload; required, since every key takes space.
	Allowed func(r *http.Request) bool
}

// ShelfPath is where a Shelf is mounted.
const ShelfPath = "PUT /secagg/keys/{thumbprint}"

// ErrNoKey: no key of that thumbprint was uploaded.
var ErrNoKey = errors.New("no such querier key")

func shelfKey(thumbprint string) []byte {
	return []byte("secagg/key/" + hex.EncodeToString([]byte(thumbprint)))
}

// ServeHTTP takes one key.
func (s *Shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.Allowed(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, secagg.QuerierPublicSize))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	key, parsed := secagg.ParseQuerierPublic(body)
	if err != nil || parsed != nil || key.Thumbprint() != r.PathValue("thumbprint") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	err = s.Store.Commit(r.Context(), func(tx state.Tx) error {
		if _, err := tx.Get(shelfKey(key.Thumbprint())); !errors.Is(err, state.ErrNotFound) {
			return err
		}
		return tx.Set(shelfKey(key.Thumbprint()), body)
	})
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Key reads a key back. What is stored is checked again: a key that is not its thumbprint's is not used.
func (s *Shelf) Key(thumbprint string) (key secagg.QuerierPublic, err error) {
	var body []byte
	err = s.Store.View(func(tx state.ReadTx) (err error) { body, err = tx.Get(shelfKey(thumbprint)); return err })
	if errors.Is(err, state.ErrNotFound) {
		return key, ErrNoKey
	}
	if err != nil {
		return key, err
	}
	if key, err = secagg.ParseQuerierPublic(body); err == nil && key.Thumbprint() != thumbprint {
		err = fmt.Errorf("querier key: %w", state.ErrUnavailable)
	}
	return key, err
}
