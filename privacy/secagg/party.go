package secagg

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"fmt"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/ring/ringqp"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
	"github.com/tuneinsight/lattigo/v6/utils/sampling"
)

// stage is what a party did last. It only ever grows, and an error ends the party: a step cannot be taken twice, so
// no secret answers two different questions.
type stage int

const (
	stageNew stage = iota
	stageHello
	stageCommitted
	stageRevealed
	stageAgreed
	stagePrepared
	stageContributed
	stageActivated
	stageReleased
	stageDead
)

// Party is one agency in one session. Its keys are in memory only, and are wiped when it has released or failed.
// It is not safe for concurrent use.
type Party struct {
	ceremony *Ceremony
	scheme   *scheme
	self     int
	identity ed25519.PrivateKey
	stage    stage
	bind     [32]byte
	hash     [32]byte // of the transcript so far

	sealing hpke.PrivateKey
	peers   []hpke.PublicKey // by member
	piece   [32]byte         // of the MAC seed
	blind   [32]byte         // opens the commitment to the key share

	crp    multiparty.PublicKeyGenCRP
	secret *rlwe.SecretKey // additive share; nil once reshared
	dealt  multiparty.ShamirSecretShare
	share  []byte // key share, encoded

	commits []*Message
	key     *rlwe.PublicKey // collective
	seed    [32]byte
	ahead   ahead

	question     *Question
	questionBind [32]byte
	querier      *rlwe.PublicKey
	mine         contribution
	active       []int
	activeHash   [32]byte
	commitments  []*Message // of the active set
}

// NewParty joins a ceremony as the member of that name, whose identity key must be the member's.
func NewParty(c *Ceremony, name string, identity ed25519.PrivateKey) (*Party, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := loadScheme(c.Set)
	if err != nil {
		return nil, err
	}
	self := c.index(name)
	if self < 0 || !bytes.Equal(identity.Public().(ed25519.PublicKey), c.Members[self].Identity) {
		return nil, fmt.Errorf("%w: not a member under this key", ErrProtocol)
	}
	sealing, err := kem().GenerateKey()
	if err != nil {
		return nil, err
	}
	p := &Party{ceremony: c, scheme: s, self: self, identity: identity, bind: c.bind(), sealing: sealing}
	rand.Read(p.piece[:]) // never fails (crypto/rand since Go 1.24)
	rand.Read(p.blind[:])
	return p, nil
}

// Peers seal with X-Wing (ML-KEM-768 and X25519), so that recorded traffic stays closed as long as the lattice does.
func kem() hpke.KEM   { return hpke.MLKEM768X25519() }
func kdf() hpke.KDF   { return hpke.HKDFSHA256() }
func aead() hpke.AEAD { return hpke.AES256GCM() }

func (p *Party) name() string { return p.ceremony.Members[p.self].Name }

// step moves from one stage to the next; whatever fails in between leaves the party dead.
func (p *Party) step(from, to stage, do func() error) error {
	if p.stage != from {
		p.Discard()
		return fmt.Errorf("%w: step out of order", ErrProtocol)
	}
	p.stage = stageDead
	if err := do(); err != nil {
		p.Discard()
		return err
	}
	p.stage = to
	return nil
}

// Discard wipes the secrets. The party can do nothing more.
func (p *Party) Discard() {
	if p.stage != stageReleased {
		p.stage = stageDead
	}
	if p.secret != nil {
		wipe(p.secret.Value.Q)
		p.secret = nil
	}
	wipe(p.dealt.Q)
	p.sealing = nil
	clear(p.piece[:])
	clear(p.seed[:])
	p.mine = contribution{}
	wipe(p.ahead.smudge)
	p.ahead = ahead{}
}

func wipe(p ring.Poly) {
	for _, residues := range p.Coeffs {
		clear(residues)
	}
}

func (p *Party) message(kind Kind, bind [32]byte, body []byte) *Message {
	m := &Message{Kind: kind, From: p.name(), Bind: bind, Body: body}
	m.sign(p.identity)
	return m
}

// Hello opens the ceremony: a nonce and the key to which peers seal.
func (p *Party) Hello() (m *Message, err error) {
	err = p.step(stageNew, stageHello, func() error {
		var nonce [32]byte
		rand.Read(nonce[:])
		m = p.message(KindHello, p.bind, append(nonce[:], p.sealing.PublicKey().Bytes()...))
		return nil
	})
	return m, err
}

