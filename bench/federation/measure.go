package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"concordat/bench/load"
)

// compare asks everyone once: as many reviews and authors from each, a receipt and masked names from the gateway.
func (w *world) compare(ctx context.Context) error {
	for _, p := range w.parties {
		text, err := p.process.Ask(ctx, p.tokens[0], p.question)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		answer := string(text)
		data, _, _ := strings.Cut(answer, `"extensions"`)
		if n, m := strings.Count(data, `"body"`), strings.Count(data, `"author"`); n != products*reviewsOfOne || m != n {
			return fmt.Errorf("%s answers with %d reviews and %d authors: %.300s", p.name, n, m, answer)
		}
		receipt, raw := strings.Contains(answer, `"receipt"`), strings.Contains(data, `"User `)
		ours := p.name == "ours" || p.name == "open"
		if receipt != ours || raw != (p.name != "ours") {
			return errors.New(p.name + ": no receipt, or masked where it must not be, or not where it must")
		}
		fmt.Printf("# %s: %d bytes\n", p.name, len(text))
	}
	return nil
}

func (w *world) measure(ctx context.Context) error {
	for _, p := range w.parties { // warm, and not counted
		if _, err := w.one(ctx, p, 2*time.Second); err != nil {
			return err
		}
	}
	for round := range w.rounds {
		for i := range w.parties {
			p := w.parties[(i+round)%len(w.parties)]
			f, err := w.one(ctx, p, w.each)
			if err != nil {
				return err
			}
			p.figures.Add(f)
		}
	}
	return nil
}

// one round on one server. All of its requests must have reached the services: nobody answers from memory.
func (w *world) one(ctx context.Context, p *party, d time.Duration) (load.Figures, error) {
	before := w.hits()
	f, err := load.Wrk(ctx, p.process, load.Question{Body: p.question, Tokens: p.tokens, Time: d})
	if err != nil {
		return f, fmt.Errorf("%s: %w", p.name, err)
	}
	if got := w.hits() - before; got < int64(subrequestsOf1*f.Requests) {
		return f, fmt.Errorf("%s: %d requests to the services for %d questions", p.name, got, f.Requests)
	}
	return f, nil
}

func (w *world) hits() int64 {
	var n int64
	for _, s := range w.services {
		n += s.hits.Load()
	}
	return n
}

const (
	goalOpen = 0.5  // ms of CPU a request, without rules
	goalOurs = 0.75 // with them
)

func (w *world) print(out io.Writer) {
	ours, open := &w.parties[0].figures, &w.parties[1].figures
	for _, p := range w.parties[2:] {
		load.Compare(out, "federation-"+p.name, ours, &p.figures)
	}
	load.Less(out, "federation-goal-cpu", "ms/req", ours.Cost(), goalOurs)
	load.Less(out, "federation-goal-open-cpu", "ms/req", open.Cost(), goalOpen)
	load.Less(out, "federation-policy-cpu", "ms/req", ours.Cost(), open.Cost())
	fmt.Fprintf(out, "# gateway: %.0f req/s, %.0f MB\n", ours.Rate(), ours.Memory)
}
