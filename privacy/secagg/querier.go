package secagg

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/base64"
	"fmt"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/ring/ringqp"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

// QuerierPublic is a querier's public key: one half to switch sums to, one to seal the MAC seed to.
type QuerierPublic struct {
	encrypt    *rlwe.PublicKey
	sealing    hpke.PublicKey
	encoded    []byte
	thumbprint string
}

func newQuerierPublic(encrypt *rlwe.PublicKey, sealing hpke.PublicKey, encoded []byte) QuerierPublic {
	d := digest("querier key", encoded)
	return QuerierPublic{encrypt, sealing, encoded, base64.RawURLEncoding.EncodeToString(d[:])}
}

// QuerierKey opens sums. Whoever has it and an answer learns the sum.
type QuerierKey struct {
	secret  *rlwe.SecretKey
	sealing hpke.PrivateKey
	public  QuerierPublic
}

const secretHeader = "CSK1"

// NewQuerierKey makes a key pair of set A.
func NewQuerierKey() (*QuerierKey, error) {
	s, err := loadScheme(SetA)
	if err != nil {
		return nil, err
	}
	secret, public := bgv.NewKeyGenerator(s.params).GenKeyPairNew()
	sealing, err := kem().GenerateKey()
	if err != nil {
		return nil, err
	}
	block := writeBlock(blockQuerierKey, public.Value[0].Q, public.Value[1].Q)
	encoded := append(block, sealing.PublicKey().Bytes()...)
	return &QuerierKey{secret: secret, sealing: sealing, public: newQuerierPublic(public, sealing.PublicKey(), encoded)}, nil
}

// Public is what is uploaded.
func (k *QuerierKey) Public() QuerierPublic { return k.public }

// Encode is the secret key, to be kept in a file of mode 0600.
func (k *QuerierKey) Encode() ([]byte, error) {
	sealing, err := k.sealing.Bytes()
	if err != nil {
		return nil, err
	}
	secret := writeBlock(blockKeyShare, k.secret.Value.Q)
	return bytes.Join([][]byte{[]byte(secretHeader), secret, k.public.encoded, sealing}, nil), nil
}

// ParseQuerierKey reads what Encode wrote.
func ParseQuerierKey(b []byte) (*QuerierKey, error) {
	s, err := loadScheme(SetA)
	if err != nil {
		return nil, err
	}
	secretLen, publicLen := blockKeyShare.size(), blockQuerierKey.size()+sealingKeyLen
	if len(b) <= 4+secretLen+publicLen || string(b[:4]) != secretHeader {
		return nil, fmt.Errorf("%w: querier key", ErrWire)
	}
	polys, err := s.readBlock(blockKeyShare, b[4:4+secretLen])
	if err != nil {
		return nil, err
	}
	public, err := ParseQuerierPublic(b[4+secretLen : 4+secretLen+publicLen])
	if err != nil {
		return nil, err
	}
	sealing, err := kem().NewPrivateKey(b[4+secretLen+publicLen:])
	if err != nil || !bytes.Equal(sealing.PublicKey().Bytes(), public.sealing.Bytes()) {
		return nil, fmt.Errorf("%w: querier key", ErrWire)
	}
	return &QuerierKey{secret: &rlwe.SecretKey{Value: ringqp.Poly{Q: polys[0]}}, sealing: sealing, public: public}, nil
}

// sealingKeyLen is the length of an X-Wing public key: 1,184 bytes of ML-KEM-768 and 32 of X25519.
const sealingKeyLen = 1184 + 32

// QuerierPublicSize is the length of an encoded public key.
const QuerierPublicSize = headerLen + 2*polyLen + sealingKeyLen

// ParseQuerierPublic reads an uploaded key.
func ParseQuerierPublic(b []byte) (QuerierPublic, error) {
	s, err := loadScheme(SetA)
	if err != nil {
		return QuerierPublic{}, err
	}
	if len(b) != QuerierPublicSize {
		return QuerierPublic{}, fmt.Errorf("%w: querier key", ErrWire)
	}
	polys, err := s.readBlock(blockQuerierKey, b[:blockQuerierKey.size()])
	if err != nil {
		return QuerierPublic{}, err
	}
	sealing, err := kem().NewPublicKey(b[blockQuerierKey.size():])
	if err != nil {
		return QuerierPublic{}, fmt.Errorf("%w: querier key", ErrWire)
	}
	encrypt := &rlwe.PublicKey{Value: []ringqp.Poly{{Q: polys[0]}, {Q: polys[1]}}}
	return newQuerierPublic(encrypt, sealing, bytes.Clone(b)), nil
}

// Encode is what ParseQuerierPublic reads.
func (k QuerierPublic) Encode() []byte { return bytes.Clone(k.encoded) }

// Thumbprint names the key in the question and in the token's claim secagg_jkt: SHA-256 over its encoding, base64url.
func (k QuerierPublic) Thumbprint() string { return k.thumbprint }

