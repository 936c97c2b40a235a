package agent

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"concordat/privacy/dp"
	"concordat/privacy/secagg"
)

// seat is this agency's place in one session. It belongs to the gateway that opened it: another one that knows the
// session's name cannot continue it.
type seat struct {
	mu       sync.Mutex
	gateway  string // pin
	ceremony *secagg.Ceremony
	party    *secagg.Party
	question *secagg.Question
	until    time.Time
}

// prepared sessions are forgotten after this time without a question.
const seatLife = 15 * time.Minute

// handle answers one request. Only a Code leaves of an error; the rest goes to this agency's own log.
func (a *Agent) handle(ctx context.Context, gateway string, s step, parts [][]byte) outcome {
	if len(parts) == 0 || !validName(string(parts[0])) {
		return outcome{err: CodeMalformed.failure()}
	}
	session := string(parts[0])
	out, err := a.take(ctx, gateway, s, session, parts[1:])
	if err == nil {
		if s == stepRelease {
			a.drop(gateway, session)
		}
		return outcome{parts: out}
	}
	var f failure
	if !errors.As(err, &f) {
		f.code = protocolCode(err)
	}
	a.Log.Warn("step refused", "session", session, "step", s.String(), "code", string(f.code), "error", err.Error())
	if s != stepHello {
		a.drop(gateway, session) // any failure discards the session
	}
	return outcome{err: f}
}

func (a *Agent) take(ctx context.Context, gateway string, s step, session string, parts [][]byte) ([][]byte, error) {
	switch s {
	case stepHello:
		return a.hello(ctx, gateway, session, parts)
	case stepDiscard:
		a.drop(gateway, session)
		return nil, nil
	}
	t := a.seat(gateway, session)
	if t == nil {
		return nil, CodeSession.failure()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !a.Now().Before(t.until) {
		return nil, CodeRelease.failure()
	}
	switch s {
	case stepContribute:
		return a.contribute(ctx, t, parts)
	case stepActivate:
		return a.activate(t, parts)
	case stepRelease:
		return a.release(ctx, t, parts)
	}
	return t.prepare(s, parts)
}

func (a *Agent) seat(gateway, session string) *seat {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.sessions[session]; t != nil && t.gateway == gateway {
		return t
	}
	return nil
}

// drop forgets a session and wipes its keys.
func (a *Agent) drop(gateway, session string) {
	t := a.seat(gateway, session)
	if t == nil {
		return
	}
	a.mu.Lock()
	delete(a.sessions, session)
	a.mu.Unlock()
	t.wipe() // waits for a step that is running
}

func (t *seat) wipe() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.party.Discard()
}

func (a *Agent) discardAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for session, t := range a.sessions {
		t.wipe()
		delete(a.sessions, session)
	}
}

// hello takes a seat, after checking that the ceremony's members are the agreement's and that the session is new: a
// session seen before this agent was restarted is not joined a second time with other keys.
func (a *Agent) hello(ctx context.Context, gateway, session string, parts [][]byte) ([][]byte, error) {
	if len(parts) != 1 {
		return nil, CodeMalformed.failure()
	}
	c, err := secagg.ParseCeremony(parts[0])
	if err != nil {
		return nil, err
	}
	least := a.Threshold
	if least == 0 {
		least = len(c.Members)/2 + 1
	}
	if c.Session != session || len(c.Members) < a.Minimum || c.Threshold < least {
		return nil, CodeTooFew.failure()
	}
	for _, m := range c.Members {
		if !bytes.Equal(a.Members[m.Name], m.Identity) {
			return nil, CodeMember.failure()
		}
	}
	party, err := secagg.NewParty(c, a.Name, a.Identity)
	if err != nil {
		return nil, err
	}
	if err := a.journal.join(ctx, session, a.Now()); err != nil {
		return nil, err
	}
	t := &seat{gateway: gateway, ceremony: c, party: party, until: a.Now().Add(seatLife)}
	if err := a.sit(session, t); err != nil {
		return nil, err
	}
	m, err := party.Hello()
	return reply(m, err)
}

func (a *Agent) sit(session string, t *seat) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, old := range a.sessions {
		if old.mu.TryLock() { // one that is locked is in use, and so not over
			if !a.Now().Before(old.until) {
				old.party.Discard()
				delete(a.sessions, name)
			}
			old.mu.Unlock()
		}
	}
	if len(a.sessions) >= a.Sessions {
		return CodeBusy.failure()
	}
	a.sessions[session] = t
	return nil
}

func reply(m *secagg.Message, err error) ([][]byte, error) {
	if err != nil {
		return nil, err
	}
	return [][]byte{m.Marshal()}, nil
}

