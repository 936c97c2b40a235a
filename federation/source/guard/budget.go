package guard

import "sync/atomic"

// A retry costs what ten fetches bring, so that retries add at most a tenth to what a failing source has to bear;
// the account holds ten retries at most, and begins full.
const (
	retryCost   = 10
	mostBalance = 10 * retryCost
)

// budget is one source's account of retries.
type budget struct{ balance *atomic.Int64 }

func newBudget() budget {
	b := budget{new(atomic.Int64)}
	b.balance.Store(mostBalance)
	return b
}

// deposit is made by every fetch.
func (b budget) deposit() {
	for {
		have := b.balance.Load()
		if have >= mostBalance || b.balance.CompareAndSwap(have, have+1) {
			return
		}
	}
}

// withdraw pays for one retry, if it can.
func (b budget) withdraw() bool {
	for {
		have := b.balance.Load()
		if have < retryCost {
			return false
		}
		if b.balance.CompareAndSwap(have, have-retryCost) {
			return true
		}
	}
}
