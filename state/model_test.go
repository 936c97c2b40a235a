package state_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"concordat/state"

	"pgregory.net/rapid"
)

// TestStoreAgreesWithAMap runs random transactions, some of them aborted, against the store and against a plain map.
func TestStoreAgreesWithAMap(t *testing.T) {
	s := open(t, state.Options{InMemory: true})
	model := map[string]string{}
	key := rapid.StringMatching(`[abc]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		next := maps.Clone(model)
		abort := rapid.Bool().Draw(t, "abort")
		errAbort := errors.New("abort")
		err := s.Commit(t.Context(), func(tx state.Tx) error {
			for range rapid.IntRange(0, 8).Draw(t, "steps") {
				step(t, tx, next, key.Draw(t, "key"))
			}
			if abort {
				return errAbort
			}
			return nil
		})
		if abort != errors.Is(err, errAbort) || !abort && err != nil {
			t.Fatal(err)
		}
		if !abort {
			model = next
		}
		err = s.View(func(tx state.ReadTx) error { compare(t, tx, model, key.Draw(t, "prefix")); return nil })
		if err != nil {
			t.Fatal(err)
		}
	})
}

// step must not call Fatal: it runs on the store's writer.
func step(t *rapid.T, tx state.Tx, model map[string]string, key string) {
	switch rapid.IntRange(0, 3).Draw(t, "op") {
	case 0:
		if err := tx.Delete([]byte(key)); err != nil {
			t.Error(err)
		}
		delete(model, key)
	case 1:
		compare(t, tx, model, key)
	default:
		value := rapid.StringN(0, 4, -1).Draw(t, "value")
		if err := tx.Set([]byte(key), []byte(value)); err != nil {
			t.Error(err)
		}
		model[key] = value
	}
}

func compare(t *rapid.T, tx state.ReadTx, model map[string]string, prefix string) {
	var got, want []string
	err := tx.Iterate([]byte(prefix), func(k, v []byte) error {
		got = append(got, string(k)+"="+string(v))
		return nil
	})
	for _, k := range slices.Sorted(maps.Keys(model)) {
		if strings.HasPrefix(k, prefix) {
			want = append(want, k+"="+model[k])
		}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("below %q: %v, %v, want %v", prefix, got, err, want)
	}
	value, err := tx.Get([]byte(prefix))
	if have, ok := model[prefix]; ok && (err != nil || string(value) != have) || !ok && !errors.Is(err, state.ErrNotFound) {
		t.Errorf("get %q: %q, %v", prefix, value, err)
	}
}
