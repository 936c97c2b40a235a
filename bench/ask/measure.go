package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// measurement is one run over both servers.
type measurement struct {
	options
	token      string
	ours, peer *server
	of         [2]figures // ours, peer
}

// figures is what one server's rounds came to.
type figures struct {
	requests       int
	cpu, wall      time.Duration
	objects, bytes float64
	latencies      []time.Duration
}

// compare asks both once: what no policy changes must be equal, ours must carry a receipt and show pseudonyms.
func (m *measurement) compare(ctx context.Context) error {
	var got [2]answer
	var texts [2][]byte
	for i, s := range []*server{m.ours, m.peer} {
		text, err := s.ask(ctx, m.token, body())
		if err != nil {
			return fmt.Errorf("%w: %.300s", err, text)
		}
		if err := json.Unmarshal(text, &got[i]); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		texts[i] = text
	}
	ours, peer := &got[0], &got[1]
	switch {
	case len(ours.Errors) > 0:
		return fmt.Errorf("ours: %s", ours.Errors[0])
	case ours.Extensions.Concordat.Receipt.Leaf == "" || len(ours.Extensions.Concordat.Obligations) == 0:
		return errors.New("ours: no receipt, or nothing masked")
	case len(ours.Data.Admissions.Nodes) != first:
		return fmt.Errorf("ours: %d rows", len(ours.Data.Admissions.Nodes))
	case !reflect.DeepEqual(ours.Data, peer.Data):
		return errors.New("the two answers differ")
	}
	for _, name := range []string{"patientId", "birthDate"} {
		if bytes.Equal(member(texts[0], name), member(texts[1], name)) {
			return fmt.Errorf("ours: %s is not masked", name)
		}
	}
	return nil
}

// member is what follows the first member of a name.
func member(text []byte, name string) []byte {
	_, after, _ := bytes.Cut(text, []byte(`"`+name+`":"`))
	value, _, _ := bytes.Cut(after, []byte(`"`))
	return value
}

func (m *measurement) run(ctx context.Context) error {
	servers := []*server{m.ours, m.peer}
	for _, s := range servers {
		if _, err := m.load(ctx, s, m.warmup); err != nil {
			return err
		}
	}
	for round := range m.rounds {
		for i := range servers {
			k := (round + i) % 2 // each begins every other round
			if err := m.round(ctx, servers[k], &m.of[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *measurement) round(ctx context.Context, s *server, into *figures) error {
	objects, size, err := s.allocated(ctx)
	if err != nil {
		return err
	}
	before, err := s.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	latencies, err := m.load(ctx, s, m.requests)
	if err != nil {
		return err
	}
	into.wall += time.Since(began)
	after, err := s.cpu()
	if err != nil {
		return err
	}
	objectsAfter, sizeAfter, err := s.allocated(ctx)
	if err != nil {
		return err
	}
	into.requests += len(latencies)
	into.cpu += after - before
	into.objects += objectsAfter - objects
	into.bytes += sizeAfter - size
	into.latencies = append(into.latencies, latencies...)
	return nil
}

// load sends n requests, one at a time on each connection.
func (m *measurement) load(ctx context.Context, s *server, n int) ([]time.Duration, error) {
	var left atomic.Int64
	left.Store(int64(n))
	question := body()
	each := make([][]time.Duration, m.connections)
	errs := make([]error, m.connections)
	var wait sync.WaitGroup
	for c := range m.connections {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				if _, err := s.ask(ctx, m.token, question); err != nil {
					errs[c] = err
					return
				}
				each[c] = append(each[c], time.Since(began))
			}
		})
	}
	wait.Wait()
	return slices.Concat(each...), errors.Join(errs...)
}

// print writes a line for each figure; a ratio above 1 is ours being better.
func (m *measurement) print(w io.Writer) {
	ours, peer := &m.of[0], &m.of[1]
	less := func(name, unit string, value func(*figures) float64) {
		o, p := value(ours), value(peer)
		fmt.Fprintf(w, "BENCH name=%s ours=%.4g peer=%.4g ratio=%.2f unit=%s\n", name, o, p, p/o, unit)
	}
	less("ask", "cpu_ms/req", func(f *figures) float64 { return f.cpu.Seconds() * 1000 / float64(f.requests) })
	o, p := ours.rate(), peer.rate()
	fmt.Fprintf(w, "BENCH name=ask-rate ours=%.4g peer=%.4g ratio=%.2f unit=req/s\n", o, p, o/p)
	less("ask-p50", "ms", func(f *figures) float64 { return f.percentile(0.5) })
	less("ask-p99", "ms", func(f *figures) float64 { return f.percentile(0.99) })
	less("ask-allocations", "objects/req", func(f *figures) float64 { return f.objects / float64(f.requests) })
	less("ask-memory", "bytes/req", func(f *figures) float64 { return f.bytes / float64(f.requests) })
}

func (f *figures) rate() float64 { return float64(f.requests) / f.wall.Seconds() }

func (f *figures) percentile(p float64) float64 {
	slices.Sort(f.latencies)
	return f.latencies[int(p*float64(len(f.latencies)-1))].Seconds() * 1000
}
