package policy

import (
	"crypto/sha256"

	lru "github.com/hashicorp/golang-lru/v2"

	"concordat/policy/predicate"
)

// cacheKey is a SHA-256: two keys that are equal were made from the same values.
type cacheKey [sha256.Size]byte

// defaultCacheSize is how many answers of each kind are kept.
const defaultCacheSize = 4096

// caches hold what was computed for one engine, so for one revision of every input. They hold only answers that
// depend on nothing but the key.
type caches struct {
	documents *lru.Cache[cacheKey, *document]
	verdicts  *lru.Cache[cacheKey, *verdict]
	residuals *lru.Cache[cacheKey, predicate.Predicate] // of one rule: a long list that all callers share is kept once
	rows      *lru.Cache[cacheKey, predicate.Predicate] // of a type: made of residuals
	decisions *decisions
	profiles  *lru.Cache[cacheKey, *Profile]
}

func newCaches(size int) (caches, error) {
	if size <= 0 {
		size = defaultCacheSize
	}
	var c caches
	var err [6]error
	c.documents, err[0] = lru.New[cacheKey, *document](size)
	c.verdicts, err[1] = lru.New[cacheKey, *verdict](size)
	c.rows, err[2] = lru.New[cacheKey, predicate.Predicate](size)
	c.residuals, err[5] = lru.New[cacheKey, predicate.Predicate](size)
	c.decisions, err[3] = newDecisions(size)
	c.profiles, err[4] = lru.New[cacheKey, *Profile](size)
	for _, e := range err {
		if e != nil {
			return caches{}, e
		}
	}
	return c, nil
}

// sum makes the key of what kind of answer, for whom it was asked, and the values it depends on.
func sum(kind string, name string, reads facts, s *Subject, operation string) cacheKey {
	var space [512]byte
	key := appendText(space[:0], kind)
	key = appendText(key, name)
	return sha256.Sum256(reads.appendKey(key, s, operation))
}
