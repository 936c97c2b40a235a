package node

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"concordat/cli/config"
	"concordat/federation"
	"concordat/federation/agent"
	"concordat/federation/secure"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/authn"
	"concordat/policy/ledger"
	"concordat/privacy/budget"
	"concordat/state"
)

// ScopeAgentsWrite lets its holder invite agents.
const ScopeAgentsWrite = "agents:write"

// invitationLife is how long an enrolment code can be used.
const invitationLife = 24 * time.Hour

// exchangeTimeout bounds one exchange of a token, within the request's deadline.
const exchangeTimeout = 5 * time.Second

// agents is the gateway's side of the agencies' agents.
type agents struct {
	config   *config.Agents
	hub      *agent.Hub
	pool     *agent.Pool
	registry *agent.Registry
	shelf    *agent.Shelf
	service  *secure.Service

	mu      sync.Mutex
	address string // that the hub listens on; "" before it does
}

func (n *Node) openAgents() error {
	c := n.config.Agents
	if c == nil {
		return nil
	}
	a := &agents{config: c, registry: &agent.Registry{Store: n.store}}
	a.shelf = &agent.Shelf{Store: n.store, Allowed: n.mayUpload}
	var err error
	// A round takes a part of a request's time: one silent agent must not use up all of it.
	a.hub, err = agent.NewHub(agent.HubOptions{Registry: a.registry, Charge: &agent.Budget{Store: n.store}, Round: n.config.Deadline / 3, Log: n.log})
	if err != nil {
		return err
	}
	audience := c.Exchange.Audience
	if audience == "" {
		audience = agent.Audience
	}
	a.pool = a.hub.NewPool(agent.PoolOptions{})
	a.service = &secure.Service{Hub: a.pool, Identities: a.registry, Keys: a.shelf, Minimum: c.Minimum, Threshold: c.Threshold, Wake: n.wire.Wake, Log: n.log,
		Tokens: &authn.TokenClient{URL: c.Exchange.Token, ID: c.Exchange.Client, Secret: c.Exchange.Secret, Audience: audience,
			HTTP: &http.Client{Timeout: exchangeTimeout, CheckRedirect: noRedirect}}}
	n.agents = a
	return nil
}

// noRedirect: a caller's token goes where the configuration says, and nowhere else.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (n *Node) secureAggregation() *federation.SecureAggregation {
	if n.agents == nil {
		return nil
	}
	return &federation.SecureAggregation{Secure: n.agents.service, Spender: spender{n}}
}

// spender spends and enters in one transaction of the node's store.
type spender struct{ node *Node }

// Spend implements federation.Spender.
func (s spender) Spend(ctx context.Context, e ledger.Entry, id string, costs []budget.Cost) (left budget.Epsilon, err error) {
	err = s.node.store.Commit(ctx, func(tx state.Tx) (err error) {
		if left, err = spend(tx, id, costs); err != nil {
			return err
		}
		_, err = s.node.ledger.AppendTx(tx, e)
		return err
	})
	return left, err
}

func spend(tx state.Tx, id string, costs []budget.Cost) (budget.Epsilon, error) {
	if len(costs) == 0 {
		return 0, nil
	}
	if _, err := budget.Spend(tx, id, costs); err != nil {
		return 0, err
	}
	return budget.Remaining(tx, costs[0].Account)
}

