package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"concordat/federation/compose"
)

func (v schemaVerb) diff(args []string) int {
	set := newCredentialFlags("schema diff", v.stderr)
	asJSON := set.Bool("json", false, "print JSON")
	failOn := set.String("fail-on", "", "breaking, weaker or either: fail where there is such a change")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(paths) != 2 || !slices.Contains([]string{"", "breaking", "weaker", "either"}, *failOn) {
		return v.misuse("diff takes the old and the new schema, and --fail-on knows breaking, weaker and either")
	}
	var both [2]*compose.Supergraph
	for i, path := range paths {
		sg, problems, err := v.read([]string{path})
		if err != nil {
			return v.fail(err)
		}
		if sg == nil {
			reportProblems(v.stderr, problems)
			return 1
		}
		both[i] = sg
	}
	changes := compose.Diff(both[0], both[1])
	if err := writeChanges(v.stdout, changes, *asJSON); err != nil {
		return v.fail(err)
	}
	if slices.ContainsFunc(changes, func(c compose.Change) bool {
		return c.Breaking && *failOn != "weaker" && *failOn != "" || c.Weaker && *failOn != "breaking" && *failOn != ""
	}) {
		return 1
	}
	return 0
}

func writeChanges(w io.Writer, changes []compose.Change, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			Changes []compose.Change `json:"changes"`
		}{changes})
	}
	breaking, weaker := 0, 0
	for _, c := range changes {
		mark := ""
		if c.Breaking {
			mark = "BREAKING "
			breaking++
		}
		if c.Weaker {
			mark = "WEAKER "
			weaker++
		}
		fmt.Fprintf(w, "%s%s: %s (%s)\n", mark, c.Coordinate, alteration(c), c.Code)
	}
	_, err := fmt.Fprintf(w, "%d changes, %d breaking, %d weaker\n", len(changes), breaking, weaker)
	return err
}

func alteration(c compose.Change) string {
	switch {
	case c.Before == "":
		return c.After + " is new"
	case c.After == "":
		return c.Before + " is gone"
	}
	return c.After + ", was " + c.Before
}
