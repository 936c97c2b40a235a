package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"concordat/demo"
	"concordat/federation/source"
	"concordat/federation/source/sourcetest"
	"concordat/privacy"
)

// A question costs as many statements and requests as its plan has fetches, however many rows they bring: what is
// joined is asked for once for all parents.
func TestFetchesOfEachQuestionDoNotGrowWithRows(t *testing.T) {
	counters := map[string]*sourcetest.Counter{}
	h := build(t, demoDir(t), houseOptions{wrap: func(name string, s source.Source) source.Source {
		counters[name] = sourcetest.Count(s)
		return counters[name]
	}})
	var got bytes.Buffer
	fmt.Fprintln(&got, "# question: fetches of each source, asked by the analyst")
	for _, q := range demo.Questions() {
		for _, c := range counters {
			c.Reset()
		}
		a := h.ask(t, "analyst", q.Document, q.Variables)
		fmt.Fprintf(&got, "%s: %d", q.Name, a.status)
		for _, name := range slices.Sorted(maps.Keys(counters)) {
			if n := counters[name].Fetches(); n > 0 {
				fmt.Fprintf(&got, " %s=%d", name, n)
			}
		}
		fmt.Fprintln(&got)
	}
	checkGolden(t, "testdata/fetches.txt", got.Bytes())
}

// The same plan over ten times the rows costs the same fetches.
func TestMoreParentsCostNoMoreFetches(t *testing.T) {
	counters := map[string]*sourcetest.Counter{}
	h := build(t, demoDir(t), houseOptions{wrap: func(name string, s source.Source) source.Source {
		counters[name] = sourcetest.Count(s)
		return counters[name]
	}})
	const document = `query($n: Int!) { admissions(first: $n, orderBy: [{field: id}]) { nodes { id
		patient { sex district { name } admissions(first: 2) { nodes { id } } } conditions(first: 2) { nodes { code } } } } }`
	count := func(n int) map[string]int {
		for _, c := range counters {
			c.Reset()
		}
		if a := h.ask(t, "analyst", document, map[string]any{"n": n}); a.status != 200 || len(a.Errors) > 0 {
			t.Fatalf("%d: %s", a.status, a.body)
		}
		out := map[string]int{}
		for name, c := range counters {
			out[name] = c.Fetches()
		}
		return out
	}
	if few, many := count(5), count(100); !maps.Equal(few, many) {
		t.Errorf("5 parents: %v, 100 parents: %v", few, many)
	}
}

// recorder keeps every query that reaches a source.
type recorder struct {
	mu      sync.Mutex
	queries []*source.Query
}

func (r *recorder) wrap(_ string, s source.Source) source.Source {
	return fetcher(func(ctx context.Context, q *source.Query) (*privacy.Table, error) {
		r.mu.Lock()
		r.queries = append(r.queries, q)
		r.mu.Unlock()
		return s.Fetch(ctx, q)
	})
}

// count is how many queries there were since the last call.
func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.queries)
	r.queries = nil
	return n
}

// selected is every column that was asked for since the last call, as Type.field.
func (r *recorder) selected() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]bool{}
	for _, q := range r.queries {
		for _, name := range q.Select {
			out[q.Relation.Type+"."+name] = true
		}
	}
	r.queries = nil
	return out
}

// A denied field is not fetched, and a question that is refused asks no source at all.
func TestWhatIsNotSeenIsNotFetched(t *testing.T) {
	var r recorder
	h := build(t, demoDir(t), houseOptions{wrap: r.wrap})
	a := h.ask(t, "analyst", `{ admissions(first: 2) { nodes { ward note costCents } } }`, nil)
	columns := r.selected()
	if a.status != http.StatusOK || !columns["Admission.ward"] || columns["Admission.note"] || columns["Admission.costCents"] {
		t.Errorf("status %d, fetched %v", a.status, columns)
	}
	for persona, document := range map[string]string{
		"officer": `{ residents(first: 1) { nodes { name } } }`,
		"analyst": `{ residents(where: {birthDate: {lt: "1950-05-17"}}) { nodes { sex } } }`,
		"auditor": `{ districts { nodes { name } } }`,
	} {
		if a := h.ask(t, persona, document, nil); a.status < 400 || r.count() > 0 {
			t.Errorf("%s: status %d, or a source was asked", persona, a.status)
		}
	}
}
