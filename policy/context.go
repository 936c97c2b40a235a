package policy

import "context"

type subjectKey struct{}

// WithSubject returns a context that carries the caller. Only the gateway's first step sets it.
func WithSubject(ctx context.Context, s Subject) context.Context {
	return context.WithValue(ctx, subjectKey{}, s)
}

// SubjectFrom returns the caller of a request; false where no gate has let one in.
func SubjectFrom(ctx context.Context) (Subject, bool) {
	s, ok := ctx.Value(subjectKey{}).(Subject)
	return s, ok
}
