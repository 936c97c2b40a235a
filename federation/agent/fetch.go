package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
)

// Fetching is what an agent answers plain questions with: rows and aggregates that the gateway may read. The zero value
// answers none.
type Fetching struct {
	Types  map[string]Served // by type name
	Tokens Tokens            // of the gateway, for this agency: who it asks for, and why
	Policy FetchPolicy
}

// Served is one type's rows at an agency.
type Served struct {
	Source   source.Source
	Relation *source.Relation
	Where    predicate.Predicate // this agency's row rule; the zero value lets nothing through
}

// FetchAsked is what an agency's own policy decides about before anything leaves.
type FetchAsked struct {
	Type      string
	Select    []string // fields whose values leave
	Reads     []string // fields that are read: of Select, and of filters, orders, keys, groups and measures
	Aggregate bool
	Grant     Grant
}

// FetchPolicy is the agency's own. An error is a refusal; otherwise the rows are those that may be read, over the type's
// fields.
type FetchPolicy interface {
	DecideFetch(ctx context.Context, a FetchAsked) (rows predicate.Predicate, err error)
}

// Bounds of a plain question.
const (
	maxFetchBytes = 64 << 20 // of an encoded answer
	maxFetchRows  = 1 << 20
	maxFetches    = 32 // at once, of one link
)

// fetch answers one plain question: the gateway's token, the agency's rules, its row rule, its source.
func (a *Agent) fetch(ctx context.Context, parts [][]byte) outcome {
	out, err := a.fetched(ctx, parts)
	if err == nil {
		return outcome{parts: [][]byte{out}}
	}
	var f failure
	if !errors.As(err, &f) {
		f.code = fetchCode(err)
	}
	a.Log.Warn("fetch refused", "code", string(f.code), "error", err.Error())
	return outcome{err: f}
}

func (a *Agent) fetched(ctx context.Context, parts [][]byte) ([]byte, error) {
	if len(parts) != 2 {
		return nil, CodeMalformed.failure()
	}
	f := &a.Fetching
	if f.Tokens == nil || f.Policy == nil {
		return nil, CodeRefused.failure()
	}
	grant, err := f.Tokens.Verify(ctx, string(parts[0]))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", CodeToken.failure(), err)
	}
	q, err := decodeQuery(parts[1], func(name string) *source.Relation { return f.Types[name].Relation })
	if err != nil {
		return nil, err
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	served := f.Types[q.Relation.Type]
	asked := FetchAsked{Type: q.Relation.Type, Select: q.Select, Reads: q.Needed(), Aggregate: q.Aggregate != nil, Grant: grant}
	rows, err := f.Policy.DecideFetch(ctx, asked)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", CodeRefused.failure(), err)
	}
	q.Where = predicate.And(served.Where, rows, q.Where)
	t, err := source.Fetch(ctx, served.Source, q, eval.Run)
	if err != nil {
		return nil, err
	}
	out, err := encodeTable(t, shape(q))
	if err == nil && len(out) > maxFetchBytes {
		err = CodeTooLarge.failure()
	}
	return out, err
}

func fetchCode(err error) Code {
	switch {
	case errors.Is(err, source.ErrTooLarge):
		return CodeTooLarge
	case errors.Is(err, source.ErrInvalid):
		return CodeData
	case errors.Is(err, source.ErrTimeout):
		return CodeTimeout
	}
	return CodeFailed
}

// fetches are the plain questions of one link that are being answered.
type fetches struct {
	mu      sync.Mutex
	running map[uint64]context.CancelFunc
}

// begin notes a question before the next frame of the link is read, which may cancel it.
func (f *fetches) begin(ctx context.Context, id uint64) (context.Context, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.running) >= maxFetches || f.running[id] != nil {
		return ctx, false
	}
	ctx, f.running[id] = context.WithCancel(ctx)
	return ctx, true
}

func (f *fetches) run(ctx context.Context, begun bool, a *Agent, id uint64, parts [][]byte) outcome {
	if !begun {
		return outcome{err: CodeBusy.failure()}
	}
	defer f.end(id)
	return a.fetch(ctx, parts)
}

func (f *fetches) end(id uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running[id]()
	delete(f.running, id)
}

func (f *fetches) cancel(id uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cancel := f.running[id]; cancel != nil {
		cancel()
	}
}
