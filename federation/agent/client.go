package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"concordat/privacy/secagg"
	"concordat/state"
)

// Gateway is one place to dial. With several, an agent keeps a link to each.
type Gateway struct {
	Address string // host:port
	Pin     string // of the gateway's key
	Code    string // one-time, for the first link; optional once enrolled
}

// Data gives what a question may be computed over: this agency's rows, under its own row rules.
type Data interface {
	Table(ctx context.Context, q *secagg.Question) (*secagg.Table, error)
}

// Asked is what an agency's policy decides about.
type Asked struct {
	Question *secagg.Question
	Grant    Grant
	Members  []string
}

// Policy is the agency's own. An error is a refusal.
type Policy interface {
	Decide(ctx context.Context, a Asked) error
}

// Grant is what an issuer says in a session token.
type Grant struct {
	Subject, Organisation, Agreement, Purpose string
	Session                                   string
	Query                                     string // hex of the question's hash
	Key                                       string // thumbprint of the querier's key (claim secagg_jkt)
}

// Tokens verifies session tokens against the issuers this agency trusts.
type Tokens interface {
	Verify(ctx context.Context, token string) (Grant, error)
}

// Options of New. All are required but those with a default.
type Options struct {
	Name     string
	Identity ed25519.PrivateKey
	Members  map[string]ed25519.PublicKey // every agency of the agreement, this one included, by name
	Gateways []Gateway
	Data     Data
	Policy   Policy
	Tokens   Tokens
	Store    *state.Store // this agency's own ledger of contributions
	Minimum  int          // least number of contributors this agency takes part with; default 3
	// Threshold is the least number of members that may be able to open a session this agency joins; default: more than
	// half of them. The gateway proposes the threshold, so an agency that accepted any would accept two accomplices.
	Threshold int
	Sessions  int // at once; default 64
	Log       *slog.Logger
	Now       func() time.Time // default time.Now
	Rand      io.Reader        // of the noise; default crypto/rand
	Backoff   Backoff
	Fetching  Fetching // optional
}

// Backoff between dials: doubling from Least to Most, each wait drawn uniformly from the upper half.
type Backoff struct{ Least, Most time.Duration } // default 250 ms to 30 s

// Agent is one agency's side.
type Agent struct {
	Options
	certificate tls.Certificate
	journal     journal
	mu          sync.Mutex
	sessions    map[string]*seat
}

// New checks the options.
func New(o Options) (*Agent, error) {
	switch {
	case !validName(o.Name) || len(o.Gateways) == 0 || o.Data == nil || o.Policy == nil || o.Tokens == nil || o.Store == nil || o.Log == nil:
		return nil, errors.New("agent: name, gateways, data, policy, tokens, store and log are required")
	case len(o.Identity) != ed25519.PrivateKeySize || !o.Members[o.Name].Equal(o.Identity.Public()):
		return nil, errors.New("agent: the identity key is not the one that members lists under this name")
	}
	if o.Minimum < 2 {
		o.Minimum = 3
	}
	if o.Sessions <= 0 {
		o.Sessions = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Backoff.Least <= 0 {
		o.Backoff = Backoff{250 * time.Millisecond, 30 * time.Second}
	}
	c, err := Certificate(o.Identity)
	if err != nil {
		return nil, err
	}
	return &Agent{Options: o, certificate: c, journal: journal{o.Store}, sessions: map[string]*seat{}}, nil
}

// Run keeps a link to every gateway until the context ends.
func (a *Agent) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, g := range a.Gateways {
		wg.Go(func() { a.keep(ctx, g) })
	}
	wg.Wait()
	a.discardAll()
	return nil
}

// keep dials one gateway again and again.
func (a *Agent) keep(ctx context.Context, g Gateway) {
	wait := a.Backoff.Least
	for ctx.Err() == nil {
		began := a.Now()
		err := a.link(ctx, g)
		if ctx.Err() != nil {
			return
		}
		if a.Now().Sub(began) > a.Backoff.Most {
			wait = a.Backoff.Least // it held for a while: this is a new outage
		}
		a.Log.Warn("link ended", "gateway", g.Address, "error", err)
		select {
		case <-time.After(jitter(wait)):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, a.Backoff.Most)
	}
}

