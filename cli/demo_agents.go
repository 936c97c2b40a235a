package cli

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"

	"concordat/cli/config"
	"concordat/cli/node"
	"concordat/policy"
	"concordat/policy/authn"
)

// demoHealthRegions are the agencies of the demo that answer through agents of their own.
func demoHealthRegions() []string {
	return []string{"eastmere_health", "norvale_health", "sudholm_health", "westfen_health"}
}

// demoExchangeClient is who the demo's gateway is at the demo's issuer.
const demoExchangeClient = "demo-gateway"

// regionRules is what a region's agent asks itself, whatever the gateway's rules say.
const regionRules = `# What this health region contributes to. Evaluated at the region, by its own agent.
package concordat.secagg

default allow := false

allow if {
	input.agreement == "research-2025"
	input.purpose == "research"
	input.question.dataset == "ClinicStay"
	input.question.minimum >= 3
	not singles_out
}

# Two sums whose filters differ by one person are that person's value.
singles_out if {
	input.question.where
	some field in input.question.fields
	field.name == "patient"
}
`

// demoAgents is the four regions' agents as processes beside the demo, and the issuer's token endpoint. The agents
// start with the first key that is uploaded or question that needs them, since most visits ask none.
type demoAgents struct {
	dir      string
	identity ed25519.PrivateKey // the gateway's, which the agents pin
	secret   string             // of the gateway at the issuer
	issuer   *authn.Issuer
	tokens   net.Listener
	served   chan error

	mu      sync.Mutex
	node    *node.Node
	until   time.Time // when agents that were started should be linked; zero: none were
	running map[string]*exec.Cmd
	closed  bool
}

func newDemoAgents(dir string, issuer *authn.Issuer) (*demoAgents, error) {
	a := &demoAgents{dir: filepath.Join(dir, "agents"), issuer: issuer, running: map[string]*exec.Cmd{}}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return nil, fmt.Errorf("agents: %w", err)
	}
	var err error
	if a.identity, err = keptIdentity(filepath.Join(a.dir, "gateway.key")); err != nil {
		return nil, err
	}
	a.secret = rand.Text()
	if a.tokens, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("token endpoint: %w", err)
	}
	return a, nil
}

// keptIdentity reads a key file, or makes one.
func keptIdentity(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newIdentity(path)
	}
	if err != nil {
		return nil, err
	}
	return readIdentity(string(text))
}

func (a *demoAgents) config() *config.Agents {
	return &config.Agents{Listen: "127.0.0.1:0", Identity: a.identity,
		Exchange: config.Exchange{Token: "http://" + a.tokens.Addr().String() + authn.TokenPath, Client: demoExchangeClient, Secret: a.secret}}
}

// serveTokens answers exchanges until the listener closes. Subject tokens are held against the same revocations as the
// gateway's.
func (a *demoAgents) serveTokens(n *node.Node) {
	a.mu.Lock()
	a.node = n
	a.mu.Unlock()
	mux := http.NewServeMux()
	mux.Handle("POST "+authn.TokenPath, &authn.Exchanger{Issuer: a.issuer, Gate: n.Authenticator(), Audience: AgentAudience,
		Clients: map[string]string{demoExchangeClient: a.secret}})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	a.served = make(chan error, 1)
	go func() { a.served <- server.Serve(a.tokens) }()
}

// wakeTime is how long after their start agents are waited for; one that is not there then is away.
const wakeTime = 8 * time.Second

// wake starts the agents once, and waits for those that are on their way.
func (a *demoAgents) wake(ctx context.Context, _ []string) error {
	n, until, err := a.awake(ctx)
	if err != nil || !time.Now().Before(until) {
		return err
	}
	waiting, done := context.WithDeadline(ctx, until)
	defer done()
	return n.AgentsLinked(waiting, demoHealthRegions()...)
}

// awake starts the agents where nobody has, and says until when they may be on their way.
func (a *demoAgents) awake(ctx context.Context) (*node.Node, time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.node == nil {
		return nil, time.Time{}, context.Canceled
	}
	if a.until.IsZero() {
		if err := a.start(ctx); err != nil {
			return nil, time.Time{}, err
		}
		a.until = time.Now().Add(wakeTime)
	}
	return a.node, a.until, nil
}

