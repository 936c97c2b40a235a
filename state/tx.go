package state

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// snapshot reads one transaction of the engine.
type snapshot struct{ txn *badger.Txn }

func (r snapshot) Get(key []byte) ([]byte, error) {
	item, err := r.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, unavailable("read", err)
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return nil, unavailable("read", err)
	}
	return value, nil
}

func (r snapshot) Iterate(prefix []byte, fn func(key, value []byte) error) error {
	opts := badger.DefaultIteratorOptions
	opts.Prefix = prefix
	opts.PrefetchSize = 16
	it := r.txn.NewIterator(opts)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		value, err := it.Item().ValueCopy(nil)
		if err != nil {
			return unavailable("read", err)
		}
		if err := fn(it.Item().KeyCopy(nil), value); err != nil {
			return quiet(err)
		}
	}
	return nil
}

func quiet(err error) error {
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// overlay stages one function's writes above a base, so that they can be dropped when it fails.
type overlay struct {
	base   ReadTx
	writes map[string]write
	size   int
	dead   bool
}

type write struct {
	value   []byte
	deleted bool
}

var errDead = errors.New("state: transaction used after its function returned")

func (o *overlay) Get(key []byte) ([]byte, error) {
	if o.dead {
		return nil, errDead
	}
	if w, ok := o.writes[string(key)]; ok {
		if w.deleted {
			return nil, ErrNotFound
		}
		return bytes.Clone(w.value), nil
	}
	return o.base.Get(key)
}

func (o *overlay) Set(key, value []byte) error {
	return o.stage(key, write{value: append([]byte{}, value...)})
}

func (o *overlay) Delete(key []byte) error { return o.stage(key, write{deleted: true}) }

func (o *overlay) stage(key []byte, w write) error {
	switch {
	case o.dead:
		return errDead
	case len(key) == 0:
		return errors.New("state: empty key")
	case o.writes == nil:
		o.writes = make(map[string]write, 4)
	}
	o.writes[string(key)] = w
	o.size += len(key) + len(w.value)
	if o.tooLarge() {
		return ErrTooLarge
	}
	return nil
}

func (o *overlay) tooLarge() bool { return o.size > maxStaged || len(o.writes) > maxWrites }

// Iterate merges the staged writes into the base's order. What fn writes while iterating may or may not be seen.
func (o *overlay) Iterate(prefix []byte, fn func(key, value []byte) error) error {
	if o.dead {
		return errDead
	}
	keys := o.stagedKeys(string(prefix))
	stopped := false // the base swallows ErrStop: the staged rest must hear of it too
	visit := fn
	fn = func(key, value []byte) error {
		err := visit(key, value)
		stopped = errors.Is(err, ErrStop)
		return err
	}
	err := o.base.Iterate(prefix, func(key, value []byte) error {
		for len(keys) > 0 && keys[0] < string(key) {
			if err := o.emit(keys[0], fn); err != nil {
				return err
			}
			keys = keys[1:]
		}
		if len(keys) > 0 && keys[0] == string(key) {
			keys = keys[1:]
			return o.emit(string(key), fn)
		}
		return fn(key, value)
	})
	for err == nil && !stopped && len(keys) > 0 {
		err = o.emit(keys[0], fn)
		keys = keys[1:]
	}
	return quiet(err)
}

func (o *overlay) stagedKeys(prefix string) []string {
	var keys []string
	for k := range o.writes {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (o *overlay) emit(key string, fn func(key, value []byte) error) error {
	w := o.writes[key]
	if w.deleted {
		return nil
	}
	return fn([]byte(key), bytes.Clone(w.value))
}

// apply hands the staged writes to the engine's transaction.
func (o *overlay) apply(txn *badger.Txn) error {
	for k, w := range o.writes {
		var err error
		if w.deleted {
			err = txn.Delete([]byte(k))
		} else {
			err = txn.Set([]byte(k), w.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
