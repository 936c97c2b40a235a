package main

import "testing"

// Fetches that are each within their bound must not fill the memory together: what goes beyond is refused by itself.
func TestRowsOfOneRequestAreBounded(t *testing.T) {
	h := build(t, demoDir(t), houseOptions{rows: 150})
	const page = `residents(first: 100) { nodes { sex } }`
	if a := h.ask(t, "analyst", `{ a: `+page+` }`, nil); a.status != 200 || len(a.Errors) > 0 {
		t.Fatalf("one page: %s", a.body)
	}
	a := h.ask(t, "analyst", `{ a: `+page+` b: `+page+` }`, nil)
	if a.status != 200 || len(a.Errors) != 1 || a.code() != "RESULT_TOO_LARGE" {
		t.Fatalf("two pages: %.300s", a.body)
	}
	var data map[string]*struct{ Nodes []any }
	mustDecode(t, a.Data, &data)
	if (data["a"] == nil) == (data["b"] == nil) {
		t.Fatalf("one of the pages stands: %.300s", a.body)
	}
}

// A list that lacks the rows of the agency whose answer went beyond would pass for a whole one.
func TestListBeyondTheBoundShowsNothingOfAnyAgency(t *testing.T) {
	h := build(t, demoDir(t), houseOptions{rows: 150})
	a := h.ask(t, "analyst", `{ admissions(first: 100) { nodes { ward } } }`, nil)
	if string(a.Data) != `{"admissions":null}` || len(a.Errors) != 1 || a.code() != "RESULT_TOO_LARGE" {
		t.Fatalf("%.300s", a.body)
	}
}
