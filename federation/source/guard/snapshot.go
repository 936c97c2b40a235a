package guard

import (
	"context"

	"concordat/federation/source"
	"concordat/privacy"
)

// Snapshot implements source.Snapshotter as the guarded source does, unless Options say otherwise.
func (s *Source) Snapshot(ctx context.Context) source.Snapshot {
	inner, ok := s.inner.(source.Snapshotter)
	if !ok || s.options.NoSnapshots {
		return nil
	}
	soon, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	held := inner.Snapshot(soon)
	if held == nil {
		return nil
	}
	return &snapshot{guard: s, inner: held}
}

// snapshot is a guarded source's state. What was lost with a connection is tried again, of a later state.
type snapshot struct {
	guard *Source
	inner source.Snapshot
}

// Fetch implements source.Source.
func (s *snapshot) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return s.guard.batched(ctx, s.inner, q)
}

// Close implements source.Snapshot.
func (s *snapshot) Close() { s.inner.Close() }

// Derives implements source.Deriver as the guarded source does.
func (s *snapshot) Derives(q *source.Query) bool { return s.guard.Derives(q) }

// Relates implements source.Relater as the guarded source does.
func (s *snapshot) Relates(q *source.Query) bool { return s.guard.Relates(q) }
