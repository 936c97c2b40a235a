package open_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/open"
	"concordat/federation/source/servertest"
	"concordat/policy/predicate"
	"concordat/privacy"
)

var (
	postgres = servertest.New(servertest.Postgres)
	mariadb  = servertest.New(servertest.MariaDB)
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	mariadb.Stop()
	os.Exit(code)
}

func TestOpensServersByReference(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(mariadb.DSN(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dsn := postgres.DSN(t)
	cfg, err := open.Parse("s.yaml", []byte("sources:\n  a: {kind: postgres, dsn: env:A, connections: 2, timeout: 5s}\n  b: {kind: mysql, dsn: file:secret}\n"))
	if err != nil {
		t.Fatal(err)
	}
	relations := map[string][]*source.Relation{
		"a": {{Type: "Table", Table: "pg_catalog.pg_class", Columns: map[string]source.Column{"name": {Physical: "relname", Kind: privacy.String}}}},
		"b": {{Type: "Table", Table: "information_schema.TABLES", Columns: map[string]source.Column{"name": {Physical: "TABLE_NAME", Kind: privacy.String}}}},
	}
	o := open.Options{Dir: dir, Relations: func(name string) []*source.Relation { return relations[name] },
		Getenv: func(name string) string { return map[string]string{"A": dsn}[name] }}
	sources, closer, err := open.Open(context.Background(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	for name, s := range sources {
		got, err := s.Fetch(context.Background(), &source.Query{Relation: relations[name][0], Select: []string{"name"}, Where: predicate.Always(), Limit: 3, MaxRows: 9})
		if err != nil || got.Rows != 3 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	relations["a"][0].Table = "nothing"
	if _, _, err := open.Open(context.Background(), cfg, o); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "source a") {
		t.Errorf("a missing table: %v", err)
	}
}

func TestAPasswordIsNoConfiguration(t *testing.T) {
	_, err := open.Parse("s.yaml", []byte("sources:\n  a: {kind: postgres, dsn: 'postgres://u:MARKER@h/d'}\n  b: {kind: mysql}\n"))
	if err == nil || strings.Contains(err.Error(), "MARKER") || !strings.Contains(err.Error(), "s.yaml:2: sources.a.dsn: not a reference") ||
		!strings.Contains(err.Error(), "s.yaml:3: sources.b.dsn: missing") {
		t.Errorf("got %v", err)
	}
	cfg, err := open.Parse("s.yaml", []byte("sources:\n  a: {kind: postgres, dsn: env:A}\n  b: {kind: mysql, dsn: file:none}\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = open.Open(context.Background(), cfg, open.Options{Dir: t.TempDir(), Relations: func(string) []*source.Relation { return nil },
		Getenv: func(string) string { return "postgres://u:MARKER@127.0.0.1:1/d" }})
	if !errors.Is(err, source.ErrUnavailable) || strings.Contains(err.Error(), "MARKER") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("got %v", err)
	}
}
