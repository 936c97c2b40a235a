package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// ErrProvenance means that the rules one by one do not give what they give together. No explanation is given then.
var ErrProvenance = errors.New("the rules' own answers do not give the decision")

// Rule is one rule of a bundle that decides something, and where it stands.
type Rule struct {
	Agency  AgencyID // whose bundle
	Package string   // concordat.access.ID or under it
	Kind    string   // fields, limits, include or exclude
	Type    string   // of include and exclude
	File    string
	Line    int
}

// Name is the rule's name in its package.
func (r Rule) Name() string {
	if r.Type != "" {
		return r.Kind + "." + r.Type
	}
	return r.Kind
}

// Spoken is one statement or limit that a rule made for a subject.
type Spoken struct {
	Rule
	Coordinate     privacy.Coordinate // what it names: exactly one of these three, none for a limit
	On             string             // a type
	Classification string
	Effect         Effect
	Obligation     privacy.Obligation
	Reason         string
	Limits         Limits
	Wrong          string // what is not valid about it: it denies
	Unknown        bool   // it names what is none of its agency's: that closes the whole agency
}

// RowSpoken is what one include or exclude rule lets through, or keeps out, for a subject.
type RowSpoken struct {
	Rule
	Rows predicate.Predicate
}

// Inspector knows of each decision which rules made it. It holds an Engine and, beside it, the same modules with
// every deciding rule once more under a name of its own, so that the compiler gives its body the same meaning there.
// It is for those who review a policy: it keeps no answers, and Decide is slowed by nothing here.
type Inspector struct {
	engine *Engine
	world  world
	reach  *reach
	owned  map[string]AgencyID // of each file that is a bundle's
	marks  []mark
	fields map[AgencyID]*rego.PreparedEvalQuery
	rows   map[int]rego.PreparedPartialQuery // by index of mark
}

// mark is a rule under its own name.
type mark struct {
	Rule
	ref  ast.Ref
	rule *ast.Rule // as compiled
}

// Inspect loads what Load loads, and readies the rules to be asked one by one.
func Inspect(ctx context.Context, o Options) (*Inspector, error) {
	l, compiler, err := read(o)
	if err != nil {
		return nil, err
	}
	store := l.store()
	x := &Inspector{owned: l.owners, fields: map[AgencyID]*rego.PreparedEvalQuery{}, rows: map[int]rego.PreparedPartialQuery{}}
	if x.engine, err = l.engine(ctx, world{compiler: compiler, store: store}); err != nil {
		return nil, err
	}
	l.modules, x.marks = marked(l.modules, l.owners)
	x.world = world{compiler: l.compile(), store: store}
	if err := l.err(); err != nil {
		return nil, err
	}
	x.reach = newReach(x.world.compiler.Modules)
	return x, x.prepare(ctx)
}

// Engine decides as the gateway would.
func (x *Inspector) Engine() *Engine { return x.engine }

// Rules are all rules that decide something, in order of place.
func (x *Inspector) Rules() []Rule {
	out := make([]Rule, len(x.marks))
	for i, m := range x.marks {
		out[i] = m.Rule
	}
	return out
}

// marked copies modules and adds to each deciding rule its double. The double's name holds a space, so that no
// author can write it.
func marked(modules map[string]*ast.Module, owners map[string]AgencyID) (map[string]*ast.Module, []mark) {
	var marks []mark
	out := make(map[string]*ast.Module, len(modules))
	for _, name := range sortedKeys(modules) {
		m := modules[name].Copy()
		out[name] = m
		owner, owned := owners[name]
		if !owned {
			continue
		}
		for _, rule := range slices.Clone(m.Rules) {
			kind, typ := deciding(rule)
			if kind == "" {
				continue
			}
			at := Rule{Agency: owner, Package: dottedPath(m.Package.Path), Kind: kind, Type: typ, File: name, Line: rule.Location.Row}
			double := rule.Copy()
			label := ast.Var(fmt.Sprintf("rule %d", len(marks)))
			double.Head.Name, double.Head.Reference = label, ast.Ref{ast.NewTerm(label)}
			double.Module = m
			m.Rules = append(m.Rules, double)
			ref := m.Package.Path.Append(ast.StringTerm(string(label)))
			marks = append(marks, mark{Rule: at, ref: ref})
		}
	}
	return out, marks
}

