package agent

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PoolOptions of NewPool; zero values take the defaults.
type PoolOptions struct {
	Ready int // sessions kept ready for the same agencies and threshold; default 2
	Sets  int // how many such sets are kept ready, those asked last; default 8
	// Age is after what time a session is discarded unused, and a set that nobody asks is no longer prepared for. Default:
	// half of the time after which agents forget a session.
	Age time.Duration
	Now func() time.Time // default time.Now
}

// Pool keeps sessions prepared ahead of questions, so that a question costs only its own rounds. A ceremony names members
// and threshold and nothing of a question, so a prepared session serves whatever is asked next of the same agencies under
// the same threshold: once. Agencies are prepared for after a first question to them, which the gateway's policy and an
// agreement let through and which makes its own ceremony; so does every question that finds nothing ready.
//
// Safe for concurrent use. Nothing is prepared while Run does not run.
type Pool struct {
	PoolOptions
	hub  *Hub
	wake chan struct{} // of capacity one: something was used up

	mu      sync.Mutex
	sets    map[string]*set
	discard []*Session // of which the agents have yet to be told
}

// set is what is ready for one plan.
type set struct {
	plan  Plan
	asked time.Time // last
	ready []prepared
}

type prepared struct {
	session *Session
	made    time.Time
}

// NewPool makes a pool, empty.
func (h *Hub) NewPool(o PoolOptions) *Pool {
	if o.Ready <= 0 {
		o.Ready = 2
	}
	if o.Sets <= 0 {
		o.Sets = 8
	}
	if o.Age <= 0 {
		o.Age = seatLife / 2
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Pool{PoolOptions: o, hub: h, wake: make(chan struct{}, 1), sets: map[string]*set{}}
}

// Linked is the hub's.
func (p *Pool) Linked() []string { return p.hub.Linked() }

// Prepare hands out a session that is ready, and where there is none makes one. What was used up is made good after the
// question, not beside it: they would compete for the same processors.
func (p *Pool) Prepare(ctx context.Context, plan Plan) (*Session, error) {
	s := p.take(plan)
	if s == nil {
		var err error
		if s, err = p.hub.Prepare(ctx, plan); err != nil {
			p.drop(plan)
			return nil, err
		}
	}
	s.over = p.signal
	return s, nil
}

func (p *Pool) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take notes that the plan was asked for, and removes the oldest session that can still be used.
func (p *Pool) take(plan Plan) *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Now()
	s := p.sets[plan.key()]
	if s == nil {
		p.makeRoom()
		s = &set{plan: plan}
		p.sets[plan.key()] = s
	}
	s.asked = now
	for len(s.ready) > 0 {
		first := s.ready[0]
		s.ready = s.ready[1:]
		if p.usable(first, now) {
			return first.session
		}
		p.discard = append(p.discard, first.session)
	}
	return nil
}

// key is equal for plans whose sessions can stand for one another.
func (p Plan) key() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(p.Threshold))
	for _, name := range slices.Sorted(maps.Keys(p.Members)) {
		b.WriteString("\n" + strconv.Quote(name) + string(p.Members[name])) // keys have one length
	}
	return b.String()
}

// makeRoom forgets the set asked longest ago where there are as many as may be.
func (p *Pool) makeRoom() {
	if len(p.sets) < p.Sets {
		return
	}
	var oldest string
	for key, s := range p.sets {
		if oldest == "" || s.asked.Before(p.sets[oldest].asked) {
			oldest = key
		}
	}
	p.forget(oldest)
}

func (p *Pool) forget(key string) {
	for _, r := range p.sets[key].ready {
		p.discard = append(p.discard, r.session)
	}
	delete(p.sets, key)
}

// usable: young enough, and every member is linked as it was when it took its seat. An agent that linked anew may have
// started anew, and then holds no keys of the session.
func (p *Pool) usable(r prepared, now time.Time) bool {
	return now.Sub(r.made) < p.Age && p.hub.unchanged(r.session.links)
}

// Run prepares until the context ends, and then discards what is left.
func (p *Pool) Run(ctx context.Context) {
	aged := time.NewTicker(max(p.Age/8, time.Millisecond))
	defer aged.Stop()
	for ctx.Err() == nil {
		changed := p.hub.watch()
		p.tell(ctx, p.sweep())
		if plan, ok := p.lacking(); ok {
			p.add(ctx, plan)
			continue
		}
		select {
		case <-changed:
		case <-p.wake:
		case <-aged.C:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	for key := range p.sets {
		p.forget(key)
	}
	left := p.discard
	p.discard = nil
	p.mu.Unlock()
	p.tell(ctx, left)
}

// tell has the agents forget sessions.
func (p *Pool) tell(ctx context.Context, sessions []*Session) {
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Go(func() { s.Discard(ctx) })
	}
	wg.Wait()
}

// sweep removes what can no longer be used, and sets that nobody asks any more or whose members are not all there.
func (p *Pool) sweep() []*Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, linked := p.Now(), p.hub.Linked()
	for key, s := range p.sets {
		here := !slices.ContainsFunc(slices.Collect(maps.Keys(s.plan.Members)), func(name string) bool { return !slices.Contains(linked, name) })
		if !here || now.Sub(s.asked) >= p.Age {
			p.forget(key)
			continue
		}
		s.ready = slices.DeleteFunc(s.ready, func(r prepared) bool {
			if p.usable(r, now) {
				return false
			}
			p.discard = append(p.discard, r.session)
			return true
		})
	}
	out := p.discard
	p.discard = nil
	return out
}

// lacking is the plan asked last of those that have too few sessions.
func (p *Pool) lacking() (Plan, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found *set
	for _, s := range p.sets {
		if len(s.ready) < p.Ready && (found == nil || s.asked.After(found.asked)) {
			found = s
		}
	}
	if found == nil {
		return Plan{}, false
	}
	return found.plan, true
}

// add prepares one session. Where that fails the set is forgotten until somebody asks for it: nobody is asked again and
// again behind the callers' backs.
func (p *Pool) add(ctx context.Context, plan Plan) {
	s, err := p.hub.Prepare(ctx, plan)
	if err != nil {
		p.hub.Log.Warn("session not prepared ahead", slog.Any("error", err))
		p.drop(plan)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if set := p.sets[plan.key()]; set != nil {
		set.ready = append(set.ready, prepared{s, p.Now()})
		return
	}
	p.discard = append(p.discard, s) // the set went meanwhile
}

// drop forgets a plan's set, if there is one.
func (p *Pool) drop(plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sets[plan.key()] != nil {
		p.forget(plan.key())
	}
}
