package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"concordat/cli/config"
	"concordat/cli/node"
	"concordat/federation/source"
	"concordat/federation/source/open"
	"concordat/policy/authn"
	"concordat/privacy/deid"
)

var dataDir = flag.String("dir", "", "directory of data and ledger; a temporary one where empty")

// BenchmarkAsk is one question through the gateway's handler: token, policy, masking, receipt; no network.
func BenchmarkAsk(b *testing.B) {
	dir := *dataDir
	if dir == "" {
		dir = b.TempDir()
	}
	w, err := newWorld(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	n := openNode(b, w)
	handler, ask := n.Handler(), body()
	first := serve(handler, w, ask)
	if first.Code != http.StatusOK {
		b.Fatalf("status %d: %s", first.Code, first.Body)
	}
	b.SetBytes(int64(first.Body.Len()))
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if got := serve(handler, w, ask); got.Code != http.StatusOK {
				b.Errorf("status %d", got.Code)
				return
			}
		}
	})
}

func serve(h http.Handler, w *world, ask []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(ask))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token)
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	return out
}

func openNode(tb testing.TB, w *world) *node.Node {
	tb.Helper()
	c, err := config.Load(w.config, os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	known, err := authn.WellKnown(c.Resource, []string{authn.DevelopmentIssuer}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	n, err := node.Open(tb.Context(), c, node.Wire{Transforms: deid.New(), Sources: openSources, SourceNames: sourceNames,
		Pages: http.NotFoundHandler(), WellKnown: known, Getenv: os.Getenv, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	return n
}

func openSources(ctx context.Context, file string, text []byte, relations func(string) []*source.Relation, dir string, getenv func(string) string) (map[string]source.Source, io.Closer, error) {
	c, err := open.Parse(file, text)
	if err != nil {
		return nil, nil, err
	}
	return open.Open(ctx, c, open.Options{Dir: dir, Relations: relations, Getenv: getenv})
}

func sourceNames(file string, text []byte) ([]string, error) {
	c, err := open.Parse(file, text)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(c.Sources)), nil
}

// TestQuestionIsAnswered keeps the world one that a gateway loads, whatever the demo comes to demand.
func TestQuestionIsAnswered(t *testing.T) {
	w, err := newWorld(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n := openNode(t, w)
	if r := serve(n.Handler(), w, body()); r.Code != http.StatusOK || bytes.Contains(r.Body.Bytes(), []byte(`"errors"`)) {
		t.Errorf("status %d: %.300s", r.Code, r.Body)
	}
}
