package plan

import (
	"errors"
	"testing"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// pair is a step over rows of one source with a relation to rows of others.
func pair(at string, targets ...string) *AuthorizedStep {
	part := func(name, type_ string, where predicate.Predicate) AuthorizedPart {
		columns := map[string]source.Column{"id": {Kind: privacy.String}, "of": {Kind: privacy.String}}
		return AuthorizedPart{Part: &compose.Part{Source: name, Relation: source.Relation{Type: type_, Columns: columns}}, Where: where}
	}
	mark := relationMark + "0"
	inner := &AuthorizedStep{Step: &Step{Kind: Related}}
	for _, name := range targets {
		inner.Parts = append(inner.Parts, part(name, "Target", predicate.Compare("id", predicate.Eq, predicate.String("seen by "+name))))
	}
	out := &AuthorizedStep{Step: &Step{Kind: List}, Relations: []AuthorizedRelation{{Mark: mark, From: "id", To: "of", Step: inner}}}
	out.Parts = append(out.Parts, part(at, "Row", predicate.Not(predicate.Compare(mark, predicate.Eq, predicate.Bool(true)))))
	return out
}

// asked notes which keys are fetched.
func asked(relates func() bool, list *[]string) Resolver {
	return Resolver{
		Relation: func(_ *AuthorizedStep, p *AuthorizedPart) (*source.Relation, error) { return &p.Relation, nil },
		Relates:  func(*AuthorizedPart, *source.Query) bool { return relates() },
		Keys: func(_ *AuthorizedRelation, _ *AuthorizedStep, p *AuthorizedPart) ([]predicate.Value, error) {
			*list = append(*list, p.Source)
			if p.Source == "down" {
				return nil, source.ErrUnavailable
			}
			return []predicate.Value{predicate.String("k"), predicate.String(p.Source)}, nil
		},
		Each: func(n int, do func(int)) {
			for i := range n {
				do(i)
			}
		},
	}
}

func always() bool { return true }

func TestRelatedRowsOfOneSourceAreAskedOfUnderTheirOwnRule(t *testing.T) {
	var keys []string
	out, err := asked(always, &keys).Resolve(pair("a", "a"))
	if err != nil || len(keys) > 0 {
		t.Fatalf("%v, keys of %v", err, keys)
	}
	p := out.Parts[0]
	exists := p.Where.Node().Kids[0].Node()
	related := p.Related[exists.Relation]
	if exists.Kind != predicate.KindExists || related == nil || related.From != "id" || related.To != "of" || related.Relation.Type != "Target" {
		t.Fatalf("%+v, %+v", exists, related)
	}
	if rule := exists.Kids[0].Node(); rule.Value.Text != "seen by a" {
		t.Errorf("the rule of the related rows is %+v", rule)
	}
}

func TestRelatedRowsElsewhereAreKeys(t *testing.T) {
	for name, c := range map[string]struct {
		step    *AuthorizedStep
		relates func() bool
		want    int
	}{
		"of another source": {pair("a", "b"), always, 2}, "of two": {pair("a", "a", "b"), always, 3},
		"of a source that cannot": {pair("a", "a"), func() bool { return false }, 2},
	} {
		var keys []string
		out, err := asked(c.relates, &keys).Resolve(c.step)
		if err != nil {
			t.Fatal(name, err)
		}
		in := out.Parts[0].Where.Node().Kids[0].Node()
		if in.Kind != predicate.KindIn || len(in.Values) != c.want || len(out.Parts[0].Related) > 0 {
			t.Errorf("%s: %+v", name, in)
		}
	}
}

// A source may think otherwise once it sees the keys; then the keys of what it was to look for are fetched after all.
func TestSourceThatChangesItsMindLeavesNoSetEmpty(t *testing.T) {
	step := pair("a", "b")
	local := pair("a", "a").Relations[0]
	local.Mark = relationMark + "1"
	step.Relations = append(step.Relations, local)
	step.Parts[0].Where = predicate.And(step.Parts[0].Where, predicate.Not(predicate.Compare(local.Mark, predicate.Eq, predicate.Bool(true))))
	calls := 0
	var keys []string
	out, err := asked(func() bool { calls++; return calls == 1 }, &keys).Resolve(step)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v, keys of %v", err, keys)
	}
	for _, k := range out.Parts[0].Where.Node().Kids {
		if in := k.Node().Kids[0].Node(); in.Kind != predicate.KindIn || len(in.Values) != 2 {
			t.Errorf("%+v", in)
		}
	}
}

func TestKeysThatCannotBeFetchedFailTheStep(t *testing.T) {
	var keys []string
	if out, err := asked(always, &keys).Resolve(pair("a", "down")); !errors.Is(err, source.ErrUnavailable) || out != nil {
		t.Fatalf("%v, %v", out, err)
	}
}
