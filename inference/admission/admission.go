// Package admission stands before an engine: it gathers concurrent calls into batches, bounds what waits, and shares the
// engine out among callers.
//
//	q := admission.New(engine, admission.Options{})
//	results, err := q.Infer(ctx, caller, texts)
//
// A call is cut into texts; batches take from each waiting caller in turn, the same number of bytes (deficit round robin,
// Shreedhar and Varghese 1995), so that one who floods waits behind himself. A caller who had nothing waiting goes first,
// once and with up to a batch (new flows first, as in RFC 8290 section 4.2): he waits for the batch that runs, and for no
// part of what a flood has piled up. Batches are small, since a product of a few texts costs no more a text than one of
// many, and what is in the engine is what a newcomer waits for. A call is refused with
// inference.ErrOverloaded before it waits when the queue or the caller's share of it is full, or when what waits before it
// would outlast the call's deadline at the speed last measured. An engine that is idle is given work at once; the window
// is only waited while it is busy, which is when gathering pays.
//
// Not promised: an order among callers, or that a refused call would have been late.
package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"concordat/inference"
)

// Options bound a queue. The zero value has the defaults named.
type Options struct {
	Window     time.Duration // how long a batch waits for company while the engine is busy; 2 ms
	BatchBytes int           // of text in a batch; 4 KiB
	BatchTexts int           // 32
	QueueBytes int           // of text that may wait; 4 MiB
	ShareBytes int           // of text that one caller may have waiting; a quarter of QueueBytes
	Parallel   int           // batches in the engine at once; 2
	Now        func() time.Time
}

func (o Options) filled() Options {
	o.Window = cmp.Or(o.Window, 2*time.Millisecond)
	o.BatchBytes = cmp.Or(o.BatchBytes, 4<<10)
	o.BatchTexts = cmp.Or(o.BatchTexts, 32)
	o.QueueBytes = cmp.Or(o.QueueBytes, 4<<20)
	o.ShareBytes = cmp.Or(o.ShareBytes, o.QueueBytes/4)
	o.Parallel = cmp.Or(o.Parallel, 2)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// textCost is what a text costs beside its bytes, so that a hundred thousand empty texts are not free.
const textCost = 16

// Queue is an engine behind admission.
type Queue struct {
	engine  inference.Engine
	o       Options
	mu      sync.Mutex
	lines   map[string]*line // by caller, those with calls waiting
	ring    []*line          // the same, in turn
	fresh   []*line          // of these, who has just come and is not in the ring yet
	owed    bool             // the last batch had nothing of the ring, though somebody waited there
	waiting int              // cost of all that waits
	running int              // batches in the engine
	speed   float64          // cost a second, moving average; 0 before the first batch
	closed  bool
	timer   *time.Timer // set while a batch waits for company
	done    sync.WaitGroup
}

// line is what one caller has waiting.
type line struct {
	caller  string
	calls   []*call
	cost    int
	deficit int
}

// call is one use of Infer.
type call struct {
	ctx     context.Context
	texts   []string
	results []inference.Result
	next    int // first text not yet given to the engine
	open    int // texts in the engine
	err     error
	done    chan struct{}
	ended   bool
}

// item is a text in a batch.
type item struct {
	call  *call
	index int
}

// New puts a queue before an engine, which it does not own.
func New(engine inference.Engine, o Options) *Queue {
	return &Queue{engine: engine, o: o.filled(), lines: map[string]*line{}}
}

func cost(texts []string) int {
	n := textCost * len(texts)
	for _, t := range texts {
		n += len(t)
	}
	return n
}

// Infer answers all texts or none. caller is who shares are counted by: an organisation, say.
func (q *Queue) Infer(ctx context.Context, caller string, texts []string) ([]inference.Result, error) {
	if err := inference.CheckTexts(texts); err != nil {
		return nil, err
	}
	if len(texts) == 0 {
		return []inference.Result{}, nil
	}
	c := &call{ctx: ctx, texts: texts, results: make([]inference.Result, len(texts)), done: make(chan struct{})}
	if err := q.admit(c, caller); err != nil {
		return nil, err
	}
	select {
	case <-c.done:
		if c.err != nil {
			return nil, c.err
		}
		return c.results, nil
	case <-ctx.Done():
		q.abandon(c)
		return nil, ctx.Err()
	}
}

// admit refuses the call, or puts it in its caller's line.
func (q *Queue) admit(c *call, caller string) error {
	n := cost(c.texts)
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[caller]
	mine := 0
	if l != nil {
		mine = l.cost
	}
	switch {
	case q.closed:
		return inference.ErrClosed
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case q.waiting > 0 && q.waiting+n > q.o.QueueBytes, mine > 0 && mine+n > q.o.ShareBytes, q.late(c.ctx, mine+n):
		return inference.ErrOverloaded
	}
	if l == nil {
		l = &line{caller: caller}
		q.lines[caller] = l
		q.fresh = append(q.fresh, l)
	}
	l.calls, l.cost, q.waiting = append(l.calls, c), l.cost+n, q.waiting+n
	q.pump(false)
	return nil
}

// late says whether a call would miss its deadline: its caller's line, times the callers it is shared with, at the speed
// last measured.
func (q *Queue) late(ctx context.Context, mine int) bool {
	deadline, ok := ctx.Deadline()
	if !ok || q.speed == 0 {
		return false
	}
	ahead := min(float64(mine)*float64(len(q.lines)+1), float64(q.waiting+mine))
	return q.o.Now().Add(time.Duration(ahead / q.speed * float64(time.Second))).After(deadline)
}

// abandon ends a call whose caller has gone; texts in the engine are finished and thrown away.
func (q *Queue) abandon(c *call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finish(c, c.ctx.Err())
}

// pump starts batches while the engine has room. A part-filled batch waits for the window while another runs; due says
// that the window is over.
func (q *Queue) pump(due bool) {
	for q.waiting > 0 && q.running < q.o.Parallel {
		if q.running > 0 && !due && q.waiting < q.o.BatchBytes {
			if q.timer == nil {
				q.timer = time.AfterFunc(q.o.Window, q.windowOver)
			}
			return
		}
		b := q.take()
		if len(b.items) == 0 {
			return
		}
		q.running++
		q.done.Go(func() { q.run(b.items, b.cost) })
	}
}

func (q *Queue) windowOver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timer = nil
	q.pump(true)
}

