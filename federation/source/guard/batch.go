package guard

import (
	"context"
	"fmt"
	"time"

	"concordat/federation/source"
	"concordat/privacy"
)

// spareSoon is how long a fetch of several statements waits for a state of its own, as a request does that reads several
// sources so: it may hold a state of another source meanwhile.
const spareSoon = 100 * time.Millisecond

// Fetch implements source.Source. Where there are more keys than the source takes at once, it is asked several times, of
// one state where it can give one.
func (s *Source) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	if q.Batches(s.options.Keys) == nil {
		return s.fetch(ctx, s.inner, q)
	}
	soon, cancel := context.WithTimeout(ctx, spareSoon)
	held := s.Snapshot(soon)
	cancel()
	if held == nil {
		return s.batched(ctx, s.inner, q)
	}
	defer held.Close()
	return held.Fetch(ctx, q)
}

// batched asks for all keys, in several statements where the source does not take them at once. Bounds hold over all of
// these: each is asked for the rows that are left, and the first that goes beyond ends the fetch.
func (s *Source) batched(ctx context.Context, inner source.Source, q *source.Query) (*privacy.Table, error) {
	parts := q.Batches(s.options.Keys)
	if parts == nil {
		return s.fetch(ctx, inner, q)
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	var all *privacy.Table
	for _, part := range parts {
		rows := 0
		if all != nil {
			rows = all.Rows
		}
		part.MaxRows = max(1, q.MaxRows-rows)
		t, err := s.fetch(ctx, inner, part)
		if err != nil {
			return nil, err
		}
		if all, err = below(all, t); err != nil {
			return nil, err
		}
		if all.Rows > q.MaxRows || source.Size(all) > s.options.MaxBytes {
			return nil, fmt.Errorf("the answers of several statements: %w", source.ErrTooLarge)
		}
	}
	return all, nil
}

// below puts the rows of t below those of all; the first table is copied, because it may be the source's own.
func below(all, t *privacy.Table) (*privacy.Table, error) {
	for _, c := range t.Columns {
		if c == nil || c.Check(t.Rows) != nil {
			return nil, fmt.Errorf("a ragged answer: %w", source.ErrInvalid)
		}
	}
	if all == nil {
		rows := make([]int32, t.Rows)
		for i := range rows {
			rows[i] = int32(i)
		}
		return t.Gather(rows), nil
	}
	if len(all.Columns) != len(t.Columns) {
		return nil, fmt.Errorf("answers of several shapes: %w", source.ErrInvalid)
	}
	for i, c := range all.Columns {
		if c.Name != t.Columns[i].Name {
			return nil, fmt.Errorf("answers of several shapes: %w", source.ErrInvalid)
		}
		if err := c.Extend(t.Columns[i]); err != nil {
			return nil, fmt.Errorf("%w: %w", source.ErrInvalid, err)
		}
	}
	all.Rows += t.Rows
	return all, nil
}
