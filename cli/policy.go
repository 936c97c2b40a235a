package cli

import (
	"context"
	"fmt"
)

const policyUsage = `usage: concordat policy check   [DIR] [--json]
       concordat policy test    [DIR] [--threshold PERCENT] [--json]
       concordat policy explain --subject PERSONA [--purpose P] [--agency A] TYPE.FIELD | FILE.graphql [--json]
       concordat policy eval    --subject PERSONA [--purpose P] [TYPE.FIELD | FILE.graphql]
       concordat policy diff    OLD NEW [--json] [--fail-on weaker]
       concordat policy sign    DIR --agency A --key FILE

DIR holds one directory for each agency, named for it, and gateway: *.rego, *_test.rego, scenarios.yaml and data.json;
or it is a whole configuration with policies/, agencies/, agreements/ and personas.json. Without it, and for explain and
eval without --policies DIR, the demo's policies are taken.

  --schemas DIR      the agencies' *.graphqls         (the demo's)
  --agreements DIR   *.yaml                           (the demo's)
  --personas FILE    {"NAME": {"sub": ..., "organisation": ..., "client_id": ..., "scope": ..., "agreement": ...,
                     "purposes": [...]}}              (the demo's)

check    lists what is wrong, and what is doubtful, as file:line: coordinate: severity: message (CODE).
test     runs the tests of every bundle together, as OPA does, and the scenarios; with --threshold, less coverage fails.
explain  says what a persona sees of a field, or of all that a query reads, and which rules decided it.
eval     prints one decision as JSON; without a field, that on everything.
diff     says what NEW alters against OLD for each persona: rulings, and rows by one that shows the difference.
         --fail-on weaker makes the exit code 1 where protection is weaker or that cannot be told.
sign     writes DIR/A/.manifest and DIR/A/.signatures.json with the agency's key (see concordat key new --type policy).
`

// policyVerb runs the verb "policy".
func policyVerb(ctx context.Context, args []string, w *Wire) int {
	if len(args) == 0 {
		fmt.Fprint(w.Stderr, policyUsage)
		return exitUsage
	}
	v := policyCommand{w}
	switch verb, rest := args[0], args[1:]; verb {
	case "check":
		return v.check(ctx, rest)
	case "test":
		return v.test(ctx, rest)
	case "explain":
		return v.explain(ctx, rest)
	case "eval":
		return v.eval(ctx, rest)
	case "diff":
		return v.diff(ctx, rest)
	case "sign":
		return v.sign(rest)
	case "help", "-h", "--help":
		fmt.Fprint(w.Stdout, policyUsage)
		return exitDone
	default:
		fmt.Fprintf(w.Stderr, "concordat policy: there is no %q\n%s", verb, policyUsage)
		return exitUsage
	}
}

// policyCommand is the verb with what it prints to and is wired with.
type policyCommand struct{ *Wire }

func (v policyCommand) misuse(what string) int {
	if what != "" {
		fmt.Fprintln(v.Stderr, "concordat policy:", what)
	}
	fmt.Fprint(v.Stderr, policyUsage)
	return exitUsage
}

func (v policyCommand) failed(verb string, err error) int {
	fmt.Fprintf(v.Stderr, "concordat policy %s: %s\n", verb, err)
	return exitFailed
}
