package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"concordat/inference"
	"concordat/inference/models"
	"concordat/inference/ner"
)

const modelUsage = `usage: concordat model list [--json]
       concordat model card MODEL [--json]
       concordat model tag MODEL|auto [--json]
       concordat model eval MODEL FILE.conll [--json] [--reference]

list  shows the models of this binary.
card  prints a model's page: licence, data, scores, limits, digest.
tag   reads a text a line from standard input and prints the entities of each; auto chooses models by script.
eval  reads tokens and IOB2 tags, and prints precision, recall and F1 of whole entities (strict). English tokens are joined
      by one space, and a token belongs to the entity that touches it; Chinese tokens are joined by nothing and scored by
      character. With --reference also the lengths and labels, as a card has them for the gateway to compare with.

Exit codes: 0 done, 1 failed, 2 wrong use.
`

// errModelUse is wrong use of the verb.
var errModelUse = errors.New("wrong use")

// modelCall is one use of the verb "model".
type modelCall struct {
	ctx       context.Context
	args      []string
	json      bool
	reference bool
	stdin     io.Reader
	stdout    io.Writer
	shelf     *inference.Registry
}

// Model runs the verb "model".
func Model(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "--help" }) || len(args) > 0 && args[0] == "help" {
		fmt.Fprint(stdout, modelUsage)
		return exitDone
	}
	switch err := runModel(ctx, args, stdin, stdout); {
	case err == nil:
		return exitDone
	case errors.Is(err, errModelUse):
		fmt.Fprintf(stderr, "concordat model: %v\n%s", err, modelUsage)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "concordat model: %v\n", err)
		return exitFailed
	}
}

func runModel(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: which verb?", errModelUse)
	}
	verbs := map[string]struct {
		run  func(*modelCall) error
		args int
	}{"list": {modelList, 0}, "card": {modelCard, 1}, "tag": {modelTag, 1}, "eval": {modelEval, 2}}
	verb, ok := verbs[args[0]]
	if !ok {
		return fmt.Errorf("%w: unknown verb %q", errModelUse, args[0])
	}
	call := &modelCall{ctx: ctx, stdin: stdin, stdout: stdout}
	for _, a := range args[1:] {
		switch {
		case a == "--json" || a == "-json":
			call.json = true
		case args[0] == "eval" && (a == "--reference" || a == "-reference"):
			call.reference = true
		case strings.HasPrefix(a, "-"):
			return fmt.Errorf("%w: unknown flag %s", errModelUse, a)
		default:
			call.args = append(call.args, a)
		}
	}
	if len(call.args) != verb.args {
		return fmt.Errorf("%w: %s takes %d arguments", errModelUse, args[0], verb.args)
	}
	shelf, err := inference.NewRegistry(models.Files(), ner.Open)
	if err != nil {
		return err
	}
	defer shelf.Close()
	call.shelf = shelf
	return verb.run(call)
}

func (c *modelCall) print(v any) error {
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

type listedModel struct {
	Name      string   `json:"name"`
	Task      string   `json:"task"`
	Languages []string `json:"languages"`
	Labels    []string `json:"labels"`
	Digest    string   `json:"digest"`
}

func modelList(c *modelCall) error {
	list := []listedModel{}
	for _, card := range c.shelf.Cards() {
		list = append(list, listedModel{card.Name, card.Task, card.Languages, card.Labels, card.Digest})
	}
	if c.json {
		return c.print(map[string]any{"models": list})
	}
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tTASK\tLANGUAGES\tLABELS")
	for _, m := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, m.Task, strings.Join(m.Languages, " "), strings.Join(m.Labels, " "))
	}
	return w.Flush()
}

func modelCard(c *modelCall) error {
	card, err := c.shelf.Card(c.args[0])
	if err != nil {
		return err
	}
	if c.json {
		return c.print(card)
	}
	fmt.Fprintf(c.stdout, "%s (%s)\n%s\n\n", card.Name, card.Task, card.Summary)
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "languages\t%s\nlabels\t%s\nlicence\t%s\ndigest\t%s\nmade by\t%s\n", strings.Join(card.Languages, " "),
		strings.Join(card.Labels, " "), card.Licence, card.Digest, card.Made)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		lines []string
	}{{"attribution", card.Attribution}, {"data", card.Data}, {"limits", card.Limits}} {
		fmt.Fprintf(c.stdout, "\n%s\n", part.title)
		for _, line := range part.lines {
			fmt.Fprintf(c.stdout, "  - %s\n", line)
		}
	}
	return c.printScores(card.Scores)
}

