package node

import (
	"context"
	"errors"
	"testing"
	"time"
)

var errOwn = errors.New("own")

func TestWorkThatTakesTooMuchMemoryIsEnded(t *testing.T) {
	var held [][]byte
	err := bounded(t.Context(), time.Hour, 32<<20, func(ctx context.Context) error {
		for ctx.Err() == nil {
			held = append(held, make([]byte, 1<<16))
		}
		return nil
	})
	if !errors.Is(err, errMemory) || len(held) == 0 {
		t.Errorf("%v after %d pieces", err, len(held))
	}
}

func TestWorkThatDoesNotEndIsEnded(t *testing.T) {
	err := bounded(t.Context(), time.Millisecond, 1<<40, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestWorkWithinItsBoundsKeepsItsOwnError(t *testing.T) {
	for _, own := range []error{nil, errOwn} {
		if err := bounded(t.Context(), time.Hour, 1<<40, func(context.Context) error { return own }); !errors.Is(err, own) {
			t.Error(err)
		}
	}
}
