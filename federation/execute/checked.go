package execute

import (
	"context"
	"fmt"

	"concordat/federation/source"
	"concordat/privacy"
)

// checked is a source whose every answer has the shape of its question, also where the question is not the step's own
// but the one for stored rows that derived columns are computed of. A source that panics has failed: a defect of one
// adapter costs its own field, not the process.
type checked struct{ inner source.Source }

// Fetch implements source.Source.
func (c checked) Fetch(ctx context.Context, q *source.Query) (t *privacy.Table, err error) {
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, fmt.Errorf("%w: panic: %v", source.ErrInvalid, p)
		}
	}()
	if t, err = c.inner.Fetch(ctx, q); err != nil {
		return nil, err
	}
	return t, checkShape(q, t)
}

// Derives implements source.Deriver as the source does.
func (c checked) Derives(q *source.Query) bool {
	d, ok := c.inner.(source.Deriver)
	return ok && d.Derives(q)
}

// Relates implements source.Relater as the source does. One that panics relates nothing.
func (c checked) Relates(q *source.Query) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	r, is := c.inner.(source.Relater)
	return is && r.Relates(q)
}
