package secagg

import (
	"crypto/ed25519"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// Kind says what a message is.
type Kind byte

// The messages of a session, in the order in which a party sends them.
const (
	KindHello      Kind = 1 + iota // nonce and sealing key
	KindCommit                     // hash of the key share
	KindReveal                     // the key share
	KindDeal                       // sealed to one peer: a Shamir share and a piece of the MAC seed
	KindAgree                      // what the party holds the collective key to be
	KindCommitment                 // hashes of the contribution
	KindActivate                   // the active set
	KindRelease                    // key-switch shares
)

// Message is one signed message. Sender and body are only to be believed after verify.
type Message struct {
	Kind Kind
	From string
	To   string   // only of a KindDeal
	Bind [32]byte // ceremony's or question's hash
	Body []byte

	signature [ed25519.SignatureSize]byte
	verified  [32]byte // what the signature was found good for; only for transcripts, after verify
}

// MaxMessage bounds an encoded message in bytes: a key-switch share of maxCiphertexts ciphertexts.
const MaxMessage = maxCiphertexts*(headerLen+2*polyLen) + 4096

const maxName = 64

func (m *Message) signed() []byte {
	body := digest("body", m.Body)
	d := digest("message", []byte{byte(m.Kind)}, []byte(m.From), []byte(m.To), m.Bind[:], body[:])
	return d[:]
}

func (m *Message) sign(key ed25519.PrivateKey) { copy(m.signature[:], ed25519.Sign(key, m.signed())) }

// verify checks that the member signed this kind of message for this ceremony or question.
func (m *Message) verify(kind Kind, bind [32]byte, member Member) error {
	if m.Kind != kind {
		return blame(member.Name, fmt.Errorf("%w: another message was due", ErrProtocol))
	}
	signed := m.signed()
	if m.From != member.Name || m.Bind != bind || !ed25519.Verify(member.Identity, signed, m.signature[:]) {
		return blame(member.Name, ErrSignature)
	}
	m.verified = [32]byte(signed)
	return nil
}

// Marshal encodes the message.
func (m *Message) Marshal() []byte {
	b := cryptobyte.NewBuilder(make([]byte, 0, len(m.Body)+256))
	b.AddBytes([]byte("CSM1"))
	b.AddUint8(uint8(m.Kind))
	addText(b, m.From)
	addText(b, m.To)
	b.AddBytes(m.Bind[:])
	addLong(b, m.Body)
	b.AddBytes(m.signature[:])
	return b.BytesOrPanic() // only a name above 255 bytes could fail, and NewParty refused it
}

// ParseMessage decodes one message and nothing after it. It checks form only.
func ParseMessage(b []byte) (*Message, error) {
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("%w: length", ErrWire)
	}
	s := cryptobyte.String(b)
	var magic, bind, body, signature []byte
	var kind uint8
	var from, to cryptobyte.String
	ok := s.ReadBytes(&magic, 4) && string(magic) == "CSM1" && s.ReadUint8(&kind) &&
		s.ReadUint8LengthPrefixed(&from) && len(from) > 0 && len(from) <= maxName &&
		s.ReadUint8LengthPrefixed(&to) && len(to) <= maxName &&
		s.ReadBytes(&bind, 32) && readLong(&s, &body) && s.ReadBytes(&signature, ed25519.SignatureSize) && s.Empty()
	if !ok || Kind(kind) < KindHello || Kind(kind) > KindRelease || (len(to) > 0) != (Kind(kind) == KindDeal) {
		return nil, fmt.Errorf("%w: message", ErrWire)
	}
	return &Message{Kind: Kind(kind), From: string(from), To: string(to), Bind: [32]byte(bind), Body: body,
		signature: [ed25519.SignatureSize]byte(signature)}, nil
}

func addText(b *cryptobyte.Builder, text string) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
}

func addLong(b *cryptobyte.Builder, data []byte) {
	b.AddUint32(uint32(len(data)))
	b.AddBytes(data)
}

// readLong reads what addLong wrote, without copying.
func readLong(s *cryptobyte.String, out *[]byte) bool {
	var n uint32
	return s.ReadUint32(&n) && uint64(n) <= uint64(len(*s)) && s.ReadBytes(out, int(n))
}
