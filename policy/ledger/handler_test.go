package ledger

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func isAuditor(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer auditor" }

// tiles reads tiles over the handler, as an auditor's client would.
type tiles struct{ h http.Handler }

func (tiles) Height() int                     { return TileHeight }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (c tiles) ReadTiles(want []tlog.Tile) (out [][]byte, err error) {
	for _, t := range want {
		w := ask(c.h, "GET", TilePrefix+TilePath(t))
		if w.Code != http.StatusOK {
			return nil, fmt.Errorf("%s: %d", TilePath(t), w.Code)
		}
		out = append(out, w.Body.Bytes())
	}
	return out, nil
}

func TestTilesProveEveryEntryAgainstTheCheckpoint(t *testing.T) {
	r := newRig(t)
	receipts := r.fill(t, 600)
	h := r.Handler(isAuditor)
	w := ask(h, "GET", CheckpointPath)
	if ct := w.Header().Get("Content-Type"); ct != "text/plain; charset=utf-8" {
		t.Errorf("checkpoint is %s", ct)
	}
	head, err := OpenCheckpoint(w.Body.Bytes(), r.verifier)
	if err != nil || head.Size != 600 {
		t.Fatalf("checkpoint %+v, %v", head, err)
	}
	reader := tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Root}, tiles{h})
	for _, receipt := range receipts {
		leaf, _ := tlog.ParseHash(receipt.Leaf)
		path, err := tlog.ProveRecord(head.Size, receipt.Index, reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(path, head.Size, head.Root, receipt.Index, leaf); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBundlesGoToAuditorsOnly(t *testing.T) {
	r := newRig(t)
	receipts := r.fill(t, 300)
	h := r.Handler(isAuditor)
	for _, path := range []string{"entries/000", "entries/001.p/44", "entries/001.p/1"} {
		if w := ask(h, "GET", TilePrefix+path); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "transport") {
			t.Errorf("%s without token: %d", path, w.Code)
		}
		if w := ask(h, "GET", TilePrefix+path, "Authorization", "Bearer partner"); w.Code != http.StatusForbidden {
			t.Errorf("%s as partner: %d", path, w.Code)
		}
		if w := ask(r.Handler(nil), "GET", TilePrefix+path, "Authorization", "Bearer auditor"); w.Code != http.StatusForbidden {
			t.Errorf("%s where nobody is an auditor: %d", path, w.Code)
		}
	}
	w := ask(h, "GET", TilePrefix+"entries/001.p/44", "Authorization", "Bearer auditor")
	entries, err := ParseBundle(w.Body.Bytes())
	if err != nil || len(entries) != 44 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, e := range entries {
		if leaf := tlog.RecordHash(e).String(); leaf != receipts[256+i].Leaf {
			t.Errorf("entry %d has leaf %s", 256+i, leaf)
		}
	}
	if cc := w.Header().Get("Cache-Control"); !strings.HasPrefix(cc, "private") {
		t.Errorf("bundle may be cached: %s", cc)
	}
}

func TestEntryGoesToTheHolderOfItsReceipt(t *testing.T) {
	r := newRig(t)
	e := sample()
	e.Digest = "" // as a refusal
	receipt, err := r.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	h := r.Handler(isAuditor)
	w := ask(h, "GET", EntryPrefix+"0", DigestHeader, receipt.Digest)
	if w.Code != http.StatusOK || tlog.RecordHash(w.Body.Bytes()).String() != receipt.Leaf {
		t.Errorf("holder: %d", w.Code)
	}
	wrong := ask(h, "GET", EntryPrefix+"0", DigestHeader, receipt.Leaf)
	absent := ask(h, "GET", EntryPrefix+"1", DigestHeader, receipt.Digest)
	if wrong.Code != http.StatusNotFound || wrong.Body.String() != absent.Body.String() || absent.Code != wrong.Code {
		t.Errorf("wrong digest %d, absent index %d", wrong.Code, absent.Code)
	}
	for _, path := range []string{"0", "-1", "00", "x", "99999999999999999999"} {
		if w := ask(h, "GET", EntryPrefix+path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestNoDigestOpensNoEntry(t *testing.T) {
	if shows("", "") || shows("x", "") || shows("", "x") || !shows("x", "x") {
		t.Error("an entry is shown for the wrong digest")
	}
}

func TestHandlerIsReadOnlyAndStrict(t *testing.T) {
	r := newRig(t)
	r.fill(t, 300)
	h := r.Handler(isAuditor)
	for path, code := range map[string]int{
		"0/000": 200, "0/001.p/44": 200, "0/000.p/5": 200, "1/000.p/1": 200,
		"0/001": 404, "0/001.p/45": 404, "0/002.p/1": 404, "1/000": 404, "1/000.p/2": 404, "2/000.p/1": 404,
		"0/0": 404, "00/000": 404, "8/000": 404, "-1/000": 404, "0/000.p/0": 404, "0/000.p/256": 404, "0/000.p/05": 404,
		"0/x000/000": 404, "0/": 404, "0": 404, "": 404, "0/000/": 404, "0/1000": 404, "0/x999/x999/x999/x999/x999/x999/999": 404,
	} {
		if w := ask(h, "GET", TilePrefix+path); w.Code != code {
			t.Errorf("%q: %d, want %d", path, w.Code, code)
		}
	}
	for _, path := range []string{CheckpointPath, TilePrefix + "0/000", EntryPrefix + "0"} {
		if w := ask(h, "POST", path); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
}

func TestUnavailableLogAnswers503WithoutReason(t *testing.T) {
	r := newRig(t)
	r.fill(t, 2)
	h := r.Handler(isAuditor)
	r.store.Close()
	for _, path := range []string{CheckpointPath, TilePrefix + "0/000.p/2", EntryPrefix + "0"} {
		w := ask(h, "GET", path)
		if w.Code != http.StatusServiceUnavailable || !bytes.Equal(w.Body.Bytes(), []byte("ledger unavailable\n")) {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

func TestTilePathsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tile := tlog.Tile{
			H: TileHeight, L: rapid.IntRange(entryLevel, maxLevel).Draw(t, "L"),
			N: rapid.Int64Range(0, 1<<40).Draw(t, "N"), W: rapid.IntRange(1, tileWidth).Draw(t, "W"),
		}
		got, err := parseTilePath(TilePath(tile))
		if err != nil || got != tile {
			t.Fatalf("%s = %+v, %v, want %+v", TilePath(tile), got, err, tile)
		}
	})
	if got := TilePath(tlog.Tile{H: 8, L: 0, N: 1234067, W: 17}); got != "0/x001/x234/067.p/17" { // C2SP tlog-tiles
		t.Error(got)
	}
}

func FuzzParseTilePath(f *testing.F) {
	f.Add("0/x001/x234/067.p/17")
	f.Add("entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		if tile, err := parseTilePath(path); err == nil && TilePath(tile) != path {
			t.Errorf("%q is read as %q", path, TilePath(tile))
		}
	})
}

func FuzzParseBundle(f *testing.F) {
	f.Add(appendBundled(appendBundled(nil, []byte("a")), nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		entries, err := ParseBundle(in)
		if err != nil {
			return
		}
		var out []byte
		for _, e := range entries {
			out = appendBundled(out, e)
		}
		if !bytes.Equal(in, out) {
			t.Errorf("%x is read as %x", in, out)
		}
	})
}
