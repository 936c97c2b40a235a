package plan

import (
	"strings"

	"concordat/federation/compose"
	"concordat/privacy"
)

// percentileMark begins the Func of a percentile: what stands behind it is the response key, since a group may show
// several.
const percentileMark = "percentile@"

// IsPercentile reports whether a measure is a percentile.
func (m Measure) IsPercentile() bool { return strings.HasPrefix(m.Func, percentileMark) }

// bindPercentiles reads which percentiles are asked for.
func (s *Step) bindPercentiles(d *Document, variables map[string]any, a *Arguments) error {
	for fn, position := range s.percentiles {
		p, ok := float(d.arguments(position, variables)["p"])
		if !ok || !(p >= 0 && p <= 1) {
			return &InputError{Path: s.Path, Message: "p of a percentile is from 0 to 1"}
		}
		if a.Percentiles == nil {
			a.Percentiles = map[string]float64{}
		}
		a.Percentiles[fn] = p
	}
	return nil
}

// Seen is the field behind a measure, and the domain of its values: what the subject sees of it.
func (s *AuthorizedStep) Seen(field string) (*compose.Field, privacy.Domain) {
	if s.derivation(shownColumn+field) != nil {
		return s.Field(shownColumn + field)
	}
	return s.Field(field)
}
