package policy

import (
	"hash/maphash"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
)

// decisions keeps what was decided by facts and request. A request names many coordinates, and to digest them all
// costs more than everything else about a decision that is kept. So they are only hashed, and the request itself lies
// beside the decision: one that hashes alike and is another is not found. Comparing is cheap, since the names of one
// catalog are the same strings.
type decisions struct {
	kept *lru.Cache[decisionKey, decided]
	seed maphash.Seed
}

type decisionKey struct {
	facts   cacheKey
	request uint64
}

type decided struct {
	request  Request
	decision *Decision
}

func newDecisions(size int) (*decisions, error) {
	kept, err := lru.New[decisionKey, decided](size)
	return &decisions{kept: kept, seed: maphash.MakeSeed()}, err
}

// get is the decision on exactly r, nil where there is none.
func (c *decisions) get(key decisionKey, r *Request) *Decision {
	d, ok := c.kept.Get(key)
	if !ok || d.request.Operation != r.Operation || !slices.Equal(d.request.Fields, r.Fields) || !slices.Equal(d.request.Types, r.Types) {
		return nil
	}
	return d.decision
}

func (c *decisions) add(key decisionKey, r *Request, d *Decision) {
	own := Request{Operation: r.Operation, Fields: slices.Clone(r.Fields), Types: slices.Clone(r.Types)}
	c.kept.Add(key, decided{own, d})
}

// hash mixes what a request names. Names alone are hashed: which agency's they are is left to the comparison.
func (c *decisions) hash(r *Request) uint64 {
	const odd = 0x9e3779b97f4a7c15
	sum := uint64(len(r.Fields))
	for i := range r.Fields {
		sum = (sum ^ maphash.String(c.seed, string(r.Fields[i].Coordinate))) * odd
	}
	for i := range r.Types {
		sum = (sum ^ maphash.String(c.seed, r.Types[i].Type)) * odd
	}
	return sum
}
