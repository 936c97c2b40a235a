package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"concordat/demo"
)

// update rewrites golden files: go test . -update
var update = flag.Bool("update", false, "rewrite testdata")

// patience bounds a wait for something that must happen. It is no measurement: a machine under load is slow.
const patience = 30 * time.Second

// scratch is where the binary and the demo's generated data lie for all tests; TestMain removes it.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "concordat-test-") })

func TestMain(m *testing.M) {
	dir, err := scratch()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	processes.kill()
	os.RemoveAll(dir) //nolint:errcheck // a temporary directory that stays does no harm
	os.Exit(code)
}

// running is the processes that no test has ended yet.
type running struct {
	mu  sync.Mutex
	all map[*gateway]bool
}

// processes outlive tests only where they are shared by several.
var processes running

func (r *running) add(g *gateway) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[*gateway]bool{}
	}
	r.all[g] = true
}

func (r *running) remove(g *gateway) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, g)
}

func (r *running) kill() {
	r.mu.Lock()
	left := slices.Collect(maps.Keys(r.all))
	r.mu.Unlock()
	for _, g := range left {
		g.command.Process.Kill() //nolint:errcheck // it may be gone already
		<-g.ended
	}
}

// built is the real binary, built once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "concordat")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

func binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal("building the binary:", err)
	}
	return path
}

// generated is a directory with the demo's databases, made once.
var generated = sync.OnceValues(func() (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "data")
	return dir, demo.Prepare(context.Background(), dir)
})

func generatedDir(t testing.TB) string {
	t.Helper()
	data, err := generated()
	if err != nil {
		t.Fatal("generating the demo's data:", err)
	}
	return data
}

// rootKey makes pseudonyms the same in every run.
const rootKey = "the root key of golden answers.."

// demoDir is a new directory for a demo, with the generated databases and a fixed root key.
func demoDir(t testing.TB) string {
	t.Helper()
	data := generatedDir(t)
	dir := t.TempDir()
	files, err := os.ReadDir(data)
	if err != nil || len(files) == 0 {
		t.Fatal("no generated data:", err)
	}
	for _, f := range files {
		copyFile(t, filepath.Join(data, f.Name()), filepath.Join(dir, f.Name()))
	}
	writeFile(t, filepath.Join(dir, "pseudonym-root.key"), rootKey)
	return dir
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, string(text))
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// gateway is a demo that runs, as a process of its own.
type gateway struct {
	url, dir string
	command  *exec.Cmd
	stderr   *lockedBuffer
	tokens   map[string]string
	client   *http.Client
	ended    chan error
}

// lockedBuffer collects a process's output while it is read.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start runs `demo` on dir until the test ends.
func start(t testing.TB, dir string, more ...string) *gateway {
	t.Helper()
	g, err := launch(binary(t), dir, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.stop(t) })
	return g
}

func launch(binary, dir string, more ...string) (*gateway, error) {
	args := append([]string{"demo", "--addr", "127.0.0.1:0", "--dir", dir}, more...)
	g := &gateway{dir: dir, command: exec.Command(binary, args...), stderr: &lockedBuffer{}, ended: make(chan error, 1),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	g.command.Stderr = g.stderr
	out, err := g.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := g.command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			g.url = address
			break
		}
	}
	processes.add(g)
	go func() {
		_, err := io.Copy(io.Discard, out)
		err = errors.Join(err, g.command.Wait())
		processes.remove(g)
		g.ended <- err
	}()
	if g.url == "" {
		<-g.ended
		return nil, fmt.Errorf("the demo did not start: %s", g.stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, "tokens.json"))
	if err != nil {
		return nil, err
	}
	return g, json.Unmarshal(text, &g.tokens)
}

// stop ends the process as an operator does.
func (g *gateway) stop(t testing.TB) {
	if g.command.ProcessState != nil {
		return
	}
	g.client.CloseIdleConnections()
	if err := g.command.Process.Signal(syscall.SIGTERM); err != nil {
		return // gone already
	}
	select {
	case <-g.ended:
	case <-time.After(patience):
		t.Error("the demo does not end")
		g.kill()
	}
}

// kill ends it as a power cut does.
func (g *gateway) kill() {
	g.command.Process.Kill() //nolint:errcheck // it may be gone already
	<-g.ended
}

// shared is one demo for the tests that change nothing in it. It writes down every refusal, so that its log can be
// searched; TestMain ends it.
var shared = sync.OnceValues(func() (*gateway, error) {
	data, err := generated()
	if err != nil {
		return nil, err
	}
	path, err := built()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(filepath.Dir(data), "shared")
	if err := os.CopyFS(dir, os.DirFS(data)); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "pseudonym-root.key"), []byte(rootKey), 0o600); err != nil {
		return nil, err
	}
	return launch(path, dir, "--verbose")
})

// answer is one reply.
type answer struct {
	status int
	header http.Header
	body   []byte
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code, Coordinate string }
	} `json:"errors"`
	Extensions struct {
		Concordat struct {
			Receipt     *receipt            `json:"receipt"`
			Obligations []map[string]string `json:"obligations"`
		} `json:"concordat"`
	} `json:"extensions"`
}

type receipt struct {
	Origin string `json:"origin"`
	Index  int64  `json:"index"`
	Leaf   string `json:"leaf"`
	Digest string `json:"digest"`
	Salt   string `json:"salt"`
}

// code is the first error's, empty where there is none.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Extensions.Code
}

// send posts a body as it is.
func send(ctx context.Context, client *http.Client, url, token, body string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"graphql", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return do(client, request)
}

func do(client *http.Client, request *http.Request) (answer, error) {
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return a, err
	}
	if err := json.Unmarshal(a.body, &a); err != nil {
		return a, fmt.Errorf("status %d is no JSON: %w", a.status, err)
	}
	return a, nil
}

// operation is the body of a request.
func operation(document string, variables any) string {
	members := map[string]any{"query": document}
	if variables != nil {
		members["variables"] = variables
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // tests write what can be marshalled
	}
	return string(text)
}

// ask asks a document as a persona; "" has no token.
func (g *gateway) ask(t testing.TB, persona, document string, variables any) answer {
	t.Helper()
	a, err := send(t.Context(), g.client, g.url, g.tokens[persona], operation(document, variables))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// common is the shared demo.
func common(t testing.TB) *gateway {
	t.Helper()
	g, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// tool runs another verb of the binary and returns its exit code and what it printed.
func tool(t testing.TB, args ...string) (code int, out string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary(t), args...)
	text, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(text)
}

// eventually asks again until what must happen has happened.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !happened() {
		select {
		case <-deadline.C:
			t.Fatal("it did not happen: " + what)
		case <-again.C:
		}
	}
}

func mustDecode(t testing.TB, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
}
