package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// liar is a source that checks its caller, asks the honest source behind it, and spoils the answer.
type liar struct {
	t     testing.TB
	inner source.Source
	when  func(q *source.Query) bool
	spoil func(t *privacy.Table) (*privacy.Table, error)

	mu    sync.Mutex
	asked int
}

func (l *liar) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	l.mu.Lock()
	l.asked++
	l.mu.Unlock()
	if err := q.Check(); err != nil {
		l.t.Errorf("a query that cannot be answered: %v", err)
	}
	if q.Keys != nil {
		seen := map[predicate.Value]bool{}
		for _, v := range q.Keys.Values {
			if v.Kind == predicate.NullValue || seen[v] {
				l.t.Errorf("keys are NULL or repeated")
			}
			seen[v] = true
		}
	}
	t, err := l.inner.Fetch(ctx, q)
	if err != nil || l.when != nil && !l.when(q) {
		return t, err
	}
	return l.spoil(t)
}

// copied is a copy of a table that may be spoilt.
func copied(t *privacy.Table) *privacy.Table { return t.Gather(identity(t.Rows)) }

func spoilt(do func(t *privacy.Table)) func(*privacy.Table) (*privacy.Table, error) {
	return func(t *privacy.Table) (*privacy.Table, error) {
		t = copied(t)
		do(t)
		return t, nil
	}
}

func fails(err error) func(*privacy.Table) (*privacy.Table, error) {
	return func(*privacy.Table) (*privacy.Table, error) { return nil, err }
}

func panics(*privacy.Table) (*privacy.Table, error) { panic("marker-panic") }

const marker = "marker-of-another"

// lies are what a source may do; each has the code that it costs.
func lies() map[string]struct {
	spoil func(*privacy.Table) (*privacy.Table, error)
	code  string
} {
	type lie = struct {
		spoil func(*privacy.Table) (*privacy.Table, error)
		code  string
	}
	foreign := func(name string, kind privacy.Kind, rows int) *privacy.Column {
		c := privacy.NewColumn(name, "", kind, rows)
		for range rows {
			if kind.Text() {
				c.AppendText(marker)
			} else {
				c.AppendInt(7)
			}
		}
		return c
	}
	return map[string]lie{
		"no table":           {fails(nil), "SOURCE_INVALID"},
		"a column too many":  {spoilt(func(t *privacy.Table) { t.Columns = append(t.Columns, foreign("name", privacy.String, t.Rows)) }), "SOURCE_INVALID"},
		"a column too few":   {spoilt(func(t *privacy.Table) { t.Columns = t.Columns[1:] }), "SOURCE_INVALID"},
		"another column":     {spoilt(func(t *privacy.Table) { t.Columns[0] = foreign("other", privacy.String, t.Rows) }), "SOURCE_INVALID"},
		"no column":          {spoilt(func(t *privacy.Table) { t.Columns[0] = nil }), "SOURCE_INVALID"},
		"another kind":       {spoilt(func(t *privacy.Table) { t.Columns[0] = foreign(t.Columns[0].Name, privacy.BigInt, t.Rows) }), "SOURCE_INVALID"},
		"another domain":     {spoilt(func(t *privacy.Table) { t.Columns[0].Domain = privacy.Domain{Method: "redact"} }), "SOURCE_INVALID"},
		"too many rows said": {spoilt(func(t *privacy.Table) { t.Rows++ }), "SOURCE_INVALID"},
		"ragged states":      {spoilt(func(t *privacy.Table) { t.Columns[0].States = t.Columns[0].States[1:] }), "SOURCE_INVALID"},
		"ragged storage": {spoilt(func(t *privacy.Table) {
			t.Columns[0].Codes, t.Columns[0].Ints = nil, nil
		}), "SOURCE_INVALID"},
		"codes of no text": {spoilt(func(t *privacy.Table) {
			for _, c := range t.Columns {
				for i := range c.Codes {
					c.Codes[i] = 1 << 30
				}
			}
		}), "SOURCE_INVALID"},
		"states of no meaning": {spoilt(func(t *privacy.Table) { t.Columns[0].States[0] = 99 }), "SOURCE_INVALID"},
		"too many rows":        {spoilt(func(t *privacy.Table) { *t = *t.Gather(make([]int32, 1001)) }), "RESULT_TOO_LARGE"},
		"a panic":              {panics, "SOURCE_INVALID"},
		"unavailable":          {fails(fmt.Errorf("dial %s: %w", marker, source.ErrUnavailable)), "SOURCE_UNAVAILABLE"},
		"timed out":            {fails(fmt.Errorf("%s: %w", marker, source.ErrTimeout)), "SOURCE_TIMEOUT"},
		"invalid":              {fails(fmt.Errorf("%s: %w", marker, source.ErrInvalid)), "SOURCE_INVALID"},
		"too large":            {fails(fmt.Errorf("%s: %w", marker, source.ErrTooLarge)), "RESULT_TOO_LARGE"},
		"an unknown error":     {fails(errors.New(marker)), "SOURCE_UNAVAILABLE"},
	}
}

