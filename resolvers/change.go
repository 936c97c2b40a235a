package resolvers

import (
	"context"
	"errors"
	"time"

	"concordat/graph"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/ledger"
)

// Drafts reads changes of agreements without making them; *agreement.Files is one.
type Drafts interface {
	Propose(text []byte) (*agreement.Change, error)
	Amend(id string, text []byte) (*agreement.Change, error)
	Renew(id, version string, until time.Time) (*agreement.Change, error)
}

// Publisher makes changes of agreements.
type Publisher interface {
	// Check holds a version against what the gateway shares.
	Check(ctx context.Context, s *agreement.Set) agreement.Mistakes
	// Publish enters a change into the ledger, and then writes it.
	Publish(ctx context.Context, by policy.Subject, c *agreement.Change) error
}

func (m mutation) ProposeAgreement(ctx context.Context, yaml string) (*graph.AgreementChange, error) {
	subject, err := writer(ctx)
	if err != nil {
		return nil, err
	}
	c, err := m.Drafts.Propose([]byte(yaml))
	return m.change(ctx, subject, c, err)
}

func (m mutation) AmendAgreement(ctx context.Context, id, yaml string) (*graph.AgreementChange, error) {
	subject, err := writer(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := m.changeable(ctx, subject, id); err != nil {
		return nil, err
	}
	c, err := m.Drafts.Amend(id, []byte(yaml))
	return m.change(ctx, subject, c, err)
}

func (m mutation) RenewAgreement(ctx context.Context, id, version string, validUntil time.Time) (*graph.AgreementChange, error) {
	subject, err := writer(ctx)
	if err != nil {
		return nil, err
	}
	status, err := m.changeable(ctx, subject, id)
	if err != nil {
		return nil, err
	}
	if status == agreement.Expired {
		return nil, refuse("BAD_USER_INPUT", "the agreement has ended; amend it, or propose another")
	}
	c, err := m.Drafts.Renew(id, version, validUntil)
	return m.change(ctx, subject, c, err)
}

// writer is a caller who may write some agreement.
func writer(ctx context.Context) (policy.Subject, error) {
	subject, err := caller(ctx)
	if err != nil {
		return policy.Subject{}, err
	}
	if subject.Anonymous || !subject.HasScope(ScopeWrite) && !subject.HasScope(ScopeWriteOwn) {
		return policy.Subject{}, notTheirs()
	}
	return subject, nil
}

// notTheirs is the same for an unknown agreement: who may not change it does not learn whether there is one.
func notTheirs() error { return refuse("FORBIDDEN", "not permitted to write this agreement") }

func mayWrite(s policy.Subject, a agreement.Agreement) bool {
	return s.HasScope(ScopeWrite) || s.HasScope(ScopeWriteOwn) && isParty(s, a)
}

// changeable refuses a change of an agreement that is not the caller's to change, or was revoked.
func (m mutation) changeable(ctx context.Context, s policy.Subject, id string) (agreement.Status, error) {
	content, known := m.Agreements.Current(ctx).Get(id)
	if !known && s.HasScope(ScopeWrite) {
		return agreement.Unknown, refuse("BAD_USER_INPUT", "there is no such agreement")
	}
	if !known || !mayWrite(s, content) {
		return agreement.Unknown, notTheirs()
	}
	status, err := m.Register.Status(ctx, id, m.Now())
	if err != nil {
		return agreement.Unknown, failed("STATE_UNAVAILABLE", "the agreement's status cannot be read", err)
	}
	if status == agreement.Revoked {
		return status, refuse("BAD_USER_INPUT", "the agreement was revoked; propose another")
	}
	return status, nil
}

// change publishes what is right and the caller's to write, and says what is wrong with anything else.
func (m mutation) change(ctx context.Context, s policy.Subject, c *agreement.Change, err error) (*graph.AgreementChange, error) {
	var wrong agreement.Mistakes
	if errors.As(err, &wrong) {
		return &graph.AgreementChange{Mistakes: mistakes(wrong), Warnings: mistakes(nil)}, nil
	}
	if err != nil {
		return nil, unwritten(err)
	}
	if !mayWrite(s, c.Agreement) {
		return nil, notTheirs()
	}
	answer := &graph.AgreementChange{ID: &c.Agreement.ID, Version: &c.Agreement.Version, Before: optional(c.Before),
		Mistakes: mistakes(m.Publisher.Check(ctx, c.Set())), Warnings: mistakes(c.Set().Warnings())}
	if len(answer.Mistakes) > 0 {
		return answer, nil
	}
	if err := m.Publisher.Publish(ctx, s, c); err != nil {
		return nil, unwritten(err)
	}
	answer.Written = true
	return answer, nil
}

func unwritten(err error) error {
	switch {
	case errors.Is(err, agreement.ErrExists):
		return refuse("BAD_USER_INPUT", "there is an agreement of this id, or there was one")
	case errors.Is(err, agreement.ErrAbsent):
		return refuse("BAD_USER_INPUT", "there is no such agreement")
	case errors.Is(err, agreement.ErrVersion):
		return refuse("BAD_USER_INPUT", "the version was used before, or the agreement was changed meanwhile")
	case errors.Is(err, agreement.ErrUntil):
		return refuse("BAD_USER_INPUT", "a renewal ends after the term before it")
	case errors.Is(err, ledger.ErrUnavailable):
		return failed("LEDGER_UNAVAILABLE", "the change could not be recorded, and was not made", err)
	}
	return failed("STATE_UNAVAILABLE", "the agreement could not be written; try again", err)
}

func mistakes(all agreement.Mistakes) []*graph.AgreementMistake {
	answer := make([]*graph.AgreementMistake, len(all))
	for i, one := range all {
		answer[i] = &graph.AgreementMistake{Line: one.Line, Path: one.Path, Message: one.Message}
	}
	return answer
}
