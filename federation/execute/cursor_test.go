package execute

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"concordat/federation/compose"
	"concordat/policy/predicate"
)

// page is what a test reads of one page.
type page struct {
	Stays struct {
		Edges []struct {
			Cursor string
			Node   struct {
				ID     string
				Source string `json:"_source"`
			}
		}
		PageInfo struct {
			HasNextPage, HasPreviousPage bool
			StartCursor, EndCursor       *string
		}
	}
}

func (p *page) rows() []string {
	var out []string
	for _, e := range p.Stays.Edges {
		out = append(out, e.Node.ID+"@"+e.Node.Source)
	}
	return out
}

type pager struct {
	t  *testing.T
	sg *compose.Supergraph
	x  *Executor
}

func newPager(t *testing.T, w world) *pager {
	return &pager{t, compound(t), executor(t, w.sources())}
}

func (p *pager) query(arguments string) string {
	return "{ stays(" + arguments + ") { edges { cursor node { id _source } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
}

func (p *pager) page(arguments string) *page {
	p.t.Helper()
	got := p.x.answer(p.t.Context(), authorize(p.t, p.sg, p.query(arguments), permissive()), partner)
	if len(got.errors) > 0 {
		p.t.Fatalf("%s: %v", arguments, got.errors)
	}
	out := &page{}
	if err := json.Unmarshal([]byte(got.data), out); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// Pages in either direction cover every row exactly once, in one order, also where agencies hold equal keys and equal
// or missing values.
func TestPagesCoverEveryRowExactlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		p := newPager(t, w)
		var terms []string
		for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"ward", "days", "begun", "person", "id"}), 0, 3, rapid.ID[string]).Draw(rt, "order") {
			terms = append(terms, fmt.Sprintf("{field: %s, direction: %s}", f, rapid.SampledFrom([]string{"ASC", "DESC"}).Draw(rt, "direction")))
		}
		order := "orderBy: [" + strings.Join(terms, ", ") + "]"
		whole := p.page("first: 100, " + order).rows()
		if len(whole) != len(w["clinic"])+len(w["health"]) {
			rt.Fatalf("%d rows", len(whole))
		}
		size := rapid.IntRange(1, 4).Draw(rt, "size")
		forward := p.walk(fmt.Sprintf("first: %d, %s", size, order), "after")
		if !slices.Equal(forward, whole) {
			rt.Fatalf("forward by %d over %s:\n%v\nwant:\n%v", size, order, forward, whole)
		}
		backward := p.walk(fmt.Sprintf("last: %d, %s", size, order), "before")
		if !slices.Equal(backward, whole) {
			rt.Fatalf("backward by %d over %s:\n%v\nwant:\n%v", size, order, backward, whole)
		}
	})
}

// walk follows a list to its end and returns its rows in the list's order.
func (p *pager) walk(arguments, cursor string) []string {
	p.t.Helper()
	var rows []string
	at := ""
	for range 100 {
		got := p.page(arguments + at)
		info, more, next := got.Stays.PageInfo, false, (*string)(nil)
		if cursor == "after" {
			rows, more, next = append(rows, got.rows()...), info.HasNextPage, info.EndCursor
		} else {
			rows, more, next = append(got.rows(), rows...), info.HasPreviousPage, info.StartCursor
		}
		if !more {
			return rows
		}
		at = fmt.Sprintf(", %s: %q", cursor, *next)
	}
	p.t.Fatal("the list has no end")
	return nil
}

// Two agencies hold one key: a page that ends between the two rows loses neither.
func TestPageMayEndBetweenEqualRowsOfTwoAgencies(t *testing.T) {
	w := world{"clinic": {{"id": "S1"}, {"id": "S2"}}, "health": {{"id": "S1"}}}
	p := newPager(t, w)
	want := []string{"S1@clinic", "S1@health", "S2@clinic"}
	if got := p.walk("first: 1", "after"); !slices.Equal(got, want) {
		t.Errorf("forward: %v", got)
	}
	if got := p.walk("last: 1", "before"); !slices.Equal(got, want) {
		t.Errorf("backward: %v", got)
	}
}

func TestEachEdgesCursorIsItsOwn(t *testing.T) {
	w := world{"clinic": {{"id": "S1"}, {"id": "S2"}}, "health": {{"id": "S1"}, {"id": "S3", "days": int64(4)}}}
	p := newPager(t, w)
	edges := p.page("first: 9, orderBy: [{field: days, direction: DESC}]").Stays.Edges
	for i, e := range edges {
		rest := p.page(fmt.Sprintf("first: 9, orderBy: [{field: days, direction: DESC}], after: %q", e.Cursor)).rows()
		if len(rest) != len(edges)-1-i {
			t.Errorf("after row %d: %v", i, rest)
		}
	}
}

