package agent

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"
)

// version of the link's protocol; a peer of another version is refused at the first frame.
const version = 1

// step is what a request asks an agent to do.
type step byte

const (
	stepGreet step = 1 + iota // first frame of a link, from the agent
	stepHello
	stepCommit
	stepReveal
	stepAgree
	stepPrepared
	stepContribute
	stepActivate
	stepRelease
	stepDiscard
	stepFetch  // a plain question
	stepCancel // of the request with this id: nobody waits for it any more
)

func (s step) String() string {
	names := []string{"", "greet", "hello", "commit", "reveal", "agree", "prepared", "contribute", "activate", "release", "discard", "fetch", "cancel"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

const (
	flagLast   = 1 << 0 // of the message's frames
	flagFailed = 1 << 1 // the payload is a Code
	flagReply  = 1 << 2
)

const (
	frameHeader = 10        // id (8), step, flags
	chunk       = 512 << 10 // a ciphertext and what stands before it fit
	large       = 4 << 10   // parts from here on are sent from where they are, not copied
	maxFrame    = frameHeader + chunk
	// maxMessage bounds what one request or reply may add up to: halves of 16 ciphertexts from 100 agencies.
	maxMessage = 384 << 20
	maxParts   = 1 << 16
)

// frame is a piece of a request or reply. Pieces of several messages may interleave.
type frame struct {
	id      uint64
	step    step
	flags   byte
	payload []byte
	tail    []byte // more of the payload; only of a frame to be sent
}

var errFrame = errors.New("malformed frame")

func (f *frame) header() []byte {
	out := binary.BigEndian.AppendUint64(make([]byte, 0, frameHeader), f.id)
	return append(out, byte(f.step), f.flags)
}

func (f *frame) unmarshal(b []byte) error {
	if len(b) < frameHeader || len(b) > maxFrame {
		return errFrame
	}
	f.id, f.step, f.flags = binary.BigEndian.Uint64(b), step(b[8]), b[9]
	f.payload = b[frameHeader:]
	if f.step < stepGreet || f.step > stepCancel || f.flags > flagLast|flagFailed|flagReply {
		return errFrame
	}
	return nil
}

// codec hands frames to gRPC as they are: no reflection, no third encoding, and exactly the size checks above.
type codec struct{}

func (codec) Name() string { return "concordat-frame" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("%w: %T", errFrame, v)
	}
	if len(f.tail) == 0 {
		return mem.BufferSlice{mem.SliceBuffer(f.header()), mem.SliceBuffer(f.payload)}, nil
	}
	return mem.BufferSlice{mem.SliceBuffer(append(f.header(), f.payload...)), mem.SliceBuffer(f.tail)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok || data.Len() > maxFrame {
		return errFrame
	}
	return f.unmarshal(data.Materialize())
}

// split cuts a message of parts into frames. Large parts are not copied: they must not change until they are sent, which
// may be after the sender has done with the frame.
func split(id uint64, s step, flags byte, parts [][]byte) []*frame {
	c := cutter{id: id, step: s, flags: flags}
	c.write(binary.BigEndian.AppendUint32(nil, uint32(len(parts))))
	for _, p := range parts {
		c.write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		for len(p) >= large {
			if len(c.body) > large {
				c.flush(nil)
			}
			n := min(len(p), chunk-len(c.body))
			c.flush(p[:n])
			p = p[n:]
		}
		c.write(p)
	}
	if len(c.body) > 0 || len(c.frames) == 0 {
		c.flush(nil)
	}
	c.frames[len(c.frames)-1].flags |= flagLast
	return c.frames
}

type cutter struct {
	id     uint64
	step   step
	flags  byte
	frames []*frame
	body   []byte
}

// write takes less than large bytes.
func (c *cutter) write(p []byte) {
	if len(c.body)+len(p) > chunk {
		c.flush(nil)
	}
	c.body = append(c.body, p...)
}

func (c *cutter) flush(tail []byte) {
	c.frames = append(c.frames, &frame{id: c.id, step: c.step, flags: c.flags, payload: c.body, tail: tail})
	c.body = nil
}

// gatherer puts the frames of one message together again, up to its limit.
type gatherer struct {
	pieces [][]byte
	size   int
	limit  int
}

var errTooLong = errors.New("message too long")

// add reports whether the message is complete.
func (g *gatherer) add(f *frame) (bool, error) {
	if g.size += len(f.payload); g.size > g.limit {
		g.pieces = nil
		return false, errTooLong
	}
	if len(f.payload) > 0 {
		g.pieces = append(g.pieces, f.payload)
	}
	return f.flags&flagLast != 0, nil
}

func (g *gatherer) parts() ([][]byte, error) {
	r := pieces{rest: g.pieces}
	for _, p := range g.pieces {
		r.left += len(p)
	}
	g.pieces = nil
	n := r.number()
	if r.bad || n > maxParts || uint64(n)*4 > uint64(r.left) {
		return nil, errFrame
	}
	parts := make([][]byte, n)
	for i := range parts {
		parts[i] = r.take(int(r.number()))
	}
	if r.bad || r.left != 0 {
		return nil, errFrame
	}
	return parts, nil
}

// pieces reads a message from its frames' payloads. What stands in one of them is not copied.
type pieces struct {
	rest [][]byte
	left int
	bad  bool
}

func (r *pieces) number() uint32 {
	b := r.take(4)
	if r.bad {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// take is held against what is left before anything is allocated for it.
func (r *pieces) take(n int) []byte {
	if r.bad || n < 0 || n > r.left {
		r.bad = true
		return nil
	}
	r.left -= n
	for n > 0 && len(r.rest[0]) == 0 { // used up
		r.rest = r.rest[1:]
	}
	if n == 0 {
		return []byte{}
	}
	if first := r.rest[0]; len(first) >= n {
		r.rest[0] = first[n:]
		return first[:n:n]
	}
	out := make([]byte, 0, n)
	for len(out) < n {
		k := min(n-len(out), len(r.rest[0]))
		out = append(out, r.rest[0][:k]...)
		if r.rest[0] = r.rest[0][k:]; len(r.rest[0]) == 0 {
			r.rest = r.rest[1:]
		}
	}
	return out
}
