package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/guard"
	"concordat/federation/source/memory"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// flaky is a source that does what it is told, and counts.
type flaky struct {
	asked   atomic.Int32
	at      atomic.Int32
	most    atomic.Int32
	respond func(ctx context.Context) error
}

func (f *flaky) Fetch(ctx context.Context, _ *source.Query) (*privacy.Table, error) {
	f.asked.Add(1)
	f.most.Store(max(f.most.Load(), f.at.Add(1)))
	defer f.at.Add(-1)
	if err := f.respond(ctx); err != nil {
		return nil, err
	}
	return &privacy.Table{}, nil
}

func hang(ctx context.Context) error {
	<-ctx.Done()
	return source.Ended(ctx.Err())
}

func always(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

var query = &source.Query{}

// asks fetches n times and returns the last error.
func asks(ctx context.Context, s source.Source, n int) (err error) {
	for range n {
		_, err = s.Fetch(ctx, query)
	}
	return err
}

func TestSlowSourceEndsAtItsOwnTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard.New(&flaky{respond: hang}, guard.Options{Timeout: 3 * time.Second})
		began := time.Now()
		if err := asks(t.Context(), s, 1); !errors.Is(err, source.ErrTimeout) {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}

func TestNoMoreFetchesThanPlacesRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{respond: func(context.Context) error { time.Sleep(time.Second); return nil }}
		s := guard.New(f, guard.Options{Concurrency: 3, Timeout: 10 * time.Second})
		var wait sync.WaitGroup
		for range 9 {
			wait.Go(func() {
				if err := asks(t.Context(), s, 1); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if f.most.Load() != 3 {
			t.Fatalf("%d at once", f.most.Load())
		}
	})
}

func TestWaitForAPlaceEndsAndDoesNotCountAgainstTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{respond: func(context.Context) error { time.Sleep(time.Hour); return nil }}
		s := guard.New(f, guard.Options{Concurrency: 1, Timeout: time.Second, Failures: 1, Retries: 3})
		var wait sync.WaitGroup
		wait.Go(func() { _ = asks(t.Context(), s, 1) })
		synctest.Wait()
		for range 3 {
			if err := asks(t.Context(), s, 1); !errors.Is(err, guard.ErrBusy) || !errors.Is(err, source.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := asks(ctx, s, 1); !errors.Is(err, source.ErrTimeout) {
			t.Fatal(err)
		}
		wait.Wait()
		f.respond = always(nil)
		if err := asks(t.Context(), s, 1); err != nil || f.asked.Load() != 2 {
			t.Fatalf("asked %d times: %v", f.asked.Load(), err)
		}
	})
}

func TestCircuitOpensAfterFailuresInARowAndOneProbeClosesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{respond: always(source.ErrUnavailable)}
		s := guard.New(f, guard.Options{Failures: 3, Cooldown: 5 * time.Second})
		if err := asks(t.Context(), s, 10); !errors.Is(err, guard.ErrOpen) || !errors.Is(err, source.ErrUnavailable) {
			t.Fatal(err)
		}
		if f.asked.Load() != 3 {
			t.Fatalf("asked %d times before the circuit opened", f.asked.Load())
		}
		time.Sleep(5 * time.Second)
		if err := asks(t.Context(), s, 4); !errors.Is(err, guard.ErrOpen) || f.asked.Load() != 4 {
			t.Fatalf("a failed probe lets others through: asked %d times, %v", f.asked.Load(), err)
		}
		time.Sleep(5 * time.Second)
		f.respond = func(context.Context) error { time.Sleep(time.Second); return nil }
		var refused atomic.Int32
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if err := asks(t.Context(), s, 1); errors.Is(err, guard.ErrOpen) {
					refused.Add(1)
				}
			})
		}
		wait.Wait()
		if f.asked.Load() != 5 || refused.Load() != 7 {
			t.Fatalf("%d probes, %d refused", f.asked.Load()-4, refused.Load())
		}
		if err := asks(t.Context(), s, 3); err != nil {
			t.Fatalf("the circuit did not close: %v", err)
		}
	})
}

func TestSuccessBetweenFailuresKeepsTheCircuitClosed(t *testing.T) {
	n := 0
	f := &flaky{respond: func(context.Context) error {
		if n++; n%3 == 0 {
			return nil
		}
		return source.ErrUnavailable
	}}
	s := guard.New(f, guard.Options{Failures: 3})
	_ = asks(t.Context(), s, 30)
	if f.asked.Load() != 30 {
		t.Fatalf("asked %d times", f.asked.Load())
	}
}

// A caller can send what a source refuses, and can hang up: neither may take the source from the others.
func TestCallersCannotOpenTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, respond := range map[string]func(context.Context) error{
			"invalid": always(source.ErrInvalid), "too large": always(source.ErrTooLarge), "hung up": hang,
		} {
			f := &flaky{respond: respond}
			s := guard.New(f, guard.Options{Failures: 1})
			for range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				_ = asks(ctx, s, 1)
				cancel()
			}
			if f.asked.Load() != 5 {
				t.Errorf("%s: asked %d times", name, f.asked.Load())
			}
		}
	})
}

func TestProbeThatProvesNothingIsFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{respond: always(source.ErrUnavailable)}
		s := guard.New(f, guard.Options{Failures: 1, Cooldown: time.Second})
		_ = asks(t.Context(), s, 1)
		time.Sleep(time.Second)
		f.respond = func(context.Context) error { panic("a defect of the source") }
		func() {
			defer func() { _ = recover() }()
			_ = asks(t.Context(), s, 1)
		}()
		f.respond = always(source.ErrInvalid)
		_ = asks(t.Context(), s, 1)
		f.respond = always(nil)
		if err := asks(t.Context(), s, 2); err != nil {
			t.Fatal(err)
		}
	})
}

func TestUnavailableSourceIsAskedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := 3
		f := &flaky{respond: func(context.Context) error {
			if left--; left >= 0 {
				return source.ErrUnavailable
			}
			return nil
		}}
		var drawn []time.Duration
		s := guard.New(f, guard.Options{Retries: 3, Failures: 9, Backoff: time.Second, Pause: func(most time.Duration) time.Duration {
			drawn = append(drawn, most)
			return most
		}})
		began := time.Now()
		if err := asks(t.Context(), s, 1); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(drawn) != "[1s 2s 4s]" || time.Since(began) != 7*time.Second {
			t.Fatalf("pauses %v, took %v", drawn, time.Since(began))
		}
	})
}

func TestOnlyUnavailabilityIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, err := range []error{source.ErrTimeout, source.ErrInvalid, source.ErrTooLarge} {
			f := &flaky{respond: always(err)}
			if got := asks(t.Context(), guard.New(f, guard.Options{Retries: 5}), 1); !errors.Is(got, err) || f.asked.Load() != 1 {
				t.Errorf("%v: asked %d times", err, f.asked.Load())
			}
		}
	})
}

func TestRetryEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{respond: always(source.ErrUnavailable)}
		s := guard.New(f, guard.Options{Retries: 5, Pause: func(time.Duration) time.Duration { return time.Hour }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := asks(ctx, s, 1); !errors.Is(err, source.ErrUnavailable) || time.Since(began) != time.Second || f.asked.Load() != 1 {
			t.Fatalf("asked %d times in %v: %v", f.asked.Load(), time.Since(began), err)
		}
	})
}

func TestRetriesOfAFailingSourceAddATenthAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{respond: always(source.ErrUnavailable)}
		s := guard.New(f, guard.Options{Retries: 5, Failures: 1 << 30})
		_ = asks(t.Context(), s, 10_000)
		if retries := f.asked.Load() - 10_000; retries < 1000 || retries > 1010 {
			t.Fatalf("%d retries", retries)
		}
	})
}

func TestAnswerBeyondItsBytesIsRefused(t *testing.T) {
	ward := privacy.NewColumn("ward", "Admission.ward", privacy.String, 1)
	ward.AppendText(strings.Repeat("x", 1000))
	rows := memory.New(map[string]*privacy.Table{"Admission": {Rows: 1, Columns: []*privacy.Column{ward}}})
	q := &source.Query{Relation: &source.Relation{Type: "Admission", Table: "admissions", Columns: map[string]source.Column{
		"ward": {Coordinate: "Admission.ward", Physical: "ward", Kind: privacy.String}}},
		Select: []string{"ward"}, Where: predicate.Always(), MaxRows: 10}
	for most, want := range map[int64]error{500: source.ErrTooLarge, 2000: nil} {
		if _, err := guard.New(rows, guard.Options{MaxBytes: most}).Fetch(t.Context(), q); !errors.Is(err, want) {
			t.Errorf("at most %d: %v", most, err)
		}
	}
}

type silent struct{}

func (silent) Fetch(context.Context, *source.Query) (*privacy.Table, error) { return nil, nil }

func TestNeitherRowsNorErrorIsInvalid(t *testing.T) {
	if err := asks(t.Context(), guard.New(silent{}, guard.Options{}), 1); !errors.Is(err, source.ErrInvalid) {
		t.Fatal(err)
	}
}

func TestPowersOfTheSourceRemain(t *testing.T) {
	plain := guard.New(silent{}, guard.Options{})
	if plain.Derives(query) || plain.Explain(query).Statement != "" {
		t.Error("a plain source has gained powers")
	}
	able := guard.New(derivingMemory{memory.New(nil)}, guard.Options{})
	q := &source.Query{Relation: &source.Relation{Table: "admissions"}}
	if !able.Derives(q) || !strings.Contains(able.Explain(q).Statement, "admissions") {
		t.Error("a source has lost its powers")
	}
}

type derivingMemory struct{ *memory.Source }

func (derivingMemory) Derives(*source.Query) bool { return true }

func BenchmarkFetchThroughGuard(b *testing.B) {
	f := &flaky{respond: always(nil)}
	s := guard.New(f, guard.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := asks(b.Context(), s, 1); err != nil {
			b.Fatal(err)
		}
	}
}
