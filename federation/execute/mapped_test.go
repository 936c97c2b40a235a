package execute

import (
	"strings"
	"testing"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// stays of two agencies, led to people of two others: P1 is held by both of those.
func ledTo() world {
	stay := func(agency policy.AgencyID, id string, person any, days int64) record {
		return record{"#agency": agency, "id": id, "person": person, "ward": "A", "days": days, "begun": "2020-01-01"}
	}
	return world{
		"clinic":   {stay("clinic", "S1", "P1", 1), stay("clinic", "S2", "P2", 2), stay("clinic", "S3", nil, 4)},
		"health":   {stay("health", "S4", "P3", 8), stay("health", "S5", "P9", 16), stay("health", "S6", "P1", 32)},
		"archive":  {{"#agency": policy.AgencyID("archive"), "id": "P1", "name": "Ada"}},
		"registry": {{"#agency": policy.AgencyID("registry"), "id": "P1", "name": "Zoë"}, {"#agency": policy.AgencyID("registry"), "id": "P2", "name": "Bo"}, {"#agency": policy.AgencyID("registry"), "id": "P3", "name": "Bo"}},
	}
}

const byName = `{ staysAggregate(groupBy: [{field: resident_name}]) { withheld groups { key { resident_name } count sum { days } avg { days } countDistinct { id } } } }`

func TestKeysOfJoinedRowsAreThoseThatTheRelationShows(t *testing.T) {
	sg, w := compound(t), ledTo()
	executor(t, w.sources()).answer(t.Context(), authorize(t, sg, byName, permissive()), partner).is(t, `{"staysAggregate":{"withheld":false,"groups":[`+
		`{"key":{"resident_name":"Ada"},"count":2,"sum":{"days":"33"},"avg":{"days":16.5},"countDistinct":{"id":2}},`+
		`{"key":{"resident_name":"Bo"},"count":2,"sum":{"days":"10"},"avg":{"days":5},"countDistinct":{"id":2}},`+
		`{"key":{"resident_name":null},"count":2,"sum":{"days":"20"},"avg":{"days":10},"countDistinct":{"id":2}}]}}`)
}

func TestJoinedRowsThatMayNotBeSeenGroupAsNone(t *testing.T) {
	d := permissive()
	d.Rows[policy.TypeKey{Agency: "registry", Type: "Resident"}] = predicate.Compare("id", predicate.Eq, predicate.String("P2"))
	executor(t, ledTo().sources()).answer(t.Context(), authorize(t, compound(t), byName, d), partner).is(t, `{"staysAggregate":{"withheld":false,"groups":[`+
		`{"key":{"resident_name":"Ada"},"count":2,"sum":{"days":"33"},"avg":{"days":16.5},"countDistinct":{"id":2}},`+
		`{"key":{"resident_name":"Bo"},"count":1,"sum":{"days":"2"},"avg":{"days":2},"countDistinct":{"id":1}},`+
		`{"key":{"resident_name":null},"count":3,"sum":{"days":"28"},"avg":{"days":9.333333333333334},"countDistinct":{"id":3}}]}}`)
}

func TestGroupsOfJoinedKeysAreWithheldWhenTheyAreSmall(t *testing.T) {
	d := permissive()
	d.Limits.MinimumGroup = 3 // no source's group is so large, and no group of a name is either
	executor(t, ledTo().sources()).answer(t.Context(), authorize(t, compound(t), byName, d), partner).is(t,
		`{"staysAggregate":{"withheld":true,"groups":[]}}`, "GROUP_TOO_SMALL staysAggregate")
	d.Limits.MinimumGroup = 2 // groups of one row each, put together before they are judged
	got := executor(t, ledTo().sources()).answer(t.Context(), authorize(t, compound(t), byName, d), partner)
	if strings.Count(got.data, `"count":2`) != 3 || len(got.errors) != 0 {
		t.Errorf("%s %v", got.data, got.errors)
	}
}

func TestKeysOfJoinedRowsFollowTheRulingsOnTheRelationAndTheField(t *testing.T) {
	sg := compound(t)
	for name, change := range map[string]func(*policy.Decision){
		"the relation is denied":     func(d *policy.Decision) { d.Fields[field("health", "resident")] = policy.Ruling{Effect: policy.Deny} },
		"the field is denied at one": func(d *policy.Decision) { d.Fields[field("archive", "name")] = policy.Ruling{Effect: policy.Deny} },
		"no joined row may be seen": func(d *policy.Decision) {
			d.Rows[policy.TypeKey{Agency: "archive", Type: "Resident"}] = predicate.Never()
			d.Rows[policy.TypeKey{Agency: "registry", Type: "Resident"}] = predicate.Never()
		},
		"nothing was said of the field": func(d *policy.Decision) { delete(d.Fields, field("registry", "name")) },
	} {
		d := permissive()
		change(d)
		a := authorize(t, sg, byName, d)
		if got := executor(t, ledTo().sources()).answer(t.Context(), a, partner); got.data != `{"staysAggregate":null}` || len(a.Denials()) != 1 {
			t.Errorf("%s: %s, %v", name, got.data, a.Denials())
		}
	}
	for _, agency := range holders["Resident"] { // aggregate alone is leave to group
		d := permissive()
		d.Fields[field(agency, "name")] = policy.Ruling{Effect: policy.Aggregate}
		if got := executor(t, ledTo().sources()).answer(t.Context(), authorize(t, sg, byName, d), partner); !strings.Contains(got.data, `"Ada"`) {
			t.Errorf("aggregate: %s", got.data)
		}
	}
}

func TestTransformedJoinedKeysAreGroupedAsTheyAreSeen(t *testing.T) {
	d := permissive()
	for _, agency := range holders["Resident"] {
		d.Fields[field(agency, "name")] = policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "prefix", Arguments: `{"length":1}`}}
	}
	w := ledTo()
	w["registry"][1]["name"] = "Bob" // to the caller the same as Bo
	a := authorize(t, compound(t), byName, d)
	got := executor(t, w.sources()).answer(t.Context(), a, partner)
	if !strings.Contains(got.data, `{"key":{"resident_name":"B"},"count":2,`) || len(a.Obligations()) != 1 {
		t.Errorf("%s %v", got.data, a.Obligations())
	}
}

