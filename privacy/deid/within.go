package deid

import (
	"context"

	"concordat/privacy"
)

// Within is the set for one request: once ctx has ended, a text that no tagger has read yet is withheld whole, so that a
// request that asks for many texts does not outlive its time by reading them.
func (s *Set) Within(ctx context.Context) privacy.Transforms {
	if s.free.tagger == nil {
		return s
	}
	free := s.free
	free.tagger = tagging(func(call context.Context, texts []string) ([][]Span, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		call, cancel := context.WithCancel(call)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return s.free.tagger.Tag(call, texts)
	})
	return within{s, free}
}

type tagging func(ctx context.Context, texts []string) ([][]Span, error)

func (f tagging) Tag(ctx context.Context, texts []string) ([][]Span, error) { return f(ctx, texts) }

type within struct {
	*Set
	free freeText
}

// Prepare keeps nothing that asks a tagger: it is of this request alone.
func (w within) Prepare(kind privacy.Kind, ob privacy.Obligation, scope privacy.Scope) (func(*privacy.Column) (*privacy.Column, error), error) {
	if ob.Method != "redact" || ob.Arguments == "" {
		return w.Set.Prepare(kind, ob, scope)
	}
	return (&Set{methods: table(w.free)}).prepare(kind, ob, scope)
}
