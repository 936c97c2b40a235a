package agreement

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"time"
)

// Catalog knows what the gateway can share.
type Catalog interface {
	// Known says whether a dataset, "Type" or "Type.field", exists.
	Known(dataset string) bool
	// Meets says why a transform that is owed could not be done on everything that it names; nil where it could.
	Meets(t Owed) error
}

// places are the lines of one file's keys and list items, by path.
type places struct {
	file  string
	lines map[string]int
}

func (p places) mistake(path, message string) Mistake {
	return Mistake{File: p.file, Line: p.lines[path], Path: path, Message: message}
}

// placesOf notes where Check's findings would stand.
func (r *reader) placesOf() places {
	p := places{r.file, make(map[string]int, len(r.fields))}
	for key, node := range r.fields {
		p.lines[key] = node.Line
		for i, item := range node.Content {
			p.lines[fmt.Sprintf("%s[%d]", key, i)] = item.Line
		}
	}
	return p
}

// Check holds the agreements against what there is: a name that nothing has, or a transform that cannot be done, is a
// mistake, since an agreement that shares less than its parties read in it is as wrong as one that shares more.
func (s *Set) Check(c Catalog) Mistakes {
	var found Mistakes
	for _, id := range s.IDs() {
		a, at := s.byID[id], s.places[id]
		for i, dataset := range a.Datasets {
			if !c.Known(dataset) {
				found = append(found, at.mistake(fmt.Sprintf("datasets[%d]", i), "names nothing that is shared here"))
			}
		}
		for i, s := range a.Secure {
			if !c.Known(s.Dataset) {
				found = append(found, at.mistake(fmt.Sprintf("secureAggregation[%d]", i), "names nothing that is shared here"))
			}
		}
		for i, t := range a.Transforms {
			if err := c.Meets(t); err != nil {
				found = append(found, at.mistake(fmt.Sprintf("transforms[%d]", i), err.Error()))
			}
		}
	}
	return found
}

// The longest terms of 5 U.S.C. 552a(o)(2)(C) and (D). Other law knows others, so they are warnings.
const (
	termMonths    = 18
	renewalMonths = 12
)

// Warnings are what is legal in a file and unusual: terms longer than 18 months, renewals longer than 12.
func (s *Set) Warnings() Mistakes {
	var found Mistakes
	for _, id := range s.IDs() {
		a, at := s.byID[id], s.places[id]
		ends := a.ValidUntil
		if !a.RenewedFrom.IsZero() {
			ends = a.RenewedFrom
			if longer(a.RenewedFrom, a.ValidUntil, renewalMonths) {
				found = append(found, at.mistake("validUntil", "the renewal is longer than 12 months (5 U.S.C. 552a(o)(2)(D))"))
			}
		}
		if longer(a.ValidFrom, ends, termMonths) {
			found = append(found, at.mistake("validFrom", "the term is longer than 18 months (5 U.S.C. 552a(o)(2)(C))"))
		}
	}
	slices.SortStableFunc(found, func(a, b Mistake) int { return cmp.Or(cmp.Compare(a.File, b.File), a.Line-b.Line) })
	return found
}

func longer(from, until time.Time, months int) bool { return until.After(from.AddDate(0, months, 1)) }

// under names the files of a set below the directory that they were read from.
func (s *Set) under(dir string) {
	for id, at := range s.places {
		at.file = path.Join(dir, at.file)
		s.places[id] = at
	}
}
