package demo

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// rowsPerInsert is how many rows one INSERT carries: fewer statements are fewer calls into the driver.
const rowsPerInsert = 40

// table is one table to build: its definition, its rows by number, and what is made once they are in.
type table struct {
	name    string
	columns []string // "name TYPE ..."
	rows    int
	row     func(i int, into []any)
	indexes []string // column lists
}

// buildDatabase writes a SQLite file in one go. It is not safe against a crash half-way, and need not be: the
// caller builds under a temporary name and moves the whole file.
func buildDatabase(ctx context.Context, path string, tables ...table) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=locking_mode(EXCLUSIVE)&_pragma=cache_size(-65536)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, t := range tables {
		if err := t.build(ctx, tx); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return db.Close()
}

func (t *table) build(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "CREATE TABLE "+t.name+" ("+strings.Join(t.columns, ", ")+")"); err != nil {
		return err
	}
	whole := t.rows / rowsPerInsert * rowsPerInsert
	if err := t.insert(ctx, tx, 0, whole, rowsPerInsert); err != nil {
		return err
	}
	if err := t.insert(ctx, tx, whole, t.rows, 1); err != nil {
		return err
	}
	for i, columns := range t.indexes {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("CREATE INDEX %s_%d ON %s (%s)", t.name, i, t.name, columns)); err != nil {
			return err
		}
	}
	return nil
}

// insert adds the rows from..to, each statement holding per of them.
func (t *table) insert(ctx context.Context, tx *sql.Tx, from, to, per int) error {
	if from == to {
		return nil
	}
	width := len(t.columns)
	one := "(?" + strings.Repeat(",?", width-1) + ")"
	statement, err := tx.PrepareContext(ctx, "INSERT INTO "+t.name+" VALUES "+one+strings.Repeat(","+one, per-1))
	if err != nil {
		return err
	}
	defer statement.Close()
	values := make([]any, width*per)
	for start := from; start < to; start += per {
		for i := range per {
			t.row(start+i, values[i*width:(i+1)*width])
		}
		if _, err := statement.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return nil
}

// optional is NULL for an empty text.
func optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}
