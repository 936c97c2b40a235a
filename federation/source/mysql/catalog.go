package mysql

import (
	"context"
	"fmt"
	"io"
	"strings"

	"concordat/federation/source"
	"concordat/federation/source/sql"
)

// columnsOf describes a table's columns. Texts of the catalog come in another collation than ours.
const columnsOf = `SELECT CAST(c.column_name AS BINARY), CAST(c.data_type AS BINARY), CAST(c.column_type AS BINARY),
	CAST(coalesce(c.character_set_name, '') AS BINARY), CAST(coalesce(c.character_maximum_length, 0) AS SIGNED),
	CAST(coalesce(c.numeric_precision, 0) AS SIGNED), CAST(coalesce(c.numeric_scale, 0) AS SIGNED),
	CAST(EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = c.table_schema AND s.table_name = c.table_name
		AND s.column_name = c.column_name AND s.seq_in_index = 1) AS SIGNED),
	CAST(coalesce(c.collation_name, '') AS BINARY)
FROM information_schema.columns c
WHERE c.table_schema = coalesce(?, database()) AND c.table_name = ?
ORDER BY c.ordinal_position`

// look finds a table: by its name in the database, else, where the name has a dot, in the database before it.
func (s *Source) look(ctx context.Context, name string) (*sql.Table, error) {
	t, err := s.describe(ctx, nil, name)
	if schema, rest, ok := strings.Cut(name, "."); ok && err == nil && len(t.Columns) == 0 {
		t, err = s.describe(ctx, schema, rest)
		t.Name = quote(schema) + "." + quote(rest)
	}
	if err != nil {
		return nil, err
	}
	if len(t.Columns) == 0 {
		return nil, fmt.Errorf("no table %q: %w", name, source.ErrInvalid)
	}
	return t, nil
}

func (s *Source) describe(ctx context.Context, schema any, name string) (*sql.Table, error) {
	t := &sql.Table{Name: quote(name), Columns: map[string]sql.Column{}}
	err := s.pool.with(ctx, columnsOf, []any{schema, name}, func(next func([]any) error) error {
		clear(t.Columns)
		row := make([]any, 9)
		for {
			if err := next(row); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			c := columnOf(row)
			t.Columns[c.Name] = c
		}
	})
	return t, err
}

func columnOf(row []any) sql.Column {
	text := func(i int) string { b, _ := row[i].([]byte); return string(b) }
	number := func(i int) int { n, _ := row[i].(int64); return int(n) }
	c := sql.Column{Name: text(0), Class: classOf(strings.ToLower(text(1)), strings.ToLower(text(2))), Charset: text(3), Collate: text(8), Leads: number(7) == 1, Scale: -1}
	switch c.Class {
	case sql.Text:
		c.Octets = 4 * number(4) // a character of UTF-8 has up to four
	case sql.Decimal:
		c.Digits, c.Scale = number(5), number(6)
	}
	return c
}

func classOf(name, full string) sql.Class {
	switch name {
	case "char", "varchar", "text", "tinytext", "mediumtext", "longtext":
		return sql.Text
	case "tinyint":
		return sql.Tiny
	case "bit":
		if full == "bit(1)" {
			return sql.Bool
		}
		return sql.Binary
	case "smallint", "mediumint", "int", "bigint":
		return sql.Integer
	case "decimal":
		return sql.Decimal
	case "float", "double":
		return sql.Float
	case "date":
		return sql.Date
	case "datetime", "timestamp":
		return sql.LocalTime
	case "json":
		return sql.JSON
	case "binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob", "geometry", "point":
		return sql.Binary
	}
	return sql.Other
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
