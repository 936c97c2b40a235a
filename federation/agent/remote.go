package agent

import (
	"context"
	"errors"
	"fmt"

	"concordat/federation/source"
	"concordat/privacy"
)

// Source is an agency's rows behind its agent, as any other source of the planner's. The agency needs no opening for it:
// questions go over the link that its agent dialled. It is safe for concurrent use.
//
// What the agency's own rules refuse is a *source.Refused: the agency tells the gateway no more.
type Source struct {
	Hub    *Hub
	Agency string
}

// Fetch implements source.Source.
func (s *Source) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, source.Ended(err)
	}
	token, err := source.Token(ctx, s.Agency)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", source.ErrUnavailable, err)
	}
	text, err := encodeQuery(q)
	if err != nil {
		return nil, err
	}
	// The answer's size is bounded by the agent too; the link is lost to one that does not keep to it.
	parts, err := s.Hub.ask(ctx, s.Agency, stepFetch, maxFetchBytes+slack, []byte(token), text)
	if err != nil {
		if ended := ctx.Err(); ended != nil {
			return nil, source.Ended(ended)
		}
		return nil, s.failed(err)
	}
	if len(parts) != 1 {
		return nil, fmt.Errorf("the agent's answer is malformed: %w", source.ErrInvalid)
	}
	return decodeTable(parts[0], shape(q), q.MaxRows)
}

// Explain implements source.Explainer.
func (s *Source) Explain(*source.Query) source.Explanation {
	return source.Explanation{Statement: "a question to the agency's agent, which decides it by rules of its own", Pushed: []string{"projection", "filter", "keys", "order", "limit", "aggregate"}}
}

// failed says in a source's words what an agent's code means.
func (s *Source) failed(err error) error {
	var f failure
	if !errors.As(err, &f) {
		return fmt.Errorf("%w: %w", source.ErrUnavailable, err)
	}
	switch f.code {
	case CodeRefused:
		return &source.Refused{Agency: s.Agency}
	case CodeTooLarge:
		return fmt.Errorf("%w: the agent's answer", source.ErrTooLarge)
	case CodeTimeout:
		return fmt.Errorf("%w: at the agent", source.ErrTimeout)
	case CodeData, CodeMalformed, CodeProtocol:
		return fmt.Errorf("%w: %s", source.ErrInvalid, f.code)
	}
	return fmt.Errorf("%w: %s", source.ErrUnavailable, f.code)
}
