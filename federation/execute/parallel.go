package execute

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// inParallel calls do for 0..n-1 and returns when all calls have; the last one runs on the caller's goroutine. A call
// that panics panics on the caller's goroutine, once all have ended: elsewhere it would end the process, and with it
// every other request.
func inParallel(n int, do func(i int)) {
	if n == 0 {
		return
	}
	var wait sync.WaitGroup
	var first panicked
	for i := range n - 1 {
		wait.Go(func() { first.guard(do, i) })
	}
	first.guard(do, n-1)
	wait.Wait()
	if first.value != nil {
		panic(first.value)
	}
}

// panicked keeps the first panic of several calls, with the stack that it was raised on.
type panicked struct {
	mu    sync.Mutex
	value any
}

func (p *panicked) guard(do func(int), i int) {
	defer func() {
		if caught := recover(); caught != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.value == nil {
				p.value = fmt.Sprintf("%v\n%s", caught, debug.Stack())
			}
		}
	}()
	do(i)
}
