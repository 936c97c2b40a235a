package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/schema"
)

// relatives is the small world where stays name a relative too.
func relatives() world {
	w := smallWorld()
	w["clinic"][0]["contact"], w["clinic"][1]["contact"] = "P2", "P2"
	return w
}

// log keeps the queries of one source.
type log struct {
	inner   source.Source
	mu      sync.Mutex
	queries []*source.Query
}

func (l *log) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	l.mu.Lock()
	l.queries = append(l.queries, q)
	l.mu.Unlock()
	return l.inner.Fetch(ctx, q)
}

func (l *log) keys() (out []string) {
	for _, q := range l.queries {
		if q.Keys != nil {
			for _, v := range q.Keys.Values {
				out = append(out, v.Text)
			}
		}
	}
	return out
}

func logged(t testing.TB, w world, agency policy.AgencyID) (*Executor, *log) {
	sources := w.sources()
	l := &log{inner: sources[string(agency)]}
	sources[string(agency)] = l
	return executor(t, sources), l
}

func TestTwoJoinsToOneTypeAreOneStatementOverTheirDistinctKeys(t *testing.T) {
	x, l := logged(t, relatives(), "registry")
	a := authorize(t, compound(t), `{ stays { nodes { id resident { name } relative { id } } } }`, permissive())
	x.answer(t.Context(), a, partner).is(t, `{"stays":{"nodes":[{"id":"S1","resident":{"name":"Ada"},"relative":{"id":"P2"}},`+
		`{"id":"S2","resident":{"name":"Bo"},"relative":{"id":"P2"}},{"id":"S3","resident":{"name":"Ada"},"relative":null}]}}`)
	if len(l.queries) != 1 || !slices.Equal(l.queries[0].Select, []string{"name", "id"}) {
		t.Errorf("%d queries, the first for %v", len(l.queries), l.queries[0].Select)
	}
	if got := l.keys(); !slices.Equal(got, []string{"P1", "P2"}) {
		t.Errorf("keys %v", got)
	}
}

func TestRootsByKeyAreOneStatement(t *testing.T) {
	x, l := logged(t, relatives(), "clinic")
	a := authorize(t, compound(t), `{ a: stay(id: "S2") { days } b: stay(id: "S1") { ward } c: stay(id: "S9") { ward } }`, permissive())
	x.answer(t.Context(), a, partner).is(t, `{"a":{"days":2},"b":{"ward":"A"},"c":null}`)
	if got := l.keys(); len(l.queries) != 1 || !slices.Equal(got, []string{"S2", "S1", "S9"}) {
		t.Errorf("%d queries for %v", len(l.queries), got)
	}
}

func TestAJoinWithoutKeysLeavesTheOtherItsOwnStatement(t *testing.T) {
	x, l := logged(t, smallWorld(), "registry")
	a := authorize(t, compound(t), `{ stays(first: 1) { nodes { resident { name } relative { id } } } }`, permissive())
	x.answer(t.Context(), a, partner).is(t, `{"stays":{"nodes":[{"resident":{"name":"Ada"},"relative":null}]}}`)
	if len(l.queries) != 1 || !slices.Equal(l.queries[0].Select, []string{"name", "id"}) || !slices.Equal(l.keys(), []string{"P1"}) {
		t.Errorf("%d queries, the first for %v of %v", len(l.queries), l.queries[0].Select, l.keys())
	}
}

// archive denies Stay.former to its own rows and says nothing of Stay.resident: a statement for both would show its rows
// where it denies them.
func TestStepsOfDifferentRulingsNeverShareAStatement(t *testing.T) {
	var files []compose.File
	for _, agency := range []policy.AgencyID{"archive", "clinic", "health", "registry"} {
		text := sdl[agency]
		if agency == "archive" {
			text += ` extend type Stay { former: Resident @join(on: "person = id") }`
		}
		files = append(files, compose.File{Name: string(agency) + ".graphqls", Agency: agency, Text: text})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatal(problems)
	}
	w := relatives()
	w["archive"] = []record{{"#agency": policy.AgencyID("archive"), "id": "P1", "name": "Archived"}}
	for _, effect := range []policy.Effect{policy.Allow, policy.Deny} {
		d := permissive()
		d.Fields[policy.FieldKey{Agency: "archive", Coordinate: "Stay.former"}] = policy.Ruling{Effect: effect}
		x, l := logged(t, w, "registry")
		a := authorize(t, sg, `{ stay(id: "S3") { resident { name } former { name } } }`, d)
		former, statements := "Archived", 1
		if effect == policy.Deny {
			former, statements = "Ada", 2
		}
		got := x.answer(t.Context(), a, partner)
		got.is(t, fmt.Sprintf(`{"stay":{"resident":{"name":"Archived"},"former":{"name":%q}}}`, former), got.errors...)
		if len(l.queries) != statements {
			t.Errorf("%v: %d statements", effect, len(l.queries))
		}
	}
}

