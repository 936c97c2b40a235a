// Command report runs `go test` and prints its closing lines as go test does: one for each package, the output of what
// failed, and at the end what was skipped and why. `make test` uses it, so that a machine without a browser says so
// instead of looking complete.
//
//	go run ./.ci/report ./...
//
// Its exit code is go test's. It does not decide what may be skipped: tests do, and fail instead where CI=true.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of `go test -json` (cmd/test2json).
type event struct {
	Action, Package, Test, Output string
}

// report collects the output of tests until it is known whether anybody needs it.
type report struct {
	out     io.Writer
	pending map[string][]string // by package and test
	skipped map[string]bool     // "package: test: reason"
}

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	r := &report{out: os.Stdout, pending: map[string][]string{}, skipped: map[string]bool{}}
	readErr := r.read(pipe)
	err = cmd.Wait()
	r.closing()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil || readErr != nil:
		fmt.Fprintln(os.Stderr, "report:", errors.Join(err, readErr))
		os.Exit(1)
	}
}

func (r *report) read(from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil { // a line of the go command itself
		r.out.Write(line)
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if e.Test == "" && closing(e.Output) || e.Action == "build-output" {
			fmt.Fprint(r.out, e.Output)
		} else {
			r.pending[key] = append(r.pending[key], e.Output)
		}
	case "skip":
		if e.Test != "" {
			r.skipped[e.Package+": "+e.Test+": "+reason(r.pending[key])] = true
		}
		delete(r.pending, key)
	case "fail":
		fmt.Fprint(r.out, strings.Join(r.pending[key], ""))
		delete(r.pending, key)
	case "pass":
		delete(r.pending, key)
	}
}

// closing lines are those that go test prints without -v.
func closing(line string) bool {
	for _, prefix := range []string{"ok  \t", "FAIL\t", "?   \t", "\t", "panic:", "coverage:"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// reason is what a test said when it skipped: the text after file and line.
func reason(output []string) string {
	for _, line := range output {
		if _, text, ok := strings.Cut(strings.TrimSpace(line), ".go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return text
		}
	}
	return "no reason given"
}

func (r *report) closing() {
	if len(r.skipped) == 0 {
		fmt.Fprintln(r.out, "\nnothing was skipped")
		return
	}
	fmt.Fprintln(r.out, "\nskipped:")
	for _, s := range slices.Sorted(maps.Keys(r.skipped)) {
		fmt.Fprintln(r.out, "  "+s)
	}
}
