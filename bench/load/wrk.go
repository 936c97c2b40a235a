package load

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed question.lua
var script string

// Question is one round's load. Every token has a connection of its own.
type Question struct {
	Body   string // of the request; @ID@ stands for a number that is drawn for every request
	Tokens []string
	IDs    int // greatest number drawn
	Time   time.Duration
}

// Figures is what the rounds on one server came to.
type Figures struct {
	Requests      int
	CPU, Wall     time.Duration
	P50, P95, P99 []time.Duration // one of each round
	Memory        float64         // MB, after the last round
}

// Wrk runs one round: a closed loop on as many connections as there are tokens, a thread each.
func Wrk(ctx context.Context, p *Process, q Question) (Figures, error) {
	dir, err := os.MkdirTemp("", "wrk")
	if err != nil {
		return Figures{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	files := map[string]string{"question.lua": script, "tokens": strings.Join(q.Tokens, "\n") + "\n", "body": q.Body}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return Figures{}, err
		}
	}
	n := strconv.Itoa(len(q.Tokens))
	wrk := exec.CommandContext(ctx, "wrk", "-t"+n, "-c"+n, "-d"+strconv.Itoa(max(1, int(q.Time.Seconds())))+"s", "--timeout", "20s",
		"-s", filepath.Join(dir, "question.lua"), p.URL, "--", filepath.Join(dir, "tokens"), filepath.Join(dir, "body"), strconv.Itoa(q.IDs))
	before, err := p.CPU()
	if err != nil {
		return Figures{}, err
	}
	out, err := wrk.CombinedOutput()
	if err != nil {
		return Figures{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	f, err := figures(string(out))
	if err != nil {
		return Figures{}, fmt.Errorf("%s: %w", p.Name, err)
	}
	after, err1 := p.CPU()
	memory, err2 := p.Memory()
	f.CPU, f.Memory = after-before, memory
	return f, errors.Join(err1, err2)
}

// figures reads the line that the script writes at its end: counts, and times in microseconds.
func figures(out string) (Figures, error) {
	_, line, ok := strings.Cut(out, "\nRESULT ")
	if !ok {
		return Figures{}, fmt.Errorf("wrk printed no result: %.500s", out)
	}
	line, seen, _ := strings.Cut(line, "\n")
	var requests, took, p50, p95, p99, broken, bad int64
	if _, err := fmt.Sscan(line, &requests, &took, &p50, &p95, &p99, &broken, &bad); err != nil {
		return Figures{}, fmt.Errorf("wrk's result: %w", err)
	}
	if requests == 0 || broken > 0 || bad > 0 {
		return Figures{}, fmt.Errorf("%w: %d requests, %d broken, %d refused: %s", ErrAnswer, requests, broken, bad, seen)
	}
	micro := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	return Figures{Requests: int(requests), Wall: micro(took), P50: []time.Duration{micro(p50)}, P95: []time.Duration{micro(p95)},
		P99: []time.Duration{micro(p99)}}, nil
}

// Add takes another round in.
func (f *Figures) Add(g Figures) {
	f.Requests += g.Requests
	f.CPU += g.CPU
	f.Wall += g.Wall
	f.P50, f.P95, f.P99 = append(f.P50, g.P50...), append(f.P95, g.P95...), append(f.P99, g.P99...)
	f.Memory = max(f.Memory, g.Memory)
}

// Rate is in requests a second.
func (f *Figures) Rate() float64 { return float64(f.Requests) / f.Wall.Seconds() }

// Cost is the server's processor time, in ms a request.
func (f *Figures) Cost() float64 { return f.CPU.Seconds() * 1000 / float64(f.Requests) }
