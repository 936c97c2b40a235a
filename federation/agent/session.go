package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"concordat/privacy/secagg"
)

// Plan says who holds a session together.
type Plan struct {
	Members   map[string]ed25519.PublicKey // at least two
	Threshold int                          // how many can open; the number of members: all of them must
}

// Session is one ceremony and at most one question. Not safe for concurrent use.
type Session struct {
	hub        *Hub
	ceremony   *secagg.Ceremony
	transcript [32]byte
	links      map[string]*link // of the members, when they were asked to take part
	used       bool
	over       func() // told when the session is used or discarded; optional
}

// Contributor says what became of one agency in a session.
type Contributor struct {
	Agency string `json:"agency"`
	Status string `json:"status"` // "contributed", "absent" or "refused"
	Reason Code   `json:"reason,omitempty"`
}

// Report is what a finished session gives.
type Report struct {
	Answer       *secagg.Answer
	Contributors []Contributor // by name
}

// message sizes: what a well-behaved agent can send at a step.
const (
	polynomial = 8192*3*8 + 8
	slack      = 16 << 10
)

// Prepare runs a ceremony over all members. It needs no question, so it may run ahead of one.
func (h *Hub) Prepare(ctx context.Context, p Plan) (*Session, error) {
	var id [16]byte
	rand.Read(id[:]) // never fails (crypto/rand since Go 1.24)
	c := &secagg.Ceremony{Session: hex.EncodeToString(id[:]), Set: secagg.SetA, Threshold: p.Threshold}
	for _, name := range slices.Sorted(maps.Keys(p.Members)) {
		c.Members = append(c.Members, secagg.Member{Name: name, Identity: p.Members[name]})
	}
	if _, err := secagg.ParseCeremony(c.Encode()); err != nil {
		return nil, err
	}
	s := &Session{hub: h, ceremony: c, links: h.linksOf(p)}
	if err := s.ceremonyRounds(ctx); err != nil {
		s.Discard(ctx)
		return nil, err
	}
	return s, nil
}

// ID names the session in questions and tokens.
func (s *Session) ID() string { return s.ceremony.Session }

// Members is how many agencies hold the session.
func (s *Session) Members() int { return len(s.ceremony.Members) }

func (s *Session) ceremonyRounds(ctx context.Context) error {
	id := []byte(s.ceremony.Session)
	hellos, _, err := s.all(ctx, stepHello, secagg.KindHello, func(string) [][]byte { return [][]byte{id, s.ceremony.Encode()} })
	if err != nil {
		return err
	}
	commits, _, err := s.all(ctx, stepCommit, secagg.KindCommit, same(with(id, hellos)))
	if err != nil {
		return err
	}
	reveals, deals, err := s.all(ctx, stepReveal, secagg.KindReveal, same(with(id, commits)))
	if err == nil {
		err = s.blame(stepReveal, secagg.CheckReveals(s.ceremony, commits, reveals))
	}
	if err != nil {
		return err
	}
	revealed := with(id, reveals)
	agreements, _, err := s.all(ctx, stepAgree, secagg.KindAgree, func(name string) [][]byte {
		return append(slices.Clone(revealed), with(nil, to(name, deals))[1:]...)
	})
	if err != nil {
		return err
	}
	if s.transcript, err = secagg.Transcript(s.ceremony, hellos, commits, reveals, agreements); err != nil {
		return s.blame(stepAgree, err)
	}
	_, err = s.everyone(ctx, stepPrepared, s.names(), same(with(id, agreements)))
	return err
}

func (s *Session) names() []string {
	var out []string
	for _, m := range s.ceremony.Members {
		out = append(out, m.Name)
	}
	return out
}

func with(id []byte, messages []*secagg.Message) [][]byte {
	out := [][]byte{id}
	for _, m := range messages {
		out = append(out, m.Marshal())
	}
	return out
}

// same is one request for everyone: it is encoded once.
func same(request [][]byte) func(string) [][]byte {
	return func(string) [][]byte { return request }
}

func to(name string, deals []*secagg.Message) []*secagg.Message {
	var out []*secagg.Message
	for _, d := range deals {
		if d.To == name {
			out = append(out, d)
		}
	}
	return out
}

// all runs one round of the ceremony, in which every member must answer: with one message, and after it others.
func (s *Session) all(ctx context.Context, st step, kind secagg.Kind, request func(string) [][]byte) (first, rest []*secagg.Message, err error) {
	replies, err := s.everyone(ctx, st, s.names(), request)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range s.names() {
		messages, err := secagg.ParseMessages(replies[name])
		if err != nil || len(messages) == 0 || slices.ContainsFunc(messages, func(m *secagg.Message) bool { return m.From != name }) {
			return nil, nil, &Abort{st.String(), name, CodeMalformed}
		}
		first, rest = append(first, messages[0]), append(rest, messages[1:]...)
	}
	return first, rest, s.blame(st, secagg.CheckRound(s.ceremony, kind, first))
}