func smallWorld() world {
	stay := func(agency policy.AgencyID, id, person string, days int64) record {
		return record{"#agency": agency, "id": id, "person": person, "ward": "A", "days": days, "begun": "2020-02-03"}
	}
	person := func(agency policy.AgencyID, id, name string) record {
		return record{"#agency": agency, "id": id, "name": name}
	}
	return world{
		"clinic":   {stay("clinic", "S1", "P1", 1), stay("clinic", "S2", "P2", 2)},
		"health":   {stay("health", "S3", "P1", 3)},
		"registry": {person("registry", "P1", "Ada"), person("registry", "P2", "Bo")},
	}
}

// lying is the small world with one source that lies.
func lying(t testing.TB, agency policy.AgencyID, when func(*source.Query) bool, spoil func(*privacy.Table) (*privacy.Table, error)) (*Executor, *liar) {
	sources := smallWorld().sources()
	l := &liar{t: t, inner: sources[string(agency)], when: when, spoil: spoil}
	sources[string(agency)] = l
	return executor(t, sources), l
}

// Whatever one agency does, the other's rows and the other fields answer (but for a list that is too large), the error stands at the list, and nothing of
// the spoilt answer is in it.
func TestLyingSourceCostsItsOwnRows(t *testing.T) {
	sg := compound(t)
	const query = `{ residents { nodes { name } } stays { nodes { id days } } }`
	for name, lie := range lies() {
		t.Run(name, func(t *testing.T) {
			x, _ := lying(t, "clinic", nil, lie.spoil)
			rows := `{"nodes":[{"id":"S3","days":3}]}`
			if lie.code == "RESULT_TOO_LARGE" { // the other's rows alone would pass for all there are
				rows = "null"
			}
			x.answer(t.Context(), authorize(t, sg, query, permissive()), partner).is(t,
				`{"residents":{"nodes":[{"name":"Ada"},{"name":"Bo"}]},"stays":`+rows+`}`, lie.code+" stays")
		})
	}
}

// An aggregate that lacks an agency would be a wrong number.
func TestLyingSourceCostsTheWholeAggregate(t *testing.T) {
	sg := compound(t)
	const query = `{ residents { nodes { name } } staysAggregate(groupBy: [{field: ward}]) { groups { count key { ward } sum { days } } } }`
	for name, lie := range lies() {
		t.Run(name, func(t *testing.T) {
			x, _ := lying(t, "clinic", nil, lie.spoil)
			x.answer(t.Context(), authorize(t, sg, query, permissive()), partner).is(t,
				`{"residents":{"nodes":[{"name":"Ada"},{"name":"Bo"}]},"staysAggregate":null}`, lie.code+" staysAggregate")
		})
	}
}

// A joined source that lies costs the join: the parents stand.
func TestLyingSourceBehindAJoinCostsTheJoin(t *testing.T) {
	sg := compound(t)
	const query = `{ stays { nodes { id resident { name } } } }`
	for name, lie := range lies() {
		t.Run(name, func(t *testing.T) {
			x, _ := lying(t, "registry", nil, lie.spoil)
			x.answer(t.Context(), authorize(t, sg, query, permissive()), partner).is(t,
				`{"stays":{"nodes":[{"id":"S1","resident":null},{"id":"S2","resident":null},{"id":"S3","resident":null}]}}`, lie.code+" stays.nodes")
		})
	}
}

// What is computed in the gateway of stored rows is computed of checked ones.
func TestLyingSourceOfADerivedColumnIsFound(t *testing.T) {
	sg := compound(t)
	d := permissive()
	for _, agency := range holders["Stay"] {
		d.Fields[field(agency, "begun")] = policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "year"}}
	}
	const query = `{ staysAggregate(groupBy: [{field: begun}]) { groups { count key { begun } } } }`
	x, _ := lying(t, "clinic", func(*source.Query) bool { return false }, nil)
	x.answer(t.Context(), authorize(t, sg, query, d), partner).is(t, `{"staysAggregate":{"groups":[{"count":3,"key":{"begun":"2020"}}]}}`)
	for name, lie := range lies() {
		t.Run(name, func(t *testing.T) {
			x, _ := lying(t, "clinic", nil, lie.spoil)
			x.answer(t.Context(), authorize(t, sg, query, d), partner).is(t, `{"staysAggregate":null}`, lie.code+" staysAggregate")
		})
	}
}

