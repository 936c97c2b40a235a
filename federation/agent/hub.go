package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"concordat/privacy/secagg"
)

// HubOptions of NewHub.
type HubOptions struct {
	Registry *Registry // required
	// Charge spends what a question costs, durably, before any agency is asked. Required: without it noise would be
	// drawn without limit.
	Charge Charger
	Round  time.Duration // how long one round may take; default 10 s
	Log    *slog.Logger  // required; learns names, steps and codes only
}

// Charger is asked once per session. *Budget is one.
type Charger interface {
	Charge(ctx context.Context, q *secagg.Question) error
}

// Hub is where agents link to. Safe for concurrent use.
type Hub struct {
	HubOptions
	mu      sync.Mutex
	links   map[string]*link
	changed chan struct{} // closed and replaced whenever links change
	next    atomic.Uint64
}

// NewHub checks the options.
func NewHub(o HubOptions) (*Hub, error) {
	if o.Registry == nil || o.Charge == nil || o.Log == nil {
		return nil, errors.New("hub: registry, charge and log are required")
	}
	if o.Round <= 0 {
		o.Round = 10 * time.Second
	}
	return &Hub{HubOptions: o, links: map[string]*link{}, changed: make(chan struct{})}, nil
}

const (
	serviceName = "concordat.agent.v1.Link"
	method      = "/" + serviceName + "/Connect"
	greetWithin = 10 * time.Second
)

// connector is what gRPC checks a handler for.
type connector interface{ connect(grpc.ServerStream) error }

func service() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: serviceName, HandlerType: (*connector)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Connect", ServerStreams: true, ClientStreams: true,
		Handler: func(srv any, s grpc.ServerStream) error { return srv.(connector).connect(s) },
	}}}
}

// Serve accepts links until the context ends, then closes them all.
func (h *Hub) Serve(ctx context.Context, l net.Listener, c tls.Certificate) error {
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(serverTLS(c))), grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(maxFrame), grpc.MaxSendMsgSize(maxFrame), grpc.MaxConcurrentStreams(1),
		grpc.MaxHeaderListSize(8<<10), grpc.ConnectionTimeout(greetWithin),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: time.Minute, Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	server.RegisterService(service(), connector(h))
	stopped := context.AfterFunc(ctx, server.Stop)
	defer stopped()
	err := server.Serve(l)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// connect is one link's life.
func (h *Hub) connect(s grpc.ServerStream) error {
	name, err := h.greet(s)
	if err != nil {
		h.Log.Warn("agent refused", "code", status.Code(err).String())
		return err
	}
	l := newLink(name)
	h.put(l)
	defer h.remove(l)
	h.Log.Info("agent linked", "agency", name)
	go l.write(s.SendMsg)
	received := make(chan error, 1)
	go func() { received <- l.read(s) }() // ends with the stream, which ends when this function returns
	select {
	case err = <-received:
	case <-l.replaced:
		err = status.Error(codes.Aborted, "a newer link took over")
	}
	l.close()
	h.Log.Info("agent gone", "agency", name)
	return err
}

// greet reads the first frame and lets the registry decide. Its errors tell the agent nothing but that.
func (h *Hub) greet(s grpc.ServerStream) (string, error) {
	key, err := streamKey(s.Context())
	if err != nil {
		return "", status.Error(codes.Unauthenticated, "no key")
	}
	ctx, cancel := context.WithTimeout(s.Context(), greetWithin)
	defer cancel()
	first := make(chan *frame, 1)
	go func() {
		var f frame
		if s.RecvMsg(&f) == nil {
			first <- &f
		}
		close(first)
	}()
	var f *frame
	select {
	case f = <-first:
	case <-ctx.Done():
	}
	if f == nil || f.step != stepGreet || f.flags != flagLast {
		return "", status.Error(codes.InvalidArgument, "no greeting")
	}
	parts, err := (&gatherer{pieces: [][]byte{f.payload}}).parts()
	if err != nil || len(parts) != 3 || len(parts[0]) != 1 || parts[0][0] != version || !validName(string(parts[1])) {
		return "", status.Error(codes.FailedPrecondition, "another version")
	}
	name := string(parts[1])
	if err := h.Registry.Admit(ctx, name, string(parts[2]), key); err != nil {
		return "", status.Error(codes.PermissionDenied, "not enrolled")
	}
	return name, s.SendMsg(&frame{step: stepGreet, flags: flagLast | flagReply, payload: []byte{0, 0, 0, 0}})
}

// validName keeps what goes into logs and state keys to short plain words.
func validName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-') {
			return false
		}
	}
	return true
}

func streamKey(ctx context.Context) ([]byte, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, errPeerKey
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil, errPeerKey
	}
	return peerKey(info.State)
}

func (h *Hub) put(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.links[l.name]; old != nil {
		close(old.replaced)
	}
	h.links[l.name] = l
	h.announce()
}

func (h *Hub) remove(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links[l.name] == l {
		delete(h.links, l.name)
		h.announce()
	}
}

func (h *Hub) announce() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// Linked names the agents that are linked now.
func (h *Hub) Linked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.links))
}

// watch is closed when links next change.
func (h *Hub) watch() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// linksOf are the members' links now, nil for one that is not linked.
func (h *Hub) linksOf(p Plan) map[string]*link {
	h.mu.Lock()
	defer h.mu.Unlock()
	links := map[string]*link{}
	for name := range p.Members {
		links[name] = h.links[name]
	}
	return links
}

// unchanged reports whether all of links are still in use.
func (h *Hub) unchanged(links map[string]*link) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, l := range links {
		if l == nil || h.links[name] != l {
			return false
		}
	}
	return true
}

// Wait returns once all of names are linked.
func (h *Hub) Wait(ctx context.Context, names ...string) error {
	return h.await(ctx, func() bool {
		return !slices.ContainsFunc(names, func(n string) bool { return h.links[n] == nil })
	})
}

// WaitGone returns once name is not linked.
func (h *Hub) WaitGone(ctx context.Context, name string) error {
	return h.await(ctx, func() bool { return h.links[name] == nil })
}

func (h *Hub) await(ctx context.Context, done func() bool) error {
	for {
		h.mu.Lock()
		ok, changed := done(), h.changed
		h.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ask is call for a plain question: where the context ends first, the agent is told to stop.
func (h *Hub) ask(ctx context.Context, name string, s step, limit int, parts ...[]byte) ([][]byte, error) {
	h.mu.Lock()
	l := h.links[name]
	h.mu.Unlock()
	if l == nil {
		return nil, CodeGone.failure()
	}
	id := h.next.Add(1)
	out, err := l.call(ctx, id, s, limit, parts)
	if ctx.Err() != nil {
		l.cancel(id)
	}
	return out, err
}

// call asks one agent for one step of one session. limit bounds the reply in bytes.
func (h *Hub) call(ctx context.Context, name string, s step, limit int, parts ...[]byte) ([][]byte, error) {
	h.mu.Lock()
	l := h.links[name]
	h.mu.Unlock()
	if l == nil {
		return nil, CodeGone.failure()
	}
	return l.call(ctx, h.next.Add(1), s, limit, parts)
}
