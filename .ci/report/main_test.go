package main

import (
	"bytes"
	"strings"
	"testing"
)

func run(events string) string {
	var out bytes.Buffer
	r := &report{out: &out, pending: map[string][]string{}, skipped: map[string]bool{}}
	if err := r.read(strings.NewReader(events)); err != nil {
		return err.Error()
	}
	r.closing()
	return out.String()
}

func TestSkippedTestsAreNamedWithTheirReason(t *testing.T) {
	out := run(`{"Action":"output","Package":"concordat/console","Test":"TestPages","Output":"=== RUN   TestPages\n"}
{"Action":"output","Package":"concordat/console","Test":"TestPages","Output":"    browser_test.go:71: no chromium on this machine\n"}
{"Action":"skip","Package":"concordat/console","Test":"TestPages"}
{"Action":"output","Package":"concordat/console","Output":"ok  \tconcordat/console\t0.1s\n"}
{"Action":"pass","Package":"concordat/console"}
`)
	if want := "ok  \tconcordat/console\t0.1s\n\nskipped:\n  concordat/console: TestPages: no chromium on this machine\n"; out != want {
		t.Errorf("%q", out)
	}
}

func TestOutputOfWhatFailedIsPrintedAndOfWhatPassedIsNot(t *testing.T) {
	out := run(`{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: loud\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`)
	if !strings.Contains(out, "loud") || strings.Contains(out, "quiet") || !strings.Contains(out, "FAIL\tp") {
		t.Errorf("%q", out)
	}
}