// allow sets what the agreements in force allow to be spent; what is spent already counts against it.
func (n *Node) allow(ctx context.Context, s *agreement.Set) error {
	err := n.store.Commit(ctx, func(tx state.Tx) error {
		for _, id := range s.IDs() {
			a, _ := s.Get(id)
			for _, t := range a.Secure {
				if t.Budget == 0 {
					continue
				}
				account := budget.Account{Agreement: id, Dataset: t.Dataset}
				err := budget.Allow(tx, account, budget.Epsilon(t.Budget))
				if err == nil && t.DeltaBudget > 0 {
					err = budget.Allow(tx, account.Delta(), budget.Epsilon(t.DeltaBudget))
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("privacy budgets: %w", err)
	}
	return nil
}

// serveAgents listens for agents until ctx ends. The result is the channel of its end; nil where there are none.
func (n *Node) serveAgents(ctx context.Context) (chan error, error) {
	a := n.agents
	if a == nil {
		return nil, nil
	}
	certificate, err := agent.Certificate(a.config.Identity)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", a.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("agents: %w", err)
	}
	a.mu.Lock()
	a.address = l.Addr().String()
	a.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- a.serve(ctx, l, certificate) }()
	return ended, nil
}

// serve holds the agents' links, and keeps sessions prepared: these are discarded while there are links to say so over.
func (a *agents) serve(ctx context.Context, l net.Listener, c tls.Certificate) error {
	linking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	pooled := make(chan struct{})
	go func() {
		defer close(pooled)
		a.pool.Run(ctx)
		stop()
	}()
	err := a.hub.Serve(linking, l, c)
	<-pooled
	return err
}

// AgentsAddress is where agents dial, and the pin of the key that they find there; "" before the node serves.
func (n *Node) AgentsAddress() (address, pin string) {
	if n.agents == nil {
		return "", ""
	}
	n.agents.mu.Lock()
	defer n.agents.mu.Unlock()
	return n.agents.address, agent.Pin(n.agents.config.Identity.Public().(ed25519.PublicKey))
}

// AgentsLinked returns once all of the agencies' agents are linked, or ctx ends.
func (n *Node) AgentsLinked(ctx context.Context, agencies ...string) error {
	return n.agents.hub.Wait(ctx, agencies...)
}

// InviteAgent makes a one-time code, with an entry about who did.
func (n *Node) InviteAgent(ctx context.Context, by policy.Subject, agency string) (string, error) {
	if n.agents == nil {
		return "", errNoAgents
	}
	_, err := n.ledger.Append(ctx, ledger.Entry{Kind: ledger.Decision, Agreement: by.Agreement, Purpose: by.Purpose,
		Subject: ledger.Subject{ID: by.ID, Organisation: by.Organisation, Client: by.Client}, Extra: map[string]string{"agentInvited": agency}})
	if err != nil {
		return "", fmt.Errorf("recording the invitation: %w", err)
	}
	return n.agents.registry.Invite(ctx, agency, invitationLife)
}

var errNoAgents = errors.New("this gateway has no agents configured")

// mayUpload lets a caller upload the key that its own token names, and no other, while its agreement is in force.
func (n *Node) mayUpload(r *http.Request) bool {
	s, err := n.auth.Authenticate(r)
	if err != nil || s.Anonymous || s.QuerierKey == "" || s.QuerierKey != r.PathValue("thumbprint") {
		return false
	}
	status, err := n.register.Status(r.Context(), s.Agreement, time.Now())
	return err == nil && status == agreement.Active
}

// Paths of what a node with agents serves besides.
const invitationPath = "POST /agents/{agency}/invitations"

func (n *Node) handleAgents(mux *http.ServeMux) {
	if n.agents == nil {
		return
	}
	mux.HandleFunc(agent.ShelfPath, func(w http.ResponseWriter, r *http.Request) {
		if n.mayUpload(r) {
			n.wakeAhead()
		}
		n.agents.shelf.ServeHTTP(w, r)
	})
	mux.HandleFunc(invitationPath, n.invite)
}

// invite answers with a code, to whom the scope lets in. The agency has to be one that the supergraph knows.
func (n *Node) invite(w http.ResponseWriter, r *http.Request) {
	s, err := n.auth.Authenticate(r)
	if err != nil || s.Anonymous || !s.HasScope(ScopeAgentsWrite) {
		w.Header().Set("WWW-Authenticate", authn.Challenge(err, n.config.Resource+authn.MetadataPath))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	agency := r.PathValue("agency")
	if !n.holdsRows(agency) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	code, err := n.InviteAgent(r.Context(), s, agency)
	if err != nil {
		n.log.Error("an agent was not invited", "cause", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, pin := n.AgentsAddress()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(map[string]any{"agency": agency, "code": code, "key": pin, "expires_in": int(invitationLife / time.Second)}) //nolint:errcheck // the client went away
}

// wakeAhead starts agents that somebody else keeps while a caller who has uploaded a key writes its question.
func (n *Node) wakeAhead() {
	if n.wire.Wake == nil {
		return
	}
	n.pending.Go(func() {
		ctx, done := context.WithTimeout(context.Background(), drain)
		defer done()
		go func() {
			select {
			case <-n.closing:
				done()
			case <-ctx.Done():
			}
		}()
		if err := n.wire.Wake(ctx, nil); err != nil {
			n.log.Warn("agents did not start", "cause", err)
		}
	})
}

// holdsRows reports whether an agency holds rows of some type.
func (n *Node) holdsRows(agency string) bool {
	s := n.gateway.Snapshot()
	if s == nil {
		return false
	}
	for _, e := range s.Supergraph.Entities {
		for _, p := range e.Parts {
			if string(p.Agency) == agency {
				return true
			}
		}
	}
	return false
}

// Authenticator is the gate of this gateway's callers, for an issuer that stands beside it.
func (n *Node) Authenticator() authn.Gate { return n.auth }

// remote is a source that an agency's agent serves, without its link.
type remote interface {
	Through(link source.Source) source.Source
}

// link puts the agents' links in the place of sources that agents serve; a source is named as its agency is.
func (n *Node) link(sources map[string]source.Source) {
	if n.agents == nil {
		return
	}
	for name, s := range sources {
		if r, ok := s.(remote); ok {
			sources[name] = r.Through(&agent.Source{Hub: n.agents.hub, Agency: name})
		}
	}
}