// batch is what goes to the engine at once.
type batch struct {
	items []item
	cost  int
}

// full reports a batch of as many bytes or texts as these.
func (b *batch) full(bytes, texts int) bool { return b.cost >= bytes || len(b.items) >= texts }

// take fills a batch: first of those who have just come, then of each in the ring. Where newcomers had the last batch for
// themselves they have half of this one, so that a crowd of them does not stop the ring.
func (q *Queue) take() batch {
	var b batch
	bytes, texts := q.o.BatchBytes, q.o.BatchTexts
	if q.owed {
		bytes, texts = bytes/2, max(texts/2, 1)
	}
	for len(q.fresh) > 0 && !b.full(bytes, texts) {
		l := q.fresh[0]
		q.fresh = q.fresh[1:]
		l.deficit = bytes - b.cost
		q.give(&b, l, texts-len(b.items))
		l.deficit = 0
		q.toRing(l)
	}
	newcomers := len(b.items)
	q.round(&b)
	q.owed = newcomers > 0 && newcomers == len(b.items) && len(q.ring) > 0
	return b
}

// round fills up a batch of the ring: each caller in turn gives up to its share, of bytes and of texts.
func (q *Queue) round(b *batch) {
	callers := max(len(q.ring), 1)
	quantum, most := max(q.o.BatchBytes/callers, textCost), max(q.o.BatchTexts/callers, 1)
	for len(q.ring) > 0 && !b.full(q.o.BatchBytes, q.o.BatchTexts) {
		l := q.ring[0]
		q.ring = slices.Delete(q.ring, 0, 1)
		l.deficit += quantum
		q.give(b, l, min(most, q.o.BatchTexts-len(b.items)))
		q.toRing(l)
	}
}

