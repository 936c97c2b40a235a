package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"concordat/inference"
)

// slow is an engine that takes a millisecond a text and says of each text how long it is. It checks its caller: never more
// than `most` batches at once.
type slow struct {
	mu      sync.Mutex
	batches [][]string
	running int
	most    int
	fail    func([]string) ([]inference.Result, error)
}

func (s *slow) Describe() inference.Description { return inference.Description{Name: "slow"} }
func (s *slow) Close() error                    { return nil }

func (s *slow) Infer(_ context.Context, texts []string) ([]inference.Result, error) {
	s.mu.Lock()
	s.batches = append(s.batches, texts)
	s.running++
	if s.running > s.most {
		panic("too many batches at once")
	}
	s.mu.Unlock()
	time.Sleep(time.Duration(len(texts)) * time.Millisecond)
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	if s.fail != nil {
		return s.fail(texts)
	}
	out := make([]inference.Result, len(texts))
	for i, t := range texts {
		out[i].Entities = []inference.Entity{{ByteEnd: len(t)}}
	}
	return out, nil
}

func start(t *testing.T, o Options) (*slow, *Queue) {
	o.Parallel = max(o.Parallel, 1)
	e := &slow{most: o.Parallel}
	q := New(e, o)
	t.Cleanup(func() { q.Close() })
	return e, q
}

func TestIdleEngineIsGivenWorkAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := start(t, Options{Window: time.Hour})
		begun := time.Now()
		if _, err := q.Infer(t.Context(), "a", []string{"x"}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

func TestCallsThatWaitShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, q := start(t, Options{BatchTexts: 128, BatchBytes: 16 << 10})
		var wg sync.WaitGroup
		for i := range 33 {
			wg.Go(func() {
				text := strings.Repeat("x", i)
				got, err := q.Infer(t.Context(), "a", []string{text, "", text})
				if err != nil || len(got) != 3 || got[0].Entities[0].ByteEnd != i || got[1].Entities[0].ByteEnd != 0 || got[2].Entities[0].ByteEnd != i {
					t.Errorf("call %d: %v %v", i, got, err)
				}
			})
		}
		wg.Wait()
		if len(e.batches) != 2 {
			t.Errorf("%d batches for one call and 32 that came while it ran", len(e.batches))
		}
	})
}

func TestFloodingCallerWaitsBehindHimself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := start(t, Options{BatchTexts: 16, BatchBytes: 400})
		flood := make([]string, 20_000)
		done := make(chan error, 1)
		go func() {
			_, err := q.Infer(t.Context(), "flood", flood)
			done <- err
		}()
		synctest.Wait()
		for range 20 {
			begun := time.Now()
			if _, err := q.Infer(t.Context(), "other", []string{"a", "b"}); err != nil {
				t.Fatal(err)
			}
			// At worst a full batch is in the engine and a full one follows, with our texts in it.
			if took := time.Since(begun); took > 2*16*time.Millisecond {
				t.Errorf("the other caller waited %v", took)
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// p95 of calls of one caller, each of a batch's texts, in the test's own time: the order in which texts are taken decides
// it, and nothing else.
func p95(t *testing.T, flooded bool) time.Duration {
	var took []time.Duration
	synctest.Test(t, func(t *testing.T) {
		_, q := start(t, Options{BatchTexts: 16})
		done := make(chan error, 4)
		if flooded {
			for range cap(done) {
				go func() {
					_, err := q.Infer(t.Context(), "flood", make([]string, 10_000))
					done <- err
				}()
			}
			synctest.Wait()
		}
		for i := range 100 {
			time.Sleep(time.Duration(i*37%23) * time.Millisecond) // at every point of a batch
			begun := time.Now()
			if _, err := q.Infer(t.Context(), "other", make([]string, 16)); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(begun))
		}
		if flooded {
			for range cap(done) {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
	})
	slices.Sort(took)
	return took[94]
}

func TestFloodAtMostDoublesAnothersTime(t *testing.T) {
	alone, flooded := p95(t, false), p95(t, true)
	if alone != 16*time.Millisecond || flooded > 2*alone {
		t.Errorf("p95 %v alone, %v beside a flood", alone, flooded)
	}
}

func TestFloodGetsOnWhileNewcomersKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, q := start(t, Options{BatchTexts: 16})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for n := 0; n < 100 && ctx.Err() == nil; n++ {
					if _, err := q.Infer(t.Context(), fmt.Sprint(i), make([]string, 16)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		synctest.Wait()
		if _, err := q.Infer(t.Context(), "flood", make([]string, 160)); err != nil {
			t.Fatal(err)
		}
		// A share of 21 equal ones would be 210 batches: newcomers going first leaves at least a third of it.
		e.mu.Lock()
		n := len(e.batches)
		e.mu.Unlock()
		if n > 3*210 {
			t.Errorf("160 texts took %d batches", n)
		}
		cancel()
		wg.Wait()
	})
}

func TestFullQueueAndFullShareRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := start(t, Options{QueueBytes: 4000, ShareBytes: 1000, BatchBytes: 64})
		text := []string{strings.Repeat("x", 584)} // 600 with what a text costs
		var wg sync.WaitGroup
		send := func(caller string) { wg.Go(func() { q.Infer(t.Context(), caller, text) }); synctest.Wait() }
		send("first") // in the engine
		send("flood") // waits
		if _, err := q.Infer(t.Context(), "flood", text); !errors.Is(err, inference.ErrOverloaded) {
			t.Errorf("beyond the share: %v", err)
		}
		for _, caller := range []string{"b", "c", "d", "e", "f"} {
			send(caller)
		}
		if _, err := q.Infer(t.Context(), "g", text); !errors.Is(err, inference.ErrOverloaded) {
			t.Errorf("beyond the queue: %v", err)
		}
		wg.Wait()
		if q.Waiting() != 0 {
			t.Errorf("%d still waiting", q.Waiting())
		}
	})
}

