package ledger

import (
	"crypto/subtle"
	"errors"
	"net/http"

	"concordat/state"

	"golang.org/x/mod/sumdb/tlog"
)

// DigestHeader carries the digest of a receipt to EntryPrefix.
const DigestHeader = "Concordat-Receipt-Digest"

// Handler serves the log as C2SP tlog-tiles below /ledger/, read-only. Checkpoint and tiles of hashes are public: they
// tell how many entries there are and nothing else. Bundles of entries go only to whom auditor says yes to.
//
// Beside them /ledger/entry/INDEX gives one entry to whoever shows its receipt's digest in DigestHeader, so that a
// caller can make a proof without an auditor's rights. The leaf hash would not do: level 0 of the public tiles is made
// of leaf hashes. The digest is salted and stands nowhere but in the receipt and the entry.
func (l *Ledger) Handler(auditor func(*http.Request) bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+CheckpointPath, l.serveCheckpoint)
	mux.HandleFunc("GET "+EntryPrefix+"{index}", l.serveEntry)
	mux.HandleFunc("GET "+TilePrefix+"{path...}", func(w http.ResponseWriter, r *http.Request) {
		t, err := parseTilePath(r.PathValue("path"))
		switch {
		case err != nil:
			http.NotFound(w, r)
		case t.L == entryLevel && (auditor == nil || !auditor(r)):
			forbid(w, r)
		default:
			l.serveTile(w, r, t)
		}
	})
	return mux
}

// forbid follows RFC 6750 section 3: 401 asks for a token, 403 says that this one does not do.
func forbid(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "a token is needed", http.StatusUnauthorized)
		return
	}
	http.Error(w, "an auditor's token is needed", http.StatusForbidden)
}

func (l *Ledger) serveCheckpoint(w http.ResponseWriter, r *http.Request) {
	checkpoint, err := l.Checkpoint()
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(checkpoint)
}

// fail never tells more than whether asking again may help.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrNoEntry) {
		http.NotFound(w, r)
		return
	}
	http.Error(w, "ledger unavailable", http.StatusServiceUnavailable)
}

// immutable: a tile, once there, never changes; a day is enough for any auditor's run.
const immutable = "max-age=86400, immutable"

func (l *Ledger) serveTile(w http.ResponseWriter, r *http.Request, t tlog.Tile) {
	data, err := l.readTile(t)
	if err != nil {
		fail(w, r, err)
		return
	}
	scope := "public, "
	if t.L == entryLevel {
		scope = "private, "
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", scope+immutable)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(data)
}

// readTile is a tile's bytes, ErrNoEntry where the log does not fill it yet.
func (l *Ledger) readTile(t tlog.Tile) (data []byte, err error) {
	err = l.store.View(func(tx state.ReadTx) error {
		size, err := readSize(tx)
		if err != nil {
			return err
		}
		if !covered(t, size) {
			return ErrNoEntry
		}
		if t.L != entryLevel {
			data, err = tlog.ReadTileData(t, hashReader(tx))
			return err
		}
		data, err = readBundle(tx, t)
		return err
	})
	return data, err
}

func readBundle(tx state.ReadTx, t tlog.Tile) (bundle []byte, err error) {
	first := t.N << TileHeight
	for n := first; n < first+int64(t.W); n++ {
		entry, err := readEntry(tx, n)
		if err != nil {
			return nil, err
		}
		bundle = appendBundled(bundle, entry)
	}
	return bundle, nil
}

// serveEntry answers a wrong digest and an absent index alike.
func (l *Ledger) serveEntry(w http.ResponseWriter, r *http.Request) {
	index, err := parseDecimal(r.PathValue("index"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	found, err := l.Entries(r.Context(), index, 1)
	if err != nil {
		fail(w, r, err)
		return
	}
	if len(found) == 0 || !shows(r.Header.Get(DigestHeader), found[0].Entry.Digest) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(found[0].Raw)
}

func shows(shown, digest string) bool {
	return digest != "" && subtle.ConstantTimeCompare([]byte(shown), []byte(digest)) == 1
}
