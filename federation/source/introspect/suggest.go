package introspect

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Suggestion is a class and the rule that it comes from.
type Suggestion struct {
	Class string
	Why   string
}

// Suggest gives one suggestion for each column of a table. Values speak before names do: a column called "code" that
// holds telephone numbers is one.
func (j *Judge) Suggest(t *Table) []Suggestion {
	out := make([]Suggestion, len(t.Columns))
	people := false
	for i, c := range t.Columns {
		out[i] = j.suggest(t, c)
		people = people || out[i].Class == Direct
	}
	for i, c := range t.Columns {
		if people && out[i].Why == unknown && !slices.Contains(t.Primary, c.Name) && !j.refers(t, c) {
			if what := handle(c); what != "" {
				out[i] = Suggestion{Direct, what + ", one to a row, beside other identifiers"}
			}
		}
	}
	return out
}

const unknown = "not recognised"

func (j *Judge) suggest(t *Table, c *Column) Suggestion {
	class, word := byName(c.Name)
	if class == "" && c.Comment != "" {
		class, word = byName(c.Comment)
	}
	switch what := j.direct(c); {
	case what != "" && c.Scalar != "Date" && c.Scalar != "DateTime" && !(class == NonSensitive && isNamesOfThings(what, word)):
		return Suggestion{Direct, "values look like " + what}
	case class == Direct && j.contradicts(c, word):
		return Suggestion{NonSensitive, "named like " + quoted(word) + ", but values are not"}
	case class == Direct || class == FreeText:
		return Suggestion{class, "named like " + quoted(word)}
	case prose(c):
		return Suggestion{FreeText, "values are sentences"}
	case class != "":
		return Suggestion{class, "named like " + quoted(word)}
	case c.Scalar == "Date" || c.Scalar == "DateTime":
		return Suggestion{Quasi, "a day or time"}
	case slices.Contains(t.Primary, c.Name) || j.refers(t, c):
		return Suggestion{NonSensitive, "a key"}
	}
	return Suggestion{Sensitive, unknown}
}

// isNamesOfThings: a street or a town may be called after a person; the name of the column is to be believed.
func isNamesOfThings(what, word string) bool {
	return word == "the name of a thing" && strings.HasSuffix(what, "names")
}

// contradicts reports whether the values of a column cannot be what it is called: yes and no, a few categories, or, for
// a plain "name", nothing that looks like people.
func (j *Judge) contradicts(c *Column, word string) bool {
	switch c.Scalar {
	case "Boolean", "Date", "DateTime", "Float", "Decimal":
		return true
	}
	if len(c.Samples) < enough {
		return c.Rows >= 20 // few categories
	}
	return repetitive(c) || word == "name" && share(c.Samples, func(s string) bool { return nameShaped(s) || chineseName(s) }) < 0.5
}

// refers reports whether a column is a foreign key, or is named like one.
func (j *Judge) refers(t *Table, c *Column) bool {
	if slices.ContainsFunc(t.Foreign, func(f Foreign) bool { return f.Column == c.Name }) {
		return true
	}
	w := words(c.Name)
	return len(w) > 1 && w[len(w)-1] == "id"
}

var (
	login  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{4,23}$`)
	number = regexp.MustCompile(`^[A-Za-z]{0,4}-?\d{5,12}$`)
)

// handle says what a column without repeats is made of, where that is a name on a screen or a number of a record.
func handle(c *Column) string {
	if len(c.Samples) < 10 || len(c.Samples) < c.Rows || c.Scalar != "String" {
		return ""
	}
	mixed := func(s string) bool {
		return login.MatchString(s) && strings.ContainsFunc(s, unicode.IsLower) && strings.ContainsAny(s, "0123456789_.-")
	}
	switch {
	case share(c.Samples, number.MatchString) >= 0.95:
		return "numbers of one shape"
	case share(c.Samples, login.MatchString) >= 0.95 && share(c.Samples, mixed) >= 0.5:
		return "names on a screen"
	}
	return ""
}

func quoted(word string) string { return `"` + word + `"` }
