package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestAgentsOfTwoGatewaysOutliveEither: every agent is linked to two gateways that share nothing but the issuer. One of
// them is killed while an agency computes its share; what it had begun is finished nowhere, the other answers, and so does
// the first again when it is back. Agencies gave one share for each answer, and none for what was cut off.
func TestAgentsOfTwoGatewaysOutliveEither(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("an agency is held in the middle of its answer by a named pipe")
	}
	first := newTaker(t)
	first.keygen()
	second := first.beside(t)
	second.uploads(t)
	first.equalsThePlaintext(t, takers())
	second.equalsThePlaintext(t, takers())

	stays := filepath.Join(first.dir, "agents", "east", "stays.csv")
	rows := readFile(t, stays)
	if err := os.Remove(stays); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(stays, 0o600); err != nil {
		t.Fatal(err)
	}
	cut := make(chan error, 1)
	token := first.caller("plain", first.thumb)
	go func() {
		_, err := send(t.Context(), first.client, first.url, token, operation(countStays, map[string]string{"key": first.thumb}))
		cut <- err
	}()
	pipe, err := os.OpenFile(stays, os.O_WRONLY, 0) // returns when east's agent reads its rows for the contribution
	if err != nil {
		t.Fatal(err)
	}
	first.gateway.kill()
	if err := <-cut; err == nil {
		t.Error("a gateway that was killed has answered")
	}
	if err := os.Remove(stays); err != nil {
		t.Fatal(err)
	}
	write(t, stays, rows)
	if _, err := pipe.WriteString(rows); err != nil {
		t.Error("east did not go on with what it was asked:", err)
	}
	pipe.Close()

	second.equalsThePlaintext(t, takers())
	first.gateway = startIn(t, first.dir, "serve", "--config", "concordat.yaml")
	first.linked(len(takers()))
	first.equalsThePlaintext(t, takers())
	first.oneShareForEachAnswer(t, 4)
}

const countStays = `query ($key: String!) { staysSecureAggregate(key: $key, measures: [{fn: COUNT}]) { session } }`

// beside starts a second gateway over the same agencies and has every agent serve both.
func (w *taker) beside(t *testing.T) *taker {
	t.Helper()
	hub, admin := freeAddress(t), freeAddress(t)
	verb(t, w.dir, "agent", "keygen", "--out", "second.key")
	config := readFile(t, filepath.Join(w.dir, "concordat.yaml"))
	listen := config[strings.Index(config, "agents:\n"):]
	listen = strings.TrimSpace(strings.TrimPrefix(strings.Split(listen, "\n")[1], "  listen: "))
	write(t, filepath.Join(w.dir, "second.yaml"), strings.NewReplacer(listen, hub, w.admin, admin, "file:gateway.key", "file:second.key", "state: state", "state: state-of-second").Replace(config))
	other := *w
	other.admin = admin
	other.gateway = startIn(t, w.dir, "serve", "--config", "second.yaml")
	links := strings.Count(w.stderr.String(), `"agent linked"`)
	for _, a := range takers() {
		var invited struct{ Code, Key string }
		mustDecode(t, []byte(verb(t, w.dir, "agent", "invite", a, "--gateway", other.url, "--token", "file:operator.token", "--json")), &invited)
		dir := filepath.Join(w.dir, "agents", a)
		write(t, filepath.Join(dir, "second.code"), invited.Code)
		file := filepath.Join(dir, "agent.yaml")
		write(t, file, strings.Replace(readFile(t, file), "issuers:", fmt.Sprintf("  - {address: %q, key: %q, code: file:second.code}\nissuers:", hub, invited.Key), 1))
		w.kill(a)
		w.launch(a)
	}
	w.linked(links + len(takers()))
	other.linked(len(takers()))
	return &other
}

// uploads takes the caller's key to a gateway that has not seen it.
func (w *taker) uploads(t *testing.T) {
	t.Helper()
	public := readFile(t, filepath.Join(w.dir, "querier.key.pub"))
	if status := w.upload(w.caller("plain", w.thumb), w.thumb, strings.NewReader(public)); status != http.StatusNoContent {
		t.Fatal("upload:", status)
	}
}

// oneShareForEachAnswer reads the agencies' own ledgers: each released for the same sessions, as many as were answered.
func (w *taker) oneShareForEachAnswer(t *testing.T, answers int) {
	t.Helper()
	var all []string
	for _, a := range takers() {
		w.kill(a)
		stages := map[string][]string{}
		lines := bufio.NewScanner(strings.NewReader(verb(t, w.dir, "agent", "--config", "agents/"+a+"/agent.yaml", "--entries")))
		for lines.Scan() {
			var e struct{ Session, Stage string }
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			stages[e.Stage] = append(stages[e.Stage], e.Session)
		}
		released := stages["released"]
		slices.Sort(released)
		if len(slices.Compact(slices.Clone(released))) != answers || len(released) != answers || all != nil && !slices.Equal(all, released) {
			t.Errorf("%s: %d shares for %d answers: %v", a, len(released), answers, released)
		}
		all = released
		if n := len(stages["contributed"]); n > 1 { // in the one that was cut off
			t.Errorf("%s contributed to %d sessions that nobody opened", a, n)
		}
	}
}
