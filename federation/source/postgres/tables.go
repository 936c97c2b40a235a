package postgres

import (
	"context"

	"concordat/federation/source/introspect"
	"concordat/federation/source/sql"
	"concordat/privacy"
)

// Tables and views of the search path and of every other schema that is not the server's own.
const tablesOf = `SELECT n.nspname = ANY(current_schemas(false)), n.nspname, c.relname, coalesce(obj_description(c.oid, 'pg_class'), ''),
	a.attname, b.typname, coalesce(col_description(c.oid, a.attnum), ''), a.attnotnull,
	EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p' AND a.attnum = ANY(k.conkey))
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT c.relispartition
ORDER BY n.nspname, c.relname, a.attnum`

const foreignOf = `SELECT n.nspname = ANY(current_schemas(false)), n.nspname, c.relname, a.attname,
	fn.nspname = ANY(current_schemas(false)), fn.nspname, f.relname, fa.attname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = k.confkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
ORDER BY n.nspname, c.relname, a.attname`

// Tables describes what a schema can be drafted of.
func (s *Source) Tables(ctx context.Context) ([]*introspect.Table, error) {
	rows, err := s.pool.Query(ctx, tablesOf)
	if err != nil {
		return nil, failure(ctx, err)
	}
	defer rows.Close()
	var tables []*introspect.Table
	for rows.Next() {
		var near, primary bool
		var schema, table, about, typeName string
		c := &introspect.Column{}
		if err := rows.Scan(&near, &schema, &table, &about, &c.Name, &typeName, &c.Comment, &c.Required, &primary); err != nil {
			return nil, failure(ctx, err)
		}
		name := nameOf(near, schema, table)
		if len(tables) == 0 || tables[len(tables)-1].Name != name {
			tables = append(tables, &introspect.Table{Name: name, Comment: about})
		}
		t := tables[len(tables)-1]
		if primary {
			t.Primary = append(t.Primary, c.Name)
		}
		if c.Scalar = scalarOf(typeName); c.Scalar == "" {
			continue // bytes
		}
		t.Columns = append(t.Columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, failure(ctx, err)
	}
	return tables, s.foreign(ctx, tables)
}

// nameOf is how Check finds the table again.
func nameOf(near bool, schema, table string) string {
	if near {
		return table
	}
	return schema + "." + table
}

func (s *Source) foreign(ctx context.Context, tables []*introspect.Table) error {
	byName := map[string]*introspect.Table{}
	for _, t := range tables {
		byName[t.Name] = t
	}
	rows, err := s.pool.Query(ctx, foreignOf)
	if err != nil {
		return failure(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var near, targetNear bool
		var schema, table, targetSchema, target string
		var f introspect.Foreign
		if err := rows.Scan(&near, &schema, &table, &f.Column, &targetNear, &targetSchema, &target, &f.References); err != nil {
			return failure(ctx, err)
		}
		f.Table = nameOf(targetNear, targetSchema, target)
		if t := byName[nameOf(near, schema, table)]; t != nil {
			t.Foreign = append(t.Foreign, f)
		}
	}
	if err := rows.Err(); err != nil {
		return failure(ctx, err)
	}
	return nil
}

func scalarOf(typeName string) string {
	kinds := map[sql.Class]privacy.Kind{sql.Bool: privacy.Bool, sql.Integer: privacy.Int, sql.Decimal: privacy.Decimal, sql.Float: privacy.Float,
		sql.Date: privacy.Date, sql.ZonedTime: privacy.Time, sql.LocalTime: privacy.Time, sql.JSON: privacy.JSON}
	class := classOf(typeName)
	switch {
	case class == sql.Binary:
		return ""
	case typeName == "int8":
		return "BigInt"
	case class == sql.UUID:
		return "UUID"
	}
	if k, ok := kinds[class]; ok {
		return introspect.ScalarOf(k)
	}
	return "String"
}
