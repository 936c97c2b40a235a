package secagg

import (
	"bytes"
	"crypto/hpke"
	"fmt"
	"slices"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
	"golang.org/x/crypto/cryptobyte"
)

// contribution is what a party holds back until the active set stands.
type contribution struct {
	blocks [][]byte
}

// Contribute encrypts this agency's values under the collective key and commits to the ciphertexts: nobody can choose
// its own after seeing another's. key is the querier's, which must have the thumbprint that the question names.
func (p *Party) Contribute(q *Question, key QuerierPublic, values []int64) (m *Message, err error) {
	err = p.step(stagePrepared, stageContributed, func() error {
		if err := p.takeQuestion(q, key); err != nil {
			return err
		}
		if len(values) != q.Slots() {
			return fmt.Errorf("%w: number of values", ErrProtocol)
		}
		hashes, err := p.encryptAll(values)
		if err != nil {
			return err
		}
		sealed, err := hpke.Seal(key.sealing, kdf(), aead(), sealInfo(p.questionBind, p.name()), p.seed[:])
		if err != nil {
			return err
		}
		m = p.message(KindCommitment, p.questionBind, encodeCommitment(hashes, sealed))
		return nil
	})
	return m, err
}

func (p *Party) takeQuestion(q *Question, key QuerierPublic) error {
	if err := q.Check(len(p.ceremony.Members)); err != nil {
		return err
	}
	if q.Session != p.ceremony.Session || key.Thumbprint() != q.Querier {
		return fmt.Errorf("%w: question of another session or key", ErrProtocol)
	}
	p.question, p.questionBind, p.querier = q, q.bind(p.ceremony, p.hash), key.encrypt
	return nil
}

func sealInfo(question [32]byte, from string) []byte {
	d := digest("seed for the querier", question[:], []byte(from))
	return d[:]
}

// encryptAll packs values, encrypts, and returns the hashes of both halves of each ciphertext.
func (p *Party) encryptAll(values []int64) ([][32]byte, error) {
	members := len(p.ceremony.Members)
	var hashes [][32]byte
	for i := range p.question.Ciphertexts(members) {
		n := min(len(values), perCiphertext(members))
		slots, err := p.pack(values[:n], i)
		if err != nil {
			return nil, err
		}
		values = values[n:]
		ct, err := p.encrypt(slots)
		if err != nil {
			return nil, err
		}
		block := writeBlock(blockCiphertext, ct.Value...)
		h0, h1 := halfHashes(block)
		p.mine.blocks = append(p.mine.blocks, block)
		hashes = append(hashes, h0, h1)
	}
	return hashes, nil
}

// pack lays out one ciphertext's slots: participation, values, and from the middle on their tags.
func (p *Party) pack(values []int64, ciphertext int) ([]uint64, error) {
	members := len(p.ceremony.Members)
	slots := make([]uint64, degree)
	slots[p.self] = 1
	for i, v := range values {
		if v > limit(members) || v < -limit(members) {
			return nil, ErrOverflow
		}
		slots[members+i] = residue(v)
	}
	for i, key := range macKeys(p.seed, p.questionBind, ciphertext) {
		slots[half+i] = mulMod(key, slots[i])
	}
	return slots, nil
}

// halfHashes are the hashes of c0 and c1 of an encoded ciphertext.
func halfHashes(block []byte) (h0, h1 [32]byte) {
	return digest("c0", block[headerLen:headerLen+polyLen]), digest("c1", block[headerLen+polyLen:])
}

// halfOf is c1 of an encoded ciphertext, as a block of its own.
func halfOf(block []byte) []byte {
	h := blockHalf.header()
	return append(h[:], block[headerLen+polyLen:]...)
}

// HalfOf takes from an encoded ciphertext, whose form has been checked, the half that the other agencies need to see.
func HalfOf(ciphertext []byte) ([]byte, error) {
	if len(ciphertext) != blockCiphertext.size() {
		return nil, ErrWire
	}
	return halfOf(ciphertext), nil
}

func encodeCommitment(hashes [][32]byte, sealed []byte) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16(uint16(len(hashes)))
	for _, h := range hashes {
		b.AddBytes(h[:])
	}
	addLong(b, sealed)
	return b.BytesOrPanic()
}

// readCommitment returns two hashes per ciphertext, and the seed sealed to the querier.
func readCommitment(body []byte, ciphertexts int) (hashes [][32]byte, sealed []byte, err error) {
	s := cryptobyte.String(body)
	var n uint16
	if !s.ReadUint16(&n) || int(n) != 2*ciphertexts {
		return nil, nil, fmt.Errorf("%w: commitment", ErrWire)
	}
	for range n {
		var h []byte
		if !s.ReadBytes(&h, 32) {
			return nil, nil, fmt.Errorf("%w: commitment", ErrWire)
		}
		hashes = append(hashes, [32]byte(h))
	}
	if !readLong(&s, &sealed) || !s.Empty() {
		return nil, nil, fmt.Errorf("%w: commitment", ErrWire)
	}
	return hashes, sealed, nil
}

