package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"concordat/state"

	"golang.org/x/mod/sumdb/tlog"
)

// Record is an entry where it stands in the log.
type Record struct {
	Index int64
	Leaf  tlog.Hash
	Raw   []byte // canonical form, as hashed
	Entry Entry
}

// NewRecord reads an entry's canonical form.
func NewRecord(index int64, raw []byte) (Record, error) {
	r := Record{Index: index, Leaf: tlog.RecordHash(raw), Raw: raw}
	if err := json.Unmarshal(raw, &r.Entry); err != nil {
		return Record{}, fmt.Errorf("%w: entry %d: %w", ErrCorrupt, index, err)
	}
	return r, nil
}

// Size is the number of entries.
func (l *Ledger) Size() (n int64, err error) {
	err = l.store.View(func(tx state.ReadTx) error {
		n, err = readSize(tx)
		return err
	})
	if err != nil {
		return 0, unavailable("size", err)
	}
	return n, nil
}

// Entries returns up to limit records from an index on, oldest first; none where the log ends before.
func (l *Ledger) Entries(ctx context.Context, from int64, limit int) ([]Record, error) {
	if from < 0 {
		return nil, ErrNoEntry
	}
	var out []Record
	err := l.store.View(func(tx state.ReadTx) error {
		size, err := readSize(tx)
		if err != nil {
			return err
		}
		for n := from; n < size && len(out) < limit; n++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, err := readRecord(tx, n)
			if err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	if err != nil {
		return nil, unavailable("entries", err)
	}
	return out, nil
}

func readRecord(tx state.ReadTx, n int64) (Record, error) {
	raw, err := readEntry(tx, n)
	if err != nil {
		return Record{}, err
	}
	return NewRecord(n, raw)
}

// Filter selects entries; an empty member selects all.
type Filter struct {
	Kind       string
	Subject    string // the subject's id
	Agreement  string
	Coordinate string // among the coordinates
	Code       string // the refusal's code or one of the errors
	RequestID  string
	Since      time.Time // inclusive
	Until      time.Time // exclusive
	Before     int64     // only entries with a lower index: the last one of the page before; 0 is the newest
	Limit      int       // default 100
}

// Match reports whether the filter selects e, Before and Limit aside.
func (f Filter) Match(e *Entry) bool {
	same := func(want, have string) bool { return want == "" || want == have }
	return same(f.Kind, e.Kind) && same(f.Subject, e.Subject.ID) && same(f.Agreement, e.Agreement) &&
		same(f.RequestID, e.RequestID) &&
		(f.Coordinate == "" || slices.Contains(e.Coordinates, f.Coordinate)) &&
		(f.Code == "" || f.Code == e.Code || slices.Contains(e.Errors, f.Code)) &&
		(f.Since.IsZero() || !e.Time.Before(f.Since)) &&
		(f.Until.IsZero() || e.Time.Before(f.Until))
}

// mayMatch is false where the canonical form lacks a string that the filter wants: most of a log is passed over without
// parsing it.
func (f Filter) mayMatch(raw []byte) bool {
	for _, want := range []string{f.Kind, f.Subject, f.Agreement, f.Coordinate, f.Code, f.RequestID} {
		if want == "" {
			continue
		}
		w := object{}
		w.quote(want)
		if !bytes.Contains(raw, w.buf) {
			return false
		}
	}
	return true
}

const defaultLimit = 100

// Search returns the newest matching records first. It reads the log backwards without an index: it is for people,
// not for the request path.
func (l *Ledger) Search(ctx context.Context, f Filter) ([]Record, error) {
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	var out []Record
	err := l.store.View(func(tx state.ReadTx) error {
		n, err := readSize(tx)
		if f.Before > 0 {
			n = min(n, f.Before)
		}
		for n--; err == nil && n >= 0 && len(out) < f.Limit; n-- {
			if err = ctx.Err(); err != nil {
				break
			}
			var raw []byte
			if raw, err = readEntry(tx, n); err != nil || !f.mayMatch(raw) {
				continue
			}
			var r Record
			if r, err = NewRecord(n, raw); err == nil && f.Match(&r.Entry) {
				out = append(out, r)
			}
		}
		return err
	})
	if err != nil {
		return nil, unavailable("search", err)
	}
	return out, nil
}
