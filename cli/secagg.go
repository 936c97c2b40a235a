package cli

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"concordat/privacy/secagg"
)

const secaggUsage = `usage: concordat secagg keygen --out FILE
       concordat secagg open ANSWER.json --key FILE --members MEMBERS.json [--question QUESTION.json] [--field NAME] [--json]
       concordat secagg demo [--dir DIR] [--json]

keygen  make a querier's key pair: FILE (secret, mode 0600) and FILE.pub, and print the thumbprint that a session
        token names
open    check an answer and open its sums: signatures, active set, MAC, participation; then compute the statistics.
        ANSWER.json is the gateway's whole response, or one that demo left; MEMBERS.json the agencies' identities as the
        agreement gives them, {NAME: BASE64}. The question that the agencies signed for is printed, to be compared with
        the one that was meant; with --question it has to be exactly that
demo    four agencies as separate processes on loopback, one of them switched off half-way, each result beside the
        plaintext oracle; exit 1 where they differ
`

func secaggVerb(ctx context.Context, args []string, w *Wire) int {
	if len(args) == 0 {
		fmt.Fprint(w.Stderr, secaggUsage)
		return exitUsage
	}
	switch args[0] {
	case "keygen":
		return secaggKeygen(args[1:], w)
	case "open":
		return secaggOpen(args[1:], w)
	case "demo":
		return secaggDemo(ctx, args[1:], w)
	case "help", "-h", "--help":
		fmt.Fprint(w.Stdout, secaggUsage)
		return exitDone
	}
	fmt.Fprintf(w.Stderr, "concordat secagg: unknown verb %q\n%s", args[0], secaggUsage)
	return exitUsage
}

func secaggKeygen(args []string, w *Wire) int {
	flags := flag.NewFlagSet("secagg keygen", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	out := flags.String("out", "querier.key", "`file` for the secret key")
	if code, ok := parsed(flags, args); !ok {
		return code
	}
	key, err := newQuerierKey(*out)
	if err != nil {
		return failed(w, err)
	}
	fmt.Fprintln(w.Stdout, key.Public().Thumbprint())
	return exitDone
}

// newQuerierKey writes a key pair beside each other, and never replaces one.
func newQuerierKey(path string) (*secagg.QuerierKey, error) {
	key, err := secagg.NewQuerierKey()
	if err != nil {
		return nil, err
	}
	secret, err := key.Encode()
	if err != nil {
		return nil, err
	}
	if err := writeNew(path, secret, 0o600); err != nil {
		return nil, err
	}
	return key, writeNew(path+".pub", key.Public().Encode(), 0o644)
}

func secaggOpen(args []string, w *Wire) int {
	flags := flag.NewFlagSet("secagg open", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	keyFile := flags.String("key", "querier.key", "the querier's secret key")
	asked := flags.String("question", "", "the question as it was asked; needed for an answer that is no GraphQL response")
	field := flags.String("field", "", "the response `key` of the secure aggregate, where the response has several")
	members := flags.String("members", "", "the agencies' identity keys, {NAME: BASE64}")
	asJSON := flags.Bool("json", false, "print JSON")
	if len(args) == 0 || args[0] == "" || args[0][0] == '-' {
		fmt.Fprint(w.Stderr, secaggUsage)
		return exitUsage
	}
	if code, ok := parsed(flags, args[1:]); !ok {
		return code
	}
	o := opening{answer: args[0], key: *keyFile, question: *asked, members: *members, field: *field}
	results, question, err := o.open()
	if err != nil {
		return failed(w, err)
	}
	if *asked == "" {
		fmt.Fprintf(w.Stderr, "the agencies were asked: %s\n", question.Encode())
	}
	e := json.NewEncoder(w.Stdout)
	if !*asJSON {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(results); err != nil {
		return failed(w, err)
	}
	return exitDone
}

// opening names the files that an answer is opened with.
type opening struct{ answer, key, question, members, field string }

var errNoQuestion = errors.New("--question is needed: this answer is no GraphQL response")

func (o opening) open() ([]secagg.Result, *secagg.Question, error) {
	secret, err := os.ReadFile(o.key)
	if err != nil {
		return nil, nil, err
	}
	key, err := secagg.ParseQuerierKey(secret)
	if err != nil {
		return nil, nil, err
	}
	members, err := readMembers(o.members)
	if err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(o.answer)
	if err != nil {
		return nil, nil, err
	}
	answer, response, err := parseAnswer(text, o.field)
	if err != nil {
		return nil, nil, err
	}
	asked, err := o.asked(answer, response)
	if err != nil {
		return nil, nil, err
	}
	sums, err := key.Open(answer, asked, members)
	if err != nil {
		return nil, nil, err
	}
	results, err := asked.Finish(sums)
	return results, asked, err
}

// asked is the question to hold the answer against. The gateway made it of the caller's fields and arguments, so that
// without a file it is the one that the agencies signed for, and the caller reads it.
func (o opening) asked(a *secagg.Answer, response bool) (*secagg.Question, error) {
	if o.question == "" {
		if !response {
			return nil, errNoQuestion
		}
		return a.Question, nil
	}
	text, err := os.ReadFile(o.question)
	if err != nil {
		return nil, err
	}
	return secagg.ParseQuestion(text, len(a.Ceremony.Members))
}

func readMembers(file string) (map[string]ed25519.PublicKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list map[string]string
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	members := map[string]ed25519.PublicKey{}
	for name, encoded := range list {
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%s: %s: not a key", file, name)
		}
		members[name] = key
	}
	return members, nil
}
