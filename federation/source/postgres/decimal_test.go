package postgres_test

import "github.com/jackc/pgx/v5/pgtype"

// decimal is an exact number for a copy.
func decimal(text string) pgtype.Numeric {
	var n pgtype.Numeric
	if err := n.Scan(text); err != nil {
		panic(err) // a row of the suite that is no decimal
	}
	return n
}
