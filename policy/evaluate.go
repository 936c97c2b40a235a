package policy

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// agency is one owner's rules, compiled: those of an agency, or the gateway's.
type agency struct {
	id         AgencyID
	fields     *index // its own part of the catalog; the whole catalog for the gateway
	tightens   bool
	query      *rego.PreparedEvalQuery // nil where it has neither fields nor limits
	entries    []entry
	fieldReads facts
	hides      hiding
	rowRules   map[string]*rowRules
}

// entry is one `fields` or `limits` document of one package, bound to a variable of the agency's query.
type entry struct {
	variable string
	limits   bool
}

func (a *agency) rowReads(typ string) facts {
	if rules := a.rowRules[typ]; rules != nil {
		return rules.reads
	}
	return 0
}

// document is what the rules of one owner said for some facts. A broken one said something that cannot be
// understood, or failed.
type document struct {
	statements []statement
	limits     Limits
	broken     bool
}

// verdict is what holds for an agency's coordinates, the gateway's rules included.
type verdict struct {
	rulings map[privacy.Coordinate]Ruling
	limits  Limits
	closed  bool // nothing of the agency may be read, rows neither
}

func (v *verdict) ruling(c privacy.Coordinate) Ruling {
	if r, ok := v.rulings[c]; ok {
		return r
	}
	return Ruling{Effect: Deny, Reason: "no such coordinate"}
}

// evaluation is the work for one call. It is not shared.
type evaluation struct {
	*Engine
	subject   *Subject
	operation string // empty for a profile
	now       time.Time
	sound     bool      // nothing failed: what came of it may be kept
	in        ast.Value // what rules read, made once
	last      AgencyID
	lastSaid  *verdict
}

func (ev *evaluation) input() ast.Value {
	if ev.in == nil {
		ev.in = input(ev.subject, ev.operation, ev.now)
	}
	return ev.in
}

// verdict of an agency, from the cache where its facts have been seen.
func (ev *evaluation) verdict(ctx context.Context, id AgencyID) (*verdict, error) {
	if ev.lastSaid != nil && ev.last == id {
		return ev.lastSaid, nil
	}
	a := ev.agencies[id]
	if a == nil {
		return &verdict{closed: true}, nil
	}
	reads := a.fieldReads | ev.gateway.fieldReads
	key := sum("verdict", string(id), reads, ev.subject, ev.operation)
	v, ok := ev.cache.verdicts.Get(key)
	if !ok {
		own, err := ev.document(ctx, a)
		if err != nil {
			return nil, err
		}
		all, err := ev.document(ctx, ev.gateway)
		if err != nil {
			return nil, err
		}
		v = ev.combine(a, own, all)
		if reads.lasting() && ev.sound {
			ev.cache.verdicts.Add(key, v)
		}
	}
	ev.last, ev.lastSaid = id, v
	return v, nil
}

// document evaluates one owner's rules. It fails only with the context: a policy that fails is a broken document.
func (ev *evaluation) document(ctx context.Context, a *agency) (*document, error) {
	if a.query == nil {
		return &document{}, nil
	}
	key := sum("document", string(a.id), a.fieldReads, ev.subject, ev.operation)
	if d, ok := ev.cache.documents.Get(key); ok {
		return d, nil
	}
	w := ev.guard.watch(ctx)
	results, err := a.query.Eval(ctx, rego.EvalParsedInput(ev.input()), rego.EvalTime(ev.now), rego.EvalExternalCancel(w.cancel))
	switch err = w.over(err); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		ev.failed(a.id, err)
		return &document{broken: true}, nil
	case len(results) != 1: // a document of the query is undefined: fail closed
		ev.failed(a.id, fmt.Errorf("the rules of %s gave %d results", a.id, len(results)))
		return &document{broken: true}, nil
	}
	d := ev.read(a, results[0].Bindings)
	if a.fieldReads.lasting() {
		ev.cache.documents.Add(key, d)
	}
	return d, nil
}

// failed notes a failure: the answer is not kept.
func (ev *evaluation) failed(id AgencyID, err error) {
	ev.sound = false
	ev.report(id, err)
}

func (ev *evaluation) report(id AgencyID, err error) {
	if ev.fault != nil {
		ev.fault(id, err)
	}
}

// read turns what Rego gave into statements and limits. What it cannot read makes the document broken.
func (ev *evaluation) read(a *agency, bindings rego.Vars) *document {
	d := &document{}
	broken := func(err error) {
		d.broken = true
		ev.report(a.id, err)
	}
	for _, entry := range a.entries {
		values, ok := bindings[entry.variable].([]any)
		if !ok {
			broken(fmt.Errorf("%s is not a set", entry.variable))
			continue
		}
		for _, value := range values {
			if entry.limits {
				l, err := decodeLimits(value)
				if err != nil {
					broken(err)
				}
				d.limits = d.limits.tighten(l)
				continue
			}
			if err := d.take(a, decode(value, a.tightens)); err != nil {
				ev.report(a.id, err)
			}
		}
	}
	return d
}

