package compose

import (
	"strconv"

	"concordat/federation/source"
	"concordat/privacy"
)

// Level is one level of a field's hierarchy: a period, a number of characters, or a name for each value.
type Level struct {
	Grain  source.Grain
	Prefix int
	Names  map[string]string // by value; a value that is not in it has no name
}

// The hierarchies that need no file.
const (
	dateHierarchy   = "date"
	prefixHierarchy = "prefix"
	longestPrefix   = 64
)

// grains are the levels of a date, as the enum Grain names them.
var grains = map[string]source.Grain{"HOUR": source.Hour, "DAY": source.Day, "WEEK": source.Week,
	"MONTH": source.Month, "QUARTER": source.Quarter, "YEAR": source.Year}

// GrainNamed is the period of a name of the enum Grain; false where a column of the kind has none such.
func GrainNamed(name string, kind privacy.Kind) (source.Grain, bool) {
	g, ok := grains[name]
	return g, ok && (kind == privacy.Time || kind == privacy.Date && g != source.Hour)
}

// Level finds a level of the field's hierarchy by its name.
func (f *Field) Level(name string) (Level, bool) {
	switch {
	case f.Hierarchy == dateHierarchy:
		g, ok := GrainNamed(name, f.Kind)
		return Level{Grain: g}, ok
	case f.Hierarchy == prefixHierarchy && f.Kind == privacy.String:
		n, err := strconv.Atoi(name)
		return Level{Prefix: n}, err == nil && n > 0 && n <= longestPrefix
	}
	names, ok := f.Levels[name]
	return Level{Names: names}, ok
}
