// Package mock answers from a supergraph alone, with invented rows: so that an agency can try its schema and its rules
// before any data is connected.
//
//	sources := mock.Sources(supergraph, mock.DefaultRows)
//
// A value is a function of its column and the number of its row, so that two starts answer the same. Texts begin with
// "Example" wherever their format leaves room; addresses, telephone numbers and links lie in the ranges that are reserved
// for examples (RFC 2606, RFC 5737, the North American 555-01xx). Columns that a relation compares draw from one pool, so
// that joins find rows. A column with @example takes its values. The rows say nothing about anybody, and nothing about
// how real values are distributed.
package mock

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/federation/source/memory"
	"concordat/privacy"
)

// DefaultRows is how many rows each agency has of each type.
const DefaultRows = 24

// Sources is a source in memory for each that the supergraph names, with so many invented rows of each type it holds.
func Sources(sg *compose.Supergraph, rows int) map[string]source.Source {
	pools := newPools(sg, rows)
	tables := map[string]map[string]*privacy.Table{}
	for _, e := range sg.Entities {
		for i, p := range e.Parts {
			if tables[p.Source] == nil {
				tables[p.Source] = map[string]*privacy.Table{}
			}
			tables[p.Source][e.Name] = table(e, i, rows, pools)
		}
	}
	out := map[string]source.Source{}
	for name, of := range tables {
		out[name] = memory.New(of)
	}
	return out
}

// table is one agency's rows of a type. Row numbers go on from one agency to the next: the union has each key once. Of a
// type that agencies fuse, half of each agency's keys are the next one's too, and some of the values differ.
func table(e *compose.Entity, part, rows int, pools *pools) *privacy.Table {
	relation := &e.Parts[part].Relation
	t := &privacy.Table{Rows: rows}
	first := part * rows
	if e.Fusion != nil {
		first = part * rows / 2
	}
	for _, f := range e.Fields {
		if _, ok := relation.Columns[f.Name]; !ok {
			continue
		}
		c := source.NewColumn(relation, f.Name, rows)
		v := column{entity: e, field: f, pool: pools.of(e.Name, f.Name), part: part}
		for row := range rows {
			v.append(c, first+row)
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// column invents the values of one column.
type column struct {
	entity *compose.Entity
	field  *compose.Field
	pool   *pool // nil: no relation compares it
	part   int   // the agency's number among those that hold the type
}

// append adds the value of a row. A text that is not of the column's kind is a mistake here, and NULL there.
func (v column) append(c *privacy.Column, row int) {
	if v.null(row) || !cell.Append(c, []byte(v.text(row))) {
		c.AppendNull()
	}
}

// null leaves out about one value in twelve, where the schema says that it may be missing and nothing hangs on it.
func (v column) null(row int) bool {
	return !v.field.Required && !v.inKey() && len(v.field.Examples) == 0 && v.draw("null", row, 12) == 0
}

func (v column) inKey() bool { return slices.Contains(v.entity.Key, v.field.Name) }

func (v column) text(row int) string {
	n := row
	if v.pool != nil {
		n = v.pool.number(v, row)
		return v.pool.text(n)
	}
	if v.inKey() {
		return identifier(v.entity.Name, v.field, n)
	}
	if examples := v.field.Examples; len(examples) > 0 {
		return examples[v.draw("example", row, len(examples))]
	}
	if v.entity.Fusion != nil && v.draw(fmt.Sprint("differs", v.part), row, 3) == 0 {
		row += 1000 * (v.part + 1)
	}
	return v.invent(row)
}

// draw is a number below n, the same for each start.
func (v column) draw(salt string, row, n int) int {
	return draw(string(v.field.Coordinate)+"\x00"+salt, row, n)
}

// pool is what the columns of one circle of relations draw from.
type pool struct {
	owner    *compose.Entity // whose rows the values stand for
	field    *compose.Field
	examples []string
	size     int
	unique   map[privacy.Coordinate]bool // columns that hold each value once
}

// number says which value of the pool a row holds: its own where the column identifies rows, else any.
func (p *pool) number(v column, row int) int {
	if p.unique[v.field.Coordinate] {
		return row
	}
	if v.inKey() && v.entity.Key[0] == v.field.Name && len(v.entity.Key) > 1 { // enough to keep a key of several columns apart
		return row % p.size
	}
	return v.draw("pool", row, p.size)
}

func (p *pool) text(n int) string {
	if n < len(p.examples) {
		return p.examples[n]
	}
	return identifier(p.owner.Name, p.field, n)
}

// pools finds the circles of columns that relations compare.
type pools struct {
	parent map[privacy.Coordinate]privacy.Coordinate
	found  map[privacy.Coordinate]*pool
}

func newPools(sg *compose.Supergraph, rows int) *pools {
	p := &pools{parent: map[privacy.Coordinate]privacy.Coordinate{}, found: map[privacy.Coordinate]*pool{}}
	entities := slices.SortedFunc(maps.Values(sg.Entities), func(a, b *compose.Entity) int { return cmp.Compare(a.Name, b.Name) })
	unique := map[privacy.Coordinate]bool{}
	for _, e := range entities {
		if len(e.Key) == 1 {
			unique[e.Members[e.Key[0]].Field.Coordinate] = true
		}
		for _, f := range e.Fields {
			p.relation(sg, e, f, unique)
		}
	}
	for _, e := range entities {
		p.fill(e, unique, rows)
	}
	return p
}

// relation unites the two columns that a relation compares. What a to-one relation points at identifies rows.
func (p *pools) relation(sg *compose.Supergraph, e *compose.Entity, f *compose.Field, unique map[privacy.Coordinate]bool) {
	if f.Join == nil {
		return
	}
	from := e.Members[f.Join.From].Field.Coordinate
	to := sg.Entities[f.Join.Target].Members[f.Join.To].Field.Coordinate
	p.parent[p.root(from)] = p.root(to)
	if !f.Join.Many {
		unique[to] = true
	}
}

func (p *pools) root(c privacy.Coordinate) privacy.Coordinate {
	for {
		up, ok := p.parent[c]
		if !ok || up == c {
			return c
		}
		c = up
	}
}

// fill makes the pools of a type's columns. A column that identifies rows owns its pool; without one, whoever is first.
func (p *pools) fill(e *compose.Entity, unique map[privacy.Coordinate]bool, rows int) {
	for _, f := range e.Fields {
		root := p.root(f.Coordinate)
		if _, compared := p.parent[f.Coordinate]; f.Scalar == "" || !compared && !p.isRoot(root) {
			continue
		}
		have := p.found[root]
		owns := unique[f.Coordinate]
		size := rows * max(1, len(e.Parts))
		switch {
		case have == nil:
			p.found[root] = &pool{owner: e, field: f, examples: f.Examples, size: size, unique: unique}
		case owns && (!unique[have.field.Coordinate] || size < have.size): // the smallest: each value drawn exists everywhere
			have.owner, have.field, have.size = e, f, size
		}
	}
}

func (p *pools) isRoot(c privacy.Coordinate) bool {
	for _, up := range p.parent {
		if up == c {
			return true
		}
	}
	return false
}

func (p *pools) of(entity, field string) *pool {
	return p.found[p.root(privacy.Coordinate(entity+"."+field))]
}
