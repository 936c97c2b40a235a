package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/postgres"
	"concordat/federation/source/sourcetest"
	"concordat/policy/predicate"
	"concordat/privacy"
)

func counted(db *database) *source.Relation {
	db.exec("CREATE TABLE counted (n integer)")
	db.exec("INSERT INTO counted VALUES (1), (2)")
	return relationOf("counted", map[string]privacy.Kind{"n": privacy.Int})
}

func TestFetchesOfOneSnapshotSeeOneState(t *testing.T) {
	db := connect(t)
	r := counted(db)
	sourcetest.RunSnapshot(t, db.open(r), r, func() { db.exec("INSERT INTO counted VALUES (3)") })
}

// A statement that failed ends its transaction; what comes after it is asked outside.
func TestSnapshotOutlivesATableThatIsGone(t *testing.T) {
	db := connect(t)
	r := counted(db)
	db.exec("CREATE TABLE gone (n integer)")
	gone := relationOf("gone", map[string]privacy.Kind{"n": privacy.Int})
	s := db.open(r, gone)
	one := s.Snapshot(context.Background())
	defer one.Close()
	db.exec("DROP TABLE gone")
	if _, err := one.Fetch(context.Background(), all(gone, "n")); !errors.Is(err, source.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if rows, err := one.Fetch(context.Background(), all(r, "n")); err != nil || rows.Rows != 2 {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestConnectionsThatAreLentOutLeaveSomeForOthers(t *testing.T) {
	db := connect(t)
	r := counted(db)
	s := db.open(r)
	ctx := context.Background()
	var lent []source.Snapshot
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for one := s.Snapshot(soon); one != nil; one = s.Snapshot(soon) {
		if _, err := one.Fetch(ctx, all(r, "n")); err != nil {
			t.Fatal(err)
		}
		lent = append(lent, one)
	}
	if len(lent) != 8 {
		t.Errorf("%d of 10 connections are lent", len(lent))
	}
	q := all(r, "n")
	q.Where = predicate.Compare("n", predicate.Eq, predicate.Int(1))
	if rows, err := s.Fetch(ctx, q); err != nil || rows.Rows != 1 {
		t.Errorf("%v, %v", rows, err)
	}
	for _, one := range lent {
		one.Close()
	}
}

// disturbed is a source whose rows change after each fetch.
type disturbed struct {
	*sync.Mutex
	source.Source
	write func()
	asked *int
}

func (d disturbed) Fetch(ctx context.Context, q *source.Query) (*privacy.Table, error) {
	d.Lock()
	defer d.Unlock()
	defer d.write()
	*d.asked++
	return d.Source.Fetch(ctx, q)
}

func (d disturbed) Close() { d.Source.(source.Snapshot).Close() }

// lending is a disturbed source that gives snapshots.
type lending struct {
	disturbed
	lent *int
}

func (l lending) Snapshot(ctx context.Context) source.Snapshot {
	*l.lent++
	d := l.disturbed
	d.Source = d.Source.(source.Snapshotter).Snapshot(ctx)
	return d
}

// The groups and the values in them are two statements of one moment, whoever writes between them; without the snapshot
// they are not. A question of one statement takes none.
func TestOneRequestSeesOneState(t *testing.T) {
	a := groupsOf(t)
	var asked, lent int
	plain, err := postgres.Open(context.Background(), postgres.Options{DSN: server.DSN(t) + "&search_path=groups_east"})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	bare := disturbed{&sync.Mutex{}, plain, func() {
		a.oracle.exec("INSERT INTO groups_east.people SELECT 'new' || count(*), 'new', date '1990-01-01' FROM groups_east.people")
	}, &asked}
	const two = `{ personsAggregate { groups { count percentile(p: 1) { born } } } }`
	const one = `{ personsAggregate { groups { count } } }`
	for _, c := range []struct {
		name, query string
		src         source.Source
		one         bool
		asked, lent int
	}{
		{"snapshot", two, lending{bare, &lent}, true, 2, 1},
		{"none", two, bare, false, 2, 0},
		{"one statement", one, lending{bare, &lent}, true, 1, 0},
	} {
		a.oracle.exec("DELETE FROM groups_east.people WHERE region = 'new'")
		asked, lent = 0, 0
		a.sources["east"] = c.src
		got := fmt.Sprint(a.ask(t, c.query))
		if consistent := strings.Contains(got, `"count":40`) && !strings.Contains(got, "1990"); consistent != c.one {
			t.Errorf("%s: %s", c.name, got)
		}
		if asked != c.asked || lent != c.lent {
			t.Errorf("%s: %d statements, %d snapshots", c.name, asked, lent)
		}
	}
}
