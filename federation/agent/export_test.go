package agent

import (
	"context"
	"crypto/ed25519"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Deed is what a rogue agent does in place of its honest reply.
type Deed struct {
	Parts   [][]byte // reply with these
	Silence bool     // say nothing
	Vanish  bool     // break the link
	Flood   bool     // a body without an end, until the link breaks
	Partial bool     // the first frame of a long body, and nothing after it
	Twice   bool     // the reply, and then once more
	Code    string   // fail with this text
}

// RunRogue links an agent that does everything right but what hook changes. It returns when its link is over.
func RunRogue(ctx context.Context, a *Agent, g Gateway, hook func(step string, honest [][]byte) Deed) error {
	conn, s, err := dialRaw(ctx, a.certificate.PrivateKey.(ed25519.PrivateKey), g)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := a.greet(s, g); err != nil {
		return err
	}
	in := &inbox{pending: map[uint64]*incoming{}}
	for {
		var f frame
		if err := s.RecvMsg(&f); err != nil {
			return err
		}
		request, err := in.take(&f)
		if err != nil {
			return err
		}
		if request == nil {
			continue
		}
		honest := a.handle(ctx, g.Pin, f.step, request)
		if honest.err != nil {
			(&sender{stream: s}).reply(f.id, f.step, honest)
			continue
		}
		if done, err := misbehave(s, f.id, f.step, hook(f.step.String(), honest.parts)); done {
			return err
		}
	}
}

func misbehave(s grpc.ClientStream, id uint64, st step, d Deed) (done bool, err error) {
	switch {
	case d.Vanish:
		return true, nil
	case d.Flood:
		for {
			if err := s.SendMsg(&frame{id: id, step: st, flags: flagReply, payload: make([]byte, chunk)}); err != nil {
				return true, err
			}
		}
	case d.Partial:
		return false, s.SendMsg(&frame{id: id, step: st, flags: flagReply, payload: []byte{0, 0, 0, 1, 0, 1, 0, 0}})
	case d.Silence:
		return false, nil
	case d.Code != "":
		return false, sendAll(s, split(id, st, flagReply|flagFailed, [][]byte{[]byte(d.Code)}))
	}
	if err := sendAll(s, split(id, st, flagReply, d.Parts)); err != nil || !d.Twice {
		return false, err
	}
	return false, sendAll(s, split(id, st, flagReply, d.Parts))
}

func sendAll(s grpc.ClientStream, frames []*frame) error {
	for _, f := range frames {
		if err := s.SendMsg(f); err != nil {
			return err
		}
	}
	return nil
}

func dialRaw(ctx context.Context, key ed25519.PrivateKey, g Gateway) (*grpc.ClientConn, grpc.ClientStream, error) {
	c, err := Certificate(key)
	if err != nil {
		return nil, nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+g.Address, grpc.WithTransportCredentials(credentials.NewTLS(clientTLS(c, g.Pin))),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallRecvMsgSize(maxFrame)), grpc.WithDisableRetry())
	if err != nil {
		return nil, nil, err
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		conn.Close()
	}
	return conn, s, err
}

// Greet links with a key, name and code, and returns how the gateway took it.
func Greet(ctx context.Context, key ed25519.PrivateKey, g Gateway, name string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, s, err := dialRaw(ctx, key, g)
	if err != nil {
		return err
	}
	defer conn.Close()
	return (&Agent{Options: Options{Name: name}}).greet(s, g)
}

// Call asks an agent for a step directly, as a hostile gateway would.
func (h *Hub) Call(ctx context.Context, name, step string, parts ...[]byte) ([][]byte, Code) {
	for s := stepGreet; s <= stepDiscard; s++ {
		if s.String() == step {
			out, err := h.call(ctx, name, s, 1<<20, parts...)
			if err != nil {
				return nil, codeOf(err)
			}
			return out, ""
		}
	}
	panic("no such step")
}

// Sessions is how many sessions the agent sits in.
func (a *Agent) Seats() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sessions)
}

// FrameOf parses a frame, for fuzzing.
func FrameOf(b []byte) ([]byte, bool) {
	var f frame
	if f.unmarshal(b) != nil {
		return nil, false
	}
	return append(f.header(), f.payload...), true
}

// PartsOf cuts and joins parts of a message, for fuzzing.
func PartsOf(pieces ...[]byte) ([][]byte, bool) {
	parts, err := (&gatherer{pieces: pieces}).parts()
	return parts, err == nil
}

// Bodies are the payloads of a message's frames.
func Bodies(parts [][]byte) [][]byte {
	var out [][]byte
	for _, f := range split(1, stepHello, 0, parts) {
		out = append(out, append(slices.Clone(f.payload), f.tail...))
	}
	return out
}

// Codecs of plain questions, for tests of hostile bytes.
var (
	EncodeTable = encodeTable
	DecodeTable = decodeTable
	EncodeQuery = encodeQuery
	DecodeQuery = decodeQuery
)

// Waiting are the names of the sessions that a pool would hand out.
func (p *Pool) Waiting() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, s := range p.sets {
		for _, r := range s.ready {
			ids = append(ids, r.session.ID())
		}
	}
	return ids
}

// Fill asks for the plan, uses what it gets up, and prepares one session as Run does.
func (p *Pool) Fill(ctx context.Context, plan Plan) error {
	s, err := p.Prepare(ctx, plan)
	if err == nil {
		s.Discard(ctx)
		p.add(ctx, plan)
	}
	return err
}

// Sweep removes what can no longer be used, and reports how many sessions that were.
func (p *Pool) Sweep() int { return len(p.sweep()) }
