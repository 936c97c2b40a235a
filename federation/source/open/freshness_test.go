package open_test

import (
	"errors"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/open"
)

func TestFreshnessIsOfADateThatTheSourceServes(t *testing.T) {
	cfg, err := open.Parse("sources.yaml", []byte("sources:\n  environment: {kind: memory, tables: {stations: stations.csv}, freshness: {type: Station, field: lost}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = open.Open(t.Context(), cfg, options(t, "id,tall\n1,true\n"))
	if !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "Station.lost") {
		t.Errorf("got %v", err)
	}
	_, err = open.Parse("sources.yaml", []byte("sources:\n  t: {kind: graphql, url: \"http://x/\", tables: {}, freshness: {type: A, field: b}}\n  m: {kind: memory, tables: {}, freshness: {field: b, every: soon}}\n"))
	for _, want := range []string{"sources.t.freshness", "sources.m.freshness", "every"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
}
