package budget_test

import (
	"errors"
	"sync"
	"testing"

	"concordat/privacy/budget"
	"concordat/state"
)

var admissions = budget.Account{Agreement: "research-2025", Dataset: "admissions"}

func open(t *testing.T, dir string) *state.Store {
	t.Helper()
	s, err := state.Open(state.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func allow(t *testing.T, s *state.Store, a budget.Account, e budget.Epsilon) {
	t.Helper()
	if err := s.Commit(t.Context(), func(tx state.Tx) error { return budget.Allow(tx, a, e) }); err != nil {
		t.Fatal(err)
	}
}

func spend(t *testing.T, s *state.Store, id string, costs ...budget.Cost) (spent budget.Spent, err error) {
	err = s.Commit(t.Context(), func(tx state.Tx) (err error) {
		spent, err = budget.Spend(tx, id, costs)
		return err
	})
	return spent, err
}

func left(t *testing.T, s *state.Store, a budget.Account) (e budget.Epsilon) {
	t.Helper()
	err := s.View(func(tx state.ReadTx) (err error) { e, err = budget.Remaining(tx, a); return err })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSpendIsChargedOncePerID(t *testing.T) {
	s := open(t, t.TempDir())
	allow(t, s, admissions, 100)
	cost := budget.Cost{Account: admissions, Epsilon: 30}
	for range 3 {
		spent, err := spend(t, s, "session-1", cost)
		if err != nil || !spent.Valid() || spent.Epsilon(admissions) != 30 {
			t.Fatal(spent, err)
		}
	}
	if got := left(t, s, admissions); got != 70 {
		t.Fatal(got)
	}
	cost.Epsilon = 31
	if spent, err := spend(t, s, "session-1", cost); !errors.Is(err, budget.ErrConflict) || spent.Valid() {
		t.Fatal(spent, err)
	}
}

func TestSpendOverSeveralAccountsIsAllOrNothing(t *testing.T) {
	s := open(t, t.TempDir())
	other := budget.Account{Agreement: "research-2025", Dataset: "notes"}
	allow(t, s, admissions, 100)
	allow(t, s, other, 10)
	_, err := spend(t, s, "x", budget.Cost{Account: admissions, Epsilon: 50}, budget.Cost{Account: other, Epsilon: 11})
	if !errors.Is(err, budget.ErrExhausted) || left(t, s, admissions) != 100 || left(t, s, other) != 10 {
		t.Fatal(err, left(t, s, admissions), left(t, s, other))
	}
	if _, err := spend(t, s, "y", budget.Cost{Account: admissions, Epsilon: 60}, budget.Cost{Account: admissions, Epsilon: 60}); !errors.Is(err, budget.ErrExhausted) {
		t.Fatal("two costs on one account were not added up:", err)
	}
}

func TestConcurrentSpendsNeverExceedTheAllowance(t *testing.T) {
	s := open(t, t.TempDir())
	allow(t, s, admissions, 100)
	var wg sync.WaitGroup
	var mu sync.Mutex
	granted := 0
	for i := range 40 {
		wg.Go(func() {
			if _, err := spend(t, s, string(rune('a'+i)), budget.Cost{Account: admissions, Epsilon: 7}); err == nil {
				mu.Lock()
				granted++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if granted != 14 || left(t, s, admissions) != 2 {
		t.Fatal(granted, left(t, s, admissions))
	}
}

func TestWhatWasSpentSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	allow(t, s, admissions, 100)
	if _, err := spend(t, s, "x", budget.Cost{Account: admissions, Epsilon: 99}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir)
	if got := left(t, s, admissions); got != 1 {
		t.Fatal(got)
	}
}

func TestSpendsThatSayNothingAreRefused(t *testing.T) {
	s := open(t, t.TempDir())
	allow(t, s, admissions, 100)
	for _, c := range []struct {
		id   string
		cost budget.Cost
	}{{"", budget.Cost{Account: admissions, Epsilon: 1}}, {"x", budget.Cost{Account: admissions}}, {"x", budget.Cost{Account: admissions, Epsilon: -5}}} {
		if _, err := spend(t, s, c.id, c.cost); !errors.Is(err, budget.ErrInvalid) {
			t.Error(c, err)
		}
	}
	if _, err := spend(t, s, "unknown", budget.Cost{Account: budget.Account{Agreement: "a", Dataset: "b"}, Epsilon: 1}); !errors.Is(err, budget.ErrExhausted) {
		t.Error(err)
	}
	if (budget.Spent{}).Valid() {
		t.Error("the zero value proves a spend")
	}
}

func TestPerRoundsUp(t *testing.T) {
	for _, c := range []struct{ num, den, want int64 }{{1, 1, 1_000_000}, {1, 3, 333_334}, {1, 10_000_000, 1}} {
		if got, err := budget.Per(c.num, c.den); err != nil || int64(got) != c.want {
			t.Error(c, got, err)
		}
	}
}

func TestDeltaIsAnAccountOfItsOwn(t *testing.T) {
	a := budget.Account{Agreement: "a", Dataset: "d"}
	if a.Delta() == a || a.Delta() == (budget.Account{Agreement: "a", Dataset: "d/delta"}).Delta() {
		t.Error("one account")
	}
	for exponent, want := range map[int]budget.Epsilon{12: 1, 6: 1_000_000, 1: 100_000_000_000, 13: 1} {
		if got := budget.Trillionths(exponent); got != want {
			t.Errorf("10^-%d is %d", exponent, got)
		}
	}
}
