package federation

import (
	"context"
	"errors"
	"strings"

	"concordat/federation/execute"
	"concordat/federation/plan"
	"concordat/federation/secure"
	"concordat/policy/ledger"
	"concordat/privacy/budget"
)

// Secure opens sessions with the agencies' agents. *secure.Service is one.
type Secure interface {
	Open(ctx context.Context, s *plan.AuthorizedStep, a secure.Asking) (*secure.Session, error)
}

// Spender makes a spend and the entry about it durable in one transaction. It returns what the first account has left.
// Its error wraps budget.ErrExhausted where nothing was spent and nothing entered for want of budget.
type Spender interface {
	Spend(ctx context.Context, e ledger.Entry, id string, costs []budget.Cost) (budget.Epsilon, error)
}

// SecureAggregation is what secure aggregates need. Both are required where it is given.
type SecureAggregation struct {
	Secure  Secure
	Spender Spender
}

// spend opens a session for each secure aggregate, and spends what its question costs, with an entry that names the
// session: before any agency is asked, and so before noise is drawn. What fails here is an error of its field.
func (g *Gateway) spend(x *exchange) *refusal {
	steps := x.authorized.Steps()
	for i := range steps {
		s := &steps[i]
		if s.Kind != plan.Secure || s.Denied {
			continue
		}
		if x.secured == nil {
			x.secured = map[int]execute.Secured{}
		}
		session, err := g.openSession(x, s)
		var said *execute.SecureError
		switch {
		case err == nil:
			x.secured[s.ID], x.sessions = session, append(x.sessions, session)
		case errors.As(err, &said) && said.Code == string(BadUserInput):
			return &refusal{Code: BadUserInput, Message: "a secure aggregate cannot be asked so", Path: s.Errors, cause: err}
		case errors.As(err, &said):
			x.secured[s.ID] = unopened{said}
		default:
			return refuse(LedgerUnavailable, err) // no entry, no question
		}
	}
	return nil
}

// unopened answers for a session that does not stand.
type unopened struct{ err error }

func (u unopened) Ask(context.Context) (*execute.SecureAnswer, error) { return nil, u.err }

var errNoAgents = errors.New("this gateway has no agents")

func (g *Gateway) openSession(x *exchange, s *plan.AuthorizedStep) (*secure.Session, error) {
	if g.SecureAggregation == nil {
		return nil, &execute.SecureError{Code: string(SourceUnavailable), Detail: errNoAgents}
	}
	asking := secure.Asking{Subject: x.subject, Token: bearer(x.request.Header.Get("Authorization")), Decision: x.decision.Revision}
	if a, ok := x.snapshot.Agreements.Get(x.subject.Agreement); ok {
		asking.Terms, _ = a.SecureTerms(s.Entity.Name)
	}
	session, err := g.SecureAggregation.Secure.Open(x.ctx, s, asking)
	if err != nil {
		return nil, err
	}
	if err := g.spendSession(x, session); err != nil {
		session.Discard(x.ctx)
		return nil, err
	}
	return session, nil
}

func (g *Gateway) spendSession(x *exchange, session *secure.Session) error {
	costs, err := session.Costs()
	if err != nil {
		return &execute.SecureError{Code: string(Internal), Detail: err}
	}
	e := x.entry(ledger.Decision)
	if e.Extra == nil {
		e.Extra = map[string]string{}
	}
	e.Extra["secaggSession"], e.Extra["secaggQuery"] = session.Name(), session.Query()
	if price, ok := session.Price(); ok {
		e.Extra["epsilon"], e.Extra["delta"] = price.Decimals()
	}
	left, err := g.SecureAggregation.Spender.Spend(x.ctx, e, session.SpendID(), costs)
	if errors.Is(err, budget.ErrExhausted) {
		return &execute.SecureError{Code: string(PrivacyBudgetExhausted), Detail: err}
	}
	session.Spent(left)
	return err
}

// bearer is the token of an Authorization header that the gate has let through.
func bearer(header string) string {
	_, token, _ := strings.Cut(header, " ")
	return strings.TrimSpace(token)
}

// closeSessions has agents forget what was opened and never asked.
func (x *exchange) closeSessions() {
	for _, s := range x.sessions {
		s.Close(x.ctx)
	}
}

// sessionNames are for the entry of the answer.
func (x *exchange) sessionNames() string {
	var names []string
	for _, s := range x.sessions {
		names = append(names, s.Name())
	}
	return strings.Join(names, " ")
}

// privacySpent is what an answer says was spent.
type privacySpent struct {
	Epsilon   string `json:"epsilon"`
	Delta     string `json:"delta"`
	Remaining string `json:"remaining"`
}

// spent sums what the request's sessions cost; nil where they cost nothing. What is left is that of the last.
func (x *exchange) spent() *privacySpent {
	var sum secure.Price
	var left budget.Epsilon
	for _, s := range x.sessions {
		if price, ok := s.Price(); ok {
			sum, left = sum.Add(price), s.Left()
		}
	}
	if sum.Epsilon == 0 {
		return nil
	}
	epsilon, delta := sum.Decimals()
	return &privacySpent{epsilon, delta, secure.Decimal(left)}
}
