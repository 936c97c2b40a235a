package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"concordat/policy"
)

// conflictKey is the place and the text of a conflict, the same for everybody who meets it.
func conflictKey(said []policy.Spoken, f policy.Field) string {
	first := policy.Rule{}
	var demands []string
	for _, s := range said {
		if s.Names(f) && s.Effect == policy.Transform {
			if first.File == "" {
				first = s.Rule
			}
			demands = append(demands, fmt.Sprintf("%s%s (%s:%d)", s.Obligation.Method, s.Obligation.Arguments, s.File, s.Line))
		}
	}
	text := "the exchange's rules and the agency's demand different transforms"
	if len(demands) > 0 {
		text = "different transforms are demanded: " + strings.Join(demands, ", ")
	}
	return strings.Join([]string{first.File, strconv.Itoa(first.Line), string(f.Coordinate), text}, "\x00")
}

func split(key string) (policy.Rule, [2]string) {
	parts := strings.SplitN(key, "\x00", 4)
	line, err := strconv.Atoi(parts[1])
	if err != nil {
		line = 0
	}
	return policy.Rule{File: parts[0], Line: line}, [2]string{parts[2], parts[3]}
}

// some names the first few.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// never reports rules that no request can meet; those that spoke to somebody need no proof.
func (c *checker) never(ctx context.Context) error {
	var silent []int
	for i, r := range c.inspector.Rules() {
		if !c.spoke[r] {
			silent = append(silent, i)
		}
	}
	var agreements []string
	for id := range c.options.Agreements {
		agreements = append(agreements, id)
	}
	rules, err := c.inspector.NeverApplies(ctx, silent, agreements)
	if err != nil {
		return err
	}
	for _, r := range rules {
		c.add(Warning, CodeNever, r, r.Type, "%s: no request can meet this rule under the agreements and data given", r.Name())
	}
	return nil
}

// undecided reports fields that no rule of their agency gives or denies to anybody, with who would see the name.
func (c *checker) undecided(named int) {
	for _, f := range c.options.Catalog.Fields {
		k := policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate}
		if c.decided[k] {
			continue
		}
		knows := c.knows[k]
		who := "nobody, since nobody was asked about"
		if len(knows) > 0 {
			who = some(knows[:min(len(knows), max(named, 1))])
		}
		c.add(Warning, CodeUndecided, policy.Rule{File: string(f.Agency)}, string(f.Coordinate),
			"no rule of %s decides it: denied to everybody by default; its name is shown to %s", f.Agency, who)
	}
}

// scopes reports scopes that rules ask for and neither an agreement nor a persona has.
func (c *checker) scopes() {
	granted := map[string]bool{}
	for _, p := range c.personas {
		for _, s := range p.Subject.Scopes {
			granted[s] = true
		}
	}
	for _, use := range c.inspector.Scopes() {
		if !granted[use.Scope] {
			c.add(Warning, CodeScope, policy.Rule{File: use.File, Line: use.Line}, "", "no agreement or persona grants the scope %q", use.Scope)
		}
	}
}

// purposes reports those of an agreement that no rule names and for which no party is given anything: misspelt, or
// agreed and not yet written down.
func (c *checker) purposes() {
	for id, content := range c.options.Agreements {
		doc, _ := content.(map[string]any)
		for _, purpose := range texts(doc["purposes"]) {
			if !c.given[aim{id, purpose}] && !c.inspector.Says(purpose) {
				c.add(Warning, CodePurpose, policy.Rule{File: id + ".yaml"}, "", "no rule knows the purpose %q of the agreement %s: nobody is given anything for it", purpose, id)
			}
		}
	}
}
