package source

import "context"

// Snapshotter is a Source that can answer several queries from one state of its data.
type Snapshotter interface {
	// Snapshot is nil where the source has no connection to spare for it before ctx ends: queries are then asked one by
	// one, each of the state it finds. Who gets one closes it.
	Snapshot(ctx context.Context) Snapshot
}

// Snapshot is one state of a source. It comes to be with the first Fetch; its fetches wait for each other. After one
// that failed the others may see a later state.
type Snapshot interface {
	Source
	Close()
}

// Places are the connections of a source that snapshots may keep.
type Places chan struct{}

// NewPlaces lends four fifths of a source's connections and never the last: a request that keeps one while it waits for
// another source must not keep all others from theirs.
func NewPlaces(connections int) Places { return make(Places, connections-max(1, connections/5)) }

// Take waits for a place until ctx ends, and reports whether there is one.
func (p Places) Take(ctx context.Context) bool {
	if cap(p) == 0 {
		return false
	}
	select {
	case p <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// Give gives a place back.
func (p Places) Give() { <-p }
