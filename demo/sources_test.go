package demo_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"concordat/demo"
	"concordat/demo/transport"
	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/federation/source/open"
	"concordat/policy/predicate"
)

// relations are what each source has to serve.
func relations(graph *compose.Supergraph) map[string][]*source.Relation {
	bySource := map[string][]*source.Relation{}
	for _, entity := range graph.Entities {
		for _, part := range entity.Parts {
			bySource[part.Source] = append(bySource[part.Source], &part.Relation)
		}
	}
	return bySource
}

// Every type of every agency can be read from where sources.yaml says it lives, with every column.
func TestEverySourceServesItsTypes(t *testing.T) {
	dir := t.TempDir()
	if err := demo.Prepare(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	service, err := transport.New(transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	defer server.Close()
	text, err := demo.Files.ReadFile("sources.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config, err := open.Parse("sources.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	ctx := source.WithCredential(t.Context(), func(audience string) (string, error) { return "for " + audience, nil })
	served := relations(supergraph(t))
	sources, closer, err := open.Open(ctx, config, open.Options{Dir: dir,
		Relations: func(name string) []*source.Relation { return served[name] },
		Getenv:    func(string) string { return server.URL }})
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	for name, list := range served {
		if config.Sources[name].Kind == open.Agent { // its agent is asked in the tests of the whole
			continue
		}
		for _, relation := range list {
			fetchAll(ctx, t, sources[name], name, relation)
		}
	}
}

func fetchAll(ctx context.Context, t *testing.T, s source.Source, name string, relation *source.Relation) {
	t.Helper()
	q := &source.Query{Relation: relation, Where: predicate.Always(), MaxRows: 100_000}
	for field := range relation.Columns {
		q.Select = append(q.Select, field)
	}
	table, err := s.Fetch(ctx, q)
	if err != nil {
		t.Errorf("%s %s: %v", name, relation.Type, err)
	} else if table.Rows == 0 {
		t.Errorf("%s %s: no rows", name, relation.Type)
	}
}
