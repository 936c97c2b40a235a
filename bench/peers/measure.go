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

// ask is what a party is asked, and where.
func (p *party) ask(q question) (text string, process load.Process) {
	process = *p.process
	if p.base != "" {
		process.URL = p.base + q.path
	}
	switch p.name {
	case "ours", "open":
		return body(q.gateway), process
	case "ceiling":
		return body(""), process
	}
	return body(q.postgraphile), process
}

// compare asks everyone each question once and counts what comes back: names of tracks, prices, emails. Servers without
// row rules must agree with each other, and those with the same rules too; the rules must hide something.
func (w *world) compare(ctx context.Context) error {
	hidden := false
	for _, q := range questions {
		want := map[bool]string{} // by whether row rules apply
		for _, p := range w.parties {
			text, process := p.ask(q)
			answer, err := process.Ask(ctx, p.tokens[0], strings.Replace(text, "@ID@", "1", 1))
			if err == nil {
				err = governed(p.name, string(answer))
			}
			if err != nil {
				return fmt.Errorf("%s %s: %w", p.name, q.name, err)
			}
			ruled, got := p.name == "ours" || p.name == "rls", shape(string(answer))
			if other, ok := want[ruled]; ok && got != other {
				return fmt.Errorf("%s answers %s with %s, another with %s", p.name, q.name, got, other)
			}
			want[ruled] = got
			fmt.Printf("# %s %s: %d bytes\n", q.name, p.name, len(answer))
		}
		hidden = hidden || want[true] != want[false]
	}
	if !hidden {
		return errors.New("no row rule hides anything")
	}
	return nil
}

// shape counts the columns that stand for rows of each table.
func shape(answer string) string {
	var b strings.Builder
	for _, name := range []string{"title", "composer", "name", "email", "total", "unitPrice", "milliseconds"} {
		fmt.Fprintf(&b, "%s:%d ", name, strings.Count(answer, `"`+name+`"`)-strings.Count(answer, `"coordinate":"`+name))
	}
	return b.String()
}

var errUngoverned = errors.New("no receipt, or nothing masked")

func governed(name, answer string) error {
	raw := strings.Contains(answer, "Composer ") || strings.Contains(answer, "@example.org")
	receipt := strings.Contains(answer, `"receipt"`)
	switch name {
	case "ours":
		if raw || !receipt {
			return errUngoverned
		}
	case "open":
		if !raw || !receipt {
			return errors.New("no receipt, or something masked")
		}
	}
	return nil
}

func (w *world) measure(ctx context.Context) error {
	for _, q := range questions {
		for _, p := range w.parties { // warm, and not counted
			if _, err := w.one(ctx, p, q, 2*time.Second); err != nil {
				return err
			}
		}
		for round := range w.rounds {
			for i := range w.parties {
				p := w.parties[(i+round)%len(w.parties)]
				f, err := w.one(ctx, p, q, w.each)
				if err != nil {
					return err
				}
				if p.figures[q.name] == nil {
					p.figures[q.name] = &load.Figures{}
				}
				p.figures[q.name].Add(f)
			}
		}
	}
	return nil
}

func (w *world) one(ctx context.Context, p *party, q question, d time.Duration) (load.Figures, error) {
	text, process := p.ask(q)
	f, err := load.Wrk(ctx, &process, load.Question{Body: text, Tokens: p.tokens, IDs: q.ids, Time: d})
	if err != nil {
		return f, fmt.Errorf("%s %s: %w", p.name, q.name, err)
	}
	return f, nil
}

func (w *world) print(out io.Writer) {
	by := map[string]*party{}
	for _, p := range w.parties {
		by[p.name] = p
	}
	ours := by["ours"]
	for _, q := range questions {
		f := ours.figures[q.name]
		load.Compare(out, q.name, f, by["peer"].figures[q.name])
		load.Compare(out, q.name+"-rls", f, by["rls"].figures[q.name])
		load.Compare(out, q.name+"-ceiling", f, by["ceiling"].figures[q.name])
		load.Less(out, q.name+"-policy-cpu", "ms/req", f.Cost(), by["open"].figures[q.name].Cost())
		load.Less(out, q.name+"-tail", "ms", load.Median(f.P95), load.Median(by["peer"].figures[q.name].P50))
		load.Less(out, q.name+"-memory", "MB", f.Memory, by["peer"].figures[q.name].Memory)
	}
}
