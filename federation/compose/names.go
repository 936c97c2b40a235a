package compose

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// agencyName is what the last part of a Rego package can be.
var agencyName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// graphQLName is the specification's Name (section 2.1.9).
var graphQLName = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]*$`)

// plural is the name of many: categories, boxes, admissions.
func plural(s string) string {
	switch {
	case strings.HasSuffix(s, "y") && len(s) > 1 && !strings.ContainsRune("aeiouAEIOU", rune(s[len(s)-2])):
		return s[:len(s)-1] + "ies"
	case hasAnySuffix(s, "s", "x", "z", "ch", "sh"):
		return s + "es"
	}
	return s + "s"
}

func hasAnySuffix(s string, suffixes ...string) bool {
	for _, x := range suffixes {
		if strings.HasSuffix(s, x) {
			return true
		}
	}
	return false
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

func byKeyName(entity string) string      { return lowerFirst(entity) }
func connectionName(entity string) string { return plural(lowerFirst(entity)) }
func aggregateName(many string) string    { return many + "Aggregate" }