// Open checks the answer and opens its sums, one per slot of the question. members are the agencies' identities as the
// agreement gives them, asked is the question as it was asked: nothing of the answer is believed because it says so.
func (k *QuerierKey) Open(a *Answer, asked *Question, members map[string]ed25519.PublicKey) ([]int64, error) {
	if err := k.checkAnswer(a, asked, members); err != nil {
		return nil, err
	}
	bind := a.Question.bind(a.Ceremony, a.Transcript)
	active, err := a.verify(bind)
	if err != nil {
		return nil, err
	}
	seed, err := k.openSeeds(a, bind)
	if err != nil {
		return nil, err
	}
	var values []int64
	for i, block := range a.Sums {
		slots, err := k.decrypt(block)
		if err != nil {
			return nil, err
		}
		if err := checkSlots(slots, macKeys(seed, bind, i), active, len(a.Ceremony.Members)); err != nil {
			return nil, err
		}
		for _, r := range slots[len(a.Ceremony.Members):half] {
			values = append(values, centred(r))
		}
	}
	return values[:a.Question.Slots()], nil
}

func (k *QuerierKey) checkAnswer(a *Answer, asked *Question, members map[string]ed25519.PublicKey) error {
	if err := a.Ceremony.check(); err != nil {
		return err
	}
	for _, m := range a.Ceremony.Members {
		if !bytes.Equal(members[m.Name], m.Identity) {
			return blame(m.Name, fmt.Errorf("%w: identity is not the agreement's", ErrSignature))
		}
	}
	n := len(a.Ceremony.Members)
	if err := a.Question.Check(n); err != nil {
		return err
	}
	if a.Question.Hash() != asked.Hash() || a.Question.Session != a.Ceremony.Session || a.Question.Querier != k.public.Thumbprint() {
		return fmt.Errorf("%w: answer to another question", ErrProtocol)
	}
	if len(a.Sums) != a.Question.Ciphertexts(n) {
		return fmt.Errorf("%w: number of sums", ErrWire)
	}
	return nil
}

// verify checks who contributed: one commitment and one activation of each, all of the same set.
func (a *Answer) verify(bind [32]byte) ([]int, error) {
	names := make([]string, len(a.Commitments))
	for i, m := range a.Commitments {
		names[i] = m.From
	}
	active, err := activeSet(a.Ceremony, a.Question, names)
	if err != nil {
		return nil, err
	}
	members := membersOf(a.Ceremony, active)
	if a.Commitments, err = gather(KindCommitment, bind, members, a.Commitments); err != nil {
		return nil, err
	}
	activations, err := gather(KindActivate, bind, members, a.Activations)
	if err != nil {
		return nil, err
	}
	want := hashActive(bind, a.Commitments)
	for _, m := range activations {
		if !bytes.Equal(m.Body, want[:]) {
			return nil, blame(m.From, fmt.Errorf("%w: another active set", ErrProtocol))
		}
	}
	return active, nil
}

// openSeeds opens the MAC seed that each contributor sealed; they must agree.
func (k *QuerierKey) openSeeds(a *Answer, bind [32]byte) (seed [32]byte, err error) {
	for i, m := range a.Commitments {
		_, sealed, err := readCommitment(m.Body, len(a.Sums))
		if err != nil {
			return seed, blame(m.From, err)
		}
		plain, err := hpke.Open(k.sealing, kdf(), aead(), sealInfo(bind, m.From), sealed)
		if err != nil || len(plain) != 32 || i > 0 && [32]byte(plain) != seed {
			return seed, blame(m.From, fmt.Errorf("%w: MAC seed", ErrIntegrity))
		}
		seed = [32]byte(plain)
	}
	return seed, nil
}

func (k *QuerierKey) decrypt(block []byte) ([]uint64, error) {
	s, err := loadScheme(SetA)
	if err != nil {
		return nil, err
	}
	polys, err := s.readBlock(blockCiphertext, block)
	if err != nil {
		return nil, err
	}
	ct := bgv.NewCiphertext(s.params, 1, s.params.MaxLevel())
	ct.Value = []ring.Poly{polys[0], polys[1]}
	plain := bgv.NewDecryptor(s.params, k.secret).DecryptNew(ct)
	slots := make([]uint64, degree)
	if err := s.encoder.Decode(plain, slots); err != nil {
		return nil, fmt.Errorf("%w: decode", ErrIntegrity)
	}
	return slots, nil
}

// checkSlots is what stands between a plausible number and a wrong one: a wrong key, a bad share or a changed
// ciphertext decrypt without an error.
func checkSlots(slots, keys []uint64, active []int, members int) error {
	for i, key := range keys {
		if slots[half+i] != mulMod(key, slots[i]) {
			return fmt.Errorf("%w: MAC", ErrIntegrity)
		}
	}
	want := make([]uint64, members)
	for _, a := range active {
		want[a] = 1
	}
	for i, w := range want {
		if slots[i] != w {
			return fmt.Errorf("%w: participation", ErrIntegrity)
		}
	}
	return nil
}
