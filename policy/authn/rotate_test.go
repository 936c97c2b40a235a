package authn

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func rotated(t *testing.T, dir string, at time.Time, atOnce bool) *Issuer {
	t.Helper()
	i, err := RotateIssuer(dir, at, atOnce)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func accepts(t *testing.T, i *Issuer, token string, at time.Time) bool {
	t.Helper()
	gate, err := New(Options{Issuers: []Trusted{i.Trusted()}, Denylist: DenyFunc(nobody), Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = gate.Authenticate(request(token))
	return err == nil
}

func served(t *testing.T, i *Issuer, at time.Time) int {
	t.Helper()
	i.Now = func() time.Time { return at }
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(i.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if _, private := k["d"]; private {
			t.Error("a private key is served")
		}
	}
	return len(set.Keys)
}

func TestARotatedKeyIsBelievedUntilItsLastTokenHasExpired(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	old, err := CreateIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	before, err := old.Mint(Claims{Subject: "s", Client: "c", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	fresh := rotated(t, dir, now, false)
	after, err := fresh.Mint(Claims{Subject: "s", Client: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if !accepts(t, fresh, before, now) || !accepts(t, fresh, after, now) || accepts(t, old, after, now) {
		t.Error("the keys of both are not what is believed")
	}
	late := now.Add(time.Hour + time.Minute)
	// A token of the old key that outlives it can only be forged with that key: as if exp were later.
	old.Now = func() time.Time { return late }
	forged, err := old.Mint(Claims{Subject: "s", Client: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if accepts(t, fresh, forged, late) {
		t.Error("the old key is believed for ever")
	}
	if n := served(t, fresh, now); n != 2 {
		t.Errorf("%d keys are served", n)
	}
	if n := served(t, fresh, late); n != 1 {
		t.Errorf("later, %d keys are served", n)
	}
}

func TestAKeyThatWasStolenIsNotBelievedAnyMore(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	old, err := CreateIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := old.Mint(Claims{Subject: "s", Client: "c"})
	if err != nil {
		t.Fatal(err)
	}
	rotated(t, dir, now, false)
	fresh := rotated(t, dir, now, true)
	if accepts(t, fresh, token, now) || served(t, fresh, now) != 1 {
		t.Error("an old key is believed after a rotation at once")
	}
}

func TestRotationsAreBoundedAndNeverTwoAtOnce(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	if _, err := RotateIssuer(dir, now, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := CreateIssuer(dir); err != nil {
		t.Fatal(err)
	}
	var last *Issuer
	for range maxRetired + 3 {
		last = rotated(t, dir, now, false)
	}
	if n := served(t, last, now); n != maxRetired+1 {
		t.Errorf("%d keys are served", n)
	}
	if err := os.WriteFile(filepath.Join(dir, IssuerFile+".next"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := RotateIssuer(dir, now, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("beside another: %v", err)
	}
}

// A crash between the two renames leaves the key in use among the retired ones.
func TestARotationThatWasCutShortIsNone(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	old, err := CreateIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := old.retire(now, false)
	if err == nil {
		err = replace(filepath.Join(dir, RetiredFile), text)
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadIssuer(dir)
	if err != nil || served(t, again, now) != 1 {
		t.Errorf("%v", err)
	}
}

func TestARetiredKeyWithoutAnEndIsRefused(t *testing.T) {
	dir := t.TempDir()
	old, err := CreateIssuer(dir)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, RetiredFile), old.JWKS(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LoadIssuer(dir); err == nil {
		t.Error("accepted")
	}
}
