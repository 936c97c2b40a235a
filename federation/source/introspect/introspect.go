// Package introspect drafts a schema from what a database says of itself: types with their keys, joins along foreign
// keys and along names whose values match, and a suggested classification of each column, with the reason for it.
//
//	tables, err := database.Tables(ctx)
//	err = introspect.Sample(ctx, database, tables, 200)
//	text := introspect.Draft(tables)
//
// Suggestions come from rules over names (English, Chinese, pinyin), declared types and sampled values; nothing is
// sent anywhere, and no sampled value is part of a draft. They are a start for the people who know the data: a rule
// that finds nothing proves nothing, which is why an unrecognised column is drafted as SENSITIVE.
package introspect

import (
	"context"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Table is a table or view.
type Table struct {
	Name    string
	Comment string
	Columns []*Column
	Primary []string // columns of the primary key, also such as are not in Columns
	Foreign []Foreign
	Note    string // how the table is reached, where its name does not say; one line
}

// Column is one column, with values once it is sampled.
type Column struct {
	Name     string
	Scalar   string // of the schema language: "Int", "Date", ...
	Comment  string
	Required bool
	Samples  []string // distinct values, as text
	Rows     int      // rows sampled that have a value
}

// Foreign is a foreign key of one column.
type Foreign struct {
	Column, Table, References string
}

func (t *Table) column(name string) *Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// table finds a table by its name.
func table(tables []*Table, name string) *Table {
	for _, t := range tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// columnOf is the column that a foreign key leads to.
func columnOf(tables []*Table, f Foreign) *Column {
	if t := table(tables, f.Table); t != nil {
		return t.column(f.References)
	}
	return nil
}

// keys is the columns of the primary key; none where one of them cannot be read, or found by its value.
func (t *Table) keys() []*Column {
	var out []*Column
	for _, name := range t.Primary {
		c := t.column(name)
		if c == nil || c.Scalar == "JSON" {
			return nil
		}
		out = append(out, c)
	}
	return out
}

// composes reports whether composition takes the table as it is described.
func (t *Table) composes() bool { return len(t.keys()) > 0 }

// key is the column of a primary key of one column.
func (t *Table) key() *Column {
	if len(t.Primary) != 1 {
		return nil
	}
	return t.column(t.Primary[0])
}

// Sample reads up to rows rows of each table. A column that cannot be read stays without samples.
func Sample(ctx context.Context, s source.Source, tables []*Table, rows int) error {
	for _, t := range tables {
		answer, err := fetch(ctx, s, t, t.Columns, rows)
		if err == nil {
			keep(t.Columns, answer)
			continue
		}
		for _, c := range t.Columns {
			if ctx.Err() != nil {
				return source.Ended(ctx.Err())
			}
			if answer, err := fetch(ctx, s, t, []*Column{c}, rows); err == nil {
				keep([]*Column{c}, answer)
			}
		}
	}
	return nil
}

// relation reads every column as text.
func relation(t *Table, columns []*Column) (*source.Relation, []string) {
	r := &source.Relation{Type: t.Name, Table: t.Name, Columns: map[string]source.Column{}}
	var names []string
	for _, c := range columns {
		r.Columns[c.Name] = source.Column{Coordinate: privacy.Coordinate(t.Name + "." + c.Name), Physical: c.Name, Kind: privacy.String}
		names = append(names, c.Name)
	}
	return r, names
}

func fetch(ctx context.Context, s source.Source, t *Table, columns []*Column, rows int) (*privacy.Table, error) {
	r, names := relation(t, columns)
	return s.Fetch(ctx, &source.Query{Relation: r, Select: names, Where: predicate.Always(), Limit: rows, MaxRows: rows})
}

func keep(columns []*Column, answer *privacy.Table) {
	for i, c := range columns {
		seen := map[string]bool{}
		for row := range answer.Rows {
			if answer.Columns[i].IsNull(row) {
				continue
			}
			c.Rows++
			if text := answer.Columns[i].Text(row); !seen[text] && text != "" {
				seen[text] = true
				c.Samples = append(c.Samples, text)
			}
		}
	}
}
