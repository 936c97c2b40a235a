package agent

import (
	"bytes"
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
	frameHeader = 10 // id (8), step, flags
	chunk       = 256 << 10
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
	return mem.BufferSlice{mem.SliceBuffer(f.header()), mem.SliceBuffer(f.payload)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok || data.Len() > maxFrame {
		return errFrame
	}
	return f.unmarshal(data.Materialize())
}

// split cuts a message of parts into frames.
func split(id uint64, s step, flags byte, parts [][]byte) []*frame {
	rest := 4
	for _, p := range parts {
		rest += 4 + len(p)
	}
	body := binary.BigEndian.AppendUint32(make([]byte, 0, min(rest, chunk)), uint32(len(parts)))
	var frames []*frame
	flush := func() {
		frames = append(frames, &frame{id: id, step: s, flags: flags, payload: body})
		rest -= len(body)
		body = make([]byte, 0, min(rest, chunk))
	}
	write := func(p []byte) {
		for len(p) > 0 {
			n := min(len(p), chunk-len(body))
			body, p = append(body, p[:n]...), p[n:]
			if len(body) == chunk {
				flush()
			}
		}
	}
	for _, p := range parts {
		write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		write(p)
	}
	flush()
	frames[len(frames)-1].flags |= flagLast
	return frames
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
	g.pieces = append(g.pieces, f.payload)
	return f.flags&flagLast != 0, nil
}

func (g *gatherer) parts() ([][]byte, error) {
	b := bytes.Join(g.pieces, nil)
	g.pieces = nil
	if len(b) < 4 {
		return nil, errFrame
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	if n > maxParts || uint64(n)*4 > uint64(len(b)) {
		return nil, errFrame
	}
	parts := make([][]byte, n)
	for i := range parts {
		if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, errFrame
		}
		end := 4 + int(binary.BigEndian.Uint32(b))
		parts[i], b = b[4:end:end], b[end:]
	}
	if len(b) != 0 {
		return nil, errFrame
	}
	return parts, nil
}
