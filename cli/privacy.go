package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
)

const privacyUsage = `usage: concordat privacy redact [--lang auto|en|zh] [--style label|mask] [--years] [--json] < TEXT

redact reads one document a line from standard input and writes each without names and identifiers. A document that
cannot be read for certain (another language, not UTF-8, over 1 MiB, a tagger that fails) becomes [REDACTED] whole.

  --lang   the language of all documents; auto: English and Chinese, mixed as they come
  --style  what stands in place: label writes [PHONE], mask one * for each character
  --years  hide bare years as well
  --json   {"text", "spans": [{"start", "end", "byteStart", "byteEnd", "label", "score", "rule"}]}: offsets point into
           the input, start and end in UTF-16 units; no string repeats what was hidden
`

// PrivacyEnv is what the privacy verbs are given by the program.
type PrivacyEnv struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Redactor       Redactor
}

// Redactor makes what redacts free text. complete says that names are looked for by a tagger and not by rules alone.
type Redactor func(RedactOptions) (redact func(ctx context.Context, texts []string) []Redaction, complete bool)

// RedactOptions are the choices of the command line.
type RedactOptions struct {
	Language  string // "en", "zh", or "" for both
	Mask      bool   // * for each character, not a label
	Years     bool   // bare years as well
	MostBytes int    // longer texts become [REDACTED]
}

// Redaction is one text without what was found in it, as scripts read it; see the usage.
type Redaction struct {
	Text  string         `json:"text"`
	Spans []RedactedSpan `json:"spans"`
}

// RedactedSpan is a stretch of the text as given, with the fields of the span it is converted from (deid.Span).
type RedactedSpan struct {
	Start   int     `json:"byteStart"`
	End     int     `json:"byteEnd"`
	Start16 int     `json:"start"`
	End16   int     `json:"end"`
	Label   string  `json:"label"`
	Score   float64 `json:"score"`
	Rule    string  `json:"rule"`
}

// mostDocument is the longest document that is read, in bytes.
const mostDocument = 1 << 20

// Privacy runs the verb "privacy".
func Privacy(ctx context.Context, args []string, env PrivacyEnv) int {
	if len(args) == 0 {
		fmt.Fprint(env.Stderr, privacyUsage)
		return exitUsage
	}
	switch args[0] {
	case "redact":
		return env.redact(ctx, args[1:])
	case "help", "-h", "--help":
		fmt.Fprint(env.Stdout, privacyUsage)
		return exitDone
	}
	fmt.Fprintf(env.Stderr, "concordat privacy: unknown verb %q\n%s", args[0], privacyUsage)
	return exitUsage
}

func (env PrivacyEnv) redact(ctx context.Context, args []string) int {
	var asJSON bool
	o, err := redactOptions(args, &asJSON)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.Stdout, privacyUsage)
		return exitDone
	case err != nil:
		fmt.Fprintf(env.Stderr, "concordat privacy redact: %v\n%s", err, privacyUsage)
		return exitUsage
	}
	if env.Redactor == nil {
		fmt.Fprintln(env.Stderr, "concordat privacy redact: not in this build")
		return exitFailed
	}
	redact, complete := env.Redactor(o)
	if !complete {
		fmt.Fprintln(env.Stderr, "concordat privacy redact: this build has no tagger: names without a title or label are not found")
	}
	if err := redactLines(ctx, env.Stdin, env.Stdout, redact, asJSON); err != nil {
		fmt.Fprintln(env.Stderr, "concordat privacy redact:", err)
		return exitFailed
	}
	return exitDone
}

func redactOptions(args []string, asJSON *bool) (RedactOptions, error) {
	o := RedactOptions{MostBytes: mostDocument}
	set := flag.NewFlagSet("privacy redact", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	lang, style := set.String("lang", "auto", ""), set.String("style", "label", "")
	set.BoolVar(&o.Years, "years", false, "")
	set.BoolVar(asJSON, "json", false, "")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	switch *lang {
	case "auto":
	case "en", "zh":
		o.Language = *lang
	default:
		return o, errors.New("--lang is auto, en or zh")
	}
	switch *style {
	case "label":
	case "mask":
		o.Mask = true
	default:
		return o, errors.New("--style is label or mask")
	}
	if set.NArg() > 0 {
		return o, errors.New("takes no file: documents come on standard input")
	}
	return o, nil
}

// mostLines is how many documents are redacted in one go, where so many are waiting.
const mostLines = 64

// redactLines answers each line in order. It does not wait for more input than there is: a program may write a line
// and read the answer.
func redactLines(ctx context.Context, in io.Reader, out io.Writer, redact func(context.Context, []string) []Redaction, asJSON bool) error {
	from, to := bufio.NewReaderSize(in, 1<<16), bufio.NewWriter(out)
	for {
		var lines []string
		line, err := readDocument(from)
		for ; err == nil; line, err = readDocument(from) {
			if lines = append(lines, line); len(lines) == mostLines || from.Buffered() == 0 {
				break
			}
		}
		for _, redacted := range redact(ctx, lines) {
			if err := writeRedaction(to, redacted, asJSON); err != nil {
				return err
			}
		}
		if err := to.Flush(); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// readDocument is one line without its end. Of a line that is longer than any that is read, only so much is kept as
// shows that it is too long.
func readDocument(from *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := from.ReadSlice('\n')
		if len(line) <= mostDocument {
			line = append(line, part...)
		}
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			return string(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

func writeRedaction(to io.Writer, r Redaction, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprintln(to, r.Text)
		return err
	}
	if r.Spans == nil {
		r.Spans = []RedactedSpan{} // a list, never null
	}
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
