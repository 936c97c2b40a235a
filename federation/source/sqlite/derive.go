package sqlite

import (
	"concordat/federation/source"
	"concordat/federation/source/sqlite/lite"
	"concordat/privacy"
)

// Derives implements source.Deriver: what is not pushed down is computed here, over the rows that the rest of the
// filter leaves, up to MaxScan.
func (s *Source) Derives(*source.Query) bool { return true }

// computes says whether SQLite computes a column as the gateway would. A prefix ends at a NUL there, what rounds to no
// Int is a matter of the gateway's, and keys of pseudonyms stay in it.
func (c capability) computes(d *source.Derived) bool {
	kind := c.relation.Columns[d.From].Kind
	if d.Hash != nil {
		return kind != privacy.Float && kind != privacy.Decimal // numbers that one text does not name
	}
	return (d.Is.Method == "year" || d.Is.Method == "month") && (kind == privacy.Date || kind == privacy.Time)
}

func (c capability) derives(q *source.Query) bool {
	for _, f := range q.Needed() {
		if d := c.relation.Columns[f].Derived; d != nil && !c.computes(d) {
			return false
		}
	}
	return true
}

// expression is a derived column in SQL, where capability computes it.
func (p *printer) expression(d *source.Derived) string {
	stored, kind := p.value(d.From), p.relation.Columns[d.From].Kind
	if d.Hash != nil {
		return p.hash(stored, kind, d.Hash)
	}
	n, rest := "4", "-01-01T00:00:00Z"
	if d.Is.Method == "month" {
		n, rest = "7", "-01T00:00:00Z"
	}
	part := "substr(" + stored + ", 1, " + n + ")"
	if kind == privacy.Time {
		part += " || '" + rest + "'"
	}
	// What is no date has no year: its first bytes may be anything.
	return "CASE WHEN " + stored + " GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' THEN " + part + " END"
}

// hash gives the hash a slot, which the text of the statement names.
func (p *printer) hash(stored string, kind privacy.Kind, h source.Hash) string {
	if kind == privacy.Time {
		stored = "unixepoch(" + stored + ") * 1000000"
	}
	for i, known := range p.hashes {
		if known == h {
			return "hashed(" + itoa(i) + ", " + stored + ")"
		}
	}
	p.hashes = append(p.hashes, h)
	return "hashed(" + itoa(len(p.hashes)-1) + ", " + stored + ")"
}

func slots(hashes []source.Hash) []lite.Hash {
	out := make([]lite.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = h.Of
	}
	return out
}