// blame turns the protocol's error into an Abort that names the party.
func (s *Session) blame(st step, err error) error {
	if err == nil {
		return nil
	}
	abort := &Abort{Step: st.String(), Code: protocolCode(err)}
	var p *secagg.PartyError
	if errors.As(err, &p) {
		abort.Party = p.Party
	}
	return abort
}

func protocolCode(err error) Code {
	for _, c := range []struct {
		is   error
		code Code
	}{
		{secagg.ErrSignature, CodeSignature}, {secagg.ErrProtocol, CodeProtocol}, {secagg.ErrWire, CodeMalformed}, {secagg.ErrTooFew, CodeTooFew},
		{secagg.ErrOverflow, CodeData}, {secagg.ErrQuestion, CodeData}, {secagg.ErrReleased, CodeRelease},
	} {
		if errors.Is(err, c.is) {
			return c.code
		}
	}
	return CodeFailed
}

// replyLimit is what an honest reply of a step can take, with some room.
func (s *Session) replyLimit(st step, ciphertexts int) int {
	switch st {
	case stepReveal:
		return len(s.ceremony.Members)*(polynomial+slack) + slack
	case stepActivate, stepRelease:
		return ciphertexts*(2*polynomial+slack) + slack
	}
	return len(s.ceremony.Members)*256 + slack
}

// ask sends one step to each of names at once and collects replies and failures.
func (s *Session) ask(ctx context.Context, st step, names []string, ciphertexts int, request func(string) [][]byte) (map[string][][]byte, map[string]Code) {
	replies := map[string][][]byte{}
	failures := s.each(ctx, st, names, ciphertexts, request, func(name string, parts [][]byte) { replies[name] = parts })
	return replies, failures
}

// each is ask for replies that are taken one after the other as they come: what is done with one does not wait for the
// slowest agency.
func (s *Session) each(ctx context.Context, st step, names []string, ciphertexts int, request func(string) [][]byte, took func(name string, parts [][]byte)) map[string]Code {
	ctx, cancel := context.WithTimeout(ctx, s.hub.Round)
	defer cancel()
	failures := map[string]Code{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			parts, err := s.hub.call(ctx, name, st, s.replyLimit(st, ciphertexts), request(name)...)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures[name] = codeOf(err)
			} else {
				took(name, parts)
			}
		})
	}
	wg.Wait()
	return failures
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// wrong is the first by name of what was wrong with replies.
func wrong(mistakes map[string]error) error {
	for _, name := range slices.Sorted(maps.Keys(mistakes)) {
		if mistakes[name] != nil {
			return mistakes[name]
		}
	}
	return nil
}

// everyone is ask where nobody may fail. Of several failures the first by name is reported.
func (s *Session) everyone(ctx context.Context, st step, names []string, request func(string) [][]byte) (map[string][][]byte, error) {
	replies, failures := s.ask(ctx, st, names, 0, request)
	return replies, firstFailure(st, failures)
}

func firstFailure(st step, failures map[string]Code) error {
	for _, name := range slices.Sorted(maps.Keys(failures)) {
		return &Abort{st.String(), name, failures[name]}
	}
	return nil
}

// Discard tells every member to forget the session, as far as they can be reached.
func (s *Session) Discard(ctx context.Context) {
	s.used = true
	defer s.ended()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	s.ask(ctx, stepDiscard, s.names(), 0, func(string) [][]byte { return [][]byte{[]byte(s.ceremony.Session)} })
}

func (s *Session) ended() {
	if s.over != nil {
		s.over()
	}
}

// Ask puts the one question of this session: spend, contribute, activate, release. Whatever fails discards the session;
// what was spent stays spent. The error is an ErrTooFew, an *Abort, or the charger's.
func (s *Session) Ask(ctx context.Context, q *secagg.Question, key secagg.QuerierPublic, token string) (*Report, error) {
	if s.used {
		return nil, &Abort{Step: "contribute", Code: CodeSession}
	}
	s.used = true
	defer s.ended()
	report, err := s.question(ctx, q, key, token)
	if err != nil {
		s.Discard(ctx)
		s.hub.Log.Warn("secure aggregation failed", "session", s.ID(), "error", err.Error())
	}
	return report, err
}

func (s *Session) question(ctx context.Context, q *secagg.Question, key secagg.QuerierPublic, token string) (*Report, error) {
	if err := q.Check(len(s.ceremony.Members)); err != nil {
		return nil, err
	}
	if err := s.hub.Charge.Charge(ctx, q); err != nil {
		return nil, err
	}
	report := &Report{}
	commitments := s.contributions(ctx, q, key, token, report)
	aggregator, err := secagg.NewAggregator(s.ceremony, s.transcript, q, commitments)
	if errors.Is(err, secagg.ErrTooFew) {
		return report, ErrTooFew
	}
	if err != nil {
		return report, s.blame(stepContribute, err)
	}
	halves, err := s.activate(ctx, aggregator, commitments, q.Ciphertexts(len(s.ceremony.Members)))
	if err == nil {
		err = s.release(ctx, aggregator, commitments, halves)
	}
	if err != nil {
		return report, err
	}
	report.Answer, err = aggregator.Answer()
	return report, err
}

