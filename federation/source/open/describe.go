package open

import (
	"context"
	"fmt"
	"strings"

	"concordat/federation/source"
	"concordat/federation/source/graphql"
	"concordat/federation/source/introspect"
	"concordat/federation/source/mysql"
	"concordat/federation/source/postgres"
	"concordat/federation/source/sqlite"
)

// described is a database that can say what it holds.
type described interface {
	database
	Tables(ctx context.Context) ([]*introspect.Table, error)
}

// Describe reads the tables of a database, up to rows sampled rows of each, and the joins that their values show. The
// address is postgres://, mysql://, a path of an SQLite file, the http:// or https:// address of an Apollo Federation v2
// subgraph, or env:NAME or file:PATH of one of them.
func Describe(ctx context.Context, address string, rows int, getenv func(string) string) ([]*introspect.Table, error) {
	if strings.HasPrefix(address, "env:") || strings.HasPrefix(address, "file:") {
		var err error
		if address, err = (Options{Dir: ".", Getenv: getenv}).secret(address); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		return describeSubgraph(ctx, address)
	}
	db, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	tables, err := db.Tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	if err := introspect.Sample(ctx, db, tables, rows); err != nil {
		return nil, fmt.Errorf("samples: %w", err)
	}
	return tables, introspect.Match(ctx, db, tables)
}

// describeSubgraph reads what a subgraph says of itself; of its rows, none.
func describeSubgraph(ctx context.Context, address string) ([]*introspect.Table, error) {
	service, err := graphql.Open(graphql.Options{URL: address, Subgraph: true})
	if err != nil {
		return nil, err
	}
	defer service.Close()
	return service.Describe(ctx)
}

func dial(ctx context.Context, address string) (described, error) {
	scheme, _, ok := strings.Cut(address, "://")
	switch {
	case !ok:
		return opened(sqlite.Open(sqlite.Options{File: address}))
	case scheme == "postgres" || scheme == "postgresql":
		return opened(postgres.Open(ctx, postgres.Options{DSN: address}))
	case scheme == "mysql" || scheme == "mariadb":
		return opened(mysql.Open(ctx, mysql.Options{DSN: "mysql" + strings.TrimPrefix(address, scheme)}))
	}
	return nil, fmt.Errorf("not an address of postgres, mysql, an SQLite file or a subgraph: %w", source.ErrInvalid)
}

// opened keeps a nil adapter from becoming an interface that is not nil.
func opened[D described](db D, err error) (described, error) {
	if err != nil {
		return nil, err
	}
	return db, nil
}