func TestForeignOrAlteredCursorIsRefused(t *testing.T) {
	p := newPager(t, world{"clinic": {{"id": "S1"}, {"id": "S2"}}, "health": {{"id": "S3"}}})
	cursor := *p.page("first: 1, orderBy: [{field: ward}]").Stays.PageInfo.EndCursor
	again := fmt.Sprintf("first: 1, orderBy: [{field: ward}], after: %q", cursor)
	if rows := p.page(again).rows(); len(rows) != 1 {
		t.Fatalf("its own list refuses it: %v", rows)
	}
	stranger := partner
	stranger.Binding = []byte("stranger")
	p.refuses("another subject", again, stranger)
	p.refuses("another order", fmt.Sprintf("first: 1, orderBy: [{field: ward, direction: DESC}], after: %q", cursor), partner)
	p.refuses("another filter", fmt.Sprintf("first: 1, orderBy: [{field: ward}], where: {id: {ne: \"S9\"}}, after: %q", cursor), partner)
	for i := range cursor {
		altered := []byte(cursor)
		altered[i] = map[bool]byte{true: 'B', false: 'A'}[altered[i] == 'A']
		p.refuses(fmt.Sprint("altered at ", i), fmt.Sprintf("first: 1, orderBy: [{field: ward}], after: %q", altered), partner)
	}
	p.refuses("cut", fmt.Sprintf("first: 1, orderBy: [{field: ward}], after: %q", cursor[:8]), partner)
	p.refuses("none", `first: 1, orderBy: [{field: ward}], after: "!"`, partner)
	other := newPager(t, world{})
	other.x.Cursors, _ = NewCursors([]byte(strings.Repeat("o", 32)))
	other.refuses("another gateway", again, partner)
}

func (p *pager) refuses(why, arguments string, c Caller) {
	p.t.Helper()
	got := p.x.answer(p.t.Context(), authorize(p.t, p.sg, p.query(arguments), permissive()), c)
	if got.data != `{"stays":null}` || fmt.Sprint(got.errors) != "[BAD_USER_INPUT stays]" {
		p.t.Errorf("%s: %s %v", why, got.data, got.errors)
	}
}

func TestCursorIsOpaque(t *testing.T) {
	c, err := NewCursors([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	text := c.seal([]predicate.Value{predicate.String("marker-value")}, []byte("b"))
	if strings.Contains(text, "marker") || text != c.seal([]predicate.Value{predicate.String("marker-value")}, []byte("b")) {
		t.Error(text)
	}
}

func TestSealedValuesOpenAsTheyWere(t *testing.T) {
	c, err := NewCursors([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	value := rapid.OneOf(rapid.Just(predicate.Value{}), rapid.Map(rapid.Int64(), predicate.Int), rapid.Map(rapid.Int64(), predicate.Micros),
		rapid.Map(rapid.String(), predicate.String), rapid.Map(rapid.Bool(), predicate.Bool), rapid.Map(rapid.Float64(), predicate.Float),
		rapid.Just(predicate.Decimal("-12.50")))
	rapid.Check(t, func(rt *rapid.T) {
		values, binding := rapid.SliceOf(value).Draw(rt, "values"), rapid.SliceOf(rapid.Byte()).Draw(rt, "binding")
		got, err := c.open(c.seal(values, binding), binding)
		if err != nil || !slices.Equal(got, values) {
			rt.Fatalf("%v opened as %v: %v", values, got, err)
		}
		if _, err := c.open(c.seal(values, binding), append(binding, 0)); !errors.Is(err, errCursor) {
			rt.Fatalf("opened for another list: %v", err)
		}
	})
}

func FuzzCursorPlaintextNeverPanics(f *testing.F) {
	f.Add(encodeValues([]predicate.Value{predicate.String("x"), predicate.Int(1), {}, predicate.Float(1.5)}))
	f.Fuzz(func(t *testing.T, in []byte) {
		values, err := decodeValues(in)
		if err != nil {
			return
		}
		again, err := decodeValues(encodeValues(values))
		if err != nil || len(again) != len(values) {
			t.Errorf("%v became %v: %v", values, again, err)
		}
	})
}
