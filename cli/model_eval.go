package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"concordat/inference"
	"concordat/inference/drift"
	"concordat/inference/score"
)

// evaluated is the output of "model eval".
type evaluated struct {
	Model     string                   `json:"model"`
	Sentences int                      `json:"sentences"`
	Types     map[string]score.Figures `json:"types"`
	Micro     score.Figures            `json:"micro"`
	Reference *inference.Reference     `json:"reference,omitempty"`
}

func modelEval(c *modelCall) error {
	engine, err := c.shelf.Engine(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	f, err := os.Open(c.args[1])
	if err != nil {
		return err
	}
	defer f.Close()
	sentences, err := score.ReadConll(f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.args[1], err)
	}
	var e evaluation
	for part := range slices.Chunk(sentences, tagBatch) {
		if err := e.add(c.ctx, engine, part); err != nil {
			return err
		}
	}
	types, micro := e.tally.Report()
	result := evaluated{Model: c.args[0], Sentences: e.tally.Sentences, Types: types, Micro: micro}
	if c.reference {
		r := drift.Of(filepath.Base(c.args[1]), e.texts, e.results)
		result.Reference = &r
	}
	if c.json {
		return c.print(result)
	}
	return c.printEvaluated(result)
}

// evaluation is what an engine said of sentences.
type evaluation struct {
	tally   score.Tally
	texts   []string
	results []inference.Result
}

func (e *evaluation) add(ctx context.Context, engine inference.Engine, part []score.Sentence) error {
	chinese := slices.Contains(engine.Describe().Languages, "zh")
	texts, gold := make([]string, len(part)), make([]score.Sentence, len(part))
	separator := " "
	for i, s := range part {
		gold[i] = s
		if chinese {
			gold[i], separator = s.Characters(), ""
		}
		texts[i] = strings.Join(gold[i].Tokens, separator)
	}
	results, err := engine.Infer(ctx, texts)
	if err != nil {
		return err
	}
	e.texts, e.results = append(e.texts, texts...), append(e.results, results...)
	for i, r := range results {
		e.tally.Add(gold[i].Tags, tagsOf(gold[i].Tokens, len(separator), r.Entities))
	}
	return nil
}

// tagsOf puts entities, which are in order, on the tokens that they touch.
func tagsOf(tokens []string, gap int, entities []inference.Entity) []string {
	tags := make([]string, len(tokens))
	start, next, last := 0, 0, -1
	for i, token := range tokens {
		end := start + len(token)
		for next < len(entities) && entities[next].ByteEnd <= start {
			next++
		}
		tags[i] = "O"
		if next < len(entities) && entities[next].ByteStart < end {
			tags[i] = "B-" + entities[next].Label
			if last == next {
				tags[i] = "I-" + entities[next].Label
			}
			last = next
		}
		start = end + gap
	}
	return tags
}

func (c *modelCall) printEvaluated(r evaluated) error {
	fmt.Fprintf(c.stdout, "%s on %d sentences\n\n", r.Model, r.Sentences)
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "TYPE\tPRECISION\tRECALL\tF1\tSUPPORT\t")
	line := func(name string, f score.Figures) {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%.4f\t%d\t\n", name, f.Precision, f.Recall, f.F1, f.Support)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Types)) {
		line(kind, r.Types[kind])
	}
	line("all", r.Micro)
	if err := w.Flush(); err != nil || r.Reference == nil {
		return err
	}
	return c.print(r.Reference)
}
