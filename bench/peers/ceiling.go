package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// statements answer each question with one text of JSON that PostgreSQL makes: the server passes it through.
var statements = map[string]string{
	"q1": `SELECT json_build_object('name', a.name, 'albums', (
		SELECT coalesce(json_agg(json_build_object('title', b.title, 'tracks', (
			SELECT coalesce(json_agg(json_build_object('name', t.name, 'composer', t.composer, 'milliseconds', t.milliseconds, 'genre',
				json_build_object('name', g.name)) ORDER BY t.track_id), '[]') FROM track t JOIN genre g USING (genre_id) WHERE t.album_id = b.album_id)
			) ORDER BY b.album_id), '[]') FROM album b WHERE b.artist_id = a.artist_id)) FROM artist a WHERE a.artist_id = $1`,
	"q2": `SELECT json_build_object('id', track_id, 'name', name, 'milliseconds', milliseconds, 'composer', composer) FROM track WHERE track_id = $1`,
	"q3": `SELECT json_agg(json_build_object('firstName', c.first_name, 'lastName', c.last_name, 'email', c.email, 'invoices', (
		SELECT coalesce(json_agg(json_build_object('date', i.invoice_date, 'total', i.total, 'lines', (
			SELECT coalesce(json_agg(json_build_object('unitPrice', l.unit_price, 'quantity', l.quantity, 'track',
				json_build_object('name', t.name, 'milliseconds', t.milliseconds)) ORDER BY l.invoice_line_id), '[]')
			FROM invoice_line l JOIN track t USING (track_id) WHERE l.invoice_id = i.invoice_id)) ORDER BY i.invoice_id), '[]')
		FROM (SELECT * FROM invoice i WHERE i.customer_id = c.customer_id ORDER BY invoice_id LIMIT 5) i)) ORDER BY c.customer_id)
		FROM (SELECT * FROM customer WHERE customer_id > $1 ORDER BY customer_id LIMIT 20) c`,
}

// serveCeiling answers the three questions with no GraphQL, no policy and no receipt, until ctx ends.
func serveCeiling(ctx context.Context, address, dsn string) error {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return err
	}
	config.MaxConns = 10 // as many as the other servers have
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	mux := http.NewServeMux()
	for name, statement := range statements {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) { passThrough(w, r, pool, statement) })
	}
	s := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { s.Close() }) //nolint:errcheck // the process ends
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("ceiling: %w", err)
	}
	return nil
}

func passThrough(w http.ResponseWriter, r *http.Request, pool *pgxpool.Pool, statement string) {
	var q struct {
		Variables struct{ ID int32 }
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	var text []byte
	if err := pool.QueryRow(r.Context(), statement, q.Variables.ID).Scan(&text); err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	bytes.NewReader(append(append([]byte(`{"data":`), text...), '}')).WriteTo(w) //nolint:errcheck // the caller is gone
}
