package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"concordat/federation/source"
	"concordat/privacy"
)

// affinity is how SQLite converts a column's operands (datatype3, section 3.1).
type affinity uint8

const (
	none affinity = iota // no declared type: expressions of views
	text
	numeric // INTEGER, REAL and NUMERIC
)

// table is what the file says of one table or view.
type table struct {
	name    string
	columns map[string]column // by physical name
}

// column is a physical column and how it is written.
type column struct {
	affinity affinity
	text     string // t."name"
	leads    bool   // an index of all rows begins with it
}

// catalog reads tables once.
type catalog struct {
	pool   *pool
	tables sync.Map // name -> *table
	fit    sync.Map // *source.Relation -> true: checked
}

// leadingColumns lists the first column of each index of all rows, in the order that texts are compared in, and the
// primary key's, which is the table itself where it is the row id.
const leadingColumns = `SELECT x.name FROM pragma_index_list(?) AS i, pragma_index_xinfo(i.name) AS x
	WHERE x.seqno = 0 AND x.name IS NOT NULL AND x.coll = 'BINARY' AND i.partial = 0
	UNION SELECT name FROM pragma_table_info(?) WHERE pk = 1`

func newCatalog(p *pool) *catalog { return &catalog{pool: p} }

// checkEncoding refuses a file that does not store UTF-8: text would not compare by its bytes.
func (c *catalog) checkEncoding(ctx context.Context) error {
	rows, err := c.texts(ctx, "SELECT encoding FROM pragma_encoding")
	if err != nil {
		return err
	}
	if len(rows) != 1 || rows[0] != "UTF-8" {
		return fmt.Errorf("the file does not store UTF-8: %w", source.ErrInvalid)
	}
	return nil
}

func (c *catalog) table(ctx context.Context, name string) (*table, error) {
	if t, ok := c.tables.Load(name); ok {
		return t.(*table), nil
	}
	names, err := c.texts(ctx, "SELECT name FROM pragma_table_xinfo(?) ORDER BY cid", name)
	if err != nil {
		return nil, err
	}
	types, err := c.texts(ctx, "SELECT type FROM pragma_table_xinfo(?) ORDER BY cid", name)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 || len(names) != len(types) {
		return nil, fmt.Errorf("no table %q: %w", name, source.ErrInvalid)
	}
	leading, err := c.texts(ctx, leadingColumns, name, name)
	if err != nil {
		return nil, err
	}
	t := &table{name: name, columns: map[string]column{}}
	for i, n := range names {
		t.columns[n] = column{affinityOf(types[i]), "t." + quote(n), slices.Contains(leading, n)}
	}
	c.tables.Store(name, t)
	return t, nil
}

// texts runs a statement of one text column.
func (c *catalog) texts(ctx context.Context, sql string, arguments ...any) ([]string, error) {
	conn, err := c.pool.take(ctx)
	if err != nil {
		return nil, failure(err)
	}
	defer c.pool.put(conn)
	s, err := conn.prepare(sql)
	if err != nil {
		return nil, failure(err)
	}
	if err := s.Start(ctx, arguments...); err != nil {
		return nil, failure(err)
	}
	var out []string
	for s.Next() {
		out = append(out, string(s.Bytes(0)))
	}
	if err := s.Done(); err != nil {
		return nil, failure(err)
	}
	return out, nil
}

// affinityOf follows the five rules of datatype3, section 3.1.
func affinityOf(declared string) affinity {
	d := strings.ToUpper(declared)
	has := func(part string) bool { return strings.Contains(d, part) }
	switch {
	case has("INT"):
		return numeric
	case has("CHAR"), has("CLOB"), has("TEXT"):
		return text
	case d == "", has("BLOB"), d == "ANY":
		return none
	}
	return numeric
}

// admit remembers a relation that fits; others are looked at again by each fetch.
func (c *catalog) admit(t *table, r *source.Relation) error {
	err := t.fits(r)
	if err == nil {
		c.fit.Store(r, true)
	}
	return err
}

func (c *catalog) fits(t *table, r *source.Relation) error {
	if _, ok := c.fit.Load(r); ok {
		return nil
	}
	return t.fits(r)
}

// fits reports whether the table has the relation's columns and can hold their kinds.
func (t *table) fits(r *source.Relation) error {
	for field, c := range r.Columns {
		if c.Derived != nil {
			continue // made of another, which is looked at
		}
		physical, ok := t.columns[c.Physical]
		if !ok {
			return fmt.Errorf("%s.%s: table %q has no column %q: %w", r.Type, field, t.name, c.Physical, source.ErrInvalid)
		}
		if physical.affinity == text && needsNumber(c.Kind) {
			return fmt.Errorf("%s.%s: column %q is text, the field is a number: %w", r.Type, field, c.Physical, source.ErrInvalid)
		}
	}
	return nil
}

func needsNumber(k privacy.Kind) bool {
	return k == privacy.Bool || k == privacy.Int || k == privacy.BigInt || k == privacy.Float
}
