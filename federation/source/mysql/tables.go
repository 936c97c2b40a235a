package mysql

import (
	"context"
	"io"
	"strings"

	"concordat/federation/source/introspect"
	"concordat/federation/source/sql"
)

const tablesOf = `SELECT CAST(c.table_name AS BINARY), CAST(coalesce(t.table_comment, '') AS BINARY), CAST(c.column_name AS BINARY), CAST(c.data_type AS BINARY),
	CAST(c.column_type AS BINARY), CAST(c.column_comment AS BINARY), CAST(c.is_nullable = 'NO' AS SIGNED), CAST(c.column_key = 'PRI' AS SIGNED)
FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = database() ORDER BY c.table_name, c.ordinal_position`

// Keys of several columns are left out.
const foreignOf = `SELECT CAST(k.table_name AS BINARY), CAST(k.column_name AS BINARY), CAST(k.referenced_table_name AS BINARY), CAST(k.referenced_column_name AS BINARY)
FROM information_schema.key_column_usage k
WHERE k.table_schema = database() AND k.referenced_table_schema = database() AND NOT EXISTS (SELECT 1 FROM information_schema.key_column_usage o
	WHERE o.constraint_schema = k.constraint_schema AND o.constraint_name = k.constraint_name AND o.table_name = k.table_name AND o.ordinal_position = 2)
ORDER BY k.table_name, k.column_name`

// Tables describes what a schema can be drafted of: the tables and views of the database.
func (s *Source) Tables(ctx context.Context) ([]*introspect.Table, error) {
	var tables []*introspect.Table
	err := s.each(ctx, tablesOf, 8, func() { tables = nil }, func(text func(int) string, yes func(int) bool) {
		if len(tables) == 0 || tables[len(tables)-1].Name != text(0) {
			tables = append(tables, &introspect.Table{Name: text(0), Comment: strings.TrimPrefix(text(1), "VIEW")})
		}
		t := tables[len(tables)-1]
		if yes(7) {
			t.Primary = append(t.Primary, text(2))
		}
		if scalar := scalarOf(strings.ToLower(text(3)), strings.ToLower(text(4))); scalar != "" { // bytes have none
			t.Columns = append(t.Columns, &introspect.Column{Name: text(2), Scalar: scalar, Comment: text(5), Required: yes(6)})
		}
	})
	if err != nil {
		return nil, err
	}
	var foreign []introspect.Foreign
	var of []string
	err = s.each(ctx, foreignOf, 4, func() { foreign, of = nil, nil }, func(text func(int) string, _ func(int) bool) {
		of, foreign = append(of, text(0)), append(foreign, introspect.Foreign{Column: text(1), Table: text(2), References: text(3)})
	})
	for i, f := range foreign {
		for _, t := range tables {
			if t.Name == of[i] {
				t.Foreign = append(t.Foreign, f)
			}
		}
	}
	return tables, err
}

// each visits the rows of a statement without parameters; reset comes before each attempt.
func (s *Source) each(ctx context.Context, text string, columns int, reset func(), visit func(text func(int) string, yes func(int) bool)) error {
	return s.pool.with(ctx, text, nil, func(next func([]any) error) error {
		reset()
		row := make([]any, columns)
		for {
			if err := next(row); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			visit(func(i int) string { b, _ := row[i].([]byte); return string(b) }, func(i int) bool { n, _ := row[i].(int64); return n != 0 })
		}
	})
}

func scalarOf(name, full string) string {
	switch classOf(name, full) {
	case sql.Binary:
		return ""
	case sql.Bool:
		return "Boolean"
	case sql.Tiny:
		if strings.HasPrefix(full, "tinyint(1)") {
			return "Boolean"
		}
		return "Int"
	case sql.Integer:
		if name == "bigint" || strings.HasSuffix(full, "unsigned") && name == "int" {
			return "BigInt"
		}
		return "Int"
	case sql.Decimal:
		return "Decimal"
	case sql.Float:
		return "Float"
	case sql.Date:
		return "Date"
	case sql.LocalTime:
		return "DateTime"
	case sql.JSON:
		return "JSON"
	}
	return "String"
}
