// Package policy decides who may see what. It holds the words of a decision (Subject, Request, Decision, Effect)
// and the Engine that computes one from the agencies' Rego.
//
// An Engine is one immutable revision of every input: the agencies' bundles, the agreements, the catalog of
// coordinates. Load makes it or lists every mistake at once.
//
//	engine, err := policy.Load(ctx, policy.Options{Bundles: bundles, Agreements: agreements, Catalog: catalog,
//	    CheckObligation: transforms.Check})
//	profile, err := engine.Profile(ctx, subject)            // what exists, for this caller
//	decision, err := engine.Decide(ctx, subject, request)   // what one operation may read
//
// Rego yields statements; Go combines them (combine.go). Row rules are partially evaluated and become typed
// predicates (rows.go). Whatever is undefined, malformed or untranslatable is denied.
//
// The package does not apply a decision, does not know whether an agreement is still in force, and keeps nothing
// on disk.
package policy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// Options are what an Engine is made of.
type Options struct {
	Bundles    []Bundle
	Agreements map[string]any // data.agreements: content by agreement ID, plain JSON types
	Catalog    Catalog
	// CheckObligation says whether a transform exists and fits a kind. Required.
	CheckObligation func(kind privacy.Kind, ob privacy.Obligation) error
	Now             func() time.Time // input.context.time; time.Now where nil
	// Signatures believes only signed bundles; nil believes any: for development, and for reviewing what is not signed yet.
	Signatures *Signatures
	CacheSize  int // answers kept of each kind; 4096 where not positive
	// EvaluationLimit is how long the rules of one owner may take for one answer; a second where not positive. What takes
	// longer has failed: it denies, and Fault is told.
	EvaluationLimit time.Duration
	// EvaluationMemory is by how many bytes the process may grow while the rules of one owner take longer than a few
	// milliseconds; 256 MiB where not positive. Beyond it they have failed.
	EvaluationMemory int64
	// Fault is told why an agency's rules failed for some caller; its coordinates were denied. Optional. The
	// error may quote the policy and its data, so it is for the agency and the operator, never for a client.
	Fault func(AgencyID, error)
}

// Bundle is one agency's policy: *.rego (tests, *_test.rego, are left aside) and data.json.
type Bundle struct {
	Agency AgencyID // or Gateway
	Files  fs.FS
}

// Engine answers from one revision. It is safe for concurrent use.
type Engine struct {
	revision string
	signedAt time.Time // of the oldest bundle; zero where bundles are not signed
	signed   map[AgencyID]time.Time
	agencies map[AgencyID]*agency
	gateway  *agency
	reads    facts // what visibility depends on: field rules of every agency
	check    func(privacy.Kind, privacy.Obligation) error
	now      func() time.Time
	guard    guard // over each owner's evaluation
	fault    func(AgencyID, error)
	cache    caches
}

// Revision is the SHA-256 of every input, in hex.
func (e *Engine) Revision() string { return e.revision }

// SignedAt is when the oldest bundle was signed, zero where signatures are not asked for.
func (e *Engine) SignedAt() time.Time { return e.signedAt }

// Signed is when each bundle was signed; empty where signatures are not asked for.
func (e *Engine) Signed() map[AgencyID]time.Time { return maps.Clone(e.signed) }

// Decide answers a request. The decision is shared and must not be changed. The error is the context's; a policy
// that fails denies instead.
func (e *Engine) Decide(ctx context.Context, s Subject, r Request) (*Decision, error) {
	reads := e.reading(&r)
	var space [512]byte
	facts := reads.appendKey(space[:0], &s, r.Operation)
	if d := e.cache.decisions.get(facts, &r); d != nil {
		return d, nil
	}
	d, kept, err := e.decide(ctx, s, &r)
	if err != nil {
		return nil, err
	}
	if kept && reads.lasting() {
		e.cache.decisions.add(facts, &r, d)
	}
	return d, nil
}

// reading is every fact that a rule of any agency asked can read.
func (e *Engine) reading(r *Request) facts {
	reads := e.gateway.fieldReads
	var last AgencyID
	for i := range r.Fields {
		if id := r.Fields[i].Agency; i == 0 || id != last {
			last = id
			if a := e.agencies[id]; a != nil {
				reads |= a.fieldReads
			}
		}
	}
	for i := range r.Types {
		k := &r.Types[i]
		if a := e.agencies[k.Agency]; a != nil {
			reads |= a.fieldReads | a.rowReads(k.Type) | e.gateway.rowReads(k.Type)
		}
	}
	return reads
}

// decide assembles a decision from the verdicts and row rules of the agencies asked; kept is false where some
// part of it failed.
func (e *Engine) decide(ctx context.Context, s Subject, r *Request) (d *Decision, kept bool, err error) {
	ev := &evaluation{Engine: e, subject: &s, operation: r.Operation, now: e.now(), sound: true}
	d = &Decision{Revision: e.revision, Fields: make(map[FieldKey]Ruling, len(r.Fields)),
		Rows: make(map[TypeKey]predicate.Predicate, len(r.Types))}
	for _, k := range r.Fields {
		v, err := ev.verdict(ctx, k.Agency)
		if err != nil {
			return nil, false, err
		}
		d.Fields[k] = v.ruling(k.Coordinate)
		d.Limits = d.Limits.tighten(v.limits)
	}
	for _, k := range r.Types {
		v, err := ev.verdict(ctx, k.Agency)
		if err != nil {
			return nil, false, err
		}
		d.Limits = d.Limits.tighten(v.limits)
		if v.closed {
			d.Rows[k] = predicate.Never()
			continue
		}
		if d.Rows[k], err = ev.rows(ctx, k); err != nil {
			return nil, false, err
		}
	}
	return d, ev.sound, nil
}

// Profile is what a subject may know of, before any operation is known. It is shared and must not be changed.
func (e *Engine) Profile(ctx context.Context, s Subject) (*Profile, error) {
	key := sum("profile", "", e.reads, &s, "")
	if p, ok := e.cache.profiles.Get(key); ok {
		return p, nil
	}
	p, sound, err := e.profile(ctx, s)
	if err != nil {
		return nil, err
	}
	if e.reads.lasting() && sound {
		p.Key = fmt.Sprintf("%x", key)
		e.cache.profiles.Add(key, p)
	} else {
		p.Key = p.outcomeKey(key)
	}
	return p, nil
}

func (e *Engine) profile(ctx context.Context, s Subject) (p *Profile, sound bool, err error) {
	ev := &evaluation{Engine: e, subject: &s, now: e.now(), sound: true}
	p = &Profile{Effects: map[FieldKey]Effect{}}
	for _, id := range sortedKeys(e.agencies) {
		v, err := ev.verdict(ctx, id)
		if err != nil {
			return nil, false, err
		}
		for coordinate, r := range v.rulings {
			p.Effects[FieldKey{id, coordinate}] = r.Effect
			p.Granted = p.Granted || r.Effect < Deny && r.Effect != Undefined
		}
	}
	return p, ev.sound, nil
}

// outcomeKey is the key of a profile that time or a failure had a part in: the facts and what came of them.
func (p *Profile) outcomeKey(facts cacheKey) string {
	h := sha256.New()
	h.Write(facts[:])
	byText := make(map[string]Effect, len(p.Effects))
	for k, effect := range p.Effects {
		text := string(appendText(appendText(nil, string(k.Agency)), string(k.Coordinate)))
		byText[text] = effect
	}
	for _, text := range sortedKeys(byText) {
		h.Write(append([]byte(text), byte(byText[text])))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