const twoJoins = `{ stays { nodes { resident { name } relative { id } } } }`

// shared are queries for the rows of both joins.
func shared(q *source.Query) bool {
	return q.Keys != nil && len(q.Keys.Values) == 2 && len(q.Select) == 2
}

var errRuled = fmt.Errorf("%w: %w", source.ErrUnavailable, &source.Refused{Agency: "registry"})

func TestWhatIsRefusedForOneStepCostsTheOtherNothing(t *testing.T) {
	for err, code := range map[error]string{source.ErrTooLarge: "RESULT_TOO_LARGE", source.ErrInvalid: "SOURCE_INVALID", errRuled: codeOf(t.Context(), errRuled)} {
		sources := relatives().sources()
		l := &liar{t: t, inner: sources["registry"], spoil: fails(err), when: shared}
		sources["registry"] = l
		a := authorize(t, compound(t), twoJoins, permissive())
		x := executor(t, sources)
		x.answer(t.Context(), a, partner).is(t, `{"stays":{"nodes":[{"resident":null,"relative":{"id":"P2"}},`+
			`{"resident":null,"relative":{"id":"P2"}},{"resident":null,"relative":null}]}}`, code+" stays.nodes")
	}
}

func TestASourceThatIsAwayIsAskedOnceForBothJoins(t *testing.T) {
	sources := relatives().sources()
	l := &liar{t: t, inner: sources["registry"], spoil: fails(source.ErrUnavailable)}
	sources["registry"] = l
	a := authorize(t, compound(t), twoJoins, permissive())
	got := executor(t, sources).answer(t.Context(), a, partner)
	if l.asked != 1 || !slices.Equal(got.errors, []string{"SOURCE_UNAVAILABLE stays.nodes"}) {
		t.Errorf("asked %d times, %v", l.asked, got.errors)
	}
}

func TestASharedRowOfAKeyThatNobodyAskedForIsInvalid(t *testing.T) {
	sources := relatives().sources()
	sources["registry"] = &liar{t: t, inner: sources["registry"], spoil: spoilt(func(t *privacy.Table) {
		c := t.Column("id")
		other := privacy.NewColumn(c.Name, c.Coordinate, c.Kind, t.Rows)
		for range t.Rows {
			other.AppendText("P7")
		}
		for i := range t.Columns {
			if t.Columns[i] == c {
				t.Columns[i] = other
			}
		}
	})}
	a := authorize(t, compound(t), twoJoins, permissive())
	executor(t, sources).answer(t.Context(), a, partner).is(t, `{"stays":{"nodes":[{"resident":null,"relative":null},`+
		`{"resident":null,"relative":null},{"resident":null,"relative":null}]}}`, "SOURCE_INVALID stays.nodes")
}

// Each step's own rows count towards what its request may hold, whoever fetched them.
func TestSharedRowsCountForEachStep(t *testing.T) {
	a := authorize(t, compound(t), twoJoins, permissive())
	for rows, fits := range map[int]bool{6: true, 5: false} { // three stays, two residents, one relative
		x := executor(t, relatives().sources())
		x.RequestRows = rows
		if got := x.answer(t.Context(), a, partner); (len(got.errors) == 0) != fits {
			t.Errorf("%d rows: %v", rows, got.errors)
		}
	}
}

var errMoved = errors.New("a query outside the state")

// states is a source whose statements after the first have to be of one state.
type states struct {
	source.Source
	mu         sync.Mutex
	held, open int
	refuse     func(q *source.Query) error
}

func (s *states) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	if err := s.refuse(q); err != nil {
		return nil, err
	}
	return nil, errMoved
}

func (s *states) Snapshot(context.Context) source.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held, s.open = s.held+1, s.open+1
	return state{s}
}

type state struct{ of *states }

func (s state) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	return s.of.Source.Fetch(ctx, q)
}

func (s state) Close() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.open--
}

// A shared statement alone needs no state of its source; where it is refused, those that take its place are of one.
func TestStepsThatAskApartReadOneState(t *testing.T) {
	sources := relatives().sources()
	s := &states{Source: sources["registry"], refuse: func(q *source.Query) error {
		if shared(q) {
			return source.ErrTooLarge
		}
		return nil
	}}
	sources["registry"] = s
	d := permissive()
	d.Rows[policy.TypeKey{Agency: "archive", Type: "Resident"}] = predicate.Never()
	executor(t, sources).answer(t.Context(), authorize(t, compound(t), twoJoins, d), partner).is(t,
		`{"stays":{"nodes":[{"resident":{"name":"Ada"},"relative":{"id":"P2"}},{"resident":{"name":"Bo"},"relative":{"id":"P2"}},{"resident":{"name":"Ada"},"relative":null}]}}`)
	if s.held != 1 || s.open != 0 {
		t.Errorf("%d states, %d left open", s.held, s.open)
	}
}
