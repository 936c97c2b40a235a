package agent

import (
	"context"
	"log/slog"
	"time"
)

// Pool keeps sessions prepared ahead of questions, so that a question costs only its own rounds. Sessions older than
// Fresh are not handed out: agents forget them.
type Pool struct {
	hub    *Hub
	plan   func() Plan
	ready  chan pooled
	now    func() time.Time
	fresh  time.Duration
	paused time.Duration
}

type pooled struct {
	session *Session
	made    time.Time
}

// NewPool makes a pool of size sessions. plan is asked each time, since who is linked changes.
func (h *Hub) NewPool(size int, plan func() Plan) *Pool {
	return &Pool{hub: h, plan: plan, ready: make(chan pooled, size-1), now: time.Now, fresh: seatLife / 2, paused: time.Second}
}

// Run fills the pool until the context ends, and then discards what is left.
func (p *Pool) Run(ctx context.Context) {
	defer p.drain(ctx)
	for ctx.Err() == nil {
		s, err := p.hub.Prepare(ctx, p.plan())
		if err != nil {
			p.hub.Log.Warn("session not prepared", slog.Any("error", err))
			select {
			case <-time.After(p.paused):
			case <-ctx.Done():
			}
			continue
		}
		select {
		case p.ready <- pooled{s, p.now()}:
		case <-ctx.Done():
			s.Discard(ctx)
		}
	}
}

func (p *Pool) drain(ctx context.Context) {
	for {
		select {
		case s := <-p.ready:
			s.session.Discard(ctx)
		default:
			return
		}
	}
}

// Take hands out a prepared session, and waits for one where none is ready.
func (p *Pool) Take(ctx context.Context) (*Session, error) {
	for {
		select {
		case s := <-p.ready:
			if p.now().Sub(s.made) < p.fresh {
				return s.session, nil
			}
			s.session.Discard(ctx)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
