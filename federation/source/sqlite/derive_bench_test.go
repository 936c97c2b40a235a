package sqlite_test

import (
	"context"
	"testing"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// BenchmarkFirstRowsOfAHiddenKey is a page of twenty of 50,000 rows in the order of the key's hash, beside the same page
// in no order: the price of an order that tells nothing.
func BenchmarkFirstRowsOfAHiddenKey(b *testing.B) {
	s := open(b, file(b, `CREATE TABLE people (id TEXT PRIMARY KEY, region TEXT)`,
		`INSERT INTO people SELECT '9901' || printf('%014d', value), 'R' || (value % 4) FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 50000) SELECT value FROM n)`))
	r := &source.Relation{Type: "Person", Table: "people", Columns: map[string]source.Column{
		"id":     {Coordinate: "Person.id", Physical: "id", Kind: privacy.String},
		"region": {Coordinate: "Person.region", Physical: "region", Kind: privacy.String},
	}}
	h, err := privacy.NewOrderHash(scope, "Person.id")
	if err != nil {
		b.Fatal(err)
	}
	r.Columns["hash"] = source.Column{Coordinate: "Person.id", Kind: privacy.BigInt,
		Derived: &source.Derived{From: "id", Is: h.Obligation(), Do: h.Column, Hash: h}}
	for name, order := range map[string][]source.Order{"hashed": {{Field: "hash"}}, "unordered": nil, "by region": {{Field: "region", Descending: true}, {Field: "hash"}}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				q := &source.Query{Relation: r, Select: []string{"id", "region"}, Where: predicate.Always(), Limit: 20, MaxRows: 1000, Order: order}
				if got, err := s.Fetch(context.Background(), q); err != nil || got.Rows != 20 {
					b.Fatal(got, err)
				}
			}
		})
	}
}
