package postgres_test

import (
	"context"
	"testing"

	"concordat/policy/predicate"
	"concordat/privacy"
)

func TestEstimatesFollowTheServersStatistics(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE counted AS SELECT n, n % 10 AS digit FROM generate_series(1, 5000) n")
	db.exec("ANALYZE counted")
	r := relationOf("counted", map[string]privacy.Kind{"n": privacy.Int, "digit": privacy.Int})
	s := db.open(r)
	q := all(r, "n")
	q.MaxRows = 10_000
	if rows, ok := s.Estimate(context.Background(), q); !ok || rows != 5000 {
		t.Errorf("all: %d, %t", rows, ok)
	}
	q.Where = predicate.Compare("digit", predicate.Eq, predicate.Int(3))
	if rows, ok := s.Estimate(context.Background(), q); !ok || rows < 300 || rows > 700 {
		t.Errorf("a tenth: %d, %t", rows, ok)
	}
	q.Where = predicate.Never()
	if _, ok := s.Estimate(context.Background(), q); ok {
		t.Error("a query that is not sent has an estimate")
	}
}