func (c *modelCall) printScores(scores map[string]float64) error {
	names := make([]string, 0, len(scores))
	for name := range scores {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintln(c.stdout, "\nscores")
	for _, name := range names {
		fmt.Fprintf(c.stdout, "  %-60s %.3f\n", name, scores[name])
	}
	return nil
}

// taggedEntity and taggedText are the output of "model tag".
type taggedEntity struct {
	Text      string  `json:"text"`
	Label     string  `json:"label"`
	Start     int     `json:"start"`
	End       int     `json:"end"`
	ByteStart int     `json:"byteStart"`
	ByteEnd   int     `json:"byteEnd"`
	Score     float32 `json:"score"`
	Model     string  `json:"model"`
}

type taggedText struct {
	Text     string         `json:"text"`
	Entities []taggedEntity `json:"entities"`
}

// most lines that wait for each other before they are tagged together
const tagBatch = 256

func modelTag(c *modelCall) error {
	tag, err := c.tagger(c.args[0])
	if err != nil {
		return err
	}
	in, out := bufio.NewReaderSize(c.stdin, 1<<16), bufio.NewWriter(c.stdout)
	defer out.Flush()
	for line, more := 1, true; more; {
		var texts []string
		texts, more, err = readLines(in)
		if err != nil {
			return err
		}
		found, err := tag(c.ctx, texts)
		if err != nil {
			return fmt.Errorf("lines %d to %d: %w", line, line+len(texts)-1, err)
		}
		line += len(texts)
		for i, text := range texts {
			if err := c.writeTagged(out, text, found[i]); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// readLines takes one line, and those that have already come in behind it.
func readLines(in *bufio.Reader) (texts []string, more bool, err error) {
	size := 0
	for len(texts) < tagBatch && (len(texts) == 0 || in.Buffered() > 0 && size < 1<<16) {
		line, err := readLine(in)
		if line != "" || err == nil {
			texts = append(texts, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
			size += len(line)
		}
		if err == io.EOF {
			return texts, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return texts, true, nil
}

// readLine stops at a line that no engine would take, before it is in memory whole.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > inference.MaxTextBytes+2 {
			return "", inference.ErrTextTooLarge
		}
		if err != bufio.ErrBufferFull {
			return string(line), err
		}
	}
}

// tagger gives the entities of texts, by one model or by those that fit.
func (c *modelCall) tagger(name string) (func(context.Context, []string) ([][]taggedEntity, error), error) {
	if name == "auto" {
		auto, err := ner.OpenAuto(c.ctx, c.shelf, false)
		if err != nil {
			return nil, err
		}
		return tagWith(auto), nil
	}
	e, err := c.shelf.Engine(c.ctx, name)
	if err != nil {
		return nil, err
	}
	return tagWith(e), nil
}

func tagWith(e inference.Engine) func(context.Context, []string) ([][]taggedEntity, error) {
	name := e.Describe().Name
	return func(ctx context.Context, texts []string) ([][]taggedEntity, error) {
		results, err := e.Infer(ctx, texts)
		if err != nil {
			return nil, err
		}
		out := make([][]taggedEntity, len(texts))
		for i, r := range results {
			out[i] = []taggedEntity{}
			for _, x := range r.Entities {
				out[i] = append(out[i], taggedEntity{texts[i][x.ByteStart:x.ByteEnd], x.Label, x.Start, x.End, x.ByteStart, x.ByteEnd, x.Score, name})
			}
		}
		return out, nil
	}
}

func (c *modelCall) writeTagged(out *bufio.Writer, text string, found []taggedEntity) error {
	if c.json {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return e.Encode(taggedText{text, found})
	}
	at := 0
	for _, x := range found {
		fmt.Fprintf(out, "%s[%s %s]", text[at:x.ByteStart], x.Label, x.Text)
		at = x.ByteEnd
	}
	_, err := fmt.Fprintln(out, text[at:])
	return err
}

// modelVerb is the entry of the table of verbs.
func modelVerb(ctx context.Context, args []string, w *Wire) int {
	return Model(ctx, args, os.Stdin, w.Stdout, w.Stderr)
}
