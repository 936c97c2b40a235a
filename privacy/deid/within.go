package deid

import (
	"context"

	"concordat/privacy"
)

// Shared is a Tagger whose time is shared out among parties: one that floods waits behind itself.
type Shared interface {
	// For is the tagger as party asks it.
	For(party string) Tagger
}

// Within is the set for one request of a party: once ctx has ended, a text that no tagger has read yet is withheld whole,
// so that a request that asks for many texts does not outlive its time by reading them.
func (s *Set) Within(ctx context.Context, party string) privacy.Transforms {
	if s.free.tagger == nil {
		return s
	}
	free, tagger := s.free, s.free.tagger
	if t, ok := tagger.(Shared); ok {
		tagger = t.For(party)
	}
	free.tagger = tagging(func(call context.Context, texts []string) ([][]Span, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		call, cancel := context.WithCancel(call)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return tagger.Tag(call, texts)
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
