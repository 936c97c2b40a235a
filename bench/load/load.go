// Package load runs servers side by side and puts the same load on them: what the benchmarks against peers share.
//
//	p, err := load.Start(ctx, load.Server{Name: "peer", URL: url, Command: exec.Command("node", "server.mjs")})
//	f, err := load.Wrk(ctx, p, load.Question{Body: body, Tokens: tokens, IDs: 1000, Time: 5 * time.Second})
//
// Process is a server with its processor time and memory as the kernel counts them; Figures is what rounds of wrk came
// to; Gateway is a directory from which the product serves. Need and NPM bring programs that are missing, from Debian's
// and npm's registries.
//
// Every connection sends its own token. An answer with another status than 200, or with errors in it, fails the round.
// The package promises nothing about latencies on a machine that does other work.
package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrAnswer says that a server answered with an error.
var ErrAnswer = errors.New("an answer is an error")

// Server says how one is started.
type Server struct {
	Name    string
	URL     string    // where it takes questions
	Command *exec.Cmd // its own process
	Probe   string    // a request's body that it answers without errors once it is ready
	Token   string
}

// Process is a running server.
type Process struct {
	Server
	done chan error
}

const startTime = 90 * time.Second

// Start runs a server and waits until it answers its probe.
func Start(ctx context.Context, s Server) (*Process, error) {
	log, err := os.CreateTemp("", "bench-"+s.Name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()           //nolint:errcheck // written by the server alone
	defer os.Remove(log.Name()) //nolint:errcheck // a temporary file; the server keeps it open
	s.Command.Stdout, s.Command.Stderr = log, log
	if err := s.Command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	p := &Process{Server: s, done: make(chan error, 1)}
	go func() { p.done <- s.Command.Wait() }()
	if err := p.wait(ctx); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s: %w\n%s", s.Name, err, text[max(0, len(text)-2000):])
	}
	return p, nil
}

func (p *Process) wait(ctx context.Context) error {
	late := time.After(startTime)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		select {
		case err := <-p.done:
			return fmt.Errorf("it ended before it answered: %w", errors.Join(err, last))
		case <-late:
			return errors.Join(fmt.Errorf("it does not answer: %w", last), p.End())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), p.End())
		case <-tick.C:
			if _, last = p.Ask(ctx, p.Token, p.Probe); last == nil {
				return nil
			}
		}
	}
}

// Ask sends one question and returns the answer's body.
func (p *Process) Ask(ctx context.Context, token, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end below
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || bytes.Contains(text, []byte(`"errors"`)) {
		return nil, fmt.Errorf("%w: %d %.600s", ErrAnswer, res.StatusCode, text)
	}
	return text, nil
}

// End stops the process and waits for it.
func (p *Process) End() error {
	_ = p.Command.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.Command.Process.Kill()
		<-p.done
	}
	return nil
}

// tick is the unit of the kernel's process times: USER_HZ, 100 on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// CPU is what the process has used so far, in user and system mode.
func (p *Process) CPU() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Command.Process.Pid))
	if err != nil {
		return 0, err
	}
	return processTime(string(text))
}

// processTime reads fields 14 and 15 of proc_pid_stat(5); the name before them may hold spaces.
func processTime(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("the kernel's process times are missing")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// Memory is the process's resident set, in MB.
func (p *Process) Memory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Command.Process.Pid))
	if err != nil {
		return 0, err
	}
	return resident(string(text))
}

func resident(status string) (float64, error) {
	_, after, _ := strings.Cut(status, "VmRSS:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0, errors.New("the kernel's resident set is missing")
	}
	kb, err := strconv.ParseFloat(fields[0], 64)
	return kb / 1000, err
}

// FreeAddress is a loopback address that nobody listens on now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Average is the machine's load of the last minute.
func Average() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