// take adds a statement's valid names, and says what was wrong with it.
func (d *document) take(a *agency, s decoded) error {
	err := s.wrong
	valid := 0
	for _, name := range s.names {
		if _, found := name.named(a.fields); !found {
			err = fmt.Errorf("a statement names %q, which is none of %s's", name.coordinate+privacy.Coordinate(name.typ+name.classification), a.id)
			continue
		}
		valid++
		d.statements = append(d.statements, name)
	}
	d.broken = d.broken || valid == 0
	return err
}

// combine applies the statements of an agency, then the gateway's, to each coordinate of the agency.
func (ev *evaluation) combine(a *agency, own, all *document) *verdict {
	mine := ev.tallies(a.fields, own)
	theirs := ev.tallies(a.fields, all)
	v := &verdict{rulings: make(map[privacy.Coordinate]Ruling, len(mine)), limits: own.limits.tighten(all.limits),
		closed: own.broken || all.broken}
	for i, f := range a.fields.fields {
		t := mine[i]
		t.tighten(theirs[i])
		if v.closed {
			t.add(ev.failing(a, i, own, all), privacy.Obligation{}, "the policy failed")
		}
		r := t.ruling()
		r.Declassified = r.Effect == Transform && own.declassifies(&f)
		v.rulings[f.Coordinate] = r
	}
	return v
}

// failing is the effect on a field where rules failed: it is hidden where those that failed could have hidden it.
func (ev *evaluation) failing(a *agency, i int, own, all *document) Effect {
	if own.broken && a.hides.mayHide(a.fields, i) || all.broken && ev.gateway.hides.mayHide(a.fields, i) {
		return Invisible
	}
	return Deny
}

func (ev *evaluation) tallies(x *index, d *document) []tally {
	out := make([]tally, len(x.fields))
	for _, s := range d.statements {
		fields, _ := s.named(x)
		for _, i := range fields {
			out[i].add(ev.fitting(s, &x.fields[i]))
		}
	}
	return out
}

// fitting is what a statement says of one field: a transform that cannot be done there denies.
func (ev *evaluation) fitting(s statement, f *Field) (Effect, privacy.Obligation, string) {
	if s.effect != Transform {
		return s.effect, privacy.Obligation{}, s.reason
	}
	if f.Join {
		return Deny, privacy.Obligation{}, "a join cannot be transformed"
	}
	check := ev.check
	if f.Computed != "" {
		check = func(_ privacy.Kind, ob privacy.Obligation) error { return checkComputed(ob) }
	}
	if err := check(f.Kind, s.obligation); err != nil {
		return Deny, privacy.Obligation{}, "the demanded transform does not fit the field"
	}
	return Transform, s.obligation, s.reason
}

// rows is the row rule of a type: DESIGN.md section 6, every include and no exclude, the gateway's among them.
func (ev *evaluation) rows(ctx context.Context, k TypeKey) (predicate.Predicate, error) {
	a := ev.agencies[k.Agency]
	own := a.rowRules[k.Type]
	if own == nil || !own.included {
		return predicate.Never(), nil
	}
	reads := own.reads | ev.gateway.rowReads(k.Type)
	key := sum("rows", string(appendText([]byte(k.Agency), k.Type)), reads, ev.subject, ev.operation)
	if p, ok := ev.cache.rows.Get(key); ok {
		return p, nil
	}
	rules := own.rules
	if all := ev.gateway.rowRules[k.Type]; all != nil {
		rules = append(rules[:len(rules):len(rules)], all.rules...)
	}
	p, err := ev.conjoin(ctx, k, rules)
	switch {
	case ctx.Err() != nil:
		return predicate.Never(), ctx.Err()
	case err != nil:
		ev.failed(k.Agency, fmt.Errorf("rows of %s: %w", k.Type, err))
		return predicate.Never(), nil
	}
	if reads.lasting() {
		ev.cache.rows.Add(key, p)
	}
	return p, nil
}

func (ev *evaluation) conjoin(ctx context.Context, k TypeKey, rules []rowRule) (predicate.Predicate, error) {
	all := make([]predicate.Predicate, 0, len(rules))
	for _, rule := range rules {
		p, err := ev.residual(ctx, k, rule)
		if err != nil {
			return predicate.Never(), err
		}
		if rule.exclude {
			p = predicate.Not(p)
		}
		all = append(all, p)
	}
	return predicate.And(all...), nil
}

// residual of one rule for the rows of one agency, from the cache where its own facts have been seen.
func (ev *evaluation) residual(ctx context.Context, k TypeKey, rule rowRule) (predicate.Predicate, error) {
	key := sum("residual", string(appendText([]byte(k.Agency), rule.name)), rule.reads, ev.subject, ev.operation)
	if p, ok := ev.cache.residuals.Get(key); ok {
		return p, nil
	}
	p, err := rule.residual(ctx, ev.guard, ev.input(), ev.now, ev.agencies[k.Agency].fields.columns(k.Type))
	if err == nil && rule.reads.lasting() {
		ev.cache.residuals.Add(key, p)
	}
	return p, err
}
