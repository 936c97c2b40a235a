package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Paths of the log's web interface, below its base address.
const (
	CheckpointPath = "/ledger/checkpoint"
	TilePrefix     = "/ledger/tile/"
	EntryPrefix    = "/ledger/entry/"
)

const (
	// TileHeight is fixed by C2SP tlog-tiles.
	TileHeight = 8
	tileWidth  = 1 << TileHeight
	entryLevel = -1 // tlog's name for bundles of entries
	maxLevel   = 7  // 256^8 entries and more do not exist
)

// Bundle is the tile of entries that holds an index, as wide as a log of that size fills it.
func Bundle(index, size int64) tlog.Tile {
	n := index >> TileHeight
	return tlog.Tile{H: TileHeight, L: entryLevel, N: n, W: int(min(tileWidth, size-n<<TileHeight))}
}

// TilePath is the C2SP tlog-tiles path of a tile of hashes, or of a bundle of entries for level -1: "0/x001/234",
// "entries/000.p/17".
func TilePath(t tlog.Tile) string {
	level := "entries"
	if t.L != entryLevel {
		level = strconv.Itoa(t.L)
	}
	path := level + "/" + tileNumber(t.N)
	if t.W != tileWidth {
		path += ".p/" + strconv.Itoa(t.W)
	}
	return path
}

// tileNumber writes N in groups of three digits, all but the last marked with an x.
func tileNumber(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

var errTilePath = errors.New("not a tile path")

// parseTilePath accepts exactly what TilePath writes.
func parseTilePath(path string) (tlog.Tile, error) {
	t := tlog.Tile{H: TileHeight, W: tileWidth, L: entryLevel}
	level, rest, ok := strings.Cut(path, "/")
	if level != "entries" {
		l, err := parseDecimal(level)
		if err != nil || l > maxLevel {
			return t, errTilePath
		}
		t.L = int(l)
	}
	number, width, partial := strings.Cut(rest, ".p/")
	if partial {
		w, err := parseDecimal(width)
		if err != nil || w < 1 || w >= tileWidth {
			return t, errTilePath
		}
		t.W = int(w)
	}
	digits := strings.ReplaceAll(strings.ReplaceAll(number, "/", ""), "x", "")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > 1<<(63-2*TileHeight) {
		return t, errTilePath
	}
	t.N = n
	if !ok || TilePath(t) != path {
		return t, errTilePath
	}
	return t, nil
}

// covered reports whether a log of that size has the whole tile.
func covered(t tlog.Tile, size int64) bool {
	hashes := size
	if t.L > 0 {
		hashes = size >> (TileHeight * t.L)
	}
	return t.N<<TileHeight+int64(t.W) <= hashes
}

// appendBundled adds an entry to a bundle: its length in two bytes, big-endian, and then its bytes.
func appendBundled(bundle, entry []byte) []byte {
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...)
}

// ParseBundle takes a bundle of entries apart.
func ParseBundle(bundle []byte) ([][]byte, error) {
	var out [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 {
			return nil, errors.New("bundle ends inside a length")
		}
		n := 2 + int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < n {
			return nil, errors.New("bundle ends inside an entry")
		}
		out = append(out, bundle[2:n:n])
		bundle = bundle[n:]
	}
	return out, nil
}
