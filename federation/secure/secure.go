// Package secure puts a caller's secure aggregate to the agencies' agents: it turns a restricted step into a question,
// opens a session with the agents that are linked, and turns what comes of it into an answer that only the caller's key
// opens.
//
//	session, err := service.Open(ctx, step, secure.Asking{Subject: subject, Token: token, Terms: terms})
//	// spend session.Costs() under session.SpendID(), durably; then
//	answer, err := session.Ask(ctx)
//
// The main types are [Service], [Asking] and [Session]. The gateway that runs this is not trusted with what is asked:
// agents verify the session token, their own rules and each other themselves. Not promised: that an answer comes (any
// member can stop a session), and that a gateway asks the question it was asked: the caller checks that when it opens.
package secure

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"time"

	"concordat/federation/agent"
	"concordat/federation/execute"
	"concordat/federation/plan"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/privacy/budget"
	"concordat/privacy/secagg"
)

// Hub leads sessions. *agent.Hub is one.
type Hub interface {
	Linked() []string
	Prepare(ctx context.Context, p agent.Plan) (*agent.Session, error)
}

// Identities knows the keys that agents enrolled with. *agent.Registry is one.
type Identities interface {
	Identity(agency string) (ed25519.PublicKey, error)
}

// Keys holds callers' public keys. *agent.Shelf is one.
type Keys interface {
	Key(thumbprint string) (secagg.QuerierPublic, error)
}

// Tokens exchanges a caller's access token for one that agents take. *authn.TokenClient is one.
type Tokens interface {
	SessionToken(ctx context.Context, access, purpose, session, question string) (string, error)
}

// Service is the gateway's side of secure aggregates. All fields are required but those with a default.
type Service struct {
	Hub        Hub
	Identities Identities
	Keys       Keys
	Tokens     Tokens
	Minimum    int // least number of contributors where an agreement says nothing; default 3
	Threshold  int // how many members can open; default: more than half of them
	// Wake is asked before agents are looked for: a demo starts them here. Optional.
	Wake func(ctx context.Context, agencies []string) error
	Now  func() time.Time // default time.Now
	Log  *slog.Logger
}

// Asking is who asks, and under what.
type Asking struct {
	Subject  policy.Subject
	Token    string           // the caller's access token: exchanged, and never passed on
	Terms    agreement.Secure // what the agreement says of this dataset; zero where it says nothing
	Decision string           // revision of the policy that allowed the step
}

// sessionLife is how long after its question a session's shares may leave an agency.
const sessionLife = time.Minute

// Session is a session that stands, and its question. It is asked once, or discarded.
type Session struct {
	service  *Service
	session  *agent.Session
	question *secagg.Question
	key      secagg.QuerierPublic
	token    string
	absent   []string
	left     budget.Epsilon
	asked    bool
}

// Errors of Open besides the protocol's; each is the Detail of an *execute.SecureError.
var (
	errKey        = errors.New("the key is not the one that the token names, or was not uploaded")
	errGroups     = errors.New("a minimum group is demanded, which nobody can see in a sum without noise")
	errRows       = errors.New("the agencies' row rules differ, or cannot be put to an agent")
	errCondition  = errors.New("the filter cannot be put to an agent")
	errAgreement  = errors.New("a secure aggregate needs an agreement and a purpose")
	errNotPresent = errors.New("too few agents are linked")
)

func refuse(code string, err error) error { return &execute.SecureError{Code: code, Detail: err} }

// Open checks what can be checked before anything is spent, and opens a session for the step.
func (s *Service) Open(ctx context.Context, step *plan.AuthorizedStep, a Asking) (*Session, error) {
	if a.Subject.Agreement == "" || a.Subject.Purpose == "" {
		return nil, refuse("FORBIDDEN", errAgreement)
	}
	if step.MinimumGroup > 1 && a.Terms.EpsilonDen == 0 {
		return nil, refuse("FORBIDDEN", errGroups) // fail closed: nobody could withhold a small group
	}
	key, err := s.key(step.Secure.Key, a.Subject)
	if err != nil {
		return nil, refuse("BAD_USER_INPUT", err)
	}
	q, err := s.question(step, a)
	if err != nil {
		return nil, err
	}
	members, absent, err := s.members(ctx, step, q.Minimum)
	if err != nil {
		return nil, err
	}
	if err := q.Check(len(members)); err != nil {
		return nil, refuse("BAD_USER_INPUT", err)
	}
	return s.prepare(ctx, &Session{service: s, question: q, key: key, absent: absent}, members, a)
}

// prepare runs the ceremony, and has the caller's token exchanged for this session and question. Nothing is asked yet.
func (s *Service) prepare(ctx context.Context, x *Session, members map[string]ed25519.PublicKey, a Asking) (*Session, error) {
	threshold := s.Threshold
	if threshold == 0 || threshold > len(members) {
		threshold = max(2, len(members)/2+1)
	}
	session, err := s.Hub.Prepare(ctx, agent.Plan{Members: members, Threshold: threshold})
	if err != nil {
		return nil, failed(err)
	}
	x.session = session
	x.question.Session, x.question.Until = session.ID(), s.now().Add(sessionLife).Unix()
	hash := x.question.Hash()
	if x.token, err = s.Tokens.SessionToken(ctx, a.Token, a.Subject.Purpose, session.ID(), hex.EncodeToString(hash[:])); err != nil {
		x.Discard(ctx)
		return nil, refuse("SECAGG_ABORTED", err)
	}
	return x, nil
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// key is the caller's: what the argument names has to be what the token does, which the issuer put there for the caller.
func (s *Service) key(thumbprint string, who policy.Subject) (secagg.QuerierPublic, error) {
	if who.QuerierKey == "" || thumbprint != who.QuerierKey {
		return secagg.QuerierPublic{}, errKey
	}
	key, err := s.Keys.Key(thumbprint)
	if errors.Is(err, agent.ErrNoKey) {
		return key, errKey
	}
	return key, err
}

// members are the agencies of the step whose agents are linked now.
func (s *Service) members(ctx context.Context, step *plan.AuthorizedStep, least int) (map[string]ed25519.PublicKey, []string, error) {
	var names []string
	for _, p := range step.Parts {
		names = append(names, string(p.Agency))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if s.Wake != nil {
		if err := s.Wake(ctx, names); err != nil {
			s.Log.Warn("agents did not start", "cause", err)
		}
	}
	linked := s.Hub.Linked()
	members := map[string]ed25519.PublicKey{}
	var absent []string
	for _, name := range names {
		key, err := s.Identities.Identity(name)
		if err != nil || !slices.Contains(linked, name) {
			absent = append(absent, name)
			continue
		}
		members[name] = key
	}
	if len(members) < least {
		return nil, nil, refuse("SECAGG_TOO_FEW", errNotPresent)
	}
	return members, absent, nil
}

// failed gives the protocol's failures their codes.
func failed(err error) error {
	switch {
	case errors.Is(err, budget.ErrExhausted):
		return refuse("PRIVACY_BUDGET_EXHAUSTED", err)
	case errors.Is(err, agent.ErrTooFew), errors.Is(err, secagg.ErrTooFew):
		return refuse("SECAGG_TOO_FEW", err)
	}
	return refuse("SECAGG_ABORTED", err)
}
