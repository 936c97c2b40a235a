package lite_test

import (
	"context"
	"runtime"
	"testing"

	"concordat/federation/source/sqlite/lite"
)

// length is a hash that tests can foretell.
func length(factor int64) lite.Hash {
	return func(text []byte) int64 { return factor * int64(len(text)) }
}

func TestHashedCallsTheHashOfItsSlot(t *testing.T) {
	c := open(t)
	s, err := c.Prepare("SELECT hashed(0, ?1), hashed(1, ?1), hashed(0, NULL), hashed(2, ?1), hashed(-1, ?1), hashed(0, 1234)")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for round := range int64(100) { // the same statement, with other hashes in each run
		c.SetHashes([]lite.Hash{length(round), length(-round)})
		runtime.GC() // what SQLite points to must not be collected
		if err := s.Start(context.Background(), "a\x00漢"); err != nil {
			t.Fatal(err)
		}
		if !s.Next() || s.Int(0) != 5*round || s.Int(1) != -5*round || s.Int(5) != 4*round {
			t.Fatalf("round %d: %d %d %d", round, s.Int(0), s.Int(1), s.Int(5))
		}
		for i := 2; i <= 4; i++ {
			if s.Type(i) != lite.Null {
				t.Errorf("column %d is not NULL", i)
			}
		}
		if err := s.Done(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHashesDoNotOutliveTheirRun(t *testing.T) {
	c := open(t)
	s, err := c.Prepare("SELECT hashed(0, 'x')")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c.SetHashes([]lite.Hash{length(1)})
	c.SetHashes(nil)
	if err := s.Start(context.Background()); err != nil || !s.Next() || s.Type(0) != lite.Null {
		t.Error("a hash of an earlier run is computed", err)
	}
	if err := s.Done(); err != nil {
		t.Fatal(err)
	}
}
