package execute

import (
	"math"
	"strings"
	"testing"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/federation/source/memory"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/schema"
)

// ledgers is two agencies' accounts: whole numbers and decimals.
func ledgers(t *testing.T, query string, whole map[policy.AgencyID][]int64, decimals map[policy.AgencyID][]string) written {
	t.Helper()
	var files []compose.File
	sources := map[string]source.Source{}
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for _, agency := range []policy.AgencyID{"a", "b"} {
		files = append(files, compose.File{Name: string(agency), Agency: agency, Text: `type Entry @source(name: "` + string(agency) + `", table: "e") @key(fields: "id") {
			id: ID! @classify(as: NON_SENSITIVE) n: BigInt @classify(as: NON_SENSITIVE) d: Decimal @classify(as: NON_SENSITIVE) }`})
		id, n, dec := privacy.NewColumn("id", "Entry.id", privacy.String, 8), privacy.NewColumn("n", "Entry.n", privacy.BigInt, 8), privacy.NewColumn("d", "Entry.d", privacy.Decimal, 8)
		for i := range max(len(whole[agency]), len(decimals[agency])) {
			id.AppendText(string(agency) + string(rune('0'+i)))
			if i < len(whole[agency]) {
				n.AppendInt(whole[agency][i])
			} else {
				n.AppendNull()
			}
			if i < len(decimals[agency]) {
				dec.AppendText(decimals[agency][i])
			} else {
				dec.AppendNull()
			}
		}
		sources[string(agency)] = memory.New(map[string]*privacy.Table{"Entry": {Rows: id.Len(), Columns: []*privacy.Column{id, n, dec}}})
		d.Rows[policy.TypeKey{Agency: agency, Type: "Entry"}] = predicate.Always()
		for _, f := range []string{"id", "n", "d"} {
			d.Fields[policy.FieldKey{Agency: agency, Coordinate: privacy.Coordinate("Entry." + f)}] = policy.Ruling{Effect: policy.Allow}
		}
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatal(problems)
	}
	return executor(t, sources).answer(t.Context(), authorize(t, sg, query, d), partner)
}

func TestSumsOfWholeNumbersOverAgenciesOverflowOnlyWhereTheResultDoes(t *testing.T) {
	const query = `{ entriesAggregate { groups { sum { n } avg { n } } } }`
	type side = map[policy.AgencyID][]int64
	ledgers(t, query, side{"a": {math.MaxInt64}, "b": {0}}, nil).is(t, `{"entriesAggregate":{"groups":[{"sum":{"n":"9223372036854775807"},"avg":{"n":4611686018427388000}}]}}`)
	ledgers(t, query, side{"a": {math.MinInt64, 3}, "b": {math.MaxInt64}}, nil).is(t, `{"entriesAggregate":{"groups":[{"sum":{"n":"2"},"avg":{"n":0.6666666666666666}}]}}`)
	ledgers(t, query, side{"a": {math.MaxInt64}, "b": {1}}, nil).is(t, `{"entriesAggregate":null}`, "SOURCE_INVALID entriesAggregate")
	ledgers(t, query, side{"a": {math.MinInt64}, "b": {-1}}, nil).is(t, `{"entriesAggregate":null}`, "SOURCE_INVALID entriesAggregate")
	ledgers(t, query, side{"a": {math.MaxInt64, 1}}, nil).is(t, `{"entriesAggregate":null}`, "SOURCE_INVALID entriesAggregate") // one agency alone
	// Joined keys put many groups together: a sum may leave 64 bits on the way to a result that does not.
	ledgers(t, `{ entriesAggregate { groups { sum { n } } } }`, side{"a": {math.MaxInt64, math.MinInt64, math.MaxInt64}, "b": {math.MinInt64, 5}}, nil).
		is(t, `{"entriesAggregate":{"groups":[{"sum":{"n":"3"}}]}}`)
}

func TestAnAverageIsTheNearestDoubleOfTheExactOne(t *testing.T) {
	const n = 1<<53 + 1 // not a double: a sum that is rounded first gives another average
	ledgers(t, `{ entriesAggregate { groups { avg { n } } } }`, map[policy.AgencyID][]int64{"a": {n}, "b": {n, n}}, nil).
		is(t, `{"entriesAggregate":{"groups":[{"avg":{"n":9007199254740992}}]}}`)
	ledgers(t, `{ entriesAggregate { groups { avg { n } } } }`, map[policy.AgencyID][]int64{"a": {9007199254740997}, "b": {9007199254740998, 2}}, nil).
		is(t, `{"entriesAggregate":{"groups":[{"avg":{"n":6004799503160666}}]}}`)
}

func TestSumsOfDecimalsOverAgenciesLoseNothing(t *testing.T) {
	type side = map[policy.AgencyID][]string
	const query = `{ entriesAggregate { groups { sum { d } avg { d } min { d } max { d } stddev { d } countDistinct { d } } } }`
	ledgers(t, query, nil, side{"a": {"99999999999999999999999999999999999999", "0.00000000000000000001"}, "b": {"1", "-0.10"}}).is(t,
		`{"entriesAggregate":{"groups":[{"sum":{"d":"99999999999999999999999999999999999999.90000000000000000001"},"avg":{"d":2.5e+37},"min":{"d":"-0.10"},`+
			`"max":{"d":"99999999999999999999999999999999999999"},"stddev":{"d":5e+37},"countDistinct":{"d":4}}]}}`)
	ledgers(t, query, nil, side{"a": {"0.1", "0.10"}, "b": {"0.100"}}).is(t,
		`{"entriesAggregate":{"groups":[{"sum":{"d":"0.3"},"avg":{"d":0.1},"min":{"d":"0.1"},"max":{"d":"0.1"},"stddev":{"d":0},"countDistinct":{"d":1}}]}}`)
	ledgers(t, query, nil, nil).is(t, `{"entriesAggregate":{"groups":[{"sum":{"d":null},"avg":{"d":null},"min":{"d":null},"max":{"d":null},"stddev":{"d":null},"countDistinct":{"d":0}}]}}`)
}

func TestEqualDecimalsAreOneGroupHoweverTheyAreWritten(t *testing.T) {
	got := ledgers(t, `{ entriesAggregate(groupBy: [{field: d}]) { groups { count } } }`, nil, map[policy.AgencyID][]string{"a": {"1.0", "2"}, "b": {"1.00", "1"}})
	if got.data != `{"entriesAggregate":{"groups":[{"count":3},{"count":1}]}}` {
		t.Error(got.data)
	}
}

func TestASumOfDecimalsHasAsManyDigitsAsADecimalMay(t *testing.T) {
	long := "0." + strings.Repeat("0", 990) + "1"
	got := ledgers(t, `{ entriesAggregate { groups { sum { d } } } }`, nil, map[policy.AgencyID][]string{"a": {long}, "b": {strings.Repeat("9", 900)}})
	got.is(t, `{"entriesAggregate":null}`, "SOURCE_INVALID entriesAggregate")
}
