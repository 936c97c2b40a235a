package secagg

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

// Answer is what the querier gets: the switched sums, and the signed messages that say whose they are.
type Answer struct {
	Ceremony    *Ceremony
	Transcript  [32]byte
	Question    *Question
	Commitments []*Message
	Activations []*Message
	Sums        [][]byte // blocks under the querier's key
}

// Aggregator is the middle: it checks form and signatures, to name who breaks the protocol, and adds. It holds no
// secret. Not safe for concurrent use.
type Aggregator struct {
	ceremony    *Ceremony
	scheme      *scheme
	question    *Question
	transcript  [32]byte
	bind        [32]byte
	active      []Member
	commitments []*Message
	activations []*Message
	hash        [32]byte
	sums        []*rlwe.Ciphertext
	added       map[string]bool
	released    map[string]bool
}

// Transcript checks the messages of a finished ceremony, round by round, and returns the hash that questions bind to.
func Transcript(c *Ceremony, hellos, commits, reveals, agreements []*Message) ([32]byte, error) {
	hash := c.bind()
	rounds := [][]*Message{hellos, commits, reveals, agreements}
	kinds := []Kind{KindHello, KindCommit, KindReveal, KindAgree}
	for i, kind := range kinds {
		ordered, err := gather(kind, c.bind(), c.Members, rounds[i])
		if err != nil {
			return hash, err
		}
		hash = chain(hash, ordered)
	}
	return hash, nil
}

// CheckRound verifies one round of a ceremony as it comes in.
func CheckRound(c *Ceremony, kind Kind, messages []*Message) error {
	_, err := gather(kind, c.bind(), c.Members, messages)
	return err
}

// CheckReveals verifies that every key share is the one committed to, so that the middle can name who changed its mind.
// Both rounds must have passed CheckRound.
func CheckReveals(c *Ceremony, commits, reveals []*Message) error {
	committed := map[string][]byte{}
	for _, m := range commits {
		committed[m.From] = m.Body
	}
	for _, m := range reveals {
		if len(m.Body) != 32+blockKeyShare.size() || len(committed[m.From]) != 64 {
			return blame(m.From, ErrWire)
		}
		if digest("key share", m.Body[32:], m.Body[:32]) != [32]byte(committed[m.From][32:]) {
			return blame(m.From, fmt.Errorf("%w: the key share is not the one committed to", ErrProtocol))
		}
	}
	return nil
}

// NewAggregator takes the commitments of the members that answered in time: they become the active set.
func NewAggregator(c *Ceremony, transcript [32]byte, q *Question, commitments []*Message) (*Aggregator, error) {
	s, err := loadScheme(c.Set)
	if err != nil {
		return nil, err
	}
	a := &Aggregator{ceremony: c, scheme: s, question: q, transcript: transcript, bind: q.bind(c, transcript),
		added: map[string]bool{}, released: map[string]bool{}}
	names := make([]string, len(commitments))
	for i, m := range commitments {
		names[i] = m.From
	}
	active, err := activeSet(c, q, names)
	if err != nil {
		return nil, err
	}
	a.active = membersOf(c, active)
	if a.commitments, err = gather(KindCommitment, a.bind, a.active, commitments); err != nil {
		return nil, err
	}
	a.hash = hashActive(a.bind, a.commitments)
	for range q.Ciphertexts(len(c.Members)) {
		a.sums = append(a.sums, bgv.NewCiphertext(s.params, 1, s.params.MaxLevel()))
	}
	return a, nil
}

// Active names the active set.
func (a *Aggregator) Active() []string {
	names := make([]string, len(a.active))
	for i, m := range a.active {
		names[i] = m.Name
	}
	return names
}

func (a *Aggregator) place(name string) (int, error) {
	for i, m := range a.active {
		if m.Name == name {
			return i, nil
		}
	}
	return 0, blame(name, fmt.Errorf("%w: not in the active set", ErrProtocol))
}

