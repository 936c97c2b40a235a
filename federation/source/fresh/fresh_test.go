package fresh_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/fresh"
	"concordat/federation/source/memory"
	"concordat/privacy"
)

var relation = &source.Relation{Type: "Reading", Table: "readings", Columns: map[string]source.Column{
	"at":  {Coordinate: "Reading.at", Physical: "at", Kind: privacy.Time},
	"day": {Coordinate: "Reading.day", Physical: "day", Kind: privacy.Date}}}

func readings(at time.Time, day string) source.Source {
	t := &privacy.Table{Rows: 2, Columns: []*privacy.Column{privacy.NewColumn("at", "Reading.at", privacy.Time, 2), privacy.NewColumn("day", "Reading.day", privacy.Date, 2)}}
	t.Columns[0].AppendInt(at.UnixMicro())
	t.Columns[0].AppendNull()
	t.Columns[1].AppendText("2025-01-01")
	t.Columns[1].AppendText(day)
	return memory.New(map[string]*privacy.Table{"Reading": t})
}

// counted counts the statements that a source is asked, and fails where it is told to.
type counted struct {
	source.Source
	asked  atomic.Int64
	failed atomic.Bool
}

func (c *counted) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	c.asked.Add(1)
	if c.failed.Load() {
		return nil, source.ErrUnavailable
	}
	return c.Source.Fetch(ctx, q)
}

func TestReadingsAreRareRoundedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
		inner := &counted{Source: readings(last, "2025-02-03")}
		s := fresh.New(inner, fresh.Options{Relation: relation, Field: "at", Every: time.Minute})
		defer s.Close()
		synctest.Wait()
		for range 100 {
			asOf, read, ok := s.AsOf()
			if !ok || !asOf.Equal(last.Truncate(time.Hour)) || !read.Equal(time.Now()) {
				t.Fatalf("%v %v %t", asOf, read, ok)
			}
		}
		if n := inner.asked.Load(); n != 1 {
			t.Fatalf("asked %d times", n)
		}
		inner.failed.Store(true)
		time.Sleep(time.Minute)
		s.AsOf()
		synctest.Wait()
		if asOf, _, ok := s.AsOf(); !ok || asOf.Hour() != 5 || inner.asked.Load() != 2 {
			t.Fatalf("after a failure: %v %t, asked %d times", asOf, ok, inner.asked.Load())
		}
	})
}

func TestDatesAreDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fresh.New(readings(time.Now(), "2025-02-03"), fresh.Options{Relation: relation, Field: "day"})
		defer s.Close()
		synctest.Wait()
		if asOf, _, ok := s.AsOf(); !ok || asOf.Format(time.RFC3339) != "2025-02-03T00:00:00Z" {
			t.Errorf("%v %t", asOf, ok)
		}
	})
}

func TestASourceThatWasNeverReadSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &counted{Source: readings(time.Now(), "2025-02-03")}
		inner.failed.Store(true)
		s := fresh.New(inner, fresh.Options{Relation: relation, Field: "at"})
		synctest.Wait()
		if _, _, ok := s.AsOf(); ok {
			t.Error("a reading that failed is one")
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
}
