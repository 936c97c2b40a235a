// Package agreement holds the data-sharing agreements under which partners read data.
//
// An agreement has two parts with two lives. Its content is one YAML file, read by [Load] into an immutable [Set]
// that belongs to a snapshot and that policy reads as data.agreements ([Set.Data]). Its status is live: a [Register]
// over the state store knows which agreements were revoked, and says of one, at a moment, whether it is in force.
//
//	set, err := agreement.LoadDir("agreements")
//	register, err := agreement.NewRegister(ctx, store, set)
//	status, err := register.Status(ctx, subject.Agreement, now)
//	if err != nil || status != agreement.Active { ... refuse }
//
// It does not promise that the parties signed what the file says: a list of signatures is kept in the file, and not
// yet asked for. Nor does it decide what an agreement permits: purposes, datasets, regions and the transforms owed are
// data for rules, and the gateway's own rules hold them against everybody. One process owns the store; a revocation made by
// another would not be seen before a restart.
package agreement

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"
)

// Agreement is the content of one file. The times are the first and the last moment at which it can be in force.
type Agreement struct {
	ID         string
	Version    string
	Title      string
	Parties    []string
	LegalBasis string
	Purposes   []string
	Scopes     []string
	Datasets   []string // "Type" or "Type.field"
	Secure     []Secure // of sums that only the caller can open
	Transforms []Owed   // what must happen to fields before they leave, whatever the agencies' rules allow
	Regions    []string
	Districts  []string
	ValidFrom  time.Time // inclusive
	ValidUntil time.Time // exclusive; a bare date in the file includes that day (UTC)
	// RenewedFrom is where the first term ended and a renewal began; zero where there was none.
	RenewedFrom time.Time
	Contact     string
	Retention   string
	Terms       Terms
}

// Terms are what the parties promise each other in words (5 U.S.C. 552a(o)(1)). No code enforces them; those who are
// asked to sign or to share read them.
type Terms struct {
	Justification     string // and the results that are expected
	RecordDescription string // which records, about how many, from when to when
	Notice            string // how the people the data is about are told
	Verification      string // how what was received is verified before anybody acts on it
	Destruction       string // when and how copies are destroyed
	Security          string
	Redisclosure      string // to whom it may be passed on
	Accuracy          string // what was assessed of the records' accuracy
}

// Owed is a transform that the agreement demands: of one field, a type or a classification.
type Owed struct {
	On        Target
	Method    string
	Arguments map[string]any // plain JSON values
}

// Target names what a transform is owed on; exactly one is set.
type Target struct {
	Coordinate     string // "Type.field"
	Type           string
	Classification string
}

// Set is the agreements of one directory by ID. It is immutable.
type Set struct {
	byID   map[string]Agreement
	places map[string]places
	digest [sha256.Size]byte
}

// Digest tells sets of different files apart, also where they differ in nothing that policy reads.
func (s *Set) Digest() [sha256.Size]byte { return s.digest }

// Get returns the agreement named id. Its slices are shared and must not be changed.
func (s *Set) Get(id string) (Agreement, bool) {
	a, ok := s.byID[id]
	return a, ok
}

// IDs are all agreements, sorted.
func (s *Set) IDs() []string { return slices.Sorted(maps.Keys(s.byID)) }

// Data is what policy reads as data.agreements: by ID, the file's keys that rules can use, with plain JSON values,
// times in RFC 3339. Every one of them is there, also where the file leaves it out: a rule over an absent list then finds an empty one.
// Each call returns a new copy.
func (s *Set) Data() map[string]any {
	data := make(map[string]any, len(s.byID))
	for id, a := range s.byID {
		data[id] = a.data()
	}
	return data
}

func (a Agreement) data() map[string]any {
	return map[string]any{
		"id":         a.ID,
		"version":    a.Version,
		"title":      a.Title,
		"parties":    list(a.Parties),
		"legalBasis": a.LegalBasis,
		"purposes":   list(a.Purposes),
		"scopes":     list(a.Scopes),
		"datasets":   list(a.Datasets),
		"regions":    list(a.Regions),
		"districts":  list(a.Districts),
		"validFrom":  a.ValidFrom.Format(time.RFC3339),
		"validUntil": a.ValidUntil.Format(time.RFC3339),
		"transforms": owed(a.Transforms),

		"secureAggregation": securedData(a.Secure),
		"contact":           a.Contact,
		"retention":         a.Retention,
	}
}

// owed is each transform as a statement of the policy language, so that a rule can pass it on as it is.
func owed(transforms []Owed) []any {
	statements := make([]any, len(transforms))
	for i, t := range transforms {
		statement := map[string]any{"effect": "transform", "method": t.Method, "reason": "the agreement owes this transform"}
		for key, name := range map[string]string{"coordinate": t.On.Coordinate, "type": t.On.Type, "classification": t.On.Classification} {
			if name != "" {
				statement[key] = name
			}
		}
		if len(t.Arguments) > 0 {
			statement["args"] = maps.Clone(t.Arguments)
		}
		statements[i] = statement
	}
	return statements
}

func list(texts []string) []any {
	values := make([]any, len(texts))
	for i, t := range texts {
		values[i] = t
	}
	return values
}
