package guard_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/guard"
	"concordat/privacy"
)

// stateful is a source whose states fail as often as they are told to.
type stateful struct {
	failures int
	closed   int
}

func (s *stateful) Fetch(context.Context, *source.Query) (*privacy.Table, error) {
	if s.failures--; s.failures >= 0 {
		return nil, source.ErrUnavailable
	}
	return &privacy.Table{}, nil
}

func (s *stateful) Snapshot(context.Context) source.Snapshot { return s }

func (s *stateful) Close() { s.closed++ }

func TestStatesOfASourceAreGuardedAsItIs(t *testing.T) {
	inner := &stateful{failures: 1}
	g := guard.New(inner, guard.Options{Retries: 1, Failures: 3, Cooldown: time.Hour, Pause: func(time.Duration) time.Duration { return 1 }})
	one := g.Snapshot(context.Background())
	if _, err := one.Fetch(context.Background(), nil); err != nil {
		t.Errorf("a lost attempt is tried again: %v", err)
	}
	inner.failures = 100
	for range 4 {
		_, _ = one.Fetch(context.Background(), nil)
	}
	if _, err := one.Fetch(context.Background(), nil); !errors.Is(err, guard.ErrOpen) {
		t.Errorf("got %v", err)
	}
	one.Close()
	if inner.closed != 1 {
		t.Errorf("closed %d times", inner.closed)
	}
}

func TestSourceWithoutSnapshotsGivesNone(t *testing.T) {
	if s := guard.New(&stateful{}, guard.Options{NoSnapshots: true}).Snapshot(context.Background()); s != nil {
		t.Error("a snapshot")
	}
	if s := guard.New(checkedOnly{}, guard.Options{}).Snapshot(context.Background()); s != nil {
		t.Error("a snapshot of a source that has none")
	}
}

type checkedOnly struct{}

func (checkedOnly) Fetch(context.Context, *source.Query) (*privacy.Table, error) { return nil, nil }
