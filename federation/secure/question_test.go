package secure

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"concordat/federation/agent"
	"concordat/federation/compose"
	"concordat/federation/execute"
	"concordat/federation/plan"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/predicate"
	"concordat/privacy/secagg"
	"concordat/schema"
)

const sdl = `type Stay @source(table: "stays") @key(fields: "id") {
	id: ID! @classify(as: NON_SENSITIVE)
	days: Int @classify(as: NON_SENSITIVE) @secure(lower: "0", upper: "5")
	cost: Decimal @classify(as: NON_SENSITIVE) @secure(lower: "0", upper: "9", scale: "2")
	ward: String @classify(as: NON_SENSITIVE) @secure(domain: ["a", "b"])
	floor: Int @classify(as: NON_SENSITIVE)
	begun: DateTime @classify(as: NON_SENSITIVE)
}`

// step is a secure step over two agencies under the given row rules.
func step(t testing.TB, where predicate.Predicate, rules ...predicate.Predicate) *plan.AuthorizedStep {
	t.Helper()
	var files []compose.File
	for _, a := range []policy.AgencyID{"north", "south"} {
		files = append(files, compose.File{Name: string(a), Agency: a, Text: sdl})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatal(problems)
	}
	e := sg.Entities["Stay"]
	s := &plan.AuthorizedStep{Step: &plan.Step{Kind: plan.Secure, Entity: e}, Arguments: plan.Arguments{Where: where,
		Secure: &plan.SecureArguments{Key: "k", Measures: []plan.SecureMeasure{{Fn: secagg.Count}}}}}
	for i, p := range e.Parts {
		s.Parts = append(s.Parts, plan.AuthorizedPart{Part: p, Where: predicate.And(rules[i], where)})
	}
	return s
}

var ana = policy.Subject{ID: "ana", Agreement: "a1", Purpose: "research", QuerierKey: "k"}

// row is a row as policy's own evaluator reads it.
type row map[string]predicate.Value

func (r row) Value(field string) predicate.Value { return r[field] }

// rows are 60 rows with NULL, in both forms.
func rows() ([]row, *secagg.Table) {
	t := &secagg.Table{Rows: 60, Integers: map[string][]int64{}, Texts: map[string][]string{}, Null: map[string][]bool{}}
	out := make([]row, t.Rows)
	for i := range out {
		days, cents, ward := int64(i%9), int64(i%7)*50, []string{"a", "b", "ab"}[i%3]
		out[i] = row{"days": predicate.Int(days), "cost": predicate.Decimal(fmt.Sprintf("%d.%02d", cents/100, cents%100)), "ward": predicate.String(ward), "floor": predicate.Int(int64(i%4) - 1)}
		t.Integers["days"], t.Integers["cost"], t.Integers["floor"] = append(t.Integers["days"], days), append(t.Integers["cost"], cents), append(t.Integers["floor"], int64(i%4)-1)
		t.Texts["ward"] = append(t.Texts["ward"], ward)
		for j, name := range []string{"days", "cost", "ward", "floor"} {
			null := i%(11+2*j) == 0
			t.Null[name] = append(t.Null[name], null)
			if null {
				out[i][name] = predicate.Value{}
			}
		}
	}
	return out, t
}

func anyPredicate(t *rapid.T, depth int) predicate.Predicate {
	if depth > 0 && rapid.Bool().Draw(t, "deeper") {
		kids := []predicate.Predicate{anyPredicate(t, depth-1), anyPredicate(t, depth-1)}
		switch rapid.IntRange(0, 2).Draw(t, "junction") {
		case 0:
			return predicate.And(kids...)
		case 1:
			return predicate.Or(kids...)
		}
		return predicate.Not(kids[0])
	}
	op := rapid.SampledFrom([]predicate.Op{predicate.Eq, predicate.Ne, predicate.Lt, predicate.Lte, predicate.Gt, predicate.Gte}).Draw(t, "op")
	n := rapid.Int64Range(-1, 9).Draw(t, "n")
	switch rapid.IntRange(0, 6).Draw(t, "leaf") {
	case 0:
		return predicate.Compare("days", op, predicate.Int(n))
	case 1:
		return predicate.Compare("cost", op, predicate.Decimal(fmt.Sprintf("%d.5", max(n, 0))))
	case 2:
		return predicate.Compare("ward", rapid.SampledFrom([]predicate.Op{op, predicate.HasPrefix, predicate.HasSuffix, predicate.Contains}).Draw(t, "text"), predicate.String("b"))
	case 3:
		return predicate.In("floor", predicate.Int(n), predicate.Int(0))
	case 4:
		return predicate.Null("ward")
	case 5:
		return predicate.Never()
	}
	return predicate.Always()
}