// Commit takes everyone's hello and commits to this party's key share. The common reference polynomial comes from all
// nonces, so nobody chose it; the commitment keeps the last to reveal from choosing the collective key.
func (p *Party) Commit(hellos []*Message) (m *Message, err error) {
	err = p.step(stageHello, stageCommitted, func() error {
		ordered, err := gather(KindHello, p.bind, p.ceremony.Members, hellos)
		if err != nil {
			return err
		}
		if err := p.readHellos(ordered); err != nil {
			return err
		}
		p.hash = chain(p.bind, ordered)
		if err := p.makeKeyShare(); err != nil {
			return err
		}
		commit := digest("key share", p.share, p.blind[:])
		m = p.message(KindCommit, p.bind, append(p.hash[:], commit[:]...))
		return nil
	})
	return m, err
}

func (p *Party) readHellos(ordered []*Message) error {
	p.peers = make([]hpke.PublicKey, len(ordered))
	for i, m := range ordered {
		if len(m.Body) < 32 {
			return blame(m.From, ErrWire)
		}
		key, err := kem().NewPublicKey(m.Body[32:])
		if err != nil {
			return blame(m.From, ErrWire)
		}
		p.peers[i] = key
	}
	return nil
}

func (p *Party) makeKeyShare() error {
	seed := digest("common reference", p.hash[:])
	crs, err := sampling.NewKeyedPRNG(seed[:])
	if err != nil {
		return err
	}
	p.crp = p.scheme.keygen.SampleCRP(crs)
	p.secret = bgv.NewKeyGenerator(p.scheme.params).GenSecretKeyNew()
	share := p.scheme.keygen.AllocateShare()
	p.scheme.keygen.GenShare(p.secret, p.crp, &share)
	p.share = writeBlock(blockKeyShare, share.Value.Q)
	return nil
}

// Reveal takes everyone's commitments and opens this party's. With it come the deals, one sealed to each peer.
func (p *Party) Reveal(commits []*Message) (m *Message, deals []*Message, err error) {
	err = p.step(stageCommitted, stageRevealed, func() error {
		ordered, err := gather(KindCommit, p.bind, p.ceremony.Members, commits)
		if err != nil {
			return err
		}
		for _, c := range ordered {
			if len(c.Body) != 64 || [32]byte(c.Body) != p.hash {
				return blame(c.From, fmt.Errorf("%w: transcripts differ", ErrProtocol))
			}
		}
		p.commits, p.hash = ordered, chain(p.hash, ordered)
		m = p.message(KindReveal, p.bind, append(append([]byte{}, p.blind[:]...), p.share...))
		deals, err = p.dealAll()
		return err
	})
	return m, deals, err
}

// dealAll seals to each peer this party's piece of the MAC seed and, where keys are reshared, a Shamir share.
func (p *Party) dealAll() ([]*Message, error) {
	var polynomial multiparty.ShamirPolynomial
	if p.ceremony.reshares() {
		var err error
		if polynomial, err = p.scheme.deal.GenShamirPolynomial(p.ceremony.Threshold, p.secret); err != nil {
			return nil, err
		}
		p.dealt = p.shamirShare(polynomial, p.self)
		defer func() {
			for _, coefficient := range polynomial.Value {
				wipe(coefficient.Q)
			}
		}()
	}
	var deals []*Message
	for i, peer := range p.ceremony.Members {
		if i == p.self {
			continue
		}
		plain := append([]byte{}, p.piece[:]...)
		if p.ceremony.reshares() {
			share := p.shamirShare(polynomial, i)
			plain = append(plain, writeBlock(blockDeal, share.Q)...)
			wipe(share.Q)
		}
		sealed, err := hpke.Seal(p.peers[i], kdf(), aead(), p.dealInfo(p.name(), peer.Name), plain)
		clear(plain)
		if err != nil {
			return nil, err
		}
		m := &Message{Kind: KindDeal, From: p.name(), To: peer.Name, Bind: p.bind, Body: sealed}
		m.sign(p.identity)
		deals = append(deals, m)
	}
	return deals, nil
}

func (p *Party) dealInfo(from, to string) []byte {
	d := digest("deal", p.bind[:], p.hash[:], []byte(from), []byte(to))
	return d[:]
}

func (p *Party) shamirShare(polynomial multiparty.ShamirPolynomial, member int) multiparty.ShamirSecretShare {
	share := p.scheme.deal.AllocateThresholdSecretShare()
	p.scheme.deal.GenShamirSecretShare(point(member), polynomial, &share)
	return share
}