// deciding names the entry rule that a rule is part of, "" for a rule that only others ask.
func deciding(rule *ast.Rule) (kind, typ string) {
	name := constants(ruleName(rule))
	switch {
	case len(name) == 1 && (name[0] == "fields" || name[0] == "limits"):
		return name[0], ""
	case len(name) == 2 && (name[0] == "include" || name[0] == "exclude"):
		return name[0], name[1]
	}
	return "", ""
}

func dottedPath(path ast.Ref) string {
	text := ""
	for i, part := range constants(path[1:]) {
		if i > 0 {
			text += "."
		}
		text += part
	}
	return text
}

func (x *Inspector) prepare(ctx context.Context) error {
	bodies := map[AgencyID]ast.Body{}
	for i := range x.marks {
		m := &x.marks[i]
		m.rule = x.world.compiler.GetRulesExact(m.ref)[0]
		if m.Type != "" {
			query, err := prepareRow(ctx, x.world, m.ref)
			if err != nil {
				return fmt.Errorf("policy: %s: %w", m.Name(), err)
			}
			x.rows[i] = query
			continue
		}
		body := bodies[m.Agency]
		body.Append(ast.Equality.Expr(ast.VarTerm(variable(i)), ast.NewTerm(m.ref)))
		bodies[m.Agency] = body
	}
	for id, body := range bodies {
		query, err := rego.New(rego.ParsedQuery(body), rego.Compiler(x.world.compiler), rego.Store(x.world.store),
			rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
		if err != nil {
			return fmt.Errorf("policy: %s: %w", id, err)
		}
		x.fields[id] = &query
	}
	return nil
}

func variable(i int) string { return fmt.Sprintf("d%d", i) }

// Spoken is what the rules of one bundle say to a subject, rule by rule in order of place.
func (x *Inspector) Spoken(ctx context.Context, id AgencyID, s Subject, operation string) ([]Spoken, error) {
	query := x.fields[id]
	if query == nil {
		return nil, nil
	}
	now := x.engine.now()
	w := x.engine.guard.watch(ctx)
	results, err := query.Eval(ctx, rego.EvalParsedInput(input(&s, operation, now)), rego.EvalTime(now), rego.EvalExternalCancel(w.cancel))
	if err := w.over(err); err != nil {
		return nil, fmt.Errorf("policy: the rules of %s failed: %w", id, err)
	}
	if len(results) != 1 {
		return nil, fmt.Errorf("policy: the rules of %s gave %d results", id, len(results))
	}
	var out []Spoken
	for i, m := range x.marks {
		values, _ := results[0].Bindings[variable(i)].([]any)
		for _, value := range values {
			for _, s := range spoken(m.Rule, value) {
				out = append(out, x.known(s))
			}
		}
	}
	return out, nil
}

func spoken(r Rule, value any) []Spoken {
	if r.Kind == "limits" {
		l, err := decodeLimits(value)
		return []Spoken{{Rule: r, Limits: l, Wrong: text(err)}}
	}
	d := decode(value, r.Agency == Gateway)
	if len(d.names) == 0 {
		return []Spoken{{Rule: r, Effect: Deny, Wrong: text(d.wrong)}}
	}
	out := make([]Spoken, len(d.names))
	for i, n := range d.names {
		out[i] = Spoken{Rule: r, Coordinate: n.coordinate, On: n.typ, Classification: n.classification, Effect: n.effect,
			Obligation: n.obligation, Reason: n.reason, Wrong: text(d.wrong)}
	}
	return out
}

// known marks a statement that names nothing there is.
func (x *Inspector) known(s Spoken) Spoken {
	a := x.engine.gateway
	if s.Agency != Gateway {
		a = x.engine.agencies[s.Agency]
	}
	named := statement{coordinate: s.Coordinate, typ: s.On, classification: s.Classification}
	if s.Kind != "fields" || s.Wrong != "" || a == nil {
		return s
	}
	if _, found := named.named(a.fields); !found {
		s.Unknown, s.Wrong = true, fmt.Sprintf("it names %s%s%s, which is none of %s's", s.Coordinate, s.On, s.Classification, s.Agency)
	}
	return s
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Names reports whether a statement is about a field.
func (s Spoken) Names(f Field) bool {
	return s.Kind == "fields" && (s.Coordinate == f.Coordinate || s.On == f.Type || s.Classification == f.Classification)
}

// Explanation is a ruling with every statement on it: the owner's, then the gateway's.
type Explanation struct {
	Field  Field
	Ruling Ruling
	Said   []Spoken
}

// Explain gives the ruling on each field and who made it. It checks that the rules one by one give what the engine
// decided, and refuses otherwise. Options.Now must stand still while it is asked.
func (x *Inspector) Explain(ctx context.Context, s Subject, operation string, fields []Field) ([]Explanation, error) {
	request := Request{Operation: operation}
	for _, f := range fields {
		request.Fields = append(request.Fields, FieldKey{f.Agency, f.Coordinate})
	}
	decision, err := x.engine.Decide(ctx, s, request)
	if err != nil {
		return nil, err
	}
	said := map[AgencyID][]Spoken{}
	for _, f := range append([]Field{{Agency: Gateway}}, fields...) {
		if _, known := said[f.Agency]; known {
			continue
		}
		if said[f.Agency], err = x.Spoken(ctx, f.Agency, s, operation); err != nil {
			return nil, err
		}
	}
	out := make([]Explanation, len(fields))
	for i, f := range fields {
		e := Explanation{Field: f, Ruling: decision.Field(request.Fields[i])}
		own, all := naming(said[f.Agency], f), naming(said[Gateway], f)
		if !x.agrees(e.Ruling, f, own, all) && !broken(said[f.Agency]) && !broken(said[Gateway]) {
			return nil, fmt.Errorf("policy: %s of %s: %w", f.Coordinate, f.Agency, ErrProvenance)
		}
		e.Said = append(own, all...)
		out[i] = e
	}
	return out, nil
}

func naming(said []Spoken, f Field) []Spoken {
	var out []Spoken
	for _, s := range said {
		if s.Names(f) {
			out = append(out, s)
		}
	}
	return out
}

// broken: a statement that says nothing closes the whole agency, so no single rule explains a denial.
func broken(said []Spoken) bool {
	return slices.ContainsFunc(said, func(s Spoken) bool { return s.Wrong != "" })
}

func (x *Inspector) agrees(r Ruling, f Field, own, all []Spoken) bool {
	ev := &evaluation{Engine: x.engine}
	count := func(said []Spoken) (t tally) {
		for _, s := range said {
			t.add(ev.fitting(statement{effect: s.Effect, obligation: s.Obligation, reason: s.Reason}, &f))
		}
		return t
	}
	mine := count(own)
	mine.tighten(count(all))
	again := mine.ruling()
	return again.Effect == r.Effect && again.Obligation == r.Obligation && again.Conflict == r.Conflict
}

// Rows is what each include and exclude rule on a type says to a subject, the gateway's among them.
func (x *Inspector) Rows(ctx context.Context, s Subject, operation string, k TypeKey) ([]RowSpoken, error) {
	a := x.engine.agencies[k.Agency]
	if a == nil {
		return nil, nil
	}
	var out []RowSpoken
	for i, m := range x.marks {
		if m.Type != k.Type || m.Agency != k.Agency && m.Agency != Gateway {
			continue
		}
		now := x.engine.now()
		p, err := rowRule{query: x.rows[i]}.residual(ctx, x.engine.guard, input(&s, operation, now), now, a.fields.columns(k.Type))
		if err != nil {
			return nil, fmt.Errorf("policy: %s:%d: %w", m.File, m.Line, err)
		}
		out = append(out, RowSpoken{Rule: m.Rule, Rows: p})
	}
	return out, nil
}
