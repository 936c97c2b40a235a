// Package federation is the gateway: an http.Handler that answers one GraphQL question over several agencies' data,
// under policy, with a receipt.
//
//	g, err := federation.New(federation.Options{Authenticator: gate, Register: register, Ledger: ledger, ...})
//	g.Swap(snapshot)
//	mux.Handle("/graphql", g)
//
// Gateway.ServeHTTP is a request's path, in ten steps; docs/architecture.md section 4 says what each promises.
// Snapshots are immutable and swapped whole. The package evaluates no policy and holds no agency data between
// requests; it does not retry, and it answers queries and control-plane mutations, no subscriptions.
package federation

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"concordat/federation/execute"
	"concordat/federation/plan"
	"concordat/federation/secure"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/authn"
	"concordat/policy/ledger"
	"concordat/privacy"
)

// Authenticator turns a request's token into a subject. *authn.Authenticator is one.
type Authenticator interface {
	Authenticate(r *http.Request) (policy.Subject, error)
}

// Register knows the live status of agreements. *agreement.Register is one.
type Register interface {
	Status(ctx context.Context, id string, now time.Time) (agreement.Status, error)
}

// Ledger makes decisions durable. *ledger.Ledger is one.
type Ledger interface {
	Append(ctx context.Context, e ledger.Entry) (ledger.Receipt, error)
}

// Downstream mints the tokens that sources are asked with. *authn.Downstream is one.
type Downstream interface {
	Token(audience string, s policy.Subject, operation string) (string, error)
}

// Options of New. All fields without a default are required.
type Options struct {
	Authenticator Authenticator
	Register      Register
	Ledger        Ledger
	Root          []byte        // root key of keyed transforms, 32 bytes
	Limits        Limits        // default DefaultLimits
	Deadline      time.Duration // of one request, default 10 s
	Metadata      string        // URL of the RFC 9728 metadata, for WWW-Authenticate; "" for none
	Log           *slog.Logger
	Observer      Observer
	Downstream    Downstream // default none: a source that wants a token is not asked
	// SecureAggregation is optional: without it secure aggregates are SOURCE_UNAVAILABLE.
	SecureAggregation *SecureAggregation
	Now               func() time.Time // default time.Now
	Rand              io.Reader        // default crypto/rand
}

// Observer counts requests. It learns codes and durations, never values.
type Observer interface {
	Answered(code Code, took time.Duration) // code "" where nothing was refused
}

// Gateway answers questions. Make one with New.
type Gateway struct {
	Options
	snapshot atomic.Pointer[Snapshot]
	buffers  buffers
}

// New makes a gateway. It answers 503 until the first Swap.
func New(o Options) (*Gateway, error) {
	switch {
	case o.Authenticator == nil, o.Register == nil, o.Ledger == nil, o.Log == nil, o.Observer == nil:
		return nil, errors.New("gateway: authenticator, register, ledger, log and observer are required")
	case len(o.Root) < 32:
		return nil, errors.New("gateway: the root key is too short")
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Deadline == 0 {
		o.Deadline = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Gateway{Options: o}, nil
}

// Swap makes s answer every request that begins after it.
func (g *Gateway) Swap(s *Snapshot) { g.snapshot.Store(s) }

// Snapshot is the one in force; nil before the first Swap.
func (g *Gateway) Snapshot() *Snapshot { return g.snapshot.Load() }

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), g.Deadline)
	defer cancel()
	x := &exchange{id: g.newID(), began: g.Now(), request: r, writer: w, ctx: ctx}
	refused := x.run(
		g.who,      //  1. Who: a bearer token becomes a Subject, under an agreement in force.
		g.exists,   //  2. What exists, for this subject: the snapshot, and the view of its schema.
		g.route,    //  3. Routing: control plane to generated code, agency fields onward.
		g.plan,     //  4. Plan: fetch steps, and every coordinate that they read.
		g.decide,   //  5. Decide: one policy evaluation for the operation.
		g.restrict, //  6. Restrict: what is not allowed is not in the plan any more.
		g.spend,    //  7. Spend: what costs privacy budget is spent, with its entry, before noise is drawn.
		g.execute,  //  8. Execute: fetch, and meet the obligations on every cell.
		g.assemble, //  9. Assemble: the answer, into a private buffer.
	)
	x.closeSessions()
	reply := g.record(x, refused) // 10. Append: no receipt, no data.
	reply.write(w)
	g.buffers.give(reply.body)
	g.Observer.Answered(reply.code, g.Now().Sub(x.began))
}

