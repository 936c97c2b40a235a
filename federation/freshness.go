package federation

import (
	"slices"
	"strings"
	"time"

	"concordat/federation/execute"
)

// dated is a source that can say up to when its data are current, from what it read before. *fresh.Source is one.
type dated interface {
	AsOf() (asOf, read time.Time, ok bool)
}

func datedSources(x *execute.Executor) map[string]dated {
	out := map[string]dated{}
	if x == nil {
		return out
	}
	for name, s := range x.Sources {
		if d, ok := s.(dated); ok {
			out[name] = d
		}
	}
	return out
}

// sourceJSON is how fresh a source was that an answer was made of.
type sourceJSON struct {
	Name string    `json:"name"`
	AsOf time.Time `json:"asOf"`
	Read time.Time `json:"read"`
}

// freshness lists the sources of the answer that say how fresh they are, by name.
func (x *exchange) freshness() []sourceJSON {
	if len(x.snapshot.dated) == 0 {
		return nil
	}
	var out []sourceJSON
	seen := map[string]bool{}
	steps := x.authorized.Steps()
	for i := range steps {
		for j := range steps[i].Parts {
			name := steps[i].Parts[j].Source
			d, ok := x.snapshot.dated[name]
			if !ok || seen[name] || steps[i].Denied {
				continue
			}
			seen[name] = true
			if asOf, read, ok := d.AsOf(); ok {
				out = append(out, sourceJSON{name, asOf, read.UTC().Truncate(time.Second)})
			}
		}
	}
	slices.SortFunc(out, func(a, b sourceJSON) int { return strings.Compare(a.Name, b.Name) })
	return out
}
