package cli

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"concordat/federation/agent"
	"concordat/policy/authn"
	"concordat/privacy/secagg"
	"concordat/state"
)

const demoAgencyRules = `# What this health region contributes to. Evaluated at the region, by its own agent.
package concordat.secagg

default allow := false

allow if {
	input.agreement == "regions-2025"
	input.purpose == "research"
	input.question.dataset == "admissions"
	input.question.minimum >= 3
}
`

// demoSession is one question's outcome, as CONTRACT has it.
type demoSession struct {
	Measure      string   `json:"measure"`
	Result       any      `json:"result"`
	Oracle       any      `json:"oracle"`
	Equal        bool     `json:"equal"`
	Contributors int      `json:"contributors"`
	Dropped      []string `json:"dropped"`
}

func secaggDemo(ctx context.Context, args []string, w *Wire) int {
	flags := flag.NewFlagSet("secagg demo", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	dir := flags.String("dir", "", "`directory` for keys, data and answers; must be new or empty (default: a temporary one, removed at the end)")
	asJSON := flags.Bool("json", false, "print JSON")
	if code, ok := parsed(flags, args); !ok {
		return code
	}
	if *dir == "" {
		temporary, err := os.MkdirTemp("", "concordat-secagg-")
		if err != nil {
			return failed(w, err)
		}
		defer os.RemoveAll(temporary)
		*dir = temporary
	}
	progress := w.Stdout
	if *asJSON {
		progress = io.Discard
	}
	sessions, err := runSecaggDemo(ctx, *dir, progress)
	if err != nil {
		return failed(w, err)
	}
	if *asJSON {
		if err := json.NewEncoder(w.Stdout).Encode(map[string]any{"sessions": sessions}); err != nil {
			return failed(w, err)
		}
	}
	if slices.ContainsFunc(sessions, func(s demoSession) bool { return !s.Equal }) {
		return exitFailed
	}
	return exitDone
}

// regions is the demo's world: the gateway's hub in this process, four agents as processes of their own.
type regions struct {
	dir       string
	hub       *agent.Hub
	store     *state.Store
	issuer    *authn.Issuer
	key       *secagg.QuerierKey
	members   map[string]ed25519.PublicKey
	tables    map[string]*secagg.Table // the plaintext, for the oracle only
	data      func(region string, number uint64) ([]byte, *secagg.Table)
	hublog    io.Writer
	processes map[string]*exec.Cmd
	dropped   []string
}

// runSecaggDemo asks every measure in a session of its own. Half-way, when a session's keys stand and nothing has been
// contributed yet, one region is switched off: its process is killed.
func runSecaggDemo(ctx context.Context, dir string, out io.Writer) (sessions []demoSession, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	r := &regions{dir: dir, data: demoAdmissions, hublog: io.Discard, members: map[string]ed25519.PublicKey{}, tables: map[string]*secagg.Table{}, processes: map[string]*exec.Cmd{}}
	stop, err := r.start(ctx)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%-22s %-34s %-34s %-6s %s\n", "measure", "opened", "plaintext oracle", "equal", "contributors")
	measures := demoMeasures()
	for i, m := range measures {
		s, err := r.session(ctx, m, i == len(measures)/2)
		if err != nil {
			return sessions, fmt.Errorf("%s: %w", m.name, err)
		}
		sessions = append(sessions, s)
		fmt.Fprintf(out, "%-22s %-34s %-34s %-6v %d\n", s.Measure, brief(s.Result), brief(s.Oracle), s.Equal, s.Contributors)
		if i == len(measures)/2 {
			fmt.Fprintf(out, "  (here the region %s was switched off, after the session's keys were made)\n", s.Dropped[0])
		}
	}
	return sessions, nil
}

func (r *regions) start(ctx context.Context) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var closers []func() error
	stop = func() error {
		cancel()
		var all error
		for _, c := range slices.Backward(closers) {
			all = errors.Join(all, c())
		}
		return all
	}
	if r.store, err = state.Open(state.Options{Dir: filepath.Join(r.dir, "gateway")}); err != nil {
		return stop, err
	}
	closers = append(closers, r.store.Close)
	if err := r.keys(); err != nil {
		return stop, err
	}
	address, pin, served, err := r.serve(ctx)
	if err != nil {
		return stop, err
	}
	closers = append(closers, func() error { return <-served })
	for i, name := range demoRegions() {
		if err := r.prepareAgency(ctx, name, i, address, pin); err != nil {
			return stop, err
		}
	}
	for _, name := range demoRegions() {
		end, err := r.launch(ctx, name)
		if err != nil {
			return stop, err
		}
		closers = append(closers, end)
	}
	wait, done := context.WithTimeout(ctx, 30*time.Second)
	defer done()
	if err := r.hub.Wait(wait, demoRegions()...); err != nil {
		return stop, fmt.Errorf("the agents did not link: %w", err)
	}
	return stop, nil
}

