package open_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/guard"
	"concordat/federation/source/memory"
	"concordat/federation/source/open"
	"concordat/policy/predicate"
	"concordat/privacy"
)

const configuration = `sources:
  environment: {kind: memory, tables: {stations: stations.csv}}
  transport:
    kind: graphql
    url: "env:TRANSPORT"
    timeout: 2s
    tables: {sensors: {field: sensors, arguments: {id: {in: ids}}}}
    page: {limit: limit, offset: offset, size: 5000}
`

func relation() *source.Relation {
	return &source.Relation{Type: "Station", Table: "stations", Columns: map[string]source.Column{
		"id":   {Coordinate: "Station.id", Physical: "id", Kind: privacy.String},
		"tall": {Coordinate: "Station.tall", Physical: "tall", Kind: privacy.Bool},
	}}
}

func options(t *testing.T, csv string) open.Options {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "stations.csv"), []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	return open.Options{
		Dir: dir,
		Relations: func(name string) []*source.Relation {
			if name == "environment" {
				return []*source.Relation{relation()}
			}
			return nil
		},
		Getenv: func(name string) string { return map[string]string{"TRANSPORT": "http://127.0.0.1:9/graphql"}[name] },
	}
}

func TestOpensWhatIsConfigured(t *testing.T) {
	cfg, err := open.Parse("sources.yaml", []byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	sources, closer, err := open.Open(context.Background(), cfg, options(t, "id,tall\na,true\nb,\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	got, err := sources["environment"].Fetch(context.Background(), &source.Query{
		Relation: relation(), Select: []string{"id", "tall"}, Where: predicate.Always(), MaxRows: 9})
	if err != nil || got.Rows != 2 || got.Columns[0].Text(1) != "b" || !got.Columns[1].IsNull(1) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if sources["transport"] == nil {
		t.Fatal("transport is not open")
	}
}

func TestEveryMistakeIsListedWithItsLine(t *testing.T) {
	_, err := open.Parse("s.yaml", []byte(`sources:
  a: {kind: sqlite, file: a.db, mode: rw}
  b: {kind: sqlite}
  c: {kind: oracle}
  d:
    kind: graphql
    url: x
    tables: {t: {field: "a b", arguments: {id: {in: ids, like: x}}}}
    page: {limit: l, offset: o, size: -1}
    timeout: fast
  e: {kind: memory, tables: {t: 3}}
  e: {kind: memory, tables: {}}
extra: 1
`))
	want := []string{
		"s.yaml:2: sources.a.mode: unknown key",
		"s.yaml:3: sources.b.file: missing",
		"s.yaml:4: sources.c.kind: not a kind of source: sqlite, postgres, mysql, memory, graphql, agent",
		"s.yaml:8: sources.d.tables.t.field: not a GraphQL name",
		"s.yaml:8: sources.d.tables.t.arguments.id.like: unknown key",
		"s.yaml:9: sources.d.page.size: not a whole number from 1 to 1000000",
		"s.yaml:10: sources.d.timeout: not a duration like 10s",
		"s.yaml:11: sources.e.tables.t: not a text",
		"s.yaml:12: sources.e: given twice",
		"s.yaml:13: extra: unknown key",
	}
	var problems open.Problems
	if !errors.As(err, &problems) || err.Error() != strings.Join(want, "\n") {
		t.Fatalf("got\n%v", err)
	}
}

func TestOpenNamesWhatIsMissingAndNeverAValue(t *testing.T) {
	cfg, err := open.Parse("sources.yaml", []byte(configuration+"  gone: {kind: sqlite, file: gone.db}\n"))
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, "id,tall\na,MARKER\n")
	o.Getenv = func(string) string { return "" }
	_, _, err = open.Open(context.Background(), cfg, o)
	for _, part := range []string{"source gone", "source environment", "line 2", "tall", "source transport", "TRANSPORT"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Fatalf("%q is missing in: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "MARKER") {
		t.Fatalf("a value is echoed: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(configuration)
	f.Add("sources: {a: &x {kind: sqlite, file: f}, b: *x, <<: *x}")
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := open.Parse("s.yaml", []byte(text))
		if (cfg == nil) == (err == nil) {
			t.Fatal("neither a configuration nor problems")
		}
	})
}

func TestGuardIsReadAndItsMistakesAreListed(t *testing.T) {
	cfg, err := open.Parse("s.yaml", []byte(`sources:
  a: {kind: sqlite, file: a.db}
  b: {kind: sqlite, file: b.db, guard: {timeout: 2s, concurrency: 3, bytes: 4, keys: 5, failures: 6, cooldown: 7s, retries: 0, backoff: 8ms, snapshots: false}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Sources["a"].Guard.Retries != 2 {
		t.Error("no retries without being told so")
	}
	want := guard.Options{Timeout: 2 * time.Second, Concurrency: 3, MaxBytes: 4, Keys: 5, Failures: 6, Cooldown: 7 * time.Second, Backoff: 8 * time.Millisecond, NoSnapshots: true}
	if got := cfg.Sources["b"].Guard; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	_, err = open.Parse("s.yaml", []byte(`sources:
  a: {kind: sqlite, file: a.db, guard: {timeout: 0s, keys: 0, retries: 11, speed: 1}}
  b: {kind: memory, tables: {}, guard: {}}
`))
	if err == nil || err.Error() != `s.yaml:2: sources.a.guard.timeout: not a duration like 10s
s.yaml:2: sources.a.guard.keys: not a whole number from 1 to 1000000
s.yaml:2: sources.a.guard.retries: not a whole number from 0 to 10
s.yaml:2: sources.a.guard.speed: unknown key
s.yaml:3: sources.b.guard: unknown key` {
		t.Fatalf("got\n%v", err)
	}
}

func TestSourcesStandBehindTheirGuards(t *testing.T) {
	cfg, err := open.Parse("sources.yaml", []byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	sources, closer, err := open.Open(context.Background(), cfg, options(t, "id,tall\na,true\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if _, ok := sources["transport"].(*guard.Source); !ok {
		t.Error("a remote source is not guarded")
	}
	if _, ok := sources["environment"].(*memory.Source); !ok {
		t.Error("tables in memory are guarded for nothing")
	}
}