var errNoToken = errors.New("no token, and nothing is granted to anonymous")

// A request with the header PlanHeader, of a subject with ScopePlan, is answered with its plan: what each source was asked,
// and how long it took. From anybody else the header changes nothing.
const (
	PlanHeader = "Concordat-Plan"
	ScopePlan  = "plan:read"
)

// exchange is one request on its way. Each step fills in what the next ones need.
type exchange struct {
	id      string
	began   time.Time
	request *http.Request
	writer  http.ResponseWriter
	ctx     context.Context // of this request alone; an exchange does not outlive it
	accept  string          // content type of the answer

	subject     policy.Subject
	established bool // a token let a subject in: refusals are entries from here on

	snapshot   *Snapshot
	view       *view
	params     *graphql.RawParams
	operation  *graphql.OperationContext
	document   *plan.Document
	conditions plan.Conditions
	routes     routes

	bound      *plan.Bound
	kept       bool // bound is this document's again when it is asked again
	decision   *policy.Decision
	authorized *plan.Authorized
	control    *controlAnswer
	secured    map[int]execute.Secured // by step
	sessions   []*secure.Session       // those of secured that stand
	result     *execute.Result
	trace      *execute.Trace // nil: the caller did not ask for the plan, or may not see it
	answer     answer
}

// run takes the steps in order until one refuses. A step that panics costs its own request the answer, and that is an
// entry of the ledger like any other refusal.
func (x *exchange) run(steps ...func(*exchange) *refusal) (refused *refusal) {
	defer func() {
		if caught := recover(); caught != nil {
			refused = refuse(Internal, fmt.Errorf("panic: %v\n%s", caught, debug.Stack()))
		}
	}()
	for _, step := range steps {
		if r := step(x); r != nil {
			return r
		}
	}
	return nil
}

func (g *Gateway) newID() string {
	var b [12]byte
	if _, err := io.ReadFull(g.Rand, b[:]); err != nil {
		return "unknown" // an id only helps to find a log line; the nonce of an entry is drawn elsewhere
	}
	return hex.EncodeToString(b[:])
}

// who establishes the subject, before anything of the body is read.
func (g *Gateway) who(x *exchange) *refusal {
	if r := x.negotiate(); r != nil {
		return r
	}
	s, err := g.Authenticator.Authenticate(x.request)
	x.subject = s
	switch {
	case errors.Is(err, authn.ErrPurpose):
		x.established = true
		return refuse(PurposeRequired, err)
	case errors.Is(err, authn.ErrUnavailable):
		return refuse(StateUnavailable, err)
	case err != nil:
		return g.unauthenticated(err)
	}
	x.established = !s.Anonymous
	x.ctx = policy.WithSubject(x.ctx, s)
	return g.agreement(x.ctx, x)
}

func (g *Gateway) unauthenticated(err error) *refusal {
	r := refuse(Unauthenticated, err)
	r.Header = [2]string{"WWW-Authenticate", authn.Challenge(err, g.Metadata)}
	return r
}

// agreement refuses a subject whose agreement is not in force now.
func (g *Gateway) agreement(ctx context.Context, x *exchange) *refusal {
	if x.subject.Agreement == "" {
		return nil
	}
	status, err := g.Register.Status(ctx, x.subject.Agreement, g.Now())
	if err != nil {
		return refuse(StateUnavailable, err)
	}
	if status != agreement.Active {
		return refuse(AgreementInactive, nil)
	}
	return nil
}

// exists fixes the snapshot and the view, and reads the operation against it.
func (g *Gateway) exists(x *exchange) *refusal {
	x.snapshot = g.snapshot.Load()
	if x.snapshot == nil {
		return refuse(StateUnavailable, errors.New("no snapshot is loaded"))
	}
	x.ctx = context.WithValue(x.ctx, snapshotKey{}, x.snapshot)
	profile, err := x.snapshot.Policy.Profile(x.ctx, x.subject)
	if err != nil {
		return refuse(Internal, fmt.Errorf("visibility profile: %w", err))
	}
	if x.subject.Anonymous && !profile.Granted { // before the body is parsed
		return g.unauthenticated(errNoToken)
	}
	if x.view, err = x.snapshot.view(profile); err != nil {
		return refuse(Internal, err)
	}
	if r := x.read(g.Limits.Body); r != nil {
		return r
	}
	var refused *refusal
	x.ctx = graphql.StartOperationTrace(x.ctx)
	x.operation, refused = x.view.operation(x.ctx, x.params)
	return refused
}

