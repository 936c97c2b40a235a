package sqlite

import (
	"context"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"concordat/federation/source/sqlite/lite"
)

// pool lends connections, the most recently used first, since its page cache is warm.
type pool struct {
	file       string
	statements int
	slots      chan struct{} // one token for each connection that may be lent

	mu   sync.Mutex
	idle []*connection
}

// connection is one open file with the statements prepared on it.
type connection struct {
	*lite.Conn
	prepared *simplelru.LRU[string, *lite.Stmt]
}

func newPool(file string, size, statements int) (*pool, error) {
	p := &pool{file: file, statements: statements, slots: make(chan struct{}, size)}
	first, err := p.connect()
	if err != nil {
		return nil, err
	}
	p.idle = append(p.idle, first)
	return p, nil
}

func (p *pool) connect() (*connection, error) {
	c, err := lite.Open(p.file)
	if err != nil {
		return nil, err
	}
	prepared, err := simplelru.NewLRU(p.statements, func(_ string, s *lite.Stmt) { s.Close() })
	if err != nil {
		c.Close()
		return nil, err
	}
	return &connection{Conn: c, prepared: prepared}, nil
}

// take waits for a connection until ctx ends.
func (p *pool) take(ctx context.Context) (*connection, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c := p.pop(); c != nil {
		return c, nil
	}
	c, err := p.connect()
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

func (p *pool) pop() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

func (p *pool) put(c *connection) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.slots
}

// discard closes a connection that is not as it was lent.
func (p *pool) discard(c *connection) {
	c.prepared.Purge()
	c.Close()
	<-p.slots
}

// close takes every slot, so that no connection is lent, and keeps them: later takes wait for their context.
func (p *pool) close() {
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	for c := p.pop(); c != nil; c = p.pop() {
		c.prepared.Purge()
		c.Close()
	}
}

// prepare finds or compiles a statement. The text is the key: values are always bound.
func (c *connection) prepare(text string) (*lite.Stmt, error) {
	if s, ok := c.prepared.Get(text); ok {
		return s, nil
	}
	s, err := c.Prepare(text)
	if err != nil {
		return nil, err
	}
	c.prepared.Add(text, s)
	return s, nil
}
