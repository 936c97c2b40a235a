package explain_test

import (
	"testing"

	"concordat/policy/explain"
	"concordat/privacy"
)

// The whole value hidden, and names in a text hidden, are different promises and read differently.
func TestARedactedTextIsNotCalledAMark(t *testing.T) {
	for arguments, want := range map[string]string{
		"":                      "a mark that there is one",
		`{"text":"label"}`:      "its text, with the names and identifiers that are found in it replaced by labels",
		`{"text":"mask"}`:       "its text, with the names and identifiers that are found in it replaced by asterisks",
		`{"text":"surrogate"}`:  "its text, with the names and identifiers that are found in it replaced by invented ones",
		`{"text":"tomorrow's"}`: "its text, with the names and identifiers that are found in it replaced by something else",
		`{"text":[]}`:           "its text, with the names and identifiers that are found in it replaced by something else",
		`{"language":"en"}`:     "a mark that there is one",
	} {
		if got := explain.Method(privacy.Obligation{Method: "redact", Arguments: arguments}); got != want {
			t.Errorf("%s: %q", arguments, got)
		}
	}
}