func (g *Gateway) route(x *exchange) *refusal {
	x.document = x.view.document(x.operation)
	x.conditions = conditions(x.document, x.operation.Variables)
	x.routes = route(x.snapshot, x.operation, x.conditions)
	return nil
}

func (g *Gateway) plan(x *exchange) *refusal {
	p, err := x.view.plan(x.snapshot, x.document, x.conditions)
	if errors.Is(err, plan.ErrTooDeep) {
		return refuse(OperationTooComplex, err)
	}
	if err != nil {
		return refuse(Internal, err)
	}
	x.bound, x.kept, err = x.view.bind(p, x.document, x.operation.Variables)
	var input *plan.InputError
	if errors.As(err, &input) {
		return &refusal{Code: BadUserInput, Message: input.Message, Path: input.Path, cause: err}
	}
	if err != nil {
		return refuse(Internal, err)
	}
	return nil
}

func (g *Gateway) decide(x *exchange) *refusal {
	d, err := x.snapshot.Policy.Decide(x.ctx, x.subject, x.bound.Request)
	if err != nil { // fail closed: what cannot be decided is not answered
		return refuse(Internal, fmt.Errorf("decision: %w", err))
	}
	x.decision = d
	return nil
}

func (g *Gateway) restrict(x *exchange) *refusal {
	a, err := x.view.restrict(x.bound, x.kept, x.decision, x.snapshot.Executor.Transforms)
	var transformed *plan.NotPermittedError
	if errors.As(err, &transformed) {
		return &refusal{Code: FilterNotPermitted, Message: transformed.Error(), Path: transformed.Path, cause: err}
	}
	var input *plan.InputError
	if errors.As(err, &input) {
		return &refusal{Code: BadUserInput, Message: input.Message, Path: input.Path, cause: err}
	}
	if err != nil {
		return refuse(Internal, err)
	}
	x.authorized = a
	return nil
}

func (g *Gateway) execute(x *exchange) *refusal {
	if len(x.routes.control) > 0 {
		c, err := x.view.control(x.ctx, x.operation, x.routes.control)
		if err != nil {
			return refuse(Internal, err)
		}
		x.control = c
	}
	if x.request.Header.Get(PlanHeader) != "" && x.subject.HasScope(ScopePlan) {
		x.trace = &execute.Trace{Now: g.Now}
	}
	x.result = x.snapshot.Executor.Run(x.ctx, x.authorized, g.caller(x))
	for _, e := range x.result.Errors {
		if e.Code == string(BadUserInput) { // a cursor that does not belong here: an argument like any other
			return &refusal{Code: BadUserInput, Message: "a cursor is not one of this list", Path: e.Path, cause: e.Detail}
		}
	}
	return nil
}

func (g *Gateway) caller(x *exchange) execute.Caller {
	s := x.subject
	return execute.Caller{
		Scope:   privacy.Scope{Agreement: s.Agreement, Purpose: s.Purpose, Root: g.Root},
		Binding: fmt.Appendf(nil, "%q %q %q %q", s.Issuer, s.ID, s.Agreement, s.Purpose),
		Party:   s.Organisation,
		Secure:  x.secured,

		Credential: g.credential(x),
		Trace:      x.trace,
	}
}

// credential makes tokens for the sources of one request: of the gateway's own, never the caller's.
func (g *Gateway) credential(x *exchange) func(audience string) (string, error) {
	if g.Downstream == nil {
		return nil
	}
	operation := sync.OnceValue(func() string { return documentHash(x.params.Query) })
	return func(audience string) (string, error) { return g.Downstream.Token(audience, x.subject, operation()) }
}

func (g *Gateway) assemble(x *exchange) *refusal {
	a, err := x.assemble(&g.buffers)
	if err != nil {
		return refuse(Internal, err)
	}
	x.answer = a
	return nil
}