// Add takes one member's activation and ciphertexts.
func (a *Aggregator) Add(m *Message, ciphertexts [][]byte) error {
	i, err := a.place(m.From)
	if err != nil {
		return err
	}
	if a.added[m.From] {
		return blame(m.From, fmt.Errorf("%w: two contributions", ErrProtocol))
	}
	if err := m.verify(KindActivate, a.bind, a.active[i]); err != nil {
		return err
	}
	if len(m.Body) != 32 || [32]byte(m.Body) != a.hash {
		return blame(m.From, fmt.Errorf("%w: another active set", ErrProtocol))
	}
	if err := a.checkContribution(a.commitments[i], ciphertexts); err != nil {
		return blame(m.From, err)
	}
	for j, block := range ciphertexts {
		a.scheme.addBlock(a.sums[j].Value, block)
	}
	a.added[m.From] = true
	a.activations = append(a.activations, m)
	return nil
}

// checkContribution looks at all ciphertexts before any is added: a contribution counts whole or not at all.
func (a *Aggregator) checkContribution(commitment *Message, blocks [][]byte) error {
	hashes, _, err := readCommitment(commitment.Body, len(a.sums))
	if err != nil {
		return err
	}
	if len(blocks) != len(a.sums) {
		return fmt.Errorf("%w: number of ciphertexts", ErrWire)
	}
	for i, block := range blocks {
		if err := a.scheme.check(blockCiphertext, block); err != nil {
			return err
		}
		if h0, h1 := halfHashes(block); h0 != hashes[2*i] || h1 != hashes[2*i+1] {
			return fmt.Errorf("%w: another ciphertext than committed to", ErrProtocol)
		}
	}
	return nil
}

// Ready reports whether every active member's ciphertexts are in the sum.
func (a *Aggregator) Ready() bool { return len(a.added) == len(a.active) }

// Activations are everyone's signed active sets.
func (a *Aggregator) Activations() []*Message { return a.activations }

// Switch takes one member's release. After the first one the session's sum starts to be open, so the privacy spend
// stays whatever happens next.
func (a *Aggregator) Switch(m *Message) error {
	i, err := a.place(m.From)
	if err != nil {
		return err
	}
	if !a.Ready() || a.released[m.From] {
		return blame(m.From, fmt.Errorf("%w: release", ErrProtocol))
	}
	if err := m.verify(KindRelease, a.bind, a.active[i]); err != nil {
		return err
	}
	size := blockSwitch.size()
	if len(m.Body) != 32+size*len(a.sums) || [32]byte(m.Body) != a.hash {
		return blame(m.From, fmt.Errorf("%w: release", ErrWire))
	}
	share := func(j int) []byte { return m.Body[32+j*size : 32+(j+1)*size] }
	for j := range a.sums {
		if err := a.scheme.check(blockSwitch, share(j)); err != nil {
			return blame(m.From, err)
		}
	}
	a.released[m.From] = true
	for j, sum := range a.sums {
		if len(a.released) == 1 {
			wipe(sum.Value[1]) // the shares' second halves take its place
		}
		a.scheme.addBlock(sum.Value, share(j))
	}
	return nil
}

// Answer is complete once every active member has released.
func (a *Aggregator) Answer() (*Answer, error) {
	if len(a.released) != len(a.active) {
		return nil, ErrTooFew
	}
	out := &Answer{Ceremony: a.ceremony, Transcript: a.transcript, Question: a.question, Commitments: a.commitments, Activations: a.activations}
	for _, ct := range a.sums {
		out.Sums = append(out.Sums, writeBlock(blockCiphertext, ct.Value...))
	}
	return out, nil
}

// CheckCommitment verifies one member's contribution commitment as it comes in.
func CheckCommitment(c *Ceremony, transcript [32]byte, q *Question, m *Message) error {
	i := c.index(m.From)
	if i < 0 {
		return blame(m.From, fmt.Errorf("%w: no member", ErrProtocol))
	}
	if err := m.verify(KindCommitment, q.bind(c, transcript), c.Members[i]); err != nil {
		return err
	}
	_, _, err := readCommitment(m.Body, q.Ciphertexts(len(c.Members)))
	return blame(m.From, err)
}
