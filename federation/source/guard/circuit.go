package guard

import (
	"sync"
	"time"
)

// outcome is what an attempt tells about the source.
type outcome uint8

const (
	unknown outcome = iota
	succeeded
	failed
)

// circuit counts failures in a row. It is closed below most of them, open for cooldown after that, then half open:
// one attempt at a time goes through, and its outcome closes the circuit or opens it again.
type circuit struct {
	most     int
	cooldown time.Duration

	mu       sync.Mutex // guards the following
	failures int
	until    time.Time // of an open circuit
	probing  bool
}

// refuses reports whether enter would.
func (c *circuit) refuses(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures >= c.most && (c.probing || now.Before(c.until))
}

// enter lets an attempt through, perhaps as the probe. One that went through must leave.
func (c *circuit) enter(now time.Time) (probe, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures < c.most {
		return false, true
	}
	if c.probing || now.Before(c.until) {
		return false, false
	}
	c.probing = true
	return true, true
}

// leave notes an attempt's outcome. An attempt that entered a closed circuit and ends in an open one counts like any
// other, but does not end the probe that may be under way; what is unknown changes nothing, and frees the probe's
// place.
func (c *circuit) leave(probe bool, o outcome, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if probe {
		c.probing = false
	}
	switch o {
	case succeeded:
		c.failures = 0
	case failed:
		c.failures = min(c.failures+1, c.most)
		if c.failures == c.most {
			c.until = now.Add(c.cooldown)
		}
	}
}
