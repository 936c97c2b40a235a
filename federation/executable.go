package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"concordat/federation/plan"
	"concordat/privacy"
)

// executable is what gqlgen's executor runs: the view's schema, and the control plane's generated code for the root
// fields that it was generated for. Agency fields never reach it (generated code panics on a root field that it does
// not know): the gateway routes them to plan and execute.
type executable struct {
	schema  *ast.Schema
	control graphql.ExecutableSchema
}

func (e executable) Schema() *ast.Schema { return e.schema }

// Complexity is unused: Limits measure a document before validation, and gqlgen's extension is exponential on
// fragments.
func (e executable) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (e executable) Exec(ctx context.Context) graphql.ResponseHandler { return e.control.Exec(ctx) }

// routes is the root fields of one operation, in response order.
type routes struct {
	fields  []plan.RootField
	agency  map[string]bool // response keys that agencies answer
	control []plan.RootField
}

// route splits the root fields: agency fields go to plan and execute, the rest to the control plane.
func route(s *Snapshot, op *graphql.OperationContext, c plan.Conditions) routes {
	r := routes{fields: plan.RootFields(op.Doc, op.Operation, c), agency: map[string]bool{}}
	for _, f := range r.fields {
		if _, ok := s.Supergraph.Roots[f.Name]; ok && op.Operation.Operation == ast.Query {
			r.agency[f.Key] = true
		} else {
			r.control = append(r.control, f)
		}
	}
	return r
}

// controlAnswer is what the control plane said: its members by response key, or null where a non-null field failed.
type controlAnswer struct {
	members map[string]privacy.ControlPlane
	null    bool
	errors  []responseError
}

// control runs the control-plane fields of an operation, on a context of their own that holds only those.
func (v *view) control(ctx context.Context, op *graphql.OperationContext, fields []plan.RootField) (*controlAnswer, error) {
	narrowed := *op.Operation
	narrowed.SelectionSet = nil
	for _, f := range fields {
		narrowed.SelectionSet = append(narrowed.SelectionSet, f.Field)
	}
	handler, ctx := v.executor.DispatchOperation(ctx, &graphql.OperationContext{
		RawQuery: op.RawQuery, Variables: op.Variables, OperationName: op.OperationName, Doc: op.Doc, Operation: &narrowed,
		RecoverFunc: op.RecoverFunc, ResolverMiddleware: op.ResolverMiddleware, RootResolverMiddleware: op.RootResolverMiddleware,
		Stats: op.Stats,
	})
	response := handler(ctx)
	if response == nil {
		return nil, errors.New("control plane: no answer")
	}
	out := &controlAnswer{members: map[string]privacy.ControlPlane{}, errors: present(response.Errors)}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(response.Data, &members); err != nil && len(response.Data) > 0 {
		return nil, fmt.Errorf("control plane: %w", err)
	}
	out.null = members == nil
	for key, value := range members {
		out.members[key] = privacy.ControlPlaneData(key, value)
	}
	return out, nil
}

// presentControl lets only errors with a code of ours through; anything else is INTERNAL, without its text.
func presentControl(ctx context.Context, err error) *gqlerror.Error {
	out := graphql.DefaultErrorPresenter(ctx, err)
	if _, ok := out.Extensions["code"].(string); !ok {
		out = &gqlerror.Error{Message: infoOf(Internal).Message, Path: out.Path, Err: err,
			Extensions: map[string]any{"code": string(Internal)}}
	}
	return out
}

func present(errs gqlerror.List) []responseError {
	var out []responseError
	for _, e := range errs {
		code, _ := e.Extensions["code"].(string)
		re := responseError{Message: e.Message, Extensions: errorExtensions{Code: Code(code)}}
		for _, p := range e.Path {
			re.At = append(re.At, p)
		}
		out = append(out, re)
	}
	return out
}
