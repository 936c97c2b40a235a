package node

import (
	"context"
	"errors"
	runtimemetrics "runtime/metrics"
	"time"
)

var errMemory = errors.New("the review took too much memory")

// bounded runs work for no longer than limit, and no longer than the heap of the process grows by less than memory:
// neither OPA nor Go counts memory by evaluation, so whoever made it grow, the review is what gives way. It returns
// why work was ended beside work's own error, once work has returned.
func bounded(ctx context.Context, limit time.Duration, memory uint64, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, release := context.WithTimeout(ctx, limit)
	defer release()
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		watchHeap(over, heapBytes()+memory, func() { cancel(errMemory) })
	}()
	err := work(ctx)
	close(over)
	<-watched
	return errors.Join(err, context.Cause(ctx))
}

// watchHeap looks until over is closed, and calls tooMuch once where the heap holds more than most bytes.
func watchHeap(over <-chan struct{}, most uint64, tooMuch func()) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			if heapBytes() > most {
				tooMuch()
				return
			}
		}
	}
}

func heapBytes() uint64 {
	sample := []runtimemetrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	runtimemetrics.Read(sample)
	return sample[0].Value.Uint64()
}
