package compose

import (
	"encoding/csv"
	"errors"
	"io"
	"path"
	"strings"

	"concordat/policy"
	"concordat/privacy"
)

func isLevels(file string) bool { return path.Ext(file) == ".csv" }

// LevelsOf is how a schema names a file of levels: health.wards.csv, of the agency health, is "wards.csv".
func LevelsOf(f File) string {
	base := f.Name[strings.LastIndexAny(f.Name, `/\`)+1:]
	return strings.TrimPrefix(base, string(f.Agency)+".")
}

// resolveLevels reads the hierarchies that fields name. A file of levels is the agency's own; where several agencies
// declare a field, what their files say of one value has to agree.
func resolveLevels(drafts []*draft, files []File, ps *problems) {
	texts := map[policy.AgencyID]map[string]string{}
	for _, f := range files {
		if !isLevels(f.Name) {
			continue
		}
		if texts[f.Agency] == nil {
			texts[f.Agency] = map[string]string{}
		}
		texts[f.Agency][LevelsOf(f)] = f.Text
	}
	for _, d := range drafts {
		for _, f := range d.fields {
			for _, s := range f.said {
				if wrong := f.field.hierarchy(s, texts[s.by.agency]); wrong != "" {
					ps.add(s.as.at, string(f.field.Coordinate), DirectiveArgument, "@classify: %s", wrong)
				}
			}
		}
	}
}

// hierarchy reads what one declaration says of a field's levels.
func (f *Field) hierarchy(s said, files map[string]string) (wrong string) {
	name := s.as.hierarchy
	switch {
	case name == "":
		return ""
	case name != f.Hierarchy:
		return "the hierarchy is " + f.Hierarchy + " elsewhere"
	case name == dateHierarchy:
		if f.Kind != privacy.Date && f.Kind != privacy.Time {
			return "only a Date or DateTime has the hierarchy date"
		}
		return ""
	case f.Kind != privacy.String:
		return "only a text has this hierarchy"
	case name == prefixHierarchy:
		return ""
	}
	text, ok := files[name]
	if !ok {
		return "the hierarchy is neither date nor prefix nor a file of levels beside the schema"
	}
	levels, err := readLevels(text)
	if err == nil {
		err = f.addLevels(levels)
	}
	if err != nil {
		return name + ": " + err.Error()
	}
	return ""
}

// Mistakes in a file of levels. None of them repeats what the file holds.
var (
	errLevelsForm   = errors.New("not CSV with a header, a value in the first column and a level in each other")
	errLevelsName   = errors.New("two columns have one name, or one has none")
	errLevelsTwice  = errors.New("a value is there twice")
	errLevelsNested = errors.New("a name of one level lies in two of the next")
	errLevelsVary   = errors.New("another agency's file names a value or the levels otherwise")
)

// readLevels reads CSV (RFC 4180): values in the first column, then a column for each level from the finest to the
// coarsest, named by the header. What lies together on one level does on each coarser one.
func readLevels(text string) (map[string]map[string]string, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	header, err := r.Read()
	if err != nil || len(header) < 2 || len(text) > MaxFile {
		return nil, errLevelsForm
	}
	levels := map[string]map[string]string{}
	for _, name := range header[1:] {
		if name == "" || levels[name] != nil {
			return nil, errLevelsName
		}
		levels[name] = map[string]string{}
	}
	within := make([]map[string]string, len(header))
	for i := range within {
		within[i] = map[string]string{}
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return levels, nil
		}
		if err != nil {
			return nil, errLevelsForm
		}
		if _, twice := within[0][record[0]]; twice {
			return nil, errLevelsTwice
		}
		for i, name := range record[1:] {
			if known, ok := within[i][record[i]]; ok && known != name {
				return nil, errLevelsNested
			}
			within[i][record[i]] = name
			levels[header[i+1]][record[0]] = name
		}
	}
}

func (f *Field) addLevels(levels map[string]map[string]string) error {
	if f.Levels == nil {
		f.Levels = levels
		return nil
	}
	if len(levels) != len(f.Levels) {
		return errLevelsVary
	}
	for level, names := range levels {
		all, ok := f.Levels[level]
		if !ok {
			return errLevelsVary
		}
		for value, name := range names {
			if known, ok := all[value]; ok && known != name {
				return errLevelsVary
			}
			all[value] = name
		}
	}
	return nil
}
