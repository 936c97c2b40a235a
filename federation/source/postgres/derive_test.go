package postgres_test

import (
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/sourcetest"
	"concordat/privacy"
	"concordat/privacy/deid"
)

// Whatever the database computes itself, it computes as the gateway does.
func TestDerivedColumnsAreWhatTheGatewayComputes(t *testing.T) {
	scope := privacy.Scope{Agreement: "a", Purpose: "p", Root: []byte("0123456789abcdef0123456789abcdef")}
	r, derived := sourcetest.Relation(), sourcetest.Derived{}
	add := func(name, from string, ob privacy.Obligation) {
		stored := r.Columns[from]
		do, err := deid.New().Prepare(stored.Kind, ob, scope)
		if err != nil {
			t.Fatal(err)
		}
		derived[name] = source.Column{Coordinate: stored.Coordinate, Kind: stored.Kind, Derived: &source.Derived{From: from, Is: ob, Do: do}}
	}
	add("year of day", "day", privacy.Obligation{Method: "year"})
	add("month of day", "day", privacy.Obligation{Method: "month"})
	add("year of at", "at", privacy.Obligation{Method: "year"})
	add("month of at", "at", privacy.Obligation{Method: "month"})
	add("prefix of name", "name", privacy.Obligation{Method: "prefix", Arguments: `{"length":2}`})
	add("pseudonym of name", "name", privacy.Obligation{Method: "pseudonym"})
	add("round of small", "small", privacy.Obligation{Method: "round", Arguments: `{"to":10}`})
	for _, from := range []string{"id", "name", "small", "day", "at"} {
		h, err := privacy.NewOrderHash(scope, r.Columns[from].Coordinate)
		if err != nil {
			t.Fatal(err)
		}
		derived["hash of "+from] = source.Column{Coordinate: r.Columns[from].Coordinate, Kind: privacy.BigInt,
			Derived: &source.Derived{From: from, Is: h.Obligation(), Do: h.Column, Hash: h}}
	}
	sourcetest.RunDerived(t, func(t *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
		db := connect(t)
		fill(db, r, rows, nil)
		return db.open(r)
	}, derived, sourcetest.NoNUL)
}
