// Package tagger is the embedded models as the gateway asks for them: each behind a queue of its own, opened at the first
// text, so that a start costs nothing.
//
//	models, err := tagger.New()
//	transforms := deid.NewWithTagger(models.Redaction(), 0) // hides names in free text
//	names, err := execute.NewNames(models.Names())          // computes @ner fields
//
// Both share the queues, so that redaction and computed fields of many requests make common batches, and one party that
// floods waits behind itself. Not promised: that a name is found (each model's card has its scores).
package tagger

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"concordat/federation/execute"
	"concordat/inference"
	"concordat/inference/admission"
	"concordat/inference/drift"
	"concordat/inference/models"
	"concordat/inference/ner"
	"concordat/privacy/deid"
)

// Models are the shelf's taggers. Make them with New.
type Models struct {
	shelf    *inference.Registry
	monitors map[string]*drift.Monitor // by model; nil for a card without distributions
	mu       sync.Mutex
	queues   map[string]*admission.Queue // by model
}

// New reads the cards of the embedded models. Weights are read when they are first needed.
func New() (*Models, error) {
	shelf, err := inference.NewRegistry(models.Files(), ner.Open)
	if err != nil {
		return nil, err
	}
	return On(shelf), nil
}

// On is the taggers of a shelf.
func On(shelf *inference.Registry) *Models {
	m := &Models{shelf: shelf, queues: map[string]*admission.Queue{}, monitors: map[string]*drift.Monitor{}}
	for _, c := range shelf.Cards() {
		m.monitors[c.Name] = drift.New(c.Reference)
	}
	return m
}

// Close ends every queue and engine; calls that wait are refused.
func (m *Models) Close() error {
	m.mu.Lock()
	queues := slices.Collect(maps.Values(m.queues))
	m.mu.Unlock()
	var errs []error
	for _, q := range queues {
		errs = append(errs, q.Close())
	}
	return errors.Join(append(errs, m.shelf.Close())...)
}

// Redaction finds names and, in English, other personal data.
func (m *Models) Redaction() deid.Tagger { return redaction{m, "redaction"} }

// Names finds persons, organisations and places.
func (m *Models) Names() execute.Tagger { return names{m} }

// auto is the engines of both languages, as party asks them.
func (m *Models) auto(ctx context.Context, party string, personal bool) (*ner.Auto, error) {
	a, err := ner.OpenAuto(ctx, m.shelf, personal)
	if err != nil {
		return nil, err
	}
	for _, side := range [][]inference.Engine{a.Latin, a.Chinese} {
		for i, e := range side {
			side[i] = seat{Engine: e, queue: m.queue(e), party: party, monitor: m.monitors[e.Describe().Name]}
		}
	}
	return a, nil
}

func (m *Models) queue(e inference.Engine) *admission.Queue {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := e.Describe().Name
	q := m.queues[name]
	if q == nil {
		q = admission.New(e, admission.Options{})
		m.queues[name] = q
	}
	return q
}

// seat is an engine as one party has it: behind its queue.
type seat struct {
	inference.Engine
	queue   *admission.Queue
	party   string
	monitor *drift.Monitor
}

func (s seat) Infer(ctx context.Context, texts []string) ([]inference.Result, error) {
	results, err := s.queue.Infer(ctx, s.party, texts)
	if err == nil {
		s.monitor.Observe(texts, results)
	}
	return results, err
}

// Stability is how far what each model reads and says has moved from its card, for those that have read texts enough.
func (n names) Stability() []inference.Stability {
	var out []inference.Stability
	for _, c := range n.m.shelf.Cards() {
		if labels, lengths, ok := n.m.monitors[c.Name].Index(); ok {
			out = append(out, inference.Stability{Model: c.Name, Labels: labels, Lengths: lengths})
		}
	}
	return out
}

type redaction struct {
	m     *Models
	party string
}

// For is redaction as party asks it: in the same line as that party's computed fields.
func (r redaction) For(party string) deid.Tagger { return redaction{r.m, party} }

func (r redaction) Tag(ctx context.Context, texts []string) ([][]deid.Span, error) {
	a, err := r.m.auto(ctx, r.party, true)
	if err != nil {
		return nil, err
	}
	found, err := a.Personal(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([][]deid.Span, len(found))
	for i, all := range found {
		for _, f := range all {
			out[i] = append(out[i], deid.Span{Start: f.ByteStart, End: f.ByteEnd, Start16: f.Start, End16: f.End, Label: f.Label, Score: float64(f.Score), Rule: f.Model})
		}
	}
	return out, nil
}

type names struct{ m *Models }

// Models are those of ner.OpenAuto without personal data.
func (n names) Models() []execute.Model {
	var out []execute.Model
	for _, c := range n.m.shelf.Cards() {
		if c.Task == "ner" {
			out = append(out, execute.Model{Name: c.Name, Digest: c.Digest})
		}
	}
	return out
}

func (n names) Tag(ctx context.Context, party string, texts []string) ([][]execute.Name, error) {
	a, err := n.m.auto(ctx, party, false)
	if err != nil {
		return nil, err
	}
	found, err := a.Tag(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([][]execute.Name, len(found))
	for i, all := range found {
		for _, f := range all {
			out[i] = append(out[i], execute.Name{Entity: f.Entity, Model: f.Model})
		}
	}
	return out, nil
}