// point is a member's place on the sharing polynomial; zero is where the secret lies.
func point(member int) multiparty.ShamirPublicPoint { return multiparty.ShamirPublicPoint(member + 1) }

// Agree takes everyone's reveal and the deals sealed to this party, and signs the collective key it computed.
func (p *Party) Agree(reveals, deals []*Message) (m *Message, err error) {
	err = p.step(stageRevealed, stageAgreed, func() error {
		ordered, err := gather(KindReveal, p.bind, p.ceremony.Members, reveals)
		if err != nil {
			return err
		}
		sum, err := p.openKeyShares(ordered)
		if err != nil {
			return err
		}
		if err := p.openDeals(deals); err != nil {
			return err
		}
		p.hash = chain(p.hash, ordered)
		p.key = &rlwe.PublicKey{Value: []ringqp.Poly{{Q: sum}, p.crp.Value}}
		check := digest("seed check", p.seed[:], p.hash[:])
		key := digest("collective key", writeBlock(blockKeyShare, sum))
		m = p.message(KindAgree, p.bind, bytes.Join([][]byte{p.hash[:], key[:], check[:]}, nil))
		return nil
	})
	return m, err
}

// openKeyShares checks every reveal against its commitment and adds the shares.
func (p *Party) openKeyShares(ordered []*Message) (ring.Poly, error) {
	sum := p.scheme.params.RingQ().NewPoly()
	for i, m := range ordered {
		if len(m.Body) < 32 {
			return sum, blame(m.From, ErrWire)
		}
		committed := digest("key share", m.Body[32:], m.Body[:32])
		if !bytes.Equal(committed[:], p.commits[i].Body[32:]) {
			return sum, blame(m.From, fmt.Errorf("%w: the key share is not the one committed to", ErrProtocol))
		}
		if err := p.scheme.check(blockKeyShare, m.Body[32:]); err != nil {
			return sum, blame(m.From, err)
		}
		p.scheme.addBlock([]ring.Poly{sum}, m.Body[32:])
	}
	return sum, nil
}

// openDeals verifies and opens one deal from each peer: the MAC seed, and this party's point of the shared secret.
func (p *Party) openDeals(deals []*Message) error {
	if len(deals) != len(p.ceremony.Members)-1 {
		return fmt.Errorf("%w: deals", ErrProtocol)
	}
	pieces := make([][]byte, len(p.ceremony.Members))
	pieces[p.self] = p.piece[:]
	for _, m := range deals {
		from := p.ceremony.index(m.From)
		if from < 0 || pieces[from] != nil || m.To != p.name() {
			return blame(m.From, fmt.Errorf("%w: deal", ErrProtocol))
		}
		if err := m.verify(KindDeal, p.bind, p.ceremony.Members[from]); err != nil {
			return err
		}
		plain, err := hpke.Open(p.sealing, kdf(), aead(), p.dealInfo(m.From, p.name()), m.Body)
		if err != nil || len(plain) < 32 {
			return blame(m.From, fmt.Errorf("%w: deal", ErrWire))
		}
		pieces[from] = plain[:32]
		if err := p.takeShare(plain[32:]); err != nil {
			return blame(m.From, err)
		}
	}
	p.seed = digest("seed", pieces...)
	if p.ceremony.reshares() { // from here on only the Shamir share speaks for this party
		wipe(p.secret.Value.Q)
		p.secret = nil
	}
	return nil
}

func (p *Party) takeShare(block []byte) error {
	if !p.ceremony.reshares() {
		if len(block) != 0 {
			return ErrWire
		}
		return nil
	}
	if err := p.scheme.check(blockDeal, block); err != nil {
		return err
	}
	p.scheme.addBlock([]ring.Poly{p.dealt.Q}, block)
	return nil
}

// Prepared takes everyone's agreement. Only if all hold the same collective key and MAC seed is the session usable.
func (p *Party) Prepared(agreements []*Message) error {
	return p.step(stageAgreed, stagePrepared, func() error {
		ordered, err := gather(KindAgree, p.bind, p.ceremony.Members, agreements)
		if err != nil {
			return err
		}
		for _, m := range ordered {
			if !bytes.Equal(m.Body, ordered[p.self].Body) {
				return blame(m.From, fmt.Errorf("%w: another collective key", ErrProtocol))
			}
		}
		p.hash = chain(p.hash, ordered)
		p.draw()
		return nil
	})
}