// activeSet resolves the names of those who contribute: in the members' order, enough of them, each once.
func activeSet(c *Ceremony, q *Question, names []string) ([]int, error) {
	var active []int
	for _, name := range names {
		i := c.index(name)
		if i < 0 || slices.Contains(active, i) {
			return nil, fmt.Errorf("%w: active set", ErrProtocol)
		}
		active = append(active, i)
	}
	slices.Sort(active)
	if len(active) < max(c.Threshold, q.Minimum) {
		return nil, ErrTooFew
	}
	return active, nil
}

func membersOf(c *Ceremony, active []int) []Member {
	members := make([]Member, len(active))
	for i, a := range active {
		members[i] = c.Members[a]
	}
	return members
}

// hashActive binds the active set and every contribution in it; gather has verified them.
func hashActive(question [32]byte, commitments []*Message) [32]byte {
	parts := [][]byte{question[:]}
	for _, m := range commitments {
		parts = append(parts, []byte(m.From), m.verified[:])
	}
	return digest("active set", parts...)
}

// Activate takes the proposed active set with everyone's commitments, signs it, and gives out this party's ciphertexts.
// minimum is this agency's own rule for the number of contributors.
func (p *Party) Activate(names []string, commitments []*Message, minimum int) (m *Message, ciphertexts [][]byte, err error) {
	err = p.step(stageContributed, stageActivated, func() error {
		active, err := activeSet(p.ceremony, p.question, names)
		if err != nil {
			return err
		}
		if len(active) < minimum {
			return ErrTooFew
		}
		if !slices.Contains(active, p.self) {
			return fmt.Errorf("%w: not in the active set", ErrProtocol)
		}
		p.commitments, err = gather(KindCommitment, p.questionBind, membersOf(p.ceremony, active), commitments)
		if err != nil {
			return err
		}
		p.active, p.activeHash = active, hashActive(p.questionBind, p.commitments)
		m = p.message(KindActivate, p.questionBind, p.activeHash[:])
		ciphertexts = p.mine.blocks
		return nil
	})
	return m, ciphertexts, err
}

// Journal remembers durably what was released. Release returns an error if the session is there already, or if it
// cannot be made durable.
type Journal interface {
	Release(session string, active [32]byte) error
}

// Release gives out this party's one key-switch share. halves holds c1 of every ciphertext of every active member. It
// is refused unless everyone in the active set signed the same set, and the halves are the committed ones: so what is
// switched is the sum over exactly that set, never one agency's ciphertext.
func (p *Party) Release(journal Journal, activations []*Message, halves map[string][][]byte) (m *Message, err error) {
	err = p.step(stageActivated, stageReleased, func() error {
		ordered, err := gather(KindActivate, p.questionBind, membersOf(p.ceremony, p.active), activations)
		if err != nil {
			return err
		}
		for _, a := range ordered {
			if !bytes.Equal(a.Body, p.activeHash[:]) {
				return blame(a.From, fmt.Errorf("%w: another active set", ErrProtocol))
			}
		}
		sums, err := p.sumHalves(halves)
		if err != nil {
			return err
		}
		secret, err := p.additiveShare()
		if err != nil {
			return err
		}
		defer wipe(secret.Value.Q)
		if err := journal.Release(p.ceremony.Session, p.activeHash); err != nil {
			return err
		}
		m = p.message(KindRelease, p.questionBind, p.switchShares(secret, sums))
		return nil
	})
	p.Discard()
	return m, err
}

// sumHalves checks every half against its commitment and adds them up per ciphertext.
func (p *Party) sumHalves(halves map[string][][]byte) ([]*rlwe.Ciphertext, error) {
	n := p.question.Ciphertexts(len(p.ceremony.Members))
	sums := make([]*rlwe.Ciphertext, n)
	for i := range sums {
		sums[i] = bgv.NewCiphertext(p.scheme.params, 1, p.scheme.params.MaxLevel())
	}
	for _, m := range p.commitments {
		hashes, _, err := readCommitment(m.Body, n)
		if err != nil || len(halves[m.From]) != n {
			return nil, blame(m.From, ErrWire)
		}
		for i, block := range halves[m.From] {
			if err := p.scheme.check(blockHalf, block); err != nil {
				return nil, blame(m.From, err)
			}
			if digest("c1", block[headerLen:]) != hashes[2*i+1] {
				return nil, blame(m.From, fmt.Errorf("%w: another ciphertext than committed to", ErrProtocol))
			}
			p.scheme.addBlock(sums[i].Value[1:], block)
		}
	}
	return sums, nil
}

// additiveShare is this party's share of the key for the active set: its own, or the Lagrange-weighted Shamir share.
func (p *Party) additiveShare() (*rlwe.SecretKey, error) {
	if !p.ceremony.reshares() {
		s := p.secret
		p.secret = nil
		return s, nil
	}
	return p.scheme.combine(p.dealt, p.self, p.active)
}
