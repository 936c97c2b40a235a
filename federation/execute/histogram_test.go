package execute

import (
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"concordat/federation/source"
	"concordat/policy"
	"concordat/privacy"
)

// fixed answers every question with one table.
type fixed struct{ t *privacy.Table }

func (l fixed) Fetch(context.Context, *source.Query) (*privacy.Table, error) { return l.t, nil }

func staysOf(days map[policy.AgencyID][]int64) world {
	w := world{}
	for agency, all := range days {
		for i, n := range all {
			r := record{"#agency": agency, "id": string(agency) + string(rune('A'+i)), "ward": "A"}
			if n >= 0 {
				r["days"] = n
			}
			w[agency] = append(w[agency], r)
		}
	}
	return w
}

const binned = `{ staysAggregate(groupBy: [{field: ward}]) { groups { count h: histogram(edges: [2, 5.5]) { days { lower upper count } } } } }`

func TestHistogramsOfSeveralAgenciesAreAddedUp(t *testing.T) {
	w := staysOf(map[policy.AgencyID][]int64{"clinic": {0, 1, 2, 5, -1}, "health": {2, 6, 7}})
	executor(t, w.sources()).answer(t.Context(), authorize(t, compound(t), binned, permissive()), partner).is(t,
		`{"staysAggregate":{"groups":[{"count":8,"h":{"days":[{"lower":null,"upper":2,"count":2},{"lower":2,"upper":5.5,"count":3},{"lower":5.5,"upper":null,"count":2}]}}]}}`)
}

func TestSmallBinsAreWithheldWithOneThatWouldTellThem(t *testing.T) {
	d := permissive()
	d.Limits.MinimumGroup = 3
	w := staysOf(map[policy.AgencyID][]int64{"clinic": {0, 1, 2, 5, 3, 2}, "health": {2, 6, 7, 8, 9}})
	executor(t, w.sources()).answer(t.Context(), authorize(t, compound(t), binned, d), partner).is(t,
		`{"staysAggregate":{"groups":[{"count":11,"h":{"days":[{"lower":null,"upper":2,"count":null},{"lower":2,"upper":5.5,"count":5},{"lower":5.5,"upper":null,"count":null}]}}]}}`,
		"GROUP_TOO_SMALL staysAggregate")
}

func TestADeniedFieldHasNoHistogram(t *testing.T) {
	d := permissive()
	d.Fields[field("clinic", "days")] = policy.Ruling{Effect: policy.Deny}
	a := authorize(t, compound(t), binned, d)
	w := staysOf(map[policy.AgencyID][]int64{"clinic": {0, 1}, "health": {2}})
	executor(t, w.sources()).answer(t.Context(), a, partner).is(t, `{"staysAggregate":{"groups":[{"count":3,"h":{"days":null}}]}}`)
	if len(a.Denials()) != 1 {
		t.Errorf("%v", a.Denials())
	}
}

func TestABinThatWasNotAskedForIsRefused(t *testing.T) {
	w := staysOf(map[policy.AgencyID][]int64{"clinic": {0, 1}, "health": {2}})
	sources := w.sources()
	sources["clinic"] = manyBins{sources["clinic"]}
	got := executor(t, sources).answer(t.Context(), authorize(t, compound(t), binned, permissive()), partner)
	got.is(t, `{"staysAggregate":null}`, "SOURCE_INVALID staysAggregate")
}

type manyBins struct{ source.Source }

func (m manyBins) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	t, err := m.Source.Fetch(ctx, q)
	if c := t.Column("#bin"); c != nil {
		c.Ints[0] = 99
	}
	return t, err
}

// What is hidden holds nobody, or at least the minimum in at least two bins; and no bin below the minimum is shown.
func TestHiddenBinsCannotBeToldFromTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.Int64Range(0, 12), 1, 8).Draw(t, "counts")
		minimum := rapid.Int64Range(0, 6).Draw(t, "minimum")
		var rows, shown int64
		filled := 0
		for i, hidden := range hiddenBins(counts, minimum) {
			switch {
			case !hidden && minimum > 1 && counts[i] < minimum:
				t.Fatalf("%v: bin %d is shown", counts, i)
			case hidden && minimum <= 1:
				t.Fatalf("%v: bin %d is hidden for nothing", counts, i)
			case hidden && counts[i] > 0:
				rows += counts[i]
				filled++
			case !hidden:
				shown++
			}
		}
		if rows > 0 && shown > 0 && (rows < minimum || filled < 2) {
			t.Fatalf("%v, minimum %d: %d rows in %d bins are hidden beside bins that are shown", counts, minimum, rows, filled)
		}
	})
}

func TestEdgesThatAreNoHistogramAreRefused(t *testing.T) {
	for _, edges := range []string{"[]", "[1, 1]", "[2, 1]", "[" + strings.Repeat("1,", 101) + "]"} {
		if err := bindError(t, `{ staysAggregate { groups { histogram(edges: `+edges+`) { days { count } } } } }`); err == nil {
			t.Errorf("%s is taken", edges)
		}
	}
	for _, keys := range []string{`{field: begun, timeZone: "Europe/Berlin"}`, `{field: ward, level: "3"}`, `{field: ward, grain: DAY}`, `{field: begun, grain: DAY, timeZone: "Europe/Berlin"}`,
		`{field: resident_name, level: "1"}`, `{field: ward}, {field: ward}`} {
		if err := bindError(t, `{ staysAggregate(groupBy: [`+keys+`]) { groups { count } } }`); err == nil {
			t.Errorf("%s is taken", keys)
		}
	}
}

func TestHistogramsOfFusedRowsAreOfWhatSurvives(t *testing.T) {
	three.ask(t, fusedSupergraph(t), `{ personsAggregate { groups { count countDistinct { score } histogram(edges: [2, 3]) { score { upper count } } } } }`, fusedPermissive()).is(t,
		`{"personsAggregate":{"groups":[{"count":3,"countDistinct":{"score":2},"histogram":{"score":[{"upper":2,"count":0},{"upper":3,"count":1},{"upper":null,"count":1}]}}]}}`)
}
