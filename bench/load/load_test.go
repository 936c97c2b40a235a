package load

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"
)

// Taken from proc_pid_stat(5)'s layout: a name with spaces and brackets, then the state; fields 14 and 15 are 250 and 50.
const stat = "7 (a b) c) S 1 1 1 0 -1 4194304 10 0 0 0 250 50 0 0 20 0 9 0 100 1 1"

func TestProcessTimeIsUserAndSystemMode(t *testing.T) {
	got, err := processTime(stat)
	if err != nil || got != 3*time.Second {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := processTime("7 (a) S 1"); err == nil {
		t.Error("a line without times is accepted")
	}
}

func TestResidentSetIsInMegabytes(t *testing.T) {
	got, err := resident("Name:\tx\nVmRSS:\t  150000 kB\nThreads:\t3\n")
	if err != nil || got != 150 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := resident("Name:\tx\n"); err == nil {
		t.Error("a status without a resident set is accepted")
	}
}

func TestOwnProcessIsReadable(t *testing.T) {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Server: Server{Command: &exec.Cmd{Process: self}}}
	if m, err := p.Memory(); err != nil || m < 1 {
		t.Errorf("memory: %v, %v", m, err)
	}
	if _, err := p.CPU(); err != nil {
		t.Error(err)
	}
}

func TestRoundWithAnyErrorFails(t *testing.T) {
	for name, out := range map[string]string{
		"broken connection": "\nRESULT 10 1000000 1 2 3 1 0\n",
		"refused request":   "\nRESULT 10 1000000 1 2 3 0 1\nSEEN 403 no\n",
		"no request":        "\nRESULT 0 1000000 1 2 3 0 0\n",
	} {
		if _, err := figures(out); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := figures("nothing"); err == nil {
		t.Error("no result is accepted")
	}
	f, err := figures("\nRESULT 10 2000000 1000 2000 3000 0 0\n")
	if err != nil || f.Rate() != 5 || Median(f.P95) != 2 {
		t.Errorf("%+v, %v", f, err)
	}
}

// The script itself, in the real program: every connection sends its own token, and an answer with errors is seen.
func TestEveryConnectionSendsItsOwnToken(t *testing.T) {
	if _, err := exec.LookPath("wrk"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("wrk is not installed; make bench-peers installs it")
	}
	seen := make(chan string, 1<<16)
	var failing atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case seen <- r.Header.Get("Authorization"):
		default:
		}
		if failing.Load() {
			w.Write([]byte(`{"errors":[{}],"data":null}`)) //nolint:errcheck // wrk ends when it likes
			return
		}
		w.Write([]byte(`{"data":{}}`)) //nolint:errcheck // wrk ends when it likes
	}))
	defer s.Close()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Server: Server{URL: s.URL, Command: &exec.Cmd{Process: self}}}
	q := Question{Body: "@ID@", Tokens: []string{"a", "b", "c"}, IDs: 9, Time: time.Second}
	if _, err := Wrk(t.Context(), p, q); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]bool{}
	for range len(seen) {
		tokens[<-seen] = true
	}
	if len(tokens) != 3 || !tokens["Bearer b"] {
		t.Errorf("tokens: %v", tokens)
	}
	failing.Store(true)
	if _, err := Wrk(t.Context(), p, q); !errors.Is(err, ErrAnswer) {
		t.Errorf("an answer with errors: %v", err)
	}
}
