package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is one process that answers the question.
type server struct {
	name    string
	command *exec.Cmd
	stdin   io.Closer
	url     string // with a slash at its end
	metrics string
	client  *http.Client
}

// start runs a command until it prints where it listens.
func start(_ context.Context, name string, c *exec.Cmd) (*server, error) {
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
			return &server{name: name, command: c, stdin: stdin, url: url, client: &http.Client{Transport: transport, Timeout: 30 * time.Second}}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s ended before it listened", name), c.Wait())
}

// end stops the process and waits for it.
func (s *server) end() error {
	s.client.CloseIdleConnections()
	if err := errors.Join(s.stdin.Close(), s.command.Process.Signal(syscall.SIGTERM)); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	err := s.command.Wait()
	if status, ok := s.command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return nil // by us
	}
	return err
}

// ask sends the question once and returns the reply's body.
func (s *server) ask(ctx context.Context, token string, question []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"graphql", bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := s.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	if err != nil {
		return text, fmt.Errorf("%s: %w", s.name, err)
	}
	return text, nil
}

// tick is the unit of the kernel's process times: USER_HZ, 100 on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// cpu is what the process has used so far, in user and system mode.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("the kernel's process times are missing")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// allocated is how many objects and bytes the process has allocated so far.
func (s *server) allocated(ctx context.Context) (objects, size float64, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, nil)
	if err != nil {
		return 0, 0, err
	}
	res, err := s.client.Do(r)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", s.name, err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "go_memstats_mallocs_total":
			objects, err = strconv.ParseFloat(value, 64)
		case "go_memstats_alloc_bytes_total":
			size, err = strconv.ParseFloat(value, 64)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if objects == 0 || size == 0 {
		return 0, 0, errors.Join(fmt.Errorf("%s says nothing of its allocations", s.name), lines.Err())
	}
	return objects, size, nil
}
