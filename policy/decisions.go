package policy

import (
	"hash/maphash"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
)

// decisions keeps what was decided by facts and request. A request names many coordinates, and to digest them all
// costs more than everything else about a decision that is kept. So both are only hashed, and lie beside the decision:
// what hashes alike and is another is not found. Comparing is cheap, since the names of one catalog are the same strings.
type decisions struct {
	kept *lru.Cache[uint64, decided]
	seed maphash.Seed
}

type decided struct {
	facts    string // as facts.appendKey writes them
	request  Request
	decision *Decision
}

func newDecisions(size int) (*decisions, error) {
	kept, err := lru.New[uint64, decided](size)
	return &decisions{kept: kept, seed: maphash.MakeSeed()}, err
}

// get is the decision on exactly r for exactly these facts, nil where there is none.
func (c *decisions) get(facts []byte, r *Request) *Decision {
	d, ok := c.kept.Get(c.hash(facts, r))
	if !ok || d.facts != string(facts) || d.request.Operation != r.Operation || !slices.Equal(d.request.Fields, r.Fields) || !slices.Equal(d.request.Types, r.Types) {
		return nil
	}
	return d.decision
}

func (c *decisions) add(facts []byte, r *Request, d *Decision) {
	own := Request{Operation: r.Operation, Fields: slices.Clone(r.Fields), Types: slices.Clone(r.Types)}
	c.kept.Add(c.hash(facts, r), decided{string(facts), own, d})
}

// hash mixes the facts and what a request names. Which agency's it is, is left to the comparison.
func (c *decisions) hash(facts []byte, r *Request) uint64 {
	const odd = 0x9e3779b97f4a7c15
	sum := maphash.Bytes(c.seed, facts) ^ uint64(len(r.Fields))
	for i := range r.Fields {
		sum = (sum ^ maphash.String(c.seed, string(r.Fields[i].Coordinate))) * odd
	}
	for i := range r.Types {
		sum = (sum ^ maphash.String(c.seed, r.Types[i].Type)) * odd
	}
	return sum
}
