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
// It does not promise that the parties signed what the file says, nor does it decide what an agreement permits:
// purposes, datasets and regions are data for the agencies' rules. One process owns the store; a revocation made by
// another would not be seen before a restart.
package agreement

import (
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
	Regions    []string
	Districts  []string
	ValidFrom  time.Time // inclusive
	ValidUntil time.Time // exclusive; a bare date in the file includes that day (UTC)
	Contact    string
	Retention  string
}

// Set is the agreements of one directory by ID. It is immutable.
type Set struct {
	byID map[string]Agreement
}

// Get returns the agreement named id. Its slices are shared and must not be changed.
func (s *Set) Get(id string) (Agreement, bool) {
	a, ok := s.byID[id]
	return a, ok
}

// IDs are all agreements, sorted.
func (s *Set) IDs() []string { return slices.Sorted(maps.Keys(s.byID)) }

// Data is what policy reads as data.agreements: by ID, the file's keys with plain JSON values, times in RFC 3339.
// Every key is there, also where the file leaves it out: a rule over an absent list then finds an empty one.
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
		"contact":    a.Contact,
		"retention":  a.Retention,
	}
}

func list(texts []string) []any {
	values := make([]any, len(texts))
	for i, t := range texts {
		values[i] = t
	}
	return values
}
