package federation

import (
	"context"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"concordat/federation/plan"
	"concordat/policy"
	"concordat/privacy"
)

// view is the schema as one class of subjects may know it, with an executor of its own: gqlgen caches validated
// documents by text alone, so that one executor for two views would let one caller's document pass for another's.
type view struct {
	schema    *ast.Schema
	executor  *executor.Executor
	limits    Limits
	measured  *lru.Cache[string, *refusal] // by document text; nil: within the limits
	documents *lru.Cache[*ast.OperationDefinition, *plan.Document]
	plans     *lru.Cache[planKey, *plan.Plan]
	bounds    *lru.Cache[boundKey, *plan.Bound] // of documents without variables
	allowed   *lru.Cache[allowedKey, *plan.Authorized]
}

// allowedKey names what Restrict is a function of; transforms belong to the snapshot. Decisions are shared by policy's
// own cache, so that the pointer of one is its identity.
type allowedKey struct {
	bound    *plan.Bound
	decision *policy.Decision
}

// planKey leaves out what documents write as arguments: however many literals a question is asked with, it is planned
// once.
type planKey struct {
	shape      string
	conditions string
}

type boundKey struct {
	plan     *plan.Plan
	document *plan.Document
}

// documentsPerView bounds each cache of a view, in documents.
const documentsPerView = 512

func newView(schema *ast.Schema, control graphql.ExecutableSchema, limits Limits) (*view, error) {
	v := &view{schema: schema, limits: limits}
	v.executor = executor.New(executable{schema: schema, control: control})
	v.executor.SetDisableSuggestion(true)
	v.executor.SetParserTokenLimit(limits.Tokens)
	v.executor.SetDefaultRulesFn(documentRules)
	v.executor.SetErrorPresenter(presentControl)
	cache, err := newDocumentCache()
	if err != nil {
		return nil, err
	}
	v.executor.SetQueryCache(cache)
	if v.measured, err = lru.New[string, *refusal](documentsPerView); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	if v.documents, err = lru.New[*ast.OperationDefinition, *plan.Document](documentsPerView); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	if v.plans, err = lru.New[planKey, *plan.Plan](documentsPerView); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	if v.bounds, err = lru.New[boundKey, *plan.Bound](documentsPerView); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	if v.allowed, err = lru.New[allowedKey, *plan.Authorized](documentsPerView); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	return v, nil
}

// documentCache keeps validated documents of one view, by text.
type documentCache struct {
	cache *lru.Cache[string, *ast.QueryDocument]
}

func newDocumentCache() (documentCache, error) {
	c, err := lru.New[string, *ast.QueryDocument](documentsPerView)
	if err != nil {
		return documentCache{}, fmt.Errorf("view: %w", err)
	}
	return documentCache{c}, nil
}

func (d documentCache) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	return d.cache.Get(text)
}

func (d documentCache) Add(_ context.Context, text string, doc *ast.QueryDocument) {
	d.cache.Add(text, doc)
}

// operation measures, parses, validates and coerces: everything that GraphQL checks before execution.
func (v *view) operation(ctx context.Context, p *graphql.RawParams) (op *graphql.OperationContext, refused *refusal) {
	r, ok := v.measured.Get(p.Query)
	if !ok {
		r = v.limits.check(p.Query)
		v.measured.Add(p.Query, r)
	}
	if r != nil {
		return nil, r
	}
	defer func() { // gqlparser coerces by reflection; a panic over hostile variables is a refusal
		if caught := recover(); caught != nil {
			op, refused = nil, refuse(BadUserInput, fmt.Errorf("coercing variables: %v", caught))
		}
	}()
	op, errs := v.executor.CreateOperationContext(ctx, p)
	if len(errs) > 0 {
		return nil, documentRefusal(op, errs)
	}
	if err := checkVariables(v.schema, op.Operation, op.Variables); err != nil {
		return nil, documentRefusal(op, gqlerror.List{err})
	}
	return op, nil
}