// give moves up to most texts of a line to the batch, as far as its deficit pays for them.
func (q *Queue) give(b *batch, l *line, most int) {
	for range most {
		it, n, ok := q.next(l, len(b.items) == 0)
		if !ok {
			return
		}
		b.items, b.cost = append(b.items, it), b.cost+n
	}
}

// next takes a line's first text where its deficit pays for it, or where the batch is empty.
func (q *Queue) next(l *line, empty bool) (it item, n int, ok bool) {
	for len(l.calls) > 0 && (l.calls[0].ended || l.calls[0].next == len(l.calls[0].texts)) {
		q.drop(l, l.calls[0])
	}
	if len(l.calls) == 0 {
		return item{}, 0, false
	}
	c := l.calls[0]
	n = textCost + len(c.texts[c.next])
	if n > l.deficit && !empty {
		return item{}, 0, false
	}
	it = item{c, c.next}
	c.next++
	c.open++
	l.deficit, l.cost, q.waiting = l.deficit-n, l.cost-n, q.waiting-n
	return it, n, true
}

// drop takes a call off its line, with what it still had waiting.
func (q *Queue) drop(l *line, c *call) {
	rest := cost(c.texts[c.next:])
	c.next = len(c.texts)
	l.calls = l.calls[1:]
	l.cost -= rest
	q.waiting -= rest
}

// toRing puts a line at the end of the ring, or forgets it where nothing of it waits.
func (q *Queue) toRing(l *line) {
	for len(l.calls) > 0 && l.calls[0].next == len(l.calls[0].texts) {
		l.calls = l.calls[1:]
	}
	if len(l.calls) == 0 {
		delete(q.lines, l.caller)
		return
	}
	q.ring = append(q.ring, l)
}

// run gives one batch to the engine and its results to their calls.
func (q *Queue) run(items []item, n int) {
	texts := make([]string, len(items))
	for i, it := range items {
		texts[i] = it.call.texts[it.index]
	}
	begun := q.o.Now()
	results, err := q.infer(texts)
	took := q.o.Now().Sub(begun)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	if err == nil && took > 0 {
		q.measure(float64(n) / took.Seconds() * float64(q.running+1))
	}
	for i, it := range items {
		it.call.open--
		if err == nil {
			it.call.results[it.index] = results[i]
		}
		if err != nil || it.call.open == 0 && it.call.next == len(it.call.texts) {
			q.finish(it.call, err)
		}
	}
	q.pump(false)
}

func (q *Queue) measure(speed float64) {
	if q.speed == 0 {
		q.speed = speed
		return
	}
	q.speed += 0.2 * (speed - q.speed)
}

// infer runs the engine; whatever it does, a caller gets an error of ours.
func (q *Queue) infer(texts []string) (results []inference.Result, err error) {
	defer func() {
		if recover() != nil {
			results, err = nil, fmt.Errorf("%w: the engine panicked", inference.ErrFailed)
		}
	}()
	results, err = q.engine.Infer(context.Background(), texts)
	switch {
	case errors.Is(err, inference.ErrClosed):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", inference.ErrFailed, err)
	case len(results) != len(texts):
		return nil, fmt.Errorf("%w: %d results for %d texts", inference.ErrFailed, len(results), len(texts))
	}
	return results, nil
}

// finish answers a call once. A call that ends early gives up its place.
func (q *Queue) finish(c *call, err error) {
	if c.ended {
		return
	}
	c.ended, c.err = true, err
	close(c.done)
}

// Close refuses new calls, fails those waiting and waits for batches in the engine.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	for _, l := range q.lines {
		for _, c := range l.calls {
			q.finish(c, inference.ErrClosed)
		}
	}
	q.ring, q.fresh, q.lines, q.waiting = nil, nil, map[string]*line{}, 0
	q.mu.Unlock()
	q.done.Wait()
	return nil
}

// Waiting is the cost of what waits: bytes, and a little for each text. For metrics.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}
