package policy

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// Why an evaluation was ended. Its owner's coordinates are denied, and Fault is told.
var (
	ErrTooLong = errors.New("the rules took too long")
	ErrTooMuch = errors.New("the rules took too much memory")
)

// Limits of one owner's evaluation where Options do not say.
const (
	defaultEvaluationLimit  = time.Second
	defaultEvaluationMemory = 256 << 20
)

// suspicious is the age from which an evaluation is watched. Rules that are well take a tenth of a millisecond, so
// that hardly any is, and a watch costs the others a timer that never fires.
const suspicious = 5 * time.Millisecond

// watchEvery is the time between two looks at the heap.
const watchEvery = time.Millisecond

// guard ends evaluations that take too long or too much memory. OPA offers no limit of memory and Go counts none by
// goroutine, so the heap of the whole process is looked at while an evaluation is old: where it grows by more than
// the limit, whoever made it grow, the evaluation has failed.
type guard struct {
	time   time.Duration
	memory uint64
}

func newGuard(limit time.Duration, memory int64) guard {
	g := guard{time: defaultEvaluationLimit, memory: defaultEvaluationMemory}
	if limit > 0 {
		g.time = limit
	}
	if memory > 0 {
		g.memory = uint64(memory)
	}
	return g
}

// watch is the guard over one evaluation.
type watch struct {
	guard
	cancel  topdown.Cancel
	unbind  func() bool // from the context
	timer   *time.Timer
	done    chan struct{} // closed when the evaluation is over
	stopped chan struct{} // closed when nothing looks any more
	reason  error         // written before stopped is closed
}

// watch begins to look after an evaluation that is to be given the cancel. Its end must be told with over.
func (g guard) watch(ctx context.Context) *watch {
	w := &watch{guard: g, cancel: topdown.NewCancel(), done: make(chan struct{}), stopped: make(chan struct{})}
	w.unbind = context.AfterFunc(ctx, w.cancel.Cancel)
	w.timer = time.AfterFunc(min(suspicious, g.time), w.look)
	return w
}

// over ends the watch, and gives why it ended the evaluation, or the evaluation's own error.
func (w *watch) over(err error) error {
	w.unbind()
	if w.timer.Stop() {
		return err
	}
	close(w.done)
	<-w.stopped
	if err != nil && w.reason != nil {
		return w.reason
	}
	return err
}

// look looks at an evaluation that is old until it is over.
func (w *watch) look() {
	defer close(w.stopped)
	end := time.NewTimer(w.time - min(suspicious, w.time))
	defer end.Stop()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	before := readHeap()
	for {
		select {
		case <-w.done:
			return
		case <-end.C:
			w.stop(fmt.Errorf("%w: more than %s", ErrTooLong, w.time))
			return
		case <-tick.C:
			if readHeap().grown(before, w.memory) {
				w.stop(fmt.Errorf("%w: more than %d bytes", ErrTooMuch, w.memory))
				return
			}
		}
	}
}

func (w *watch) stop(reason error) {
	w.reason = reason
	w.cancel.Cancel()
}

// heap is what the process holds, in bytes.
type heap struct {
	live    uint64 // reached by the last collection
	objects uint64 // not yet swept: what is live, and garbage
}

func readHeap() heap {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	return heap{live: samples[0].Value.Uint64(), objects: samples[1].Value.Uint64()}
}

// grown reports whether a heap has grown by more than limit. What is live says so surely, though only at the next
// collection; objects may be garbage, of which a well process makes as much as it holds before it is collected.
func (h heap) grown(before heap, limit uint64) bool {
	return h.live > before.live+limit || h.objects > before.objects+before.live+limit
}
