package sourcetest

import (
	"context"
	"sync/atomic"

	"concordat/federation/source"
	"concordat/privacy"
)

// Counter counts the fetches of a source.
type Counter struct {
	src source.Source
	n   atomic.Int64
}

// Count wraps a source.
func Count(src source.Source) *Counter { return &Counter{src: src} }

// Fetch implements source.Source.
func (c *Counter) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	c.n.Add(1)
	return c.src.Fetch(ctx, q)
}

// Derives implements source.Deriver as the source does.
func (c *Counter) Derives(q *source.Query) bool {
	d, ok := c.src.(source.Deriver)
	return ok && d.Derives(q)
}

// Relates implements source.Relater as the source does.
func (c *Counter) Relates(q *source.Query) bool {
	r, ok := c.src.(source.Relater)
	return ok && r.Relates(q)
}

// Fetches is how many there were.
func (c *Counter) Fetches() int { return int(c.n.Load()) }

// Reset starts from zero.
func (c *Counter) Reset() { c.n.Store(0) }
