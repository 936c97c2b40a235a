package graphql_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/graphql"
	"concordat/federation/source/introspect"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
)

// subgraph is what the service says it is.
const subgraph = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
scalar Long
scalar Decimal
scalar JSON
"One awkward row."
type Awkward @key(fields: "id") @key(fields: "tag small") {
  id: ID!  big: Long  small: Int  price: Float  flag: Boolean  tag: Int  note: String  other: String
  day: String  at: String  cost: Decimal  doc: JSON  text: String
  friends: [Awkward!]!
  near(least: Int!): String
}
extend type Query { awkwards(tags: [Int!], flag: Boolean, other: String, from: String, to: String, since: String, until: String,
  least: Int, most: Int, limit: Int, offset: Int): [Awkward!]!  one: Awkward }
`

func byID(values ...string) *source.Query {
	q := &source.Query{Relation: sourcetest.Relation(), Select: []string{"id", "small"}, Where: predicate.Always(), MaxRows: 10_000, Keys: &source.Keys{Field: "id"}}
	for _, v := range values {
		q.Keys.Values = append(q.Keys.Values, predicate.String(v))
	}
	return q
}

func TestKeysAreFoundWithEntitiesInBatches(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows()}
	s := open(t, graphql.Options{URL: fake.start(), Tables: keyed()})
	var ids []string
	for i := range 2500 {
		ids = append(ids, fmt.Sprint("row ", i))
	}
	got, err := s.Fetch(t.Context(), byID(ids...))
	if err != nil || got.Rows != fake.rows.Rows || fake.sent != fake.rows.Rows || fake.requests != 3 {
		t.Fatalf("got %+v, %v: %d rows in %d requests", got, err, fake.sent, fake.requests)
	}
	if len(fake.documents) != 1 {
		t.Errorf("one shape of question is %d documents", len(fake.documents))
	}
	root := &source.Query{Relation: fake.rel, Select: []string{"small"}, MaxRows: 5,
		Where: predicate.And(predicate.Compare("flag", predicate.Eq, predicate.Bool(true)), predicate.Compare("id", predicate.Eq, predicate.String("row 1")))}
	if _, err := s.Fetch(t.Context(), root); err != nil || fake.requests != 4 || fake.sent != fake.rows.Rows+1 {
		t.Errorf("a row by its key: %v, %d rows in %d requests", err, fake.sent, fake.requests)
	}
}

// Values travel beside the document, so that the service reads and validates one document for all of them.
func TestOneShapeIsOneDocument(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows()}
	s := open(t, graphql.Options{URL: fake.start(), Tables: keyed(), Page: &graphql.Page{Limit: "limit", Offset: "offset", Size: 7}})
	for i := range int64(20) {
		q := &source.Query{Relation: fake.rel, Select: []string{"id"}, MaxRows: 500,
			Where: predicate.And(predicate.Compare("small", predicate.Gte, predicate.Int(i)), predicate.Compare("other", predicate.Eq, predicate.String(fmt.Sprint("\"\\u", i)))),
			Keys:  &source.Keys{Field: "tag", Values: []predicate.Value{predicate.Int(i), predicate.Int(i + 1)}}}
		if _, err := s.Fetch(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if len(fake.documents) != 1 {
		t.Errorf("%d documents: %v", len(fake.documents), fake.documents)
	}
}

func TestEntitiesThatAreNotThoseAskedForAreRefused(t *testing.T) {
	entity := func(id string) string { return `{"__typename":"Awkward","c0":"` + id + `","c1":1}` }
	for name, c := range map[string]struct{ rows, says string }{
		"too few":       {entity("a"), "another number"},
		"too many":      {entity("a") + "," + entity("b") + "," + entity("c"), "another number"},
		"none":          {"", "another number"},
		"another type":  {entity("a") + `,{"__typename":"MARKER","c0":"b","c1":1}`, "of another type"},
		"no type":       {entity("a") + `,{"c0":"b","c1":1}`, "without its type"},
		"only a type":   {entity("a") + `,{"__typename":"Awkward"}`, "Awkward.id: missing"},
		"twice":         {entity("a") + "," + entity("a"), "another key"},
		"exchanged":     {entity("b") + "," + entity("a"), "another key"},
		"no key":        {entity("a") + `,{"__typename":"Awkward","c0":null,"c1":1}`, "another key"},
		"key missing":   {entity("a") + `,{"__typename":"Awkward","c1":1}`, "Awkward.id: missing"},
		"field missing": {entity("a") + `,{"__typename":"Awkward","c0":"b"}`, "Awkward.small: missing"},
		"list inside":   {entity("a") + `,[` + entity("b") + `]`, "not the JSON"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"data":{"rows":[%s]}}`, c.rows)
		}))
		s := open(t, graphql.Options{URL: server.URL, Tables: keyed()})
		_, err := s.Fetch(context.Background(), byID("a", "b"))
		if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: got %v", name, err)
		}
		server.Close()
	}
}

