package agent

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// failure is a Code as an error between the two ends.
type failure struct{ code Code }

func (f failure) Error() string    { return string(f.code) }
func (c Code) failure() error      { return failure{c} }
func codeOf(err error) (code Code) { return failureCode(err) }

func failureCode(err error) Code {
	var f failure
	if errors.As(err, &f) {
		return f.code
	}
	return CodeGone
}

// link is the gateway's end of one agent's stream.
type link struct {
	name     string
	out      chan *frame
	replaced chan struct{}
	done     chan struct{} // closed when the link is over

	mu      sync.Mutex
	pending map[uint64]*call
	closed  bool
}

// call is a request that waits for its reply.
type call struct {
	step     step
	gatherer gatherer
	reply    chan outcome // of capacity one
}

type outcome struct {
	parts [][]byte
	err   error
}

// outQueue frames wait for a slow agent at most; what does not fit waits in its caller, under the caller's deadline.
const outQueue = 8

func newLink(name string) *link {
	return &link{name: name, out: make(chan *frame, outQueue), replaced: make(chan struct{}), done: make(chan struct{}), pending: map[uint64]*call{}}
}

// write sends what is queued until the link is over. A stream takes one writer only.
func (l *link) write(send func(any) error) {
	for {
		select {
		case f := <-l.out:
			if send(f) != nil {
				return // the reader sees the same failure and ends the link
			}
		case <-l.done:
			return
		}
	}
}

// read takes replies in until the stream breaks or the agent breaks the framing.
func (l *link) read(s grpc.ServerStream) error {
	for {
		var f frame
		if err := s.RecvMsg(&f); err != nil {
			return err
		}
		if err := l.take(&f); err != nil {
			return status.Error(codes.ResourceExhausted, "reply too long")
		}
	}
}

// take adds a frame to the reply it belongs to. A frame of no pending call is dropped: it is late, and late parties
// count as absent. An agent whose reply has no end loses its link.
func (l *link) take(f *frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.pending[f.id]
	if c == nil || f.flags&flagReply == 0 {
		return nil
	}
	if c.step != f.step {
		l.finish(f.id, outcome{err: CodeMalformed.failure()})
		return nil
	}
	complete, err := c.gatherer.add(f)
	switch {
	case err != nil:
		l.finish(f.id, outcome{err: CodeMalformed.failure()})
	case complete:
		l.finish(f.id, result(c, f.flags))
	}
	return err
}

func result(c *call, flags byte) outcome {
	parts, err := c.gatherer.parts()
	switch {
	case err != nil:
		return outcome{err: CodeMalformed.failure()}
	case flags&flagFailed == 0:
		return outcome{parts: parts}
	case len(parts) == 1:
		return outcome{err: known(string(parts[0])).failure()}
	}
	return outcome{err: CodeFailed.failure()}
}

func (l *link) finish(id uint64, o outcome) {
	c := l.pending[id]
	delete(l.pending, id)
	c.reply <- o
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	close(l.done)
	for id := range l.pending {
		l.finish(id, outcome{err: CodeGone.failure()})
	}
}

func (l *link) call(ctx context.Context, id uint64, s step, limit int, parts [][]byte) ([][]byte, error) {
	c := &call{step: s, gatherer: gatherer{limit: limit}, reply: make(chan outcome, 1)}
	if !l.register(id, c) {
		return nil, CodeGone.failure()
	}
	defer l.forget(id)
	for _, f := range split(id, s, 0, parts) {
		select {
		case l.out <- f:
		case o := <-c.reply:
			return o.parts, o.err
		case <-ctx.Done():
			return nil, CodeGone.failure()
		}
	}
	select {
	case o := <-c.reply:
		return o.parts, o.err
	case <-ctx.Done():
		return nil, CodeGone.failure()
	}
}

// cancel tells the agent that nobody waits. Where the queue is full it is not told: the answer is dropped when it comes.
func (l *link) cancel(id uint64) {
	select {
	case l.out <- split(id, stepCancel, 0, nil)[0]:
	default:
	}
}

func (l *link) register(id uint64, c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.pending[id] = c
	return true
}

func (l *link) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, id)
}
