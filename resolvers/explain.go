package resolvers

import (
	"context"
	"errors"

	"concordat/graph"
	"concordat/policy"
	"concordat/policy/explain"
)

// Explainer says which rules made a decision.
type Explainer interface {
	// Explain accounts for one coordinate at each agency that offers it; none where no agency does.
	Explain(ctx context.Context, q Reviewed, s policy.Subject, coordinate string) ([]explain.Account, error)
}

// ErrMeanwhile: the policy files are not those in force, so an explanation would be of something else.
var ErrMeanwhile = errors.New("the policy files are not those in force")

func (q query) Explain(ctx context.Context, about graph.ExplainSubject, coordinate string) ([]*graph.FieldExplanation, error) {
	return q.PolicyExplain(ctx, about, coordinate, nil)
}

func (q query) PolicyExplain(ctx context.Context, about graph.ExplainSubject, coordinate string, proposal *graph.PolicyProposal) ([]*graph.FieldExplanation, error) {
	r, err := reviewed(ctx, proposal)
	if err != nil {
		return nil, err
	}
	accounts, err := q.Explainer.Explain(ctx, r, explained(about), coordinate)
	if err != nil {
		return nil, unreviewed(err)
	}
	answer := []*graph.FieldExplanation{}
	for _, a := range accounts {
		if r.tells(a.Agency) {
			answer = append(answer, explanation(a))
		}
	}
	return answer, nil
}

// explained is a caller who holds a token that says so; one without id and agreement is anonymous.
func explained(about graph.ExplainSubject) policy.Subject {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	s := policy.Subject{ID: text(about.ID), Organisation: text(about.Organisation), Client: text(about.Client),
		Scopes: about.Scopes, Agreement: text(about.Agreement), Purpose: text(about.Purpose)}
	if s.Purpose != "" {
		s.Purposes = []string{s.Purpose}
	}
	if s.ID == "" && s.Agreement == "" {
		s.ID, s.Anonymous = "anonymous", true
	}
	return s
}

func explanation(a explain.Account) *graph.FieldExplanation {
	answer := &graph.FieldExplanation{Coordinate: a.Coordinate, Agency: string(a.Agency), Effect: a.Effect,
		Method: optional(a.Method), Rules: make([]*graph.RuleSpoken, len(a.Rules)), Sentence: a.Sentence, Rows: a.Rows}
	for i, r := range a.Rules {
		answer.Rules[i] = &graph.RuleSpoken{Rule: r.Rule, File: r.File, Line: r.Line, Says: r.Says, Won: r.Won}
	}
	return answer
}