// prepare takes the steps of the ceremony after hello.
func (t *seat) prepare(s step, parts [][]byte) ([][]byte, error) {
	messages, err := secagg.ParseMessages(parts)
	if err != nil {
		return nil, err
	}
	switch s {
	case stepCommit:
		m, err := t.party.Commit(messages)
		return reply(m, err)
	case stepReveal:
		m, deals, err := t.party.Reveal(messages)
		if err != nil {
			return nil, err
		}
		out := [][]byte{m.Marshal()}
		for _, d := range deals {
			out = append(out, d.Marshal())
		}
		return out, nil
	case stepAgree:
		n := len(t.ceremony.Members)
		if len(messages) < n {
			return nil, CodeMalformed.failure()
		}
		m, err := t.party.Agree(messages[:n], messages[n:])
		return reply(m, err)
	case stepPrepared:
		return nil, t.party.Prepared(messages)
	}
	return nil, CodeProtocol.failure()
}

// contribute decides, computes, adds this agency's share of the noise, and commits. The decision is this agency's: the
// issuer's token, its own policy, its own minimum and budget; never the gateway's word.
func (a *Agent) contribute(ctx context.Context, t *seat, parts [][]byte) ([][]byte, error) {
	if len(parts) != 3 {
		return nil, CodeMalformed.failure()
	}
	q, err := secagg.ParseQuestion(parts[0], len(t.ceremony.Members))
	if err != nil {
		return nil, err
	}
	key, err := secagg.ParseQuerierPublic(parts[1])
	if err != nil {
		return nil, err
	}
	grant, err := a.granted(ctx, q, key, string(parts[2]))
	if err != nil {
		return nil, err
	}
	if err := a.Policy.Decide(ctx, Asked{Question: q, Grant: grant, Members: memberNames(t.ceremony)}); err != nil {
		return nil, fmt.Errorf("%w: %w", CodeRefused.failure(), err)
	}
	if t.until = time.Unix(q.Until, 0); !a.Now().Before(t.until) {
		return nil, CodeRelease.failure()
	}
	values, err := Values(ctx, a.Data, q, len(t.ceremony.Members))
	if err != nil {
		return nil, err
	}
	if err := a.journal.contribute(ctx, q, grant, a.Now()); err != nil {
		return nil, err
	}
	if err := q.Noisy(values, a.draw()); err != nil {
		return nil, err
	}
	t.question = q
	m, err := t.party.Contribute(q, key, values)
	return reply(m, err)
}

func memberNames(c *secagg.Ceremony) []string {
	var names []string
	for _, m := range c.Members {
		names = append(names, m.Name)
	}
	return names
}

// granted verifies the session token and that it is for exactly this session, question and key.
func (a *Agent) granted(ctx context.Context, q *secagg.Question, key secagg.QuerierPublic, token string) (Grant, error) {
	g, err := a.Tokens.Verify(ctx, token)
	if err != nil {
		return g, fmt.Errorf("%w: %w", CodeToken.failure(), err)
	}
	hash := q.Hash()
	if g.Session != q.Session || g.Query != hex.EncodeToString(hash[:]) || g.Key != key.Thumbprint() || g.Key != q.Querier ||
		g.Agreement != q.Agreement || g.Purpose != q.Purpose {
		return g, fmt.Errorf("%w: the token is for something else", CodeToken.failure())
	}
	return g, nil
}

func (a *Agent) draw() func(secagg.NoiseShare) (int64, error) {
	sampler := dp.NewSampler(a.Rand)
	return func(n secagg.NoiseShare) (int64, error) { return n.Draw(sampler) }
}

func (a *Agent) activate(t *seat, parts [][]byte) ([][]byte, error) {
	if len(parts) < 2 {
		return nil, CodeMalformed.failure()
	}
	var names []string
	if err := json.Unmarshal(parts[0], &names); err != nil {
		return nil, CodeMalformed.failure()
	}
	commitments, err := secagg.ParseMessages(parts[1:])
	if err != nil {
		return nil, err
	}
	m, ciphertexts, err := t.party.Activate(names, commitments, a.Minimum)
	if err != nil {
		return nil, err
	}
	return append([][]byte{m.Marshal()}, ciphertexts...), nil
}

// release gives the one share away. Where the session cannot be written down first, nothing leaves.
func (a *Agent) release(ctx context.Context, t *seat, parts [][]byte) ([][]byte, error) {
	if t.question == nil {
		return nil, CodeProtocol.failure()
	}
	per := t.question.Ciphertexts(len(t.ceremony.Members))
	n := len(parts) / (1 + per)
	if n == 0 || len(parts) != n*(1+per) {
		return nil, CodeMalformed.failure()
	}
	activations, err := secagg.ParseMessages(parts[:n])
	if err != nil {
		return nil, err
	}
	halves := map[string][][]byte{}
	for i, m := range activations {
		halves[m.From] = parts[n+i*per : n+(i+1)*per]
	}
	m, err := t.party.Release(once{ctx, a.journal, a.Now}, activations, halves)
	if err != nil {
		return nil, err
	}
	return reply(m, nil)
}