// maxErrors bounds the errors of one answer.
const maxErrors = 20

// documentRefusal presents errors of parsing, validation and coercion without the literals and values that
// gqlparser puts into some of its messages.
func documentRefusal(op *graphql.OperationContext, errs gqlerror.List) *refusal {
	code := ValidationFailed
	if op.Doc != nil && op.Operation != nil { // the document stands: its variables do not
		code = BadUserInput
	}
	r := &refusal{Code: code, cause: errs}
	for i, e := range errs {
		if i == maxErrors {
			break
		}
		message, _, _ := strings.Cut(e.Message, " Did you mean") // some rules suggest; a suggestion answers what was not asked
		switch {
		case code == BadUserInput:
			message = "a variable does not fit its type"
		case strings.HasPrefix(e.Rule, "ValuesOfCorrectType"):
			message = "a literal does not fit its type"
		case e.Extensions["code"] == string(ParseFailed):
			r.Code, message = ParseFailed, infoOf(ParseFailed).Message
		}
		var path []any
		if code == BadUserInput { // "variable" and its name; what is below are members that the caller wrote
			for _, p := range e.Path[:min(2, len(e.Path))] {
				path = append(path, p)
			}
		}
		r.Errors = append(r.Errors, responseError{Message: message, At: path, Locations: locations(e.Locations), Extensions: errorExtensions{Code: r.Code}})
	}
	return r
}

// document is the operation as plan reads it, once for each text.
func (v *view) document(op *graphql.OperationContext) *plan.Document {
	if d, ok := v.documents.Get(op.Operation); ok {
		return d
	}
	d := plan.Read(op.Doc, op.Operation)
	v.documents.Add(op.Operation, d)
	return d
}

// conditions are the values of the variables behind @skip and @include.
func conditions(d *plan.Document, variables map[string]any) plan.Conditions {
	if len(d.Conditions) == 0 {
		return nil
	}
	c := plan.Conditions{}
	for _, name := range d.Conditions {
		c[name], _ = variables[name].(bool)
	}
	return c
}

// plan is the plan of a document, cached for its shape and its conditions.
func (v *view) plan(s *Snapshot, d *plan.Document, c plan.Conditions) (*plan.Plan, error) {
	key := planKey{shape: d.Shape, conditions: fmt.Sprint(map[string]bool(c))}
	if p, ok := v.plans.Get(key); ok {
		return p, nil
	}
	p, err := plan.BuildIn(v.schema, s.Supergraph, d, c)
	if err != nil {
		return nil, fmt.Errorf("planning: %w", err)
	}
	v.plans.Add(key, p)
	return p, nil
}

// bind resolves a plan's arguments; those of a document without variables once. Kept tells that the same document
// will get the same pointer again.
func (v *view) bind(p *plan.Plan, d *plan.Document, variables map[string]any) (b *plan.Bound, kept bool, err error) {
	if len(variables) > 0 {
		b, err = p.Bind(d, variables)
		return b, false, err
	}
	key := boundKey{plan: p, document: d}
	if b, ok := v.bounds.Get(key); ok {
		return b, true, nil
	}
	if b, err = p.Bind(d, nil); err != nil {
		return nil, false, err
	}
	v.bounds.Add(key, b)
	return b, true, nil
}

// restrict cuts a bound plan down to a decision; a kept one that was cut before is the same again.
func (v *view) restrict(b *plan.Bound, kept bool, d *policy.Decision, t privacy.Transforms) (*plan.Authorized, error) {
	if !kept {
		return plan.Restrict(b, d, t)
	}
	key := allowedKey{bound: b, decision: d}
	if a, ok := v.allowed.Get(key); ok {
		return a, nil
	}
	a, err := plan.Restrict(b, d, t)
	if err != nil {
		return nil, err
	}
	v.allowed.Add(key, a)
	return a, nil
}