func TestAnEntityOfAnotherTypeIsRefusedByARealService(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows(), typename: "Other"}
	s := open(t, graphql.Options{URL: fake.start(), Tables: keyed()})
	if _, err := s.Fetch(t.Context(), byID("row 1")); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestATableOfEntitiesAloneHasNoList(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows()}
	only := map[string]graphql.Table{"awkward": {Entity: &graphql.Entity{Type: "Awkward", Key: "id"}}}
	s := open(t, graphql.Options{URL: fake.start(), Tables: only})
	if got, err := s.Fetch(t.Context(), byID("row 1", "nobody")); err != nil || got.Rows != 1 {
		t.Errorf("by key: %+v, %v", got, err)
	}
	if _, err := s.Fetch(t.Context(), ids()); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "Awkward") {
		t.Errorf("all rows: %v", err)
	}
}

func small() []*source.Relation {
	r := *sourcetest.Relation()
	r.Columns = map[string]source.Column{}
	for _, name := range []string{"id", "small", "flag", "tag", "other", "day", "at"} {
		r.Columns[name] = sourcetest.Relation().Columns[name]
	}
	return []*source.Relation{&r}
}

func TestConfigurationIsComparedWithTheServicesSchema(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows()}
	url := fake.start()
	untyped := tables()
	delete(untyped["awkward"].Arguments, "id")
	page := &graphql.Page{Limit: "limit", Offset: "offset", Size: 50}
	s := open(t, graphql.Options{URL: url, Tables: untyped, Subgraph: true, Page: page})
	if err := s.CheckService(t.Context(), small()); err != nil {
		t.Fatal(err)
	}
	q := &source.Query{Relation: small()[0], Select: []string{"id"}, Where: predicate.Compare("flag", predicate.Eq, predicate.Bool(true)), MaxRows: 500}
	if e := s.Explain(q).Statement; e != "query($flag: Boolean) { rows: awkwards(flag: $flag) { c0: id c1: flag } }" {
		t.Errorf("types are not learned: %s", e)
	}
	for name, c := range map[string]struct {
		change func(*graphql.Options, *source.Relation)
		says   string
	}{
		"no such field": {func(o *graphql.Options, _ *source.Relation) { o.Tables["awkward"] = graphql.Table{Field: "others"} }, "Query.others"},
		"no list":       {func(o *graphql.Options, _ *source.Relation) { o.Tables["awkward"] = graphql.Table{Field: "one"} }, "Query.one"},
		"no such argument": {func(o *graphql.Options, _ *source.Relation) {
			o.Tables["awkward"].Arguments["tag"] = graphql.Arguments{In: "labels"}
		}, "labels"},
		"no such column": {func(_ *graphql.Options, r *source.Relation) { rename(r, "small", "tiny") }, "Awkward.small is no field"},
		"another type":   {func(_ *graphql.Options, r *source.Relation) { rename(r, "small", "flag") }, "Awkward.small has another type"},
		"an argument":    {func(_ *graphql.Options, r *source.Relation) { rename(r, "other", "near") }, "Awkward.other needs an argument"},
		"no such paging": {func(o *graphql.Options, _ *source.Relation) {
			o.Page = &graphql.Page{Limit: "first", Offset: "offset", Size: 5}
		}, "first"},
		"another key": {func(o *graphql.Options, _ *source.Relation) {
			o.Tables["awkward"] = graphql.Table{Entity: &graphql.Entity{Type: "Awkward", Key: "tag"}}
		}, "no @key of tag alone"},
		"no such type": {func(o *graphql.Options, _ *source.Relation) {
			o.Tables["awkward"] = graphql.Table{Entity: &graphql.Entity{Type: "Nobody", Key: "id"}}
		}, "Nobody"},
	} {
		o := graphql.Options{URL: url, Tables: keyed(), Subgraph: true}
		relations := small()
		c.change(&o, relations[0])
		err := open(t, o).CheckService(t.Context(), relations)
		if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func rename(r *source.Relation, field, physical string) {
	c := r.Columns[field]
	c.Physical = physical
	r.Columns[field] = c
}

func TestAServiceWithoutSDLIsNoSubgraph(t *testing.T) {
	for _, body := range []string{`{"data":{"_service":{"sdl":""}}}`, `{"errors":[{"message":"MARKER"}]}`, `{"data":null}`, `[]`, `{"data":{"_service":{"sdl":"type {"}}}`,
		`{"data":{"_service":{"sdl":"` + strings.Repeat("# ", 3<<20) + `"}}}`} {
		s := answering(t, http.StatusOK, "application/json", body)
		s.Subgraph = true
		err := s.CheckService(t.Context(), small())
		if !errors.Is(err, source.ErrInvalid) && !errors.Is(err, source.ErrTooLarge) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%.40s: got %v", body, err)
		}
	}
}

func TestASubgraphIsDescribed(t *testing.T) {
	fake := &service{t: t, rel: sourcetest.Relation(), rows: sourcetest.Rows()}
	found, err := open(t, graphql.Options{URL: fake.start()}).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := introspect.Draft(found)
	for _, line := range []string{
		"# sources.yaml: tables: {Awkward: {field: awkwards, entity: {type: Awkward, key: id}}}",
		`type Awkward @source(table: "Awkward") @key(fields: "id") {`, "  id: ID! @classify(", "  big: BigInt @classify(", "  cost: Decimal @classify("} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	if strings.Contains(text, "near") || strings.Contains(text, "friends") {
		t.Errorf("what is no column in\n%s", text)
	}
}