func TestAJoinedKeyOfEachParentsGroups(t *testing.T) {
	query := `{ residents { nodes { id staysAggregate(groupBy: [{field: resident_name}]) { groups { key { resident_name } count } } } } }`
	got := executor(t, ledTo().sources()).answer(t.Context(), authorize(t, compound(t), query, permissive()), partner)
	got.is(t, `{"residents":{"nodes":[`+
		`{"id":"P1","staysAggregate":{"groups":[{"key":{"resident_name":"Ada"},"count":2}]}},`+
		`{"id":"P1","staysAggregate":{"groups":[{"key":{"resident_name":"Ada"},"count":2}]}},`+
		`{"id":"P2","staysAggregate":{"groups":[{"key":{"resident_name":"Bo"},"count":1}]}},`+
		`{"id":"P3","staysAggregate":{"groups":[{"key":{"resident_name":"Bo"},"count":1}]}}]}}`)
}

func TestASourceThatAnswersForAnotherKeyIsRefused(t *testing.T) {
	sources := ledTo().sources()
	sources["registry"] = fixed{table("Resident", []record{{"id": "P77", "name": "x"}}, []string{"id", "name"})}
	executor(t, sources).answer(t.Context(), authorize(t, compound(t), byName, permissive()), partner).is(t, `{"staysAggregate":null}`, "SOURCE_INVALID staysAggregate")
}

func TestKeysOfFusedRowsAreWhatSurvives(t *testing.T) {
	const query = `{ visitsAggregate(groupBy: [{field: visitor_phone}, {field: visitor_name}]) { groups { key { visitor_phone visitor_name } count } } }`
	three.ask(t, fusedSupergraph(t), query, fusedPermissive()).is(t, `{"visitsAggregate":{"groups":[`+
		`{"key":{"visitor_phone":"new","visitor_name":"Anne"},"count":1},{"key":{"visitor_phone":"x","visitor_name":null},"count":1}]}}`)
}
