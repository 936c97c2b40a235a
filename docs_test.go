package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A page is a script for a reader. A comment before a fenced block says what the test does with it:
//
//	<!-- file: PATH -->    writes the block there
//	<!-- run -->           runs it with bash; it must succeed (`run: fails`: it must exit with 1)
//	<!-- start -->         starts it in the background and waits for its line "ready"
//	<!-- output -->        each of its lines stands in what the last block printed, which runs again until it does
type block struct {
	line int
	does string
	text string
}

// pageBlock is a marked block: comment, fence, text, fence.
var pageBlock = regexp.MustCompile("(?m)^<!-- (run|run: fails|start|output|file: \\S+) -->\n```[a-z]*\n((?s:.*?))^```$")

func blocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, m := range pageBlock.FindAllSubmatchIndex(text, -1) {
		out = append(out, block{bytes.Count(text[:m[0]], []byte("\n")) + 2, string(text[m[2]:m[3]]), string(text[m[4]:m[5]])})
	}
	if marks := bytes.Count(text, []byte("\n<!-- ")); len(out) == 0 || len(out) < marks {
		t.Fatalf("%s has %d marked blocks and %d marks", page, len(out), marks)
	}
	return out
}

func needTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("no %s on this machine", tool)
			}
			t.Skipf("no %s on this machine: the pages' commands were not run", tool)
		}
	}
}

// The developer's page is read in database_page_test.go.
func TestPagesCommandsDoWhatTheySay(t *testing.T) {
	needTools(t)
	for _, page := range []string{"README.md", "docs/officer.md", "docs/partner.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			reader(t, page).read()
		})
	}
}

// reading is a reader at work: a directory, and what the last command printed.
type reading struct {
	t       *testing.T
	page    string
	dir     string
	address string            // of the page's gateway, instead of 127.0.0.1:8080
	as      map[string]string // what this reader writes instead of what the page has
	last    block
	printed string
}

func reader(t *testing.T, page string) *reading {
	t.Helper()
	return &reading{t: t, page: page, dir: t.TempDir(), address: freeAddress(t)}
}

func (r *reading) read() {
	r.t.Helper()
	for _, b := range blocks(r.t, r.page) {
		r.do(b)
	}
}

func (r *reading) do(b block) {
	r.t.Helper()
	b.text = strings.ReplaceAll(b.text, "127.0.0.1:8080", r.address)
	for page, own := range r.as {
		b.text = strings.ReplaceAll(b.text, page, own)
	}
	switch {
	case b.does == "run", b.does == "run: fails":
		r.last = b
		r.run(true)
	case b.does == "start":
		r.start(b)
	case b.does == "output":
		r.expect(b)
	default:
		path := filepath.Join(r.dir, strings.TrimPrefix(b.does, "file: "))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		writeFile(r.t, path, b.text)
	}
}

// command runs a block's text as the page's reader would, with the binary on the path.
func (r *reading) command(text string) *exec.Cmd {
	path := binary(r.t)
	text = strings.ReplaceAll(text, "go run . ", path+" ")
	if strings.Contains(text, " demo ") && !strings.Contains(text, "--addr") {
		text = strings.TrimRight(text, "\n") + " --addr " + r.address
	}
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", text)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

func (r *reading) run(strict bool) {
	r.t.Helper()
	out, err := r.command(r.last.text).CombinedOutput()
	r.printed = string(out)
	var exit *exec.ExitError
	failed := errors.As(err, &exit) && exit.ExitCode() == 1
	if strict && (err != nil) != (r.last.does == "run: fails") || err != nil && !failed && strict {
		r.t.Fatalf("%s:%d: %v\n%s", r.page, r.last.line, err, out)
	}
}

// expect runs the last block again until it prints what the page says: what was edited comes into force a moment later.
func (r *reading) expect(b block) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for again := time.Tick(50 * time.Millisecond); ; <-again {
		missing := r.missing(b)
		if missing == "" {
			return
		}
		if time.Now().After(deadline) || r.last.does != "run" {
			r.t.Fatalf("%s:%d: the page says that this is printed:\n%s\nbut it was:\n%s", r.page, b.line, missing, r.printed)
		}
		r.run(false)
	}
}

func (r *reading) missing(b block) string {
	for line := range strings.Lines(b.text) {
		if line = strings.TrimSpace(line); line != "" && line != "..." && !strings.Contains(r.printed, line) {
			return line
		}
	}
	return ""
}

func (r *reading) start(b block) {
	r.t.Helper()
	cmd := r.command("exec " + b.text)
	ready := &lineWatch{want: "ready http://", seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = ready, ready
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ready.seen:
	case err := <-ended:
		r.t.Fatalf("%s:%d: %v", r.page, b.line, err)
	case <-time.After(patience):
		cmd.Process.Kill() //nolint:errcheck // the test fails anyway
		r.t.Fatalf("%s:%d: it never was ready", r.page, b.line)
	}
	r.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may be gone already
		if err := <-ended; err != nil {
			r.t.Errorf("%s:%d: %v at its end", r.page, b.line, err)
		}
	})
}

// lineWatch closes seen when a text was written to it.
type lineWatch struct {
	want string
	seen chan struct{}
	all  []byte
	done bool
}

func (w *lineWatch) Write(p []byte) (int, error) {
	if w.done {
		return len(p), nil
	}
	w.all = append(w.all, p...)
	if bytes.Contains(w.all, []byte(w.want)) {
		w.done = true
		close(w.seen)
	}
	return len(p), nil
}

// A link leads to a file that is there, and to a heading of it.
func TestPagesLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages:", err)
	}
	adrs, _ := filepath.Glob("docs/adr/*.md")
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	for _, page := range append(append(pages, adrs...), "README.md", "CHANGELOG.md", "PERFORMANCE.md", "demo/README.md") {
		for _, m := range link.FindAllStringSubmatch(readFile(t, page), -1) {
			to := page
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if m[2] != "" && !headings(t, to)[m[2][1:]] {
				t.Errorf("%s: there is no heading %s in %s", page, m[2], to)
			}
		}
	}
}

// headings is the anchors of a page: lower case, without marks, blanks as hyphens.
func headings(t *testing.T, page string) map[string]bool {
	t.Helper()
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(readFile(t, page), -1) {
		text := regexp.MustCompile(`[^\pL\pN_ -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		anchors[strings.ReplaceAll(text, " ", "-")] = true
	}
	return anchors
}

// Targets that pages name are targets of the Makefile.
func TestEveryMakeTargetThatPagesNameExists(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "docs/errors.md", "docs/architecture.md", "docs/dependencies.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllSubmatch(text, -1) {
			if !bytes.Contains(makefile, fmt.Appendf(nil, "\n%s:", m[1])) {
				t.Errorf("%s names make %s", page, m[1])
			}
		}
	}
}

// A guard whose test was renamed or removed would be a promise that nothing keeps.
func TestEveryTestThatTheThreatModelNamesExists(t *testing.T) {
	text, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, m := range declaration.FindAllSubmatch(code, -1) {
			declared[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(text, -1)
	if len(named) < 50 {
		t.Fatalf("the threat model names %d tests", len(named))
	}
	for _, m := range named {
		if !declared[string(m[1])] {
			t.Errorf("there is no %s", m[1])
		}
	}
}