// rekeyed puts another text into a column of keys.
func rekeyed(column, to string) func(*privacy.Table) (*privacy.Table, error) {
	return spoilt(func(t *privacy.Table) {
		for i, c := range t.Columns {
			if c.Name == column {
				t.Columns[i] = privacy.NewColumn(c.Name, c.Coordinate, c.Kind, t.Rows)
				for range t.Rows {
					t.Columns[i].AppendText(to)
				}
			}
		}
	})
}

func TestRowsOfKeysNotAskedForReachNobody(t *testing.T) {
	sg := compound(t)
	joined := func(q *source.Query) bool { return q.Keys != nil }
	for _, c := range []struct{ query, agency, column, want, at string }{
		{`{ stays { nodes { id resident { name } } } }`, "registry", "id",
			`{"stays":{"nodes":[{"id":"S1","resident":null},{"id":"S2","resident":null},{"id":"S3","resident":null}]}}`, "stays.nodes"},
		{`{ residents { nodes { name stays { nodes { id } } } } }`, "clinic", "person",
			`{"residents":{"nodes":[{"name":"Ada","stays":null},{"name":"Bo","stays":null}]}}`, "residents.nodes"},
		{`{ residents { nodes { name staysAggregate { groups { count } } } } }`, "clinic", "#key",
			`{"residents":{"nodes":[{"name":"Ada","staysAggregate":null},{"name":"Bo","staysAggregate":null}]}}`, "residents.nodes"},
	} {
		x, _ := lying(t, policy.AgencyID(c.agency), joined, rekeyed(c.column, marker))
		x.answer(t.Context(), authorize(t, sg, c.query, permissive()), partner).is(t, c.want, "SOURCE_INVALID "+c.at)
	}
}

func TestTwoRowsOfOneKeyAreShownToNobody(t *testing.T) {
	sg := compound(t)
	twice := spoilt(func(t *privacy.Table) { *t = *t.Gather([]int32{0, 0, 1}) })
	x, _ := lying(t, "registry", nil, twice)
	x.answer(t.Context(), authorize(t, sg, `{ stays { nodes { id resident { name } } } }`, permissive()), partner).is(t,
		`{"stays":{"nodes":[{"id":"S1","resident":null},{"id":"S2","resident":null},{"id":"S3","resident":null}]}}`, "SOURCE_INVALID stays.nodes")
}

func TestEachSourceIsAskedOnceALevel(t *testing.T) {
	sg := compound(t)
	x, l := lying(t, "registry", func(*source.Query) bool { return false }, nil)
	x.answer(t.Context(), authorize(t, sg, `{ stays { nodes { resident { name } } } }`, permissive()), partner).is(t,
		`{"stays":{"nodes":[{"resident":{"name":"Ada"}},{"resident":{"name":"Bo"}},{"resident":{"name":"Ada"}}]}}`)
	if l.asked != 1 {
		t.Errorf("asked %d times for three rows", l.asked)
	}
}

func TestSourceThatIsNotConfiguredIsUnavailable(t *testing.T) {
	sources := smallWorld().sources()
	delete(sources, "clinic")
	executor(t, sources).answer(t.Context(), authorize(t, compound(t), `{ stays { nodes { id } } }`, permissive()), partner).is(t,
		`{"stays":{"nodes":[{"id":"S3"}]}}`, "SOURCE_UNAVAILABLE stays")
}

// Denied columns are not even asked for.
func TestDeniedColumnsAreNotFetched(t *testing.T) {
	d := permissive()
	d.Fields[field("clinic", "days")] = policy.Ruling{Effect: policy.Deny}
	x, l := lying(t, "clinic", func(q *source.Query) bool {
		for _, name := range q.Select {
			if name == "days" {
				t.Errorf("a denied column is fetched")
			}
		}
		return false
	}, nil)
	x.answer(t.Context(), authorize(t, compound(t), `{ stays { nodes { id days } } }`, d), partner).is(t,
		`{"stays":{"nodes":[{"id":"S1","days":null},{"id":"S2","days":null},{"id":"S3","days":3}]}}`)
	if l.asked != 1 {
		t.Errorf("asked %d times", l.asked)
	}
}

// The bound of a request holds over its fetches together.
func TestRowsOfARequestAreBoundedTogether(t *testing.T) {
	x, _ := lying(t, "clinic", func(*source.Query) bool { return false }, nil)
	x.RequestRows = 2
	got := x.answer(t.Context(), authorize(t, compound(t), `{ residents { nodes { name stays { nodes { id } } } } }`, permissive()), partner)
	if strings.Contains(got.data, "S1") || fmt.Sprint(got.errors) != "[RESULT_TOO_LARGE residents.nodes]" {
		t.Errorf("%s %v", got.data, got.errors)
	}
}
