package resolvers

import (
	"context"
	"encoding/base64"
	"strconv"

	"concordat/graph"
	"concordat/policy"
	"concordat/policy/ledger"
)

// Receipts reads the ledger; *ledger.Ledger is one.
type Receipts interface {
	// Search returns the newest records that the filter selects, newest first.
	Search(ctx context.Context, f ledger.Filter) ([]ledger.Record, error)
	// Entries returns up to limit records from an index on; none where the log ends before.
	Entries(ctx context.Context, from int64, limit int) ([]ledger.Record, error)
}

const (
	defaultReceipts = 20
	maxReceipts     = 100
)

func (q query) Receipts(ctx context.Context, first *int, before *string) ([]*graph.ReceiptEntry, error) {
	subject, err := reader(ctx)
	if err != nil {
		return nil, err
	}
	limit := defaultReceipts
	if first != nil {
		limit = *first
	}
	if limit < 0 || limit > maxReceipts {
		return nil, refuse("BAD_USER_INPUT", "first must be between 0 and 100")
	}
	below := int64(0) // of ledger.Filter: the newest
	if before != nil {
		below, err = index(*before)
		if err != nil {
			return nil, err
		}
	}
	if limit == 0 || before != nil && below == 0 {
		return []*graph.ReceiptEntry{}, nil
	}
	return q.page(ctx, subject, below, limit)
}

// page searches on until the page is full: two issuers may use one subject ID, and those entries are not the
// caller's.
func (q query) page(ctx context.Context, s policy.Subject, before int64, limit int) ([]*graph.ReceiptEntry, error) {
	filter := ledger.Filter{Before: before, Limit: limit}
	if !s.HasScope(ScopeLedgerRead) {
		filter.Subject = s.ID
	}
	entries := []*graph.ReceiptEntry{}
	for {
		records, err := q.Resolver.Receipts.Search(ctx, filter)
		if err != nil {
			return nil, failed("LEDGER_UNAVAILABLE", "the ledger cannot be read", err)
		}
		for _, record := range records {
			if mayReadEntry(s, record.Entry) && len(entries) < limit {
				entries = append(entries, receiptEntry(record))
			}
		}
		if len(entries) == limit || len(records) < limit {
			return entries, nil
		}
		filter.Before = records[len(records)-1].Index
		if filter.Before == 0 { // which would mean the newest again
			return entries, nil
		}
	}
}

func (q query) Receipt(ctx context.Context, number string) (*graph.ReceiptEntry, error) {
	subject, err := reader(ctx)
	if err != nil {
		return nil, err
	}
	n, err := index(number)
	if err != nil {
		return nil, err
	}
	records, err := q.Resolver.Receipts.Entries(ctx, n, 1)
	if err != nil {
		return nil, failed("LEDGER_UNAVAILABLE", "the ledger cannot be read", err)
	}
	// Another's entry and none at all look the same.
	if len(records) == 0 || records[0].Index != n || !mayReadEntry(subject, records[0].Entry) {
		return nil, nil
	}
	return receiptEntry(records[0]), nil
}

// reader is a caller with an identity of its own: every request without a token is the same subject, and none may
// read another's entries.
func reader(ctx context.Context) (policy.Subject, error) {
	subject, err := caller(ctx)
	if err != nil {
		return policy.Subject{}, err
	}
	if subject.Anonymous || subject.ID == "" {
		return policy.Subject{}, refuse("FORBIDDEN", "receipts are shown to their own subject only")
	}
	return subject, nil
}

func mayReadEntry(s policy.Subject, e ledger.Entry) bool {
	return s.HasScope(ScopeLedgerRead) ||
		e.Subject.ID == s.ID && e.Subject.Organisation == s.Organisation
}

func index(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, refuse("BAD_USER_INPUT", "an index is a whole number from 0 on")
	}
	return n, nil
}

func receiptEntry(r ledger.Record) *graph.ReceiptEntry {
	e := r.Entry
	return &graph.ReceiptEntry{
		Index:          strconv.FormatInt(r.Index, 10),
		Leaf:           base64.StdEncoding.EncodeToString(r.Leaf[:]),
		Kind:           e.Kind,
		Time:           e.Time.UTC(),
		RequestID:      optional(e.RequestID),
		Subject:        optional(e.Subject.ID),
		Organisation:   optional(e.Subject.Organisation),
		Client:         optional(e.Subject.Client),
		Agreement:      optional(e.Agreement),
		Purpose:        optional(e.Purpose),
		DocumentHash:   optional(e.DocumentHash),
		PolicyRevision: optional(e.PolicyRevision),
		SchemaRevision: optional(e.SchemaRevision),
		Coordinates:    some(e.Coordinates),
		Obligations:    obligations(e.Obligations),
		Errors:         some(e.Errors),
		Code:           optional(e.Code),
		Digest:         optional(e.Digest),
	}
}

func obligations(owed []ledger.Obligation) []*graph.ReceiptObligation {
	answer := make([]*graph.ReceiptObligation, len(owed))
	for i, o := range owed {
		answer[i] = &graph.ReceiptObligation{Coordinate: o.Coordinate, Method: o.Method}
	}
	return answer
}