func (a *demoAgents) start(ctx context.Context) error {
	members, err := a.members()
	if err != nil {
		return err
	}
	for i, name := range demoHealthRegions() {
		if a.running[name] != nil { // a start before this one failed at another
			continue
		}
		if err := a.prepare(ctx, name, i, members); err != nil {
			return fmt.Errorf("agent of %s: %w", name, err)
		}
		if err := a.launch(name); err != nil {
			return fmt.Errorf("agent of %s: %w", name, err)
		}
	}
	return nil
}

// members makes or reads every region's identity, and keeps the list that the querier checks answers against.
func (a *demoAgents) members() (map[string]string, error) {
	members := map[string]string{}
	for _, name := range demoHealthRegions() {
		if err := os.MkdirAll(filepath.Join(a.dir, name), 0o700); err != nil {
			return nil, err
		}
		key, err := keptIdentity(filepath.Join(a.dir, name, "identity.key"))
		if err != nil {
			return nil, err
		}
		members[name] = base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	}
	text, err := json.MarshalIndent(members, "", "  ")
	if err != nil {
		return nil, err
	}
	return members, errors.Join(os.WriteFile(filepath.Join(a.dir, "members.json"), append(text, '\n'), 0o644),
		os.WriteFile(filepath.Join(a.dir, "jwks.json"), a.issuer.JWKS(), 0o644))
}

// prepare writes what a region's operator would. Address and code are new at each start; data and rules are kept where
// they are, since they may have been edited.
func (a *demoAgents) prepare(ctx context.Context, name string, number int, members map[string]string) error {
	dir := filepath.Join(a.dir, name)
	code, err := a.node.InviteAgent(ctx, policy.Subject{ID: "demo", Organisation: name}, name)
	if err != nil {
		return err
	}
	address, pin := a.node.AgentsAddress()
	text, err := yaml.Marshal(map[string]any{
		"name": name, "identity": "file:identity.key", "members": members, "state": "state", "policy": "policy.rego", "minimum": 3,
		"gateways": []any{map[string]any{"address": address, "key": pin, "code": "file:enrolment.code"}},
		"issuers":  []any{map[string]any{"issuer": authn.DevelopmentIssuer, "jwks": "../jwks.json"}},
		"data":     map[string]any{"csv": "stays.csv", "unit": "patient"},
	})
	if err != nil {
		return err
	}
	stays, err := clinicStays(name, uint64(number))
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "agent.yaml"), text, 0o600), os.WriteFile(filepath.Join(dir, "enrolment.code"), []byte(code), 0o600),
		keep(filepath.Join(dir, "policy.rego"), []byte(regionRules)), keep(filepath.Join(dir, "stays.csv"), stays))
}

// keep writes a file that is not there yet.
func keep(path string, text []byte) error {
	err := writeNew(path, text, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// clinicStays is a region's invented stays, each with a key of its own.
func clinicStays(region string, number uint64) ([]byte, error) {
	rows, _ := demoAdmissions(strings.TrimSuffix(region, "_health"), number)
	in := csv.NewReader(bytes.NewReader(rows))
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for n := 0; ; n++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			w.Flush()
			return out.Bytes(), w.Error()
		}
		if err != nil {
			return nil, err
		}
		id := "id"
		if n > 0 {
			id = fmt.Sprintf("%s-%05d", strings.ToUpper(region[:1]), n)
		}
		if err := w.Write(append([]string{id}, record...)); err != nil {
			return nil, err
		}
	}
}

// launch starts a region's agent: this same program, as a process of its own, which ends with this one however this one
// ends.
func (a *demoAgents) launch(name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(a.dir, name, "agent.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "agent", "--config", filepath.Join(a.dir, name, "agent.yaml"), "--attached")
	cmd.Stdout, cmd.Stderr = log, log
	if _, err = cmd.StdinPipe(); err == nil { // closed by Wait, and by the end of this process
		err = cmd.Start()
	}
	if err == nil {
		a.running[name] = cmd
	}
	return errors.Join(err, log.Close()) // the process has its own handle
}

// close ends the agents and the token endpoint, and waits for both.
func (a *demoAgents) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, cmd := range a.running {
		cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended by itself
	}
	for _, cmd := range a.running {
		ended := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() }) //nolint:errcheck // as above
		_ = cmd.Wait()                                                         // it was told to stop: how it took that is not a result
		ended.Stop()
	}
	err := a.tokens.Close()
	if a.served != nil {
		<-a.served
	}
	return err
}
