package sqlite_test

import (
	"path/filepath"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/guard"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Behind a guard that gives it two keys at once, the source answers everything as it does alone, from one state.
func TestConformanceInBatches(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
		path := filepath.Join(t.TempDir(), "awkward.db")
		fill(t, path, rows, map[privacy.Kind]string{})
		g := guard.New(open(t, path), guard.Options{Keys: 2})
		five := &source.Query{Relation: r, Select: []string{"id"}, Where: predicate.Always(), MaxRows: 10, Keys: &source.Keys{Field: "id"}}
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			five.Keys.Values = append(five.Keys.Values, predicate.String(id))
		}
		if x := g.Explain(five); x.Statements != 3 || x.Statement == "" {
			t.Errorf("explained as %+v", x)
		}
		return g
	})
}