// contributions asks every member; who does not answer in time, or refuses, is not in the active set.
func (s *Session) contributions(ctx context.Context, q *secagg.Question, key secagg.QuerierPublic, token string, report *Report) []*secagg.Message {
	request := [][]byte{[]byte(s.ceremony.Session), q.Encode(), key.Encode(), []byte(token)}
	replies, failures := s.ask(ctx, stepContribute, s.names(), 0, same(request))
	var out []*secagg.Message
	for _, name := range s.names() {
		code := failures[name]
		if code == "" {
			m, err := s.commitment(replies[name], name, q)
			if err == nil {
				out = append(out, m)
				report.Contributors = append(report.Contributors, Contributor{Agency: name, Status: "contributed"})
				continue
			}
			code = protocolCode(err)
		}
		status := "refused"
		if code == CodeGone {
			status = "absent"
		}
		report.Contributors = append(report.Contributors, Contributor{name, status, code})
	}
	return out
}

// commitment takes one member's reply only if it would pass the aggregator, so that one bad reply makes one absence.
func (s *Session) commitment(parts [][]byte, name string, q *secagg.Question) (*secagg.Message, error) {
	messages, err := secagg.ParseMessages(parts)
	if err != nil || len(messages) != 1 || messages[0].From != name {
		return nil, secagg.ErrWire
	}
	return messages[0], secagg.CheckCommitment(s.ceremony, s.transcript, q, messages[0])
}

// activate has the active set signed and the ciphertexts revealed, adds them, and returns the halves to show around.
func (s *Session) activate(ctx context.Context, a *secagg.Aggregator, commitments []*secagg.Message, ciphertexts int) ([][]byte, error) {
	names, err := json.Marshal(a.Active())
	if err != nil {
		return nil, err
	}
	request := with([]byte(s.ceremony.Session), commitments)
	request = slices.Insert(request, 1, names)
	halves, mistakes := map[string][][]byte{}, map[string]error{}
	failures := s.each(ctx, stepActivate, a.Active(), ciphertexts, same(request), func(name string, parts [][]byte) {
		halves[name], mistakes[name] = s.contribution(a, name, parts, ciphertexts)
	})
	if err := firstOf(firstFailure(stepActivate, failures), wrong(mistakes)); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, m := range a.Activations() {
		out = append(out, halves[m.From]...)
	}
	return out, nil
}

// contribution adds one member's ciphertexts, and returns the halves of them.
func (s *Session) contribution(a *secagg.Aggregator, name string, parts [][]byte, ciphertexts int) ([][]byte, error) {
	if len(parts) != 1+ciphertexts {
		return nil, &Abort{stepActivate.String(), name, CodeMalformed}
	}
	m, err := secagg.ParseMessage(parts[0])
	if err != nil || m.From != name {
		return nil, &Abort{stepActivate.String(), name, CodeMalformed}
	}
	if err := a.Add(m, parts[1:]); err != nil {
		return nil, s.blame(stepActivate, err)
	}
	var halves [][]byte
	for _, ct := range parts[1:] {
		half, err := secagg.HalfOf(ct)
		if err != nil {
			return nil, &Abort{stepActivate.String(), name, CodeMalformed}
		}
		halves = append(halves, half)
	}
	return halves, nil
}

// release shows everyone all signatures and halves, and folds the shares in. After the first share the sum begins to be
// open; a failure from here on cannot be taken back, only not repeated.
func (s *Session) release(ctx context.Context, a *secagg.Aggregator, commitments []*secagg.Message, halves [][]byte) error {
	request := with([]byte(s.ceremony.Session), a.Activations())
	request = append(request, halves...)
	ciphertexts := len(halves) / len(commitments)
	mistakes := map[string]error{}
	failures := s.each(ctx, stepRelease, a.Active(), ciphertexts, same(request), func(name string, parts [][]byte) {
		mistakes[name] = s.share(a, name, parts)
	})
	return firstOf(firstFailure(stepRelease, failures), wrong(mistakes))
}

// share folds one member's key-switch share in.
func (s *Session) share(a *secagg.Aggregator, name string, parts [][]byte) error {
	messages, err := secagg.ParseMessages(parts)
	if err != nil || len(messages) != 1 || messages[0].From != name {
		return &Abort{stepRelease.String(), name, CodeMalformed}
	}
	return s.blame(stepRelease, a.Switch(messages[0]))
}
