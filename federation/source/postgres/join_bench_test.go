package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// BenchmarkToOneJoin reads the tracks of ten albums with the genre of each: as the gateway does, in one statement for the
// tracks and one for their distinct genres, and in one statement with a LEFT JOIN (docs/adr/0015).
func BenchmarkToOneJoin(b *testing.B) {
	db := connect(b)
	for _, statement := range []string{
		"CREATE TABLE genre (genre_id int PRIMARY KEY, name text)", "INSERT INTO genre SELECT i, 'Genre ' || i FROM generate_series(1, 25) AS i",
		"CREATE TABLE track (track_id int PRIMARY KEY, album_id int, genre_id int, name text, composer text, milliseconds int)",
		"INSERT INTO track SELECT i, (i - 1) / 12 + 1, i % 25 + 1, 'Track ' || i, 'Composer ' || i % 997, 100000 + i FROM generate_series(1, 120000) AS i",
		"CREATE INDEX track_album ON track (album_id)", "ANALYZE",
	} {
		db.exec(statement)
	}
	albums, genres := []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []int32{}
	for i := range int32(25) {
		genres = append(genres, i+1)
	}
	const tracks = "SELECT t.name, t.composer, t.milliseconds, t.album_id, t.track_id, t.genre_id"
	read := func(b *testing.B, text string, keys []int32) (n int) {
		rows, err := db.conn.Query(b.Context(), text, pgx.QueryResultFormats{1}, keys)
		if err != nil {
			b.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			n += len(rows.RawValues())
		}
		if rows.Err() != nil {
			b.Fatal(rows.Err())
		}
		return n
	}
	b.Run("batched", func(b *testing.B) {
		for b.Loop() {
			if read(b, tracks+" FROM track t WHERE t.milliseconds < 900000 AND t.album_id = ANY($1)", albums) != 720 ||
				read(b, "SELECT g.genre_id, g.name FROM genre g WHERE g.genre_id <> 26 AND g.genre_id = ANY($1)", genres) != 50 {
				b.Fatal("other rows")
			}
		}
	})
	b.Run("joined", func(b *testing.B) {
		for b.Loop() {
			if read(b, tracks+", g.genre_id, g.name FROM track t LEFT JOIN genre g ON g.genre_id = t.genre_id AND g.genre_id <> 26 "+
				"WHERE t.milliseconds < 900000 AND t.album_id = ANY($1)", albums) != 960 {
				b.Fatal("other rows")
			}
		}
	})
}
