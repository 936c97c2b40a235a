package open

import (
	"context"
	"fmt"

	"concordat/federation/source"
	"concordat/federation/source/guard"
	"concordat/privacy"
)

// Remote is a source of kind agent: the agency's own agent serves it over the link that it dialled. This package has no
// links; who has them puts one in the Remote's place.
type Remote struct{ guard guard.Options }

// Fetch finds nobody: nothing was put in the Remote's place.
func (Remote) Fetch(context.Context, *source.Query) (*privacy.Table, error) {
	return nil, fmt.Errorf("no agents here: %w", source.ErrUnavailable)
}

// Through is the source that is reached through a link, behind the guard that the configuration gives it.
func (r Remote) Through(link source.Source) source.Source { return guard.New(link, r.guard) }
