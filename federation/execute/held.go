package execute

import (
	"fmt"
	"sync/atomic"

	"concordat/federation/source"
	"concordat/privacy"
)

// held is what the answers of one request amount to so far.
type held struct{ rows, bytes atomic.Int64 }

// admit counts an answer towards its request, and refuses the one that goes beyond the request's bounds: many
// fetches, each within its own bound, must not fill the memory together.
func (r *run) admit(t *privacy.Table) error {
	rows, bytes := int64(r.executor.RequestRows), r.executor.RequestBytes
	if rows <= 0 {
		rows = 4 * int64(r.executor.MaxRows)
	}
	if bytes <= 0 {
		bytes = 256 << 20
	}
	if r.held.rows.Add(int64(t.Rows)) > rows {
		return fmt.Errorf("%w: more than %d rows in one request", source.ErrTooLarge, rows)
	}
	if r.held.bytes.Add(source.Size(t)) > bytes {
		return fmt.Errorf("%w: more than %d bytes in one request", source.ErrTooLarge, bytes)
	}
	return nil
}
