// Package secagg adds up what several agencies hold so that only the querier learns the sum: the local steps of an
// ephemeral threshold session over BGV (Mouchet et al. 2020, eprint 2020/304, and 2022, eprint 2022/780), and the
// encodings. It does no network and keeps nothing on disk.
//
// A session has three kinds of hands. A [Party] is one agency's side: it makes key shares that live for this session
// alone, contributes one encrypted vector, and releases one key-switch share. An [Aggregator] is the middle: it adds
// what it cannot read. A [QuerierKey] opens the sum and checks its MAC and its participation slots.
//
//	p, err := secagg.NewParty(ceremony, "east", identity)
//	hello, err := p.Hello()                  // then Commit, Reveal, Agree, Prepared: may be done ahead of any question
//	mine, err := p.Contribute(question, values)
//	active, err := p.Activate(names, commitments)
//	share, err := p.Release(journal, activations, halves)
//
//	sums, err := key.Open(answer, members)   // the querier
//	results, err := question.Finish(sums)
//
// Every message is signed by the agency's identity and bound to the ceremony (session, parameter set, members) and,
// from Contribute on, to the question (query, policy decision, querier's key). Shares are released once: any failure
// discards the session, and a retry means new keys (lattigo's SECURITY.md, "On the insecurity of retries").
//
// Not promised. An agency that lies about its data is believed within the declared bounds. An agency that colludes
// with the middle knows the MAC key, so the two together can alter a sum unseen; and a failed MAC does not name the
// culprit. The querier learns the sum, and what the sum implies: that is what minimum contributors and noise are for.
// The Gaussian sampling of the library below is not constant in time.
package secagg

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

var (
	// ErrWire: bytes that are not exactly what the parameter set and the message kind prescribe.
	ErrWire = errors.New("secagg: malformed bytes")
	// ErrSignature: a message that its sender did not sign, or signed for another session or question.
	ErrSignature = errors.New("secagg: signature does not hold")
	// ErrProtocol: a valid message at the wrong time, twice, or contradicting an earlier one.
	ErrProtocol = errors.New("secagg: protocol violated")
	// ErrReleased: the party has released its share for this session, or may not any more.
	ErrReleased = errors.New("secagg: share already released")
	// ErrOverflow: a value that could wrap around in the sum.
	ErrOverflow = errors.New("secagg: value out of range")
	// ErrQuestion: a question that cannot be asked: unknown function, no bounds, too many slots.
	ErrQuestion = errors.New("secagg: invalid question")
	// ErrTooFew: fewer contributors than the question or an agency demands.
	ErrTooFew = errors.New("secagg: too few contributors")
	// ErrIntegrity: the opened sum does not carry the MAC or the participation of the agencies that signed for it.
	ErrIntegrity = errors.New("secagg: the sum was altered")
)

// PartyError says whose message was refused.
type PartyError struct {
	Party string
	Err   error
}

func (e *PartyError) Error() string { return fmt.Sprintf("%s: %v", e.Party, e.Err) }
func (e *PartyError) Unwrap() error { return e.Err }

func blame(party string, err error) error {
	if err == nil {
		return nil
	}
	return &PartyError{party, err}
}

// digest hashes parts, each prefixed by its length, under a label of its own.
func digest(label string, parts ...[]byte) [32]byte {
	h := sha256.New()
	var n [8]byte
	write := func(p []byte) {
		for i, v := 0, uint64(len(p)); i < 8; i++ {
			n[i] = byte(v >> (8 * i))
		}
		h.Write(n[:])
		h.Write(p)
	}
	write([]byte("concordat-secagg/1 " + label))
	for _, p := range parts {
		write(p)
	}
	return [32]byte(h.Sum(nil))
}
