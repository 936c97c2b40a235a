package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"concordat/policy/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

// remoteLedger reads a running gateway's log over HTTP, as any C2SP tlog-tiles client could.
type remoteLedger struct {
	base   string
	token  string
	client *http.Client
}

const (
	maxLedgerAnswer = 256 * (2 + 1<<16) // the largest bundle
	coverPatience   = 10 * time.Second  // a checkpoint covers a receipt within 5 s
	coverPause      = 250 * time.Millisecond
)

// ledgerStatus is an answer other than 200.
type ledgerStatus struct {
	path string
	code int
}

func (e ledgerStatus) Error() string {
	switch e.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprintf("%s: an auditor's token is needed (%d)", e.path, e.code)
	}
	return fmt.Sprintf("%s: the gateway answers %d", e.path, e.code)
}

func (l remoteLedger) get(ctx context.Context, path string, header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.base+path, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, ledgerStatus{path, resp.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxLedgerAnswer+1))
	if err == nil && len(body) > maxLedgerAnswer {
		err = fmt.Errorf("%s: the answer is too large", path)
	}
	return body, err
}

// Checkpoint asks again for a while where the newest does not cover index yet.
func (l remoteLedger) Checkpoint(ctx context.Context, index int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, coverPatience)
	defer cancel()
	for {
		checkpoint, err := l.get(ctx, ledger.CheckpointPath, nil)
		if err != nil {
			return nil, err
		}
		head, err := ledger.ReadHead(checkpoint)
		if err != nil || head.Size > index {
			return checkpoint, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the newest checkpoint has %d entries and does not cover index %d", head.Size, index)
		case <-time.After(coverPause):
		}
	}
}

// Prove puts a proof together from public tiles, each checked against the checkpoint's root, and the entry.
func (l remoteLedger) Prove(ctx context.Context, r ledger.Receipt) (ledger.Proof, error) {
	checkpoint, err := l.Checkpoint(ctx, r.Index)
	if err != nil {
		return ledger.Proof{}, err
	}
	head, err := ledger.ReadHead(checkpoint)
	if err != nil {
		return ledger.Proof{}, err
	}
	entry, err := l.entry(ctx, r, head.Size)
	if err != nil {
		return ledger.Proof{}, err
	}
	reader := tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Root}, ledgerTiles{ctx, l})
	path, err := tlog.ProveRecord(head.Size, r.Index, reader)
	if err != nil {
		return ledger.Proof{}, err
	}
	return ledger.Proof{Entry: entry, Index: r.Index, Path: path, Checkpoint: checkpoint}, nil
}

// entry is fetched by the receipt's digest, or from its bundle where an auditor asks.
func (l remoteLedger) entry(ctx context.Context, r ledger.Receipt, size int64) ([]byte, error) {
	if r.Digest != "" {
		path := ledger.EntryPrefix + strconv.FormatInt(r.Index, 10)
		entry, err := l.get(ctx, path, http.Header{ledger.DigestHeader: {r.Digest}})
		if status := (ledgerStatus{}); errors.As(err, &status) && status.code == http.StatusNotFound {
			return nil, errors.New("the log has no entry of that index and digest")
		}
		return entry, err
	}
	records, err := l.Records(ctx, r.Index, size)
	if err != nil {
		return nil, err
	}
	return records[r.Index-records[0].Index].Raw, nil
}

func (l remoteLedger) Records(ctx context.Context, index, size int64) ([]ledger.Record, error) {
	t := ledger.Bundle(index, size)
	path := ledger.TilePrefix + ledger.TilePath(t)
	var header http.Header
	if l.token != "" {
		header = http.Header{"Authorization": {"Bearer " + l.token}}
	}
	bundle, err := l.get(ctx, path, header)
	if err != nil {
		return nil, err
	}
	entries, err := ledger.ParseBundle(bundle)
	if err != nil || len(entries) != t.W {
		return nil, errors.Join(fmt.Errorf("%s: malformed bundle", path), err)
	}
	records := make([]ledger.Record, len(entries))
	for i, raw := range entries {
		if records[i], err = ledger.NewRecord(t.N<<ledger.TileHeight+int64(i), raw); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (l remoteLedger) Close() error {
	l.client.CloseIdleConnections()
	return nil
}

// ledgerTiles reads tiles for one proof: tlog's interface has no room for a context.
type ledgerTiles struct {
	ctx context.Context
	log remoteLedger
}

func (ledgerTiles) Height() int                     { return ledger.TileHeight }
func (ledgerTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t ledgerTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := ledger.TilePrefix + ledger.TilePath(tile)
		data, err := t.log.get(t.ctx, path, nil)
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: malformed tile", path)
		}
		out[i] = data
	}
	return out, nil
}
