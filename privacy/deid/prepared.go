package deid

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"concordat/privacy"
)

// prepared keeps transforms ready for their next column: reading arguments and deriving keys costs more than a page
// of values.
type prepared struct {
	cache *lru.Cache[preparation, ready]
}

// preparation is everything that a prepared transform depends on.
type preparation struct {
	kind                     privacy.Kind
	obligation               privacy.Obligation
	agreement, purpose, root string
}

// ready does a prepared transform on one column.
type ready = func(*privacy.Column) (*privacy.Column, error)

const preparedKept = 4096

func newPrepared() prepared {
	cache, err := lru.New[preparation, ready](preparedKept)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return prepared{cache}
}

// get makes what is not kept. Failures are not kept.
func (p prepared) get(key preparation, prepare func() (ready, error)) (ready, error) {
	if do, ok := p.cache.Get(key); ok {
		return do, nil
	}
	do, err := prepare()
	if err != nil {
		return nil, err
	}
	p.cache.Add(key, do)
	return do, nil
}
