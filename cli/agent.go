package cli

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"concordat/federation/agent"
	"concordat/policy"
	"concordat/policy/authn"
	"concordat/privacy/budget"
	"concordat/state"
)

const agentUsage = `usage: concordat agent --config agent.yaml [--check | --entries | --attached]
       concordat agent keygen --out FILE
       concordat agent invite AGENCY --gateway URL --token REFERENCE [--json]

The agency's side of secure aggregation. It dials the gateways of its configuration, and computes, encrypts and
releases its contribution under its own policy, minimum and budget.

  --check     read configuration, keys and rules, look for the files they name, say what is wrong, and stop
  --entries   print this agency's own ledger of contributions, a JSON object a line, and stop
  --attached  end when standard input does: for an agent that somebody else keeps
  invite      get a one-time code from a running gateway, with which an agency's agent enrols its key at its first link
  keygen      make an identity key (mode 0600) and print its public half and its pin; an existing file is kept
`

// AgentAudience is what session tokens for agents are issued to.
const AgentAudience = agent.Audience

func agentVerb(ctx context.Context, args []string, w *Wire) int {
	if len(args) > 0 && args[0] == "keygen" {
		return agentKeygen(args[1:], w)
	}
	if len(args) > 0 && args[0] == "invite" {
		return agentInvite(ctx, args[1:], w)
	}
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	flags.Usage = func() { fmt.Fprint(w.Stderr, agentUsage) }
	file := flags.String("config", "agent.yaml", "")
	check := flags.Bool("check", false, "")
	entries := flags.Bool("entries", false, "")
	attached := flags.Bool("attached", false, "")
	if code, ok := parsed(flags, args); !ok {
		return code
	}
	c, err := loadAgentConfig(*file, w.Getenv)
	if err != nil {
		return failed(w, err)
	}
	if *check {
		if err := c.checkFiles(ctx); err != nil {
			return failed(w, err)
		}
		fmt.Fprintln(w.Stdout, "the configuration is good")
		return exitDone
	}
	store, err := state.Open(state.Options{Dir: c.State})
	if err != nil {
		return failed(w, err)
	}
	defer store.Close()
	if *attached {
		var detach context.CancelFunc
		ctx, detach = context.WithCancel(ctx)
		defer detach()
		go func() {
			io.Copy(io.Discard, os.Stdin) //nolint:errcheck // ended, in whatever way
			detach()
		}()
	}
	if *entries {
		err = printEntries(store, w.Stdout)
	} else {
		err = runAgent(ctx, c, store, w)
	}
	if err != nil {
		return failed(w, err)
	}
	return exitDone
}

