package mysql_test

import (
	"context"
	"testing"

	"concordat/policy/predicate"
	"concordat/privacy"
)

func TestEstimatesFollowTheServersStatistics(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE counted (n bigint PRIMARY KEY) AS SELECT seq AS n FROM seq_1_to_5000")
	db.exec("ANALYZE TABLE counted")
	r := relationOf("counted", map[string]privacy.Kind{"n": privacy.BigInt})
	s := db.open(r)
	q := all(r, "n")
	q.MaxRows = 10_000
	if rows, ok := s.Estimate(context.Background(), q); !ok || rows < 4000 || rows > 6000 {
		t.Errorf("all: %d, %t", rows, ok)
	}
	q.Where = predicate.Compare("n", predicate.Eq, predicate.Int(3))
	if rows, ok := s.Estimate(context.Background(), q); !ok || rows > 10 {
		t.Errorf("one: %d, %t", rows, ok)
	}
}