// keys makes the querier's key, the issuer, and every region's identity.
func (r *regions) keys() (err error) {
	if r.key, err = newQuerierKey(filepath.Join(r.dir, "querier.key")); err != nil {
		return err
	}
	if r.issuer, err = authn.CreateIssuer(r.dir); err != nil {
		return err
	}
	r.issuer.Audience = AgentAudience
	if err := writeNew(filepath.Join(r.dir, "jwks.json"), r.issuer.JWKS(), 0o644); err != nil {
		return err
	}
	encoded := map[string]string{}
	for _, name := range demoRegions() {
		if err := os.MkdirAll(filepath.Join(r.dir, name), 0o700); err != nil {
			return err
		}
		key, err := newIdentity(filepath.Join(r.dir, name, "identity.key"))
		if err != nil {
			return err
		}
		r.members[name] = key.Public().(ed25519.PublicKey)
		encoded[name] = base64.StdEncoding.EncodeToString(r.members[name])
	}
	text, err := json.MarshalIndent(encoded, "", "  ")
	if err != nil {
		return err
	}
	return writeNew(filepath.Join(r.dir, "members.json"), text, 0o644)
}

func (r *regions) serve(ctx context.Context) (address, pin string, served chan error, err error) {
	key, err := newIdentity(filepath.Join(r.dir, "gateway.key"))
	if err != nil {
		return "", "", nil, err
	}
	certificate, err := agent.Certificate(key)
	if err != nil {
		return "", "", nil, err
	}
	r.hub, err = agent.NewHub(agent.HubOptions{Registry: &agent.Registry{Store: r.store}, Charge: &agent.Budget{Store: r.store}, Log: slog.New(slog.NewJSONHandler(r.hublog, nil))})
	if err != nil {
		return "", "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", nil, err
	}
	served = make(chan error, 1)
	go func() { served <- r.hub.Serve(ctx, l, certificate) }()
	return l.Addr().String(), agent.Pin(key.Public().(ed25519.PublicKey)), served, nil
}

// prepareAgency writes what a region's operator would: data, rules, and the agent's configuration.
func (r *regions) prepareAgency(ctx context.Context, name string, number int, address, pin string) error {
	dir := filepath.Join(r.dir, name)
	code, err := (&agent.Registry{Store: r.store}).Invite(ctx, name, 10*time.Minute)
	if err != nil {
		return err
	}
	members := map[string]string{}
	for n, key := range r.members {
		members[n] = base64.StdEncoding.EncodeToString(key)
	}
	config, err := yaml.Marshal(map[string]any{
		"name": name, "identity": "file:identity.key", "members": members, "state": "state", "policy": "policy.rego", "minimum": 3,
		"gateways": []any{map[string]any{"address": address, "key": pin, "code": "file:enrolment.code"}},
		"issuers":  []any{map[string]any{"issuer": r.issuer.Name, "jwks": "../jwks.json"}},
		"data":     map[string]any{"csv": "admissions.csv", "unit": "patient"},
	})
	if err != nil {
		return err
	}
	text, table := r.data(name, uint64(number))
	r.tables[name] = table
	return errors.Join(
		writeNew(filepath.Join(dir, "agent.yaml"), config, 0o600), writeNew(filepath.Join(dir, "enrolment.code"), []byte(code), 0o600),
		writeNew(filepath.Join(dir, "policy.rego"), []byte(demoAgencyRules), 0o644), writeNew(filepath.Join(dir, "admissions.csv"), text, 0o600))
}

