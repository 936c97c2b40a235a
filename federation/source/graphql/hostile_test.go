package graphql_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/graphql"
)

// hostile answers from a socket of its own, below HTTP where it wants.
func hostile(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				io.Copy(io.Discard, r.Body)
				answer(c)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return "http://" + listener.Addr().String()
}

const begun = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"data\":{\"rows\":[{\"c0\":\"MARKER\""

func TestBrokenConnectionsAreUnavailable(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"closed at once":  func(net.Conn) {},
		"closed half-way": func(c net.Conn) { io.WriteString(c, begun) },
		"half closed":     func(c net.Conn) { io.WriteString(c, begun); c.(*net.TCPConn).CloseWrite() },
		"reset half-way":  func(c net.Conn) { io.WriteString(c, begun); c.(*net.TCPConn).SetLinger(0) },
		"no HTTP":         func(c net.Conn) { io.WriteString(c, "MARKER\r\n\r\n") },
		"endless headers": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-A: MARKER\r\n", 200_000)) },
		"a bad chunk": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nMARKER\r\n")
		},
		"two different lengths": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx")
		},
	} {
		s := open(t, graphql.Options{URL: hostile(t, answer), Tables: tables(), Timeout: 10 * time.Second})
		if _, err := s.Fetch(t.Context(), ids()); !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A service that sends a byte now and then is not a service: the whole question has the time-out, not each byte.
func TestAnEndlessTrickleEndsAtTheTimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"data":{"rows":[`)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
			}
		}
	}))
	t.Cleanup(server.Close)
	s := open(t, graphql.Options{URL: server.URL, Tables: tables(), Timeout: 100 * time.Millisecond})
	if _, err := s.Fetch(t.Context(), ids()); !errors.Is(err, source.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

// A gigabyte costs what is read of it, and no more than the bound is read.
func TestAGigabyteIsNotKept(t *testing.T) {
	const bound = 8 << 20
	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"data":{"rows":[{"c0":"`)
		piece := strings.Repeat("x", 1<<20)
		for range 1 << 10 {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
			sent += len(piece)
		}
	}))
	s := open(t, graphql.Options{URL: server.URL, Tables: tables(), MaxBody: bound})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.Fetch(t.Context(), ids())
	runtime.ReadMemStats(&after)
	s.Close()
	server.Close()
	if !errors.Is(err, source.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16*bound || sent > 16*bound {
		t.Errorf("%d bytes set aside, %d sent, for a bound of %d", used, sent, bound)
	}
}

// What is nested is passed over without recursion up to a bound, and refused beyond.
func TestDepthCostsNoStack(t *testing.T) {
	for depth, want := range map[int]error{5_000: nil, 10_001: source.ErrInvalid, 150_000: source.ErrInvalid} {
		for _, pair := range []string{"[]", "{}"} {
			opening := pair[:1]
			if opening == "{" {
				opening = `{"a":`
			}
			body := `{"extensions":` + strings.Repeat(opening, depth) + "1" + strings.Repeat(pair[1:], depth) + `,"data":{"rows":[]}}`
			_, err := answering(t, http.StatusOK, "application/json", body).Fetch(t.Context(), ids())
			if !errors.Is(err, want) {
				t.Errorf("%d of %s: got %v", depth, pair, err)
			}
		}
	}
}

// A column whose type changed in the service is named by its coordinate, and no value is quoted.
func TestAChangedTypeNamesItsCoordinate(t *testing.T) {
	for _, value := range []string{`"MARKER"`, `true`, `1.5`, `{"a":1}`, `[1]`, `99999999999999999999`} {
		body := fmt.Sprintf(`{"data":{"rows":[{"c0":"a","c1":%s}]}}`, value)
		_, err := answering(t, http.StatusOK, "application/json", body).Fetch(t.Context(), ids())
		if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "Awkward.big") || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: got %v", value, err)
		}
	}
}
