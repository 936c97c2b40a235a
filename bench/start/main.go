// Command start measures how long the demo takes until it is ready: the first time, when it generates its agencies'
// databases, and the second time, when they are there.
//
//	go run ./bench/start -times 5
//
// It prints the median of each, and fails where a start fails. Compilation is not counted.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	times := flag.Int("times", 5, "how often each start is measured")
	gateway := flag.String("gateway", "", "the gateway's `binary` (default: built from this module)")
	flag.Parse()
	if err := run(context.Background(), *times, *gateway); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, times int, gateway string) error {
	dir, err := os.MkdirTemp("", "concordat-start-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	if gateway == "" {
		gateway = filepath.Join(dir, "concordat")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", gateway, "concordat").CombinedOutput(); err != nil {
			return fmt.Errorf("building the gateway: %w\n%s", err, out)
		}
	}
	var took [2][]time.Duration
	for n := range times {
		for again := range took {
			d, err := start(ctx, gateway, filepath.Join(dir, fmt.Sprint(n)))
			if err != nil {
				return err
			}
			took[again] = append(took[again], d)
		}
	}
	for again, name := range []string{"start-first", "start-second"} {
		slices.Sort(took[again])
		fmt.Printf("BENCH name=%s ours=%.3f unit=s best=%.3f worst=%.3f\n", name, took[again][times/2].Seconds(),
			took[again][0].Seconds(), took[again][times-1].Seconds())
	}
	return nil
}

// start runs the demo until it says that it is ready.
func start(ctx context.Context, gateway, dir string) (time.Duration, error) {
	c := exec.CommandContext(ctx, gateway, "demo", "--addr", "127.0.0.1:0", "--dir", dir)
	stdout, err := c.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "ready ") {
			took := time.Since(began)
			return took, errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait())
		}
	}
	return 0, errors.Join(errors.New("the demo ended before it was ready"), c.Wait())
}
