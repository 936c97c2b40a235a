package sql

import (
	"context"
	"sync"

	"concordat/federation/source"
)

// Catalog remembers how a database's tables look, so that a statement can be planned without asking. The zero value
// remembers nothing and is ready. It is safe for concurrent use.
type Catalog struct {
	tables sync.Map // *Table by relation's table name
}

// Look describes a table that the catalog has not seen.
type Look func(ctx context.Context, name string) (*Table, error)

// Known is a table that was looked at before; nil for none.
func (c *Catalog) Known(name string) *Table {
	t, ok := c.tables.Load(name)
	if !ok {
		return nil
	}
	return t.(*Table)
}

// Table is a table as it was seen before, or as look sees it now.
func (c *Catalog) Table(ctx context.Context, name string, look Look) (*Table, error) {
	if t := c.Known(name); t != nil {
		return t, nil
	}
	t, err := look(ctx, name)
	if err != nil {
		return nil, err
	}
	c.tables.Store(name, t)
	return t, nil
}

// Tables are the query's own table and those of its related rows.
func (c *Catalog) Tables(ctx context.Context, q *source.Query, look Look) (own *Table, others Tables, err error) {
	if own, err = c.Table(ctx, q.Relation.Table, look); err != nil {
		return nil, nil, err
	}
	others, err = c.others(ctx, q.Related, look)
	return own, others, err
}

func (c *Catalog) others(ctx context.Context, related map[string]*source.Related, look Look) (Tables, error) {
	if len(related) == 0 {
		return nil, nil
	}
	for _, r := range related {
		if _, err := c.Table(ctx, r.Relation.Table, look); err != nil {
			return nil, err
		}
		if _, err := c.others(ctx, r.Related, look); err != nil {
			return nil, err
		}
	}
	return c.Seen(related), nil
}

// Seen are those tables of related rows that were looked at before.
func (c *Catalog) Seen(related map[string]*source.Related) Tables {
	if len(related) == 0 {
		return nil
	}
	into := Tables{}
	c.collect(related, into)
	return into
}

func (c *Catalog) collect(related map[string]*source.Related, into Tables) {
	for _, r := range related {
		if t := c.Known(r.Relation.Table); t != nil {
			into[r.Relation.Table] = t
		}
		c.collect(r.Related, into)
	}
}

// Forget makes the next fetch look at one table again.
func (c *Catalog) Forget(name string) { c.tables.Delete(name) }

// ForgetAll makes the next fetch look at the tables of q again: perhaps their columns changed under us.
func (c *Catalog) ForgetAll(q *source.Query) {
	c.Forget(q.Relation.Table)
	for name := range c.Seen(q.Related) {
		c.Forget(name)
	}
}

// Relates reports whether the query's related rows can be looked for in its statement, by what is known of its tables.
func (c *Catalog) Relates(d Dialect, q *source.Query) bool {
	t := c.Known(q.Relation.Table)
	return t != nil && Relates(d, t, q, c.Seen(q.Related))
}

// Totals reports whether the query's totals can be one statement, by what is known of its tables.
func (c *Catalog) Totals(d Dialect, q *source.Query) bool {
	t := c.Known(q.Relation.Table)
	return t != nil && Totals(d, t, q, c.Seen(q.Related))
}
