-- A shop of music: the tables and proportions of Chinook, generated. One row in a thousand of album, track, customer and
-- invoice lies in a region that nobody's agreement names.
CREATE TABLE artist (artist_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE genre (genre_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE album (album_id int PRIMARY KEY, title text NOT NULL, artist_id int NOT NULL REFERENCES artist, region text NOT NULL);
CREATE TABLE track (track_id int PRIMARY KEY, name text NOT NULL, album_id int NOT NULL REFERENCES album,
  genre_id int NOT NULL REFERENCES genre, composer text NOT NULL, milliseconds int NOT NULL, region text NOT NULL);
CREATE TABLE customer (customer_id int PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, email text NOT NULL,
  region text NOT NULL);
CREATE TABLE invoice (invoice_id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer, invoice_date date NOT NULL,
  total int NOT NULL, region text NOT NULL);
CREATE TABLE invoice_line (invoice_line_id int PRIMARY KEY, invoice_id int NOT NULL REFERENCES invoice,
  track_id int NOT NULL REFERENCES track, unit_price int NOT NULL, quantity int NOT NULL);

CREATE FUNCTION region(n int) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN n % 1000 = 437 THEN 'elsewhere' ELSE 'R' || n % 10 END $$;

INSERT INTO artist SELECT n, 'Artist ' || n FROM generate_series(1, 1000) n;
INSERT INTO genre SELECT n, 'Genre ' || n FROM generate_series(1, 25) n;
INSERT INTO album SELECT n, 'Album number ' || n, 1 + (n - 1) / 10, region(n) FROM generate_series(1, 10000) n;
INSERT INTO track SELECT n, 'Track number ' || n || ' of the album', 1 + (n - 1) / 12, 1 + n % 25, 'Composer ' || n % 3000,
  150000 + n * 37 % 200000, region(n) FROM generate_series(1, 120000) n;
INSERT INTO customer SELECT n, 'First' || n, 'Last' || n, 'customer' || n || '@example.org', region(n) FROM generate_series(1, 5000) n;
INSERT INTO invoice SELECT n, 1 + (n - 1) / 10, date '2020-01-01' + n % 1500, 100 + n % 900, region(n) FROM generate_series(1, 50000) n;
INSERT INTO invoice_line SELECT n, 1 + (n - 1) / 4, 1 + n * 7919 % 120000, 99, 1 + n % 3 FROM generate_series(1, 200000) n;

CREATE INDEX ON album (artist_id);
CREATE INDEX ON track (album_id);
CREATE INDEX ON track (genre_id);
CREATE INDEX ON invoice (customer_id);
CREATE INDEX ON invoice_line (invoice_id);
CREATE INDEX ON invoice_line (track_id);

-- What the peer's row rules need: a role that is subject to them, and the same condition as the gateway's policy.
CREATE ROLE reader NOLOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
ALTER TABLE album ENABLE ROW LEVEL SECURITY;
ALTER TABLE track ENABLE ROW LEVEL SECURITY;
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON album TO reader USING (region = ANY (string_to_array(current_setting('bench.regions'), ',')));
CREATE POLICY p ON track TO reader USING (region = ANY (string_to_array(current_setting('bench.regions'), ',')));
CREATE POLICY p ON customer TO reader USING (region = ANY (string_to_array(current_setting('bench.regions'), ',')));
CREATE POLICY p ON invoice TO reader USING (region = ANY (string_to_array(current_setting('bench.regions'), ',')));
ANALYZE;