func TestCallThatWouldBeLateIsRefusedBeforeItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := start(t, Options{})
		if _, err := q.Infer(t.Context(), "a", make([]string, 50)); err != nil { // measures: a millisecond a text
			t.Fatal(err)
		}
		go q.Infer(t.Context(), "a", make([]string, 1000))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		begun := time.Now()
		if _, err := q.Infer(ctx, "a", make([]string, 30)); !errors.Is(err, inference.ErrOverloaded) || time.Since(begun) != 0 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestCancelledCallReturnsAndLeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, q := start(t, Options{BatchTexts: 4})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := q.Infer(ctx, "a", make([]string, 400)); !errors.Is(err, context.Canceled) || got != nil {
				t.Errorf("cancelled: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := q.Infer(t.Context(), "b", []string{"x"}); err != nil {
				t.Error(err)
			}
		})
		cancel()
		wg.Wait()
		time.Sleep(time.Second)
		if n := len(e.batches); n > 4 {
			t.Errorf("%d batches: the cancelled call's texts were read on", n)
		}
		if q.Waiting() != 0 {
			t.Errorf("%d still waiting", q.Waiting())
		}
	})
}

func TestFailingEngineIsAFailureAndNoAnswer(t *testing.T) {
	for name, fail := range map[string]func([]string) ([]inference.Result, error){
		"error": func([]string) ([]inference.Result, error) { return nil, errors.New("marker-of-the-inner-error") },
		"panic": func([]string) ([]inference.Result, error) { panic("boom") },
		"short": func(texts []string) ([]inference.Result, error) { return make([]inference.Result, len(texts)-1), nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			e, q := start(t, Options{})
			e.fail = fail
			if got, err := q.Infer(t.Context(), "a", []string{"x", "y"}); !errors.Is(err, inference.ErrFailed) || got != nil {
				t.Errorf("%s: %v %v", name, got, err)
			}
		})
	}
}

func TestBadTextIsRefusedBeforeItJoinsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, q := start(t, Options{})
		if _, err := q.Infer(t.Context(), "a", []string{"\xff"}); !errors.Is(err, inference.ErrTextInvalid) || len(e.batches) != 0 {
			t.Errorf("%v after %d batches", err, len(e.batches))
		}
	})
}

func TestCloseFailsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := start(t, Options{BatchTexts: 1})
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := q.Infer(t.Context(), "a", []string{"x"})
				errs <- err
			}()
			synctest.Wait()
		}
		q.Close()
		a, b := <-errs, <-errs
		if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), inference.ErrClosed) {
			t.Errorf("%v, %v: the one in the engine is answered, the one waiting is not", a, b)
		}
		if _, err := q.Infer(t.Context(), "a", []string{"x"}); !errors.Is(err, inference.ErrClosed) {
			t.Error(err)
		}
	})
}
