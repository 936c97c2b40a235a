package sqlite

import (
	"context"
	"strings"

	"concordat/federation/source/introspect"
)

// Tables describes what a schema can be drafted of.
func (s *Source) Tables(ctx context.Context) ([]*introspect.Table, error) {
	names, err := s.tables.texts(ctx, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
	if err != nil {
		return nil, err
	}
	var tables []*introspect.Table
	for _, name := range names {
		t, err := s.describe(ctx, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// describe reads three lists of one order each: of columns, of the primary key, and of foreign keys of one column.
func (s *Source) describe(ctx context.Context, name string) (*introspect.Table, error) {
	t := &introspect.Table{Name: name}
	var failed error
	list := func(sql string) []string {
		out, err := s.tables.texts(ctx, sql, name)
		if failed == nil {
			failed = err
		}
		return out
	}
	names, types := list("SELECT name FROM pragma_table_xinfo(?) ORDER BY cid"), list("SELECT type FROM pragma_table_xinfo(?) ORDER BY cid")
	required := list(`SELECT CASE WHEN "notnull" OR pk THEN 'yes' ELSE 'no' END FROM pragma_table_xinfo(?) ORDER BY cid`)
	if failed != nil {
		return nil, failed
	}
	for i, n := range names {
		if scalar := scalarOf(types[i]); scalar != "" {
			t.Columns = append(t.Columns, &introspect.Column{Name: n, Scalar: scalar, Required: required[i] == "yes"})
		}
	}
	t.Primary = list("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk")
	const single = " FROM pragma_foreign_key_list(?) GROUP BY id HAVING count(*) = 1 ORDER BY id"
	columns, targets := list(`SELECT min("from")`+single), list(`SELECT min("table")`+single)
	references := list(`SELECT coalesce(min("to"), '')` + single)
	for i := range columns {
		f := introspect.Foreign{Column: columns[i], Table: targets[i], References: references[i]}
		if f.References == "" { // the primary key, unsaid
			if keys, err := s.tables.texts(ctx, "SELECT name FROM pragma_table_info(?) WHERE pk > 0", f.Table); err == nil && len(keys) == 1 {
				f.References = keys[0]
			}
		}
		t.Foreign = append(t.Foreign, f)
	}
	return t, failed
}

// scalarOf guesses from the declared type what the cells are.
func scalarOf(declared string) string {
	d := strings.ToUpper(declared)
	for _, rule := range [][2]string{{"BOOL", "Boolean"}, {"BIGINT", "BigInt"}, {"INT", "Int"}, {"DATETIME", "DateTime"}, {"TIMESTAMP", "DateTime"}, {"DATE", "Date"},
		{"DEC", "Decimal"}, {"NUMERIC", "Decimal"}, {"REAL", "Float"}, {"FLOA", "Float"}, {"DOUB", "Float"}, {"JSON", "JSON"}, {"UUID", "UUID"}, {"BLOB", ""}} {
		if strings.Contains(d, rule[0]) {
			return rule[1]
		}
	}
	return "String"
}