func runAgent(ctx context.Context, c *agentConfig, store *state.Store, w *Wire) error {
	rules, err := contributionRules(ctx, c.Policy)
	if err != nil {
		return err
	}
	err = store.Commit(ctx, func(tx state.Tx) error {
		for _, b := range c.Budget {
			account := budget.Account{Agreement: b.Agreement, Dataset: b.Dataset}
			err := budget.Allow(tx, account, budget.Epsilon(b.Millionths))
			if err == nil && b.Trillionths > 0 {
				err = budget.Allow(tx, account.Delta(), budget.Epsilon(b.Trillionths))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	data, closer, err := c.Data.open(ctx, w)
	if err != nil {
		return err
	}
	defer closer.Close()
	fetching, fetchCloser, err := c.Fetch.open(ctx, w)
	if err != nil {
		return err
	}
	defer fetchCloser.Close()
	a, err := agent.New(agent.Options{
		Name: c.Name, Identity: c.identity, Members: c.members, Gateways: c.gateways,
		Data: data, Policy: rules, Tokens: c.tokens, Store: store, Minimum: c.Minimum, Threshold: c.Threshold,
		Log: slog.New(slog.NewJSONHandler(w.Stderr, nil)), Fetching: fetching,
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// checkFiles compiles the rules, and sees that files are there which are read only when the agent runs.
func (c *agentConfig) checkFiles(ctx context.Context) error {
	_, err := contributionRules(ctx, c.Policy)
	files := []string{*c.Data.file()}
	if c.Fetch != nil {
		_, wrong := fetchRulesOf(ctx, c.Fetch.Policy, c.Fetch.columns())
		err, files = errors.Join(err, wrong), append(files, c.Fetch.Sources)
	}
	for _, file := range files {
		_, missing := os.Stat(file)
		err = errors.Join(err, missing)
	}
	return err
}

func printEntries(store *state.Store, out io.Writer) error {
	list, err := agent.Entries(store)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := json.NewEncoder(out).Encode(e); err != nil {
			return err
		}
	}
	return nil
}

// agencyRules are an agency's Rego, as what an agent asks.
type agencyRules struct{ rules *policy.ContributionRules }

func contributionRules(ctx context.Context, file string) (agencyRules, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return agencyRules{}, err
	}
	rules, err := policy.LoadContributionRules(ctx, file, text)
	return agencyRules{rules}, err
}

// Decide implements agent.Policy. The question crosses into Rego in its canonical JSON.
func (r agencyRules) Decide(ctx context.Context, a agent.Asked) error {
	var question any
	d := json.NewDecoder(strings.NewReader(string(a.Question.Encode())))
	d.UseNumber()
	if err := d.Decode(&question); err != nil {
		return err
	}
	return r.rules.Allow(ctx, map[string]any{
		"question": question, "subject": a.Grant.Subject, "organisation": a.Grant.Organisation,
		"agreement": a.Grant.Agreement, "purpose": a.Grant.Purpose, "members": a.Members, "now": json.Number(fmt.Sprint(time.Now().Unix())),
	})
}

// sessionTokens verifies session tokens with the same gate as every access token, for the agents' audience.
type sessionTokens struct{ gate *authn.Authenticator }

func newSessionTokens(trusted []authn.Trusted) (sessionTokens, error) {
	// Session tokens live for minutes and name one session that an agent joins once: there is nothing to revoke.
	gate, err := authn.New(authn.Options{Issuers: trusted, Denylist: authn.DenyFunc(func(string) (bool, error) { return false, nil })})
	return sessionTokens{gate}, err
}

var errSessionToken = errors.New("not a session token")

// Verify implements agent.Tokens.
func (t sessionTokens) Verify(_ context.Context, token string) (agent.Grant, error) {
	s, err := t.gate.Authenticate(&http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		return agent.Grant{}, err
	}
	if s.Anonymous {
		return agent.Grant{}, errSessionToken
	}
	said, err := authn.Inspect(token) // its signature has just been verified
	if err != nil {
		return agent.Grant{}, err
	}
	g := agent.Grant{Subject: s.ID, Organisation: s.Organisation, Agreement: s.Agreement, Purpose: s.Purpose}
	for claim, to := range map[string]*string{"secagg_session": &g.Session, "secagg_query": &g.Query, "secagg_jkt": &g.Key} {
		text, ok := said.Claims[claim].(string)
		if !ok || text == "" {
			return agent.Grant{}, errSessionToken
		}
		*to = text
	}
	return g, nil
}

func agentKeygen(args []string, w *Wire) int {
	flags := flag.NewFlagSet("agent keygen", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	out := flags.String("out", "identity.key", "`file` for the key")
	if code, ok := parsed(flags, args); !ok {
		return code
	}
	key, err := newIdentity(*out)
	if err != nil {
		return failed(w, err)
	}
	public := key.Public().(ed25519.PublicKey)
	fmt.Fprintf(w.Stdout, "public %s\npin    %s\n", base64.StdEncoding.EncodeToString(public), agent.Pin(public))
	return exitDone
}

// newIdentity makes a key file, and never replaces one.
func newIdentity(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return key, writeNew(path, []byte(base64.StdEncoding.EncodeToString(key.Seed())+"\n"), 0o600)
}

func writeNew(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func readIdentity(text string) (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("not an identity key")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
