package cli

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"concordat/policy/ledger"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// printable keeps control characters in an entry from reaching the terminal.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(s)
	}
	return s
}

// ledgerLine is an entry as export and search --json print it.
type ledgerLine struct {
	Index int64        `json:"index"`
	Leaf  string       `json:"leaf"`
	Entry ledger.Entry `json:"entry"`
}

func lineOf(r ledger.Record) ledgerLine { return ledgerLine{r.Index, r.Leaf.String(), r.Entry} }

func ledgerExport(c ledgerCall) error {
	place := ledgerPlaceFlags(c.flags)
	out := c.flags.String("out", "", "write to this file")
	c.flags.Bool("json", true, "print JSON lines, as it always does")
	if _, err := c.parse(0, 0); err != nil {
		return err
	}
	log, verifier, err := place.open()
	if err != nil {
		return err
	}
	defer log.Close()
	return c.ledgerOutput(*out, func(w io.Writer) error { return c.exportAll(log, verifier, w) })
}

// exportAll streams every entry that the newest checkpoint covers, and fails at the end where they do not make its
// root: a file is then not written at all, and what went to standard output is not to be used.
func (c ledgerCall) exportAll(log ledgerSource, verifier note.Verifier, w io.Writer) error {
	checkpoint, err := log.Checkpoint(c.ctx, -1)
	if err != nil {
		return err
	}
	head, err := openHead(checkpoint, verifier)
	if err != nil {
		return err
	}
	var tree treeRoot
	for tree.size < head.Size {
		records, err := log.Records(c.ctx, tree.size, head.Size)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := printLedgerJSON(w, lineOf(r)); err != nil {
				return err
			}
			tree.add(r.Leaf)
		}
	}
	if head.Size > 0 && tree.root() != head.Root {
		return errors.New("the entries do not make the signed root: the export is not to be trusted")
	}
	return nil
}

// treeRoot computes a root while leaves stream by: it keeps the roots of the complete subtrees, largest first.
type treeRoot struct {
	size  int64
	edges []tlog.Hash
}

func (t *treeRoot) add(leaf tlog.Hash) {
	t.size++
	for range bits.TrailingZeros64(uint64(t.size)) { // each trailing zero is a subtree that this leaf completes
		last := len(t.edges) - 1
		leaf = tlog.NodeHash(t.edges[last], leaf)
		t.edges = t.edges[:last]
	}
	t.edges = append(t.edges, leaf)
}

// root joins the subtrees from the right, as RFC 6962 section 2.1 splits them. The tree must not be empty.
func (t *treeRoot) root() tlog.Hash {
	last := len(t.edges) - 1
	h := t.edges[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(t.edges[i], h)
	}
	return h
}

func ledgerSearch(c ledgerCall) error {
	place := ledgerPlaceFlags(c.flags)
	asJSON := c.flags.Bool("json", false, "print JSON lines")
	filter := ledgerFilterFlags(c)
	if _, err := c.parse(0, 0); err != nil {
		return err
	}
	f, err := filter()
	if err != nil {
		return err
	}
	log, verifier, err := place.open()
	if err != nil {
		return err
	}
	defer log.Close()
	found, err := c.searchAll(log, verifier, f)
	if err != nil {
		return err
	}
	if !*asJSON {
		return printLedgerTable(c.stdout, found)
	}
	for _, r := range found {
		if err := printLedgerJSON(c.stdout, lineOf(r)); err != nil {
			return err
		}
	}
	return nil
}

func ledgerFilterFlags(c ledgerCall) func() (ledger.Filter, error) {
	var f ledger.Filter
	c.flags.StringVar(&f.Kind, "kind", "", "answer, refusal, control, decision or activation")
	c.flags.StringVar(&f.Subject, "subject", "", "the subject's id")
	c.flags.StringVar(&f.Agreement, "agreement", "", "the agreement's id")
	c.flags.StringVar(&f.Coordinate, "coordinate", "", "a field that was read, as Type.field")
	c.flags.StringVar(&f.Code, "code", "", "an error's code")
	c.flags.StringVar(&f.RequestID, "request", "", "the request's id")
	c.flags.IntVar(&f.Limit, "limit", 100, "at most this many")
	since := c.flags.String("since", "", "not before, as 2006-01-02 or RFC 3339")
	until := c.flags.String("until", "", "before, likewise")
	return func() (_ ledger.Filter, err error) {
		if f.Since, err = ledgerInstant(*since); err != nil {
			return f, err
		}
		if f.Until, err = ledgerInstant(*until); err != nil {
			return f, err
		}
		if f.Limit < 1 {
			return f, fmt.Errorf("%w: --limit must be at least 1", errLedgerUse)
		}
		return f, nil
	}
}

func ledgerInstant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %q is neither a day nor an RFC 3339 instant", errLedgerUse, s)
}

// searchAll reads bundles from the newest backwards until enough match.
func (c ledgerCall) searchAll(log ledgerSource, verifier note.Verifier, f ledger.Filter) (found []ledger.Record, err error) {
	checkpoint, err := log.Checkpoint(c.ctx, -1)
	if err != nil {
		return nil, err
	}
	head, err := openHead(checkpoint, verifier)
	if err != nil {
		return nil, err
	}
	for n := head.Size; n > 0; {
		records, err := log.Records(c.ctx, n-1, head.Size)
		if err != nil {
			return nil, err
		}
		if len(records) == 0 {
			return nil, errors.New("the log is shorter than its checkpoint")
		}
		for i := len(records) - 1; i >= 0; i-- {
			if f.Match(&records[i].Entry) {
				found = append(found, records[i])
			}
			if len(found) == f.Limit {
				return found, nil
			}
		}
		n = records[0].Index
	}
	return found, nil
}

func printLedgerTable(w io.Writer, found []ledger.Record) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "INDEX\tTIME\tKIND\tSUBJECT\tAGREEMENT\tPURPOSE\tCODE\tCOORDINATES")
	for _, r := range found {
		e := r.Entry
		codes := e.Errors
		if e.Code != "" {
			codes = []string{e.Code}
		}
		cells := []string{e.Kind, e.Subject.ID, e.Agreement, e.Purpose, strings.Join(codes, " "), strings.Join(e.Coordinates, " ")}
		for i, cell := range cells {
			cells[i] = printable(cell)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\n", r.Index, e.Time.UTC().Format(time.RFC3339), strings.Join(cells, "\t"))
	}
	return t.Flush()
}