// TestConditionCountsWhatPolicysOwnEvaluatorLetsThrough compares an agency's computation with package predicate's plain
// evaluator, on rows with NULL.
func TestConditionCountsWhatPolicysOwnEvaluatorLetsThrough(t *testing.T) {
	plain, table := rows()
	service := &Service{}
	rapid.Check(t, func(r *rapid.T) {
		p := anyPredicate(r, 3)
		q, err := service.question(step(t, p, predicate.Always(), predicate.Always()), Asking{Subject: ana})
		if err != nil {
			r.Fatal(err)
		}
		if err := q.Check(3); err != nil {
			r.Fatal(err)
		}
		values, err := q.Local(table, 3)
		if err != nil {
			r.Fatal(err)
		}
		var want int64
		for _, one := range plain {
			if p.Holds(one) {
				want++
			}
		}
		if values[0] != want {
			r.Fatalf("%d rows, want %d: %s", values[0], want, q.Encode())
		}
	})
}

func code(err error) string {
	var said *execute.SecureError
	if errors.As(err, &said) {
		return said.Code
	}
	return fmt.Sprint(err)
}

// TestRowRulesThatOneQuestionCannotCarryAreRefused: agencies are asked one question, so that their rules have to be one.
func TestRowRulesThatOneQuestionCannotCarryAreRefused(t *testing.T) {
	service := &Service{}
	mine := predicate.Compare("ward", predicate.Eq, predicate.String("a"))
	q, err := service.question(step(t, predicate.Always(), mine, mine), Asking{Subject: ana})
	if err != nil || q.Where == nil || q.Where.Op != secagg.Equal {
		t.Fatal(q, err)
	}
	for name, c := range map[string]struct {
		where predicate.Predicate
		rules [2]predicate.Predicate
		code  string
	}{
		"different rules":                {predicate.Always(), [2]predicate.Predicate{mine, predicate.Always()}, "FORBIDDEN"},
		"a rule over two fields":         {predicate.Always(), [2]predicate.Predicate{predicate.Fields("days", predicate.Lt, "floor"), predicate.Fields("days", predicate.Lt, "floor")}, "FORBIDDEN"},
		"a filter by a pattern":          {predicate.Compare("ward", predicate.Like, predicate.String("a%")), [2]predicate.Predicate{predicate.Always(), predicate.Always()}, "BAD_USER_INPUT"},
		"a filter by a time":             {predicate.Compare("begun", predicate.Lt, predicate.Micros(1)), [2]predicate.Predicate{predicate.Always(), predicate.Always()}, "BAD_USER_INPUT"},
		"a number finer than the scale":  {predicate.Compare("cost", predicate.Lt, predicate.Decimal("1.001")), [2]predicate.Predicate{predicate.Always(), predicate.Always()}, "BAD_USER_INPUT"},
		"a text for a number":            {predicate.Compare("days", predicate.Eq, predicate.String("1")), [2]predicate.Predicate{predicate.Always(), predicate.Always()}, "BAD_USER_INPUT"},
		"a rule beside a filter of ours": {mine, [2]predicate.Predicate{predicate.Compare("begun", predicate.Lt, predicate.Micros(1)), predicate.Always()}, "FORBIDDEN"},
	} {
		if _, err := service.question(step(t, c.where, c.rules[0], c.rules[1]), Asking{Subject: ana}); code(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// shelf holds no key; far away there is nobody.
type shelf struct{ err error }

func (s shelf) Key(string) (secagg.QuerierPublic, error) { return secagg.QuerierPublic{}, s.err }

type nobody struct{}

func (nobody) Linked() []string { return nil }
func (nobody) Prepare(context.Context, agent.Plan) (*agent.Session, error) {
	panic("a session over nobody")
}

// TestOpenRefusesBeforeAnythingIsAsked holds each reason; no session is made for any.
func TestOpenRefusesBeforeAnythingIsAsked(t *testing.T) {
	noise := agreement.Secure{Minimum: 2, EpsilonNum: 1, EpsilonDen: 2, Honest: 2, RowsPerUnit: 1}
	for name, c := range map[string]struct {
		change func(*plan.AuthorizedStep, *Asking, *Service)
		code   string
	}{
		"nobody is linked":         {func(*plan.AuthorizedStep, *Asking, *Service) {}, "SECAGG_TOO_FEW"},
		"no agreement":             {func(_ *plan.AuthorizedStep, a *Asking, _ *Service) { a.Subject.Agreement = "" }, "FORBIDDEN"},
		"no purpose":               {func(_ *plan.AuthorizedStep, a *Asking, _ *Service) { a.Subject.Purpose = "" }, "FORBIDDEN"},
		"another's key":            {func(_ *plan.AuthorizedStep, a *Asking, _ *Service) { a.Subject.QuerierKey = "other" }, "BAD_USER_INPUT"},
		"no key":                   {func(s *plan.AuthorizedStep, a *Asking, _ *Service) { s.Secure.Key, a.Subject.QuerierKey = "", "" }, "BAD_USER_INPUT"},
		"not uploaded":             {func(_ *plan.AuthorizedStep, _ *Asking, v *Service) { v.Keys = shelf{agent.ErrNoKey} }, "BAD_USER_INPUT"},
		"a minimum group":          {func(s *plan.AuthorizedStep, _ *Asking, _ *Service) { s.MinimumGroup = 10 }, "FORBIDDEN"},
		"a minimum group of noise": {func(s *plan.AuthorizedStep, a *Asking, _ *Service) { s.MinimumGroup, a.Terms = 10, noise }, "SECAGG_TOO_FEW"},
	} {
		s, a, v := step(t, predicate.Always(), predicate.Always(), predicate.Always()), Asking{Subject: ana}, &Service{Hub: nobody{}, Identities: &missing{}, Keys: shelf{}}
		c.change(s, &a, v)
		if _, err := v.Open(t.Context(), s, a); code(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

type missing struct{}

func (*missing) Identity(string) (ed25519.PublicKey, error) { return nil, agent.ErrNotEnrolled }

// TestQuestionCarriesTheAgreementsTerms: minimum, noise and the bound on a person's rows are the agreement's.
func TestQuestionCarriesTheAgreementsTerms(t *testing.T) {
	service := &Service{}
	s := step(t, predicate.Always(), predicate.Always(), predicate.Always())
	s.Secure.Measures = []plan.SecureMeasure{{Fn: secagg.Sum, Field: "cost", By: "ward"}, {Fn: secagg.Mean, Field: "cost"}}
	q, err := service.question(s, Asking{Subject: ana, Decision: "r1", Terms: agreement.Secure{Minimum: 4, EpsilonNum: 1, EpsilonDen: 2, Honest: 3, RowsPerUnit: 2}})
	if err != nil || q.Check(4) != nil || q.Minimum != 4 || q.PerUnit != 2 || *q.Noise != (secagg.Noise{EpsilonNum: 1, EpsilonDen: 2, Honest: 3}) ||
		q.Agreement != "a1" || q.Dataset != "Stay" || q.Purpose != "research" || q.Decision != "r1" || q.Querier != "k" {
		t.Fatalf("%+v %v", q, err)
	}
	names := make([]string, len(q.Fields))
	for i, f := range q.Fields {
		names[i] = f.Name
	}
	if !slices.Equal(names, []string{"cost", "ward"}) || q.Fields[0].Upper != 900 || q.Fields[0].Scale != 2 {
		t.Errorf("%+v", q.Fields)
	}
	if q, err := service.question(s, Asking{Subject: ana}); err != nil || q.Minimum != 3 || q.Noise != nil {
		t.Errorf("%+v %v", q, err)
	}
	if Decimal(500_000) != "0.5" || Decimal(0) != "0" || Decimal(12_000_001) != "12.000001" {
		t.Error(Decimal(500_000), Decimal(0), Decimal(12_000_001))
	}
}
