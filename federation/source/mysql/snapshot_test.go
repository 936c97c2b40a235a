package mysql_test

import (
	"testing"

	"concordat/federation/source/sourcetest"
	"concordat/privacy"
)

func TestFetchesOfOneSnapshotSeeOneState(t *testing.T) {
	db := connect(t)
	db.exec("CREATE TABLE counted (n integer) ENGINE = InnoDB")
	db.exec("INSERT INTO counted VALUES (1), (2)")
	r := relationOf("counted", map[string]privacy.Kind{"n": privacy.Int})
	sourcetest.RunSnapshot(t, db.open(r), r, func() { db.exec("INSERT INTO counted VALUES (3)") })
}
