package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type measurementPage struct {
	Data struct {
		Measurements struct {
			TotalCount int
			Nodes      []struct {
				Typename string `json:"__typename"`
				ID, Time string
			}
			PageInfo struct {
				HasNextPage bool
				EndCursor   string
			}
		}
	}
	Errors []any
}

// Readings of the air, in memory, and of the roads, behind a GraphQL service, are one list in the order of their time.
func TestMeasurementsOfTwoAgenciesAreOneList(t *testing.T) {
	g := common(t)
	const query = `query($after: String) { measurements(first: 50, after: $after, orderBy: [{field: time}],
		where: {districtId: {eq: "D01"}, time: {gte: "2025-11-07T08:00:00Z", lt: "2025-11-08T08:00:00Z"}}) {
		totalCount nodes { __typename id time ... on AirReading { pm25 } ... on SpeedReading { speed sensor { name } } } pageInfo { hasNextPage endCursor } } }`
	var times []string
	seen, types := map[string]int{}, map[string]int{}
	variables := map[string]any{}
	for range 10 {
		got := g.ask(t, "analyst", query, variables)
		var page measurementPage
		if err := json.Unmarshal(got.body, &page); err != nil || got.status != http.StatusOK || page.Errors != nil {
			t.Fatalf("%v: %d %s", err, got.status, got.body)
		}
		m := page.Data.Measurements
		for _, n := range m.Nodes {
			times = append(times, n.Time)
			seen[n.Typename+n.ID]++
			types[n.Typename]++
		}
		if variables["after"] = m.PageInfo.EndCursor; !m.PageInfo.HasNextPage {
			if m.TotalCount != len(times) || len(seen) != len(times) {
				t.Errorf("%d rows, %d of them different, of %d", len(times), len(seen), m.TotalCount)
			}
			break
		}
	}
	if !slices.IsSorted(times) || len(times) < 24*5 { // one station and four sensors, a day of hours
		t.Errorf("%d rows in the order %v", len(times), times)
	}
	if types["AirReading"] == 0 || types["SpeedReading"] == 0 {
		t.Errorf("rows of one type: %v", types)
	}
}

// A type that a subject may not know of is in no list over its interface: not as a row, a count, a possible type or a
// fragment, and nothing says that it is left out.
func TestAnInvisibleTypeIsInNoListOfItsInterface(t *testing.T) {
	hide := func(config string) {
		file := filepath.Join(config, "policies", "transport", "access.rego")
		writeFile(t, file, readFile(t, file)+"\nfields contains {\"type\": \"SpeedReading\", \"effect\": \"invisible\", \"reason\": \"not theirs\"} if open\n")
	}
	h := build(t, demoDir(t), houseOptions{edit: hide})
	got := h.ask(t, "analyst", `{ __type(name: "Measurement") { possibleTypes { name } } measurements(first: 500, orderBy: [{field: time, direction: DESC}],
		where: {districtId: {eq: "D01"}, time: {gte: "2025-11-07T08:00:00Z", lt: "2025-11-08T08:00:00Z"}}) { totalCount nodes { __typename } } }`, nil)
	text := string(got.body)
	if got.status != http.StatusOK || strings.Contains(text, "SpeedReading") || strings.Contains(text, `"errors"`) ||
		!strings.Contains(text, `"possibleTypes":[{"name":"AirReading"}]`) || !strings.Contains(text, `"totalCount":24`) {
		t.Errorf("got %d %s", got.status, text)
	}
	got = h.ask(t, "analyst", `{ measurements { nodes { ... on SpeedReading { id } } } }`, nil)
	if got.status != http.StatusBadRequest {
		t.Errorf("a fragment on what is invisible: %d %s", got.status, got.body)
	}
}
