package sqlite_test

import (
	"context"
	"testing"

	"concordat/federation/source/sqlite/lite"
)

// BenchmarkToOneJoin reads the tracks of ten albums with the genre of each, as BenchmarkToOneJoin of package postgres.
func BenchmarkToOneJoin(b *testing.B) {
	c, err := lite.Open(file(b,
		"CREATE TABLE genre (genre_id INTEGER PRIMARY KEY, name TEXT)",
		"INSERT INTO genre WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25) SELECT i, 'Genre ' || i FROM n",
		"CREATE TABLE track (track_id INTEGER PRIMARY KEY, album_id INTEGER, genre_id INTEGER, name TEXT, composer TEXT, milliseconds INTEGER)",
		"INSERT INTO track WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000) "+
			"SELECT i, (i - 1) / 12 + 1, i % 25 + 1, 'Track ' || i, 'Composer ' || i % 997, 100000 + i FROM n",
		"CREATE INDEX track_album ON track (album_id)"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const albums, genres = "[1,2,3,4,5,6,7,8,9,10]", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]"
	const tracks = "SELECT t.name, t.composer, t.milliseconds, t.album_id, t.track_id, t.genre_id"
	prepare := func(text string) *lite.Stmt {
		s, err := c.Prepare(text)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	read := func(s *lite.Stmt, columns int, keys string) (n int) {
		if err := s.Start(context.Background(), keys); err != nil {
			b.Fatal(err)
		}
		for s.Next() {
			for i := range columns {
				n += min(1, len(s.Bytes(i)))
			}
		}
		if err := s.Done(); err != nil {
			b.Fatal(err)
		}
		return n
	}
	const where = " WHERE t.milliseconds < 900000 AND t.album_id IN (SELECT value FROM json_each(?))"
	one, two := prepare(tracks+" FROM track t"+where), prepare("SELECT g.genre_id, g.name FROM genre g WHERE g.genre_id <> 26 AND g.genre_id IN (SELECT value FROM json_each(?))")
	joined := prepare(tracks + ", g.genre_id, g.name FROM track t LEFT JOIN genre g ON g.genre_id = t.genre_id AND g.genre_id <> 26" + where)
	defer one.Close()
	defer two.Close()
	defer joined.Close()
	b.Run("batched", func(b *testing.B) {
		for b.Loop() {
			if read(one, 6, albums) != 720 || read(two, 2, genres) != 50 {
				b.Fatal("other rows")
			}
		}
	})
	b.Run("joined", func(b *testing.B) {
		for b.Loop() {
			if read(joined, 8, albums) != 960 {
				b.Fatal("other rows")
			}
		}
	})
}