// jitter spreads agents that lost the same gateway at the same moment.
func jitter(d time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(d/2)+1))
	if err != nil {
		return d
	}
	return d/2 + time.Duration(n.Int64())
}

// link is one connection's life.
func (a *Agent) link(ctx context.Context, g Gateway) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///"+g.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(clientTLS(a.certificate, g.Pin))),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallRecvMsgSize(maxFrame), grpc.MaxCallSendMsgSize(maxFrame)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDisableRetry())
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	if err := a.greet(stream, g); err != nil {
		return err
	}
	a.Log.Info("linked", "gateway", g.Address)
	return a.serve(ctx, stream, g)
}

func (a *Agent) greet(s grpc.ClientStream, g Gateway) error {
	frames := split(0, stepGreet, 0, [][]byte{{version}, []byte(a.Name), []byte(g.Code)})
	if err := s.SendMsg(frames[0]); err != nil && !errors.Is(err, io.EOF) {
		return err // after io.EOF the reason is what RecvMsg returns
	}
	var reply frame
	if err := s.RecvMsg(&reply); err != nil {
		return err
	}
	if reply.step != stepGreet {
		return errFrame
	}
	return nil
}

// concurrent requests of one link that are worked on; more wait in the stream, whose flow control slows the gateway.
const concurrent = 4

// serve takes requests in and answers them. Requests of one session come one after another; of several, side by side.
func (a *Agent) serve(ctx context.Context, s grpc.ClientStream, g Gateway) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	out := &sender{stream: s}
	slots := make(chan struct{}, concurrent)
	in := &inbox{pending: map[uint64]*incoming{}}
	fetches := &fetches{running: map[uint64]context.CancelFunc{}}
	for {
		var f frame
		if err := s.RecvMsg(&f); err != nil {
			return err
		}
		r, err := in.take(&f)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		switch f.step {
		case stepCancel:
			fetches.cancel(f.id)
			continue
		case stepFetch: // beside the sessions' slots: it may wait for the agency's database
			asked, ok := fetches.begin(ctx, f.id)
			wg.Go(func() { out.reply(f.id, f.step, fetches.run(asked, ok, a, f.id, r)) })
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		wg.Go(func() {
			defer func() { <-slots }()
			out.reply(f.id, f.step, a.handle(ctx, g.Pin, f.step, r))
		})
	}
}

// incoming is a request whose frames are still coming.
type incoming struct {
	step     step
	gatherer gatherer
}

// inbox bounds what the requests of one gateway take together.
type inbox struct {
	pending map[uint64]*incoming
	bytes   int
}

const maxPending = 256

func (b *inbox) take(f *frame) ([][]byte, error) {
	r := b.pending[f.id]
	if r != nil && f.step == stepCancel { // nobody waits, and the rest will not come
		b.bytes -= r.gatherer.size
		delete(b.pending, f.id)
		return nil, nil
	}
	if r == nil {
		if len(b.pending) >= maxPending {
			return nil, errTooLong
		}
		r = &incoming{step: f.step, gatherer: gatherer{limit: maxMessage}}
		b.pending[f.id] = r
	}
	b.bytes += len(f.payload)
	if f.flags&(flagReply|flagFailed) != 0 || r.step != f.step || b.bytes > maxMessage {
		return nil, errFrame
	}
	complete, err := r.gatherer.add(f)
	if err != nil || !complete {
		return nil, err
	}
	delete(b.pending, f.id)
	b.bytes -= r.gatherer.size
	parts, err := r.gatherer.parts()
	if err == nil && parts == nil {
		parts = [][]byte{}
	}
	return parts, err
}

// sender serialises replies on the stream. A failed send is seen by the reader too.
type sender struct {
	mu     sync.Mutex
	stream grpc.ClientStream
}

func (o *sender) reply(id uint64, s step, r outcome) {
	flags, parts := byte(flagReply), r.parts
	if r.err != nil {
		flags, parts = flags|flagFailed, [][]byte{[]byte(failureCode(r.err))}
	}
	for _, f := range split(id, s, flags, parts) {
		o.mu.Lock()
		err := o.stream.SendMsg(f)
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}