// launch starts a region's agent: this same program, as a process of its own.
func (r *regions) launch(ctx context.Context, name string) (end func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(r.dir, name, "agent.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "agent", "--config", filepath.Join(r.dir, name, "agent.yaml"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	r.processes[name] = cmd
	return func() error {
		if cmd.ProcessState == nil {
			_ = cmd.Wait() // it was told to stop by its context: how it took that is not a result
		}
		return log.Close()
	}, nil
}

func (r *regions) switchOff(ctx context.Context, name string) error {
	cmd := r.processes[name]
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait() // "signal: killed" is what was asked for
	r.dropped = append(r.dropped, name)
	wait, done := context.WithTimeout(ctx, 30*time.Second)
	defer done()
	return r.hub.WaitGone(wait, name)
}

// session runs one measure from the ceremony to the opened answer.
func (r *regions) session(ctx context.Context, m demoMeasure, switchOff bool) (demoSession, error) {
	members := map[string]ed25519.PublicKey{}
	for _, name := range r.hub.Linked() {
		members[name] = r.members[name]
	}
	s, err := r.hub.Prepare(ctx, agent.Plan{Members: members, Threshold: 3})
	if err != nil {
		return demoSession{}, err
	}
	if switchOff {
		if err := r.switchOff(ctx, "east"); err != nil {
			return demoSession{}, err
		}
	}
	q := m.question(s.ID(), r.key.Public().Thumbprint())
	token, err := r.token(q)
	if err != nil {
		return demoSession{}, err
	}
	report, err := s.Ask(ctx, q, r.key.Public(), token)
	if err != nil {
		return demoSession{}, err
	}
	opened, err := r.open(m.name, report.Answer, q)
	if err != nil {
		return demoSession{}, err
	}
	return r.compare(m.name, q, opened, report)
}

// token is what the issuer gives the analyst for this session and question (RFC 8693: the analyst's access token
// exchanged for one to the agents' audience). Here the development issuer signs it.
func (r *regions) token(q *secagg.Question) (string, error) {
	hash := q.Hash()
	return r.issuer.Mint(authn.Claims{Subject: "analyst", Organisation: "institute", Client: "secagg-demo", Agreement: q.Agreement,
		Purpose: q.Purpose, Session: q.Session, Question: hex.EncodeToString(hash[:]), QuerierKey: q.Querier, TTL: 5 * time.Minute})
}

// open leaves question and answer as files and opens them as the verb would.
func (r *regions) open(name string, a *secagg.Answer, q *secagg.Question) ([]secagg.Result, error) {
	text, err := a.Encode()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(r.dir, "answers")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	answer, question := filepath.Join(dir, name+".answer.json"), filepath.Join(dir, name+".question.json")
	if err := errors.Join(writeNew(answer, text, 0o600), writeNew(question, q.Encode(), 0o600)); err != nil {
		return nil, err
	}
	results, _, err := opening{answer: answer, key: filepath.Join(r.dir, "querier.key"), question: question, members: filepath.Join(r.dir, "members.json")}.open()
	return results, err
}

// compare computes the same measure over the pooled rows of those who contributed, in the clear.
func (r *regions) compare(name string, q *secagg.Question, opened []secagg.Result, report *agent.Report) (demoSession, error) {
	var present []*secagg.Table
	for _, c := range report.Contributors {
		if c.Status == "contributed" {
			present = append(present, r.tables[c.Agency])
		}
	}
	values, err := q.Local(pool(present), 2)
	if err != nil {
		return demoSession{}, err
	}
	oracle, err := q.Finish(values)
	if err != nil {
		return demoSession{}, err
	}
	dropped := slices.Clone(r.dropped)
	if dropped == nil {
		dropped = []string{}
	}
	return demoSession{Measure: name, Result: opened[0].Groups, Oracle: oracle[0].Groups, Equal: reflect.DeepEqual(opened, oracle),
		Contributors: len(present), Dropped: dropped}, nil
}

func brief(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	if len(text) > 32 {
		return string(text[:31]) + "…"
	}
	return string(text)
}
