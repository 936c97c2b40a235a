package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"concordat/federation/source"
	"concordat/federation/source/sql"
)

// columnsOf describes a table's columns; domains by what they are made of. to_regclass follows the search path.
const columnsOf = `SELECT a.attname, b.typname, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
	coalesce(co.collisdeterministic, true),
	coalesce(CASE WHEN co.collname = 'default' THEN d.datcollate ELSE co.collcollate END IN ('C', 'POSIX')
		AND (co.collname <> 'default' OR d.datlocprovider = 'c'), false),
	EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indpred IS NULL),
	a.attcollation::text
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_collation co ON co.oid = a.attcollation
JOIN pg_database d ON d.datname = current_database()
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

// look finds a table: by its name on the search path, else, where the name has a dot, in the schema before it.
func (s *Source) look(ctx context.Context, name string) (*sql.Table, error) {
	quoted := []string{quote(name)}
	if schema, rest, ok := strings.Cut(name, "."); ok {
		quoted = append(quoted, quote(schema)+"."+quote(rest))
	}
	for _, q := range quoted {
		t, err := s.describe(ctx, q)
		if err != nil {
			return nil, err
		}
		if len(t.Columns) > 0 {
			return t, nil
		}
	}
	return nil, fmt.Errorf("no table %q: %w", name, source.ErrInvalid)
}

func (s *Source) describe(ctx context.Context, quoted string) (*sql.Table, error) {
	rows, err := s.pool.Query(ctx, columnsOf, quoted)
	if err != nil {
		return nil, failure(ctx, err)
	}
	defer rows.Close()
	t := &sql.Table{Name: quoted, Columns: map[string]sql.Column{}}
	for rows.Next() {
		c, err := readColumn(rows)
		if err != nil {
			return nil, failure(ctx, err)
		}
		t.Columns[c.Name] = c
	}
	if err := rows.Err(); err != nil {
		return nil, failure(ctx, err)
	}
	return t, nil
}

func readColumn(rows pgx.Rows) (sql.Column, error) {
	var c sql.Column
	var typeName string
	var modifier int32
	var deterministic bool
	if err := rows.Scan(&c.Name, &typeName, &modifier, &deterministic, &c.Bytewise, &c.Leads, &c.Collate); err != nil {
		return c, err
	}
	c.Class, c.Scale = classOf(typeName), -1
	if c.Class == sql.Text && !deterministic {
		c.Class = sql.Other // its equality is not that of bytes
	}
	if c.Class == sql.Decimal && modifier > 4 { // numeric(precision, scale)
		c.Digits, c.Scale = int((modifier-4)>>16), int((modifier-4)&0x7ff)
		if c.Scale > c.Digits || c.Scale > 1000 { // PostgreSQL 15 allows a negative scale, and one above the precision
			c.Digits, c.Scale = 0, -1
		}
	}
	return c, nil
}

func classOf(typeName string) sql.Class {
	switch typeName {
	case "text", "varchar":
		return sql.Text
	case "bool":
		return sql.Bool
	case "int2", "int4", "int8":
		return sql.Integer
	case "numeric":
		return sql.Decimal
	case "float4", "float8":
		return sql.Float
	case "date":
		return sql.Date
	case "timestamptz":
		return sql.ZonedTime
	case "timestamp":
		return sql.LocalTime
	case "uuid":
		return sql.UUID
	case "json", "jsonb":
		return sql.JSON
	case "bytea":
		return sql.Binary
	}
	return sql.Other
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
