package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"concordat/policy/ledger"

	"golang.org/x/mod/sumdb/note"
)

const ledgerUsage = `usage: concordat ledger checkpoint [WHERE] [--key VKEY]
       concordat ledger prove RECEIPT.json [WHERE] [--token T] [--key VKEY] [--out FILE]
       concordat ledger verify PROOF [ANSWER.json] --key VKEY [--json]
       concordat ledger export [WHERE] [--token T] [--key VKEY] [--out FILE]
       concordat ledger search [WHERE] [--token T] [--key VKEY] [--kind K] [--subject ID] [--agreement ID]
                 [--coordinate TYPE.FIELD] [--code CODE] [--request ID] [--since T] [--until T] [--limit N] [--json]

WHERE is --url URL, a running gateway (http://127.0.0.1:8080 where not said), or --dir DIR, the directory of one that
does not run. VKEY is a verifier key or a file that holds one, as ledger.vkey does; with --dir it need not be said.

checkpoint  prints the newest signed head.
prove       writes a C2SP tlog-proof file for a receipt: a receipt object, or a whole GraphQL answer that carries one.
            The receipt's digest opens its entry; a receipt without digest needs an auditor's token.
verify      checks a proof, and the answer it is about, with the key and nothing else: no network, no directory.
export      writes every entry as a JSON line, after checking that together they make the signed root.
search      prints matching entries, newest first.

Export and search over a URL need an auditor's token, from --token or the variable CONCORDAT_TOKEN.
Exit codes: 0 done or verified, 1 failed or not verified, 2 wrong use.
`

// Ledger runs the verb "ledger".
func Ledger(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, ledgerUsage)
		return 2
	}
	verbs := map[string]func(ledgerCall) error{
		"checkpoint": ledgerCheckpoint,
		"prove":      ledgerProve,
		"verify":     ledgerVerify,
		"export":     ledgerExport,
		"search":     ledgerSearch,
	}
	verb, ok := verbs[args[0]]
	switch {
	case args[0] == "help" || args[0] == "-h" || args[0] == "--help":
		fmt.Fprint(stdout, ledgerUsage)
		return 0
	case !ok:
		fmt.Fprintf(stderr, "concordat ledger: unknown verb %q\n%s", args[0], ledgerUsage)
		return 2
	}
	return runLedgerVerb(args[0], args[1:], verb, stdout, stderr)
}

func runLedgerVerb(name string, args []string, verb func(ledgerCall) error, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	call := ledgerCall{ctx: ctx, args: args, stdout: stdout, flags: flag.NewFlagSet("concordat ledger "+name, flag.ContinueOnError)}
	call.flags.SetOutput(io.Discard)
	err := verb(call)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, ledgerUsage)
		return 0
	case errors.Is(err, errLedgerUse):
		fmt.Fprintf(stderr, "concordat ledger %s: %v\n%s", name, err, ledgerUsage)
		return 2
	}
	fmt.Fprintf(stderr, "concordat ledger %s: %v\n", name, err)
	return 1
}

// errLedgerUse marks an error of whoever typed the command.
var errLedgerUse = errors.New("wrong use")

// ledgerCall is one run of a verb.
type ledgerCall struct {
	ctx    context.Context
	args   []string
	flags  *flag.FlagSet
	stdout io.Writer
}

// parse reads flags and arguments in any order and wants between least and most arguments.
func (c ledgerCall) parse(least, most int) ([]string, error) {
	rest, code := parseCredentialFlags(c.flags, c.args)
	switch {
	case code == 0:
		return nil, flag.ErrHelp
	case code > 0:
		return nil, fmt.Errorf("%w: a flag is unknown or malformed", errLedgerUse)
	case len(rest) < least || len(rest) > most:
		return nil, fmt.Errorf("%w: %d arguments", errLedgerUse, len(rest))
	}
	return rest, nil
}

// ledgerKey reads a verifier key, given itself or as the name of a file that holds it.
func ledgerKey(given string) (note.Verifier, error) {
	if v, err := note.NewVerifier(strings.TrimSpace(given)); err == nil {
		return v, nil
	}
	v, err := ledger.ReadPublicKey(given)
	if err != nil {
		return nil, fmt.Errorf("--key is neither a verifier key nor a file that holds one: %w", err)
	}
	return v, nil
}

// ledgerOutput writes to a file that appears whole or not at all, or to standard output where none is named.
func (c ledgerCall) ledgerOutput(path string, write func(io.Writer) error) error {
	if path == "" {
		return write(c.stdout)
	}
	partial := path + ".partial"
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return os.Rename(partial, path)
}
