// Package transport is the transport agency's own GraphQL service: what the gateway finds when an agency already
// has an interface. It is small, hand-written and knows nothing of Concordat.
//
//	handler, err := transport.New(transport.Options{})
//	go http.Serve(listener, handler)
//
// It answers POST with {"query", "variables"} and supports what a gateway asks: arguments, variables, aliases and
// fragments, and the two fields of an Apollo Federation v2 subgraph. It does not promise introspection, mutations or any authentication: the demo serves it on loopback.
package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	_ "embed"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

//go:embed schema.graphqls
var schemaText string

// subgraphText is what every Apollo Federation v2 subgraph answers beside its own schema; it is no part of what
// _service says.
const subgraphText = `
scalar _Any
union _Entity = Sensor | Reading
type _Service { sdl: String! }
extend type Query {
  _service: _Service!
  _entities(representations: [_Any!]!): [_Entity]!
}
`

// maxBody is the largest request: the identifiers of a few thousand keys.
const maxBody = 4 << 20

// Options observe and slow the service, for tests. The zero value does neither. A request for its schema is as it is.
type Options struct {
	OnRequest func()        // a request was read
	OnCancel  func()        // a client went away before its answer
	Delay     time.Duration // before each answer; ends early when the client goes away
}

// Service answers queries from tables in memory. It is immutable and safe for concurrent use.
type Service struct {
	options Options
	schema  *ast.Schema
	rules   *rules.Rules
	tables  *tables
}

// New loads the embedded week.
func New(options Options) (*Service, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: schemaText}, &ast.Source{Name: "subgraph", Input: subgraphText})
	if err != nil {
		return nil, fmt.Errorf("load the transport schema: %w", err)
	}
	loaded, err := loadTables()
	if err != nil {
		return nil, fmt.Errorf("load the transport data: %w", err)
	}
	return &Service{options: options, schema: schema, rules: rules.NewDefaultRules(), tables: loaded}, nil
}

// Serve answers on listener until ctx ends, then lets running requests finish for a second.
func Serve(ctx context.Context, listener net.Listener, options Options) error {
	service, err := New(options)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: service, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	})
	err = server.Serve(listener)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err // ended on its own
	}
	return <-stopped
}

type request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

type response struct {
	Data   any           `json:"data,omitempty"`
	Errors gqlerror.List `json:"errors,omitempty"`
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST a GraphQL query", http.StatusMethodNotAllowed)
		return
	}
	in, err := readRequest(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body is not a GraphQL request", http.StatusBadRequest)
		return
	}
	forRows := !strings.Contains(in.Query, "_service")
	if forRows && s.options.OnRequest != nil {
		s.options.OnRequest()
	}
	out := s.answer(in)
	if forRows && !s.wait(r.Context()) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// An error here is a client that left: nobody is there to be told.
	_ = json.NewEncoder(w).Encode(out)
}

// readRequest reads to the body's end: only then does net/http notice that a client leaves.
func readRequest(body io.Reader) (*request, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a limit is an integer
	var in request
	return &in, decoder.Decode(&in)
}

// wait delays the answer and reports whether the client is still there.
func (s *Service) wait(ctx context.Context) bool {
	timer := time.NewTimer(s.options.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return true
	}
	if s.options.OnCancel != nil {
		s.options.OnCancel()
	}
	return false
}

func (s *Service) answer(in *request) *response {
	document, errs := gqlparser.LoadQueryWithRules(s.schema, in.Query, s.rules)
	if len(errs) > 0 {
		return &response{Errors: errs}
	}
	operation := document.Operations.ForName(in.OperationName)
	if operation == nil {
		return &response{Errors: gqlerror.List{gqlerror.Errorf("no such operation")}}
	}
	variables, err := validator.VariableValues(s.schema, operation, in.Variables)
	if err != nil {
		return &response{Errors: gqlerror.List{gqlerror.Wrap(err)}}
	}
	data, err := s.resolve(operation, variables)
	if err != nil {
		return &response{Errors: gqlerror.List{gqlerror.Wrap(err)}}
	}
	return &response{Data: data}
}
