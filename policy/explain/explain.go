// Package explain puts a decision into sentences that a privacy officer would sign: what is shown, which rules spoke,
// which of them won, and where they stand.
//
//	explanations, err := inspector.Explain(ctx, subject, "query", fields)
//	account := explain.Field(explanations[0], subject)
//	account.Sentence // "Resident.postcode is shown as its first 3 characters because rule fields of bundle registry
//	                 // (registry/access.rego:30) treats QUASI_IDENTIFIER so for purpose research."
//
// The sentences quote rules and their reasons, so they are for those who may read the policy. They are no part of an
// answer to a caller. The package decides nothing: it words what the engine decided.
package explain

import (
	"fmt"
	"slices"
	"strings"

	"concordat/policy"
)

// Account is one ruling and its reasons.
type Account struct {
	Coordinate string          `json:"coordinate"`
	Agency     policy.AgencyID `json:"agency"`
	Effect     string          `json:"effect"`
	Method     string          `json:"method,omitempty"` // with its arguments, where a transform is owed
	Rules      []Rule          `json:"rules"`            // those that spoke of it, in order of place
	Sentence   string          `json:"sentence"`
	Rows       string          `json:"rows,omitempty"` // the sentence on the type's rows, for who asks about one field
}

// Rule is a rule that spoke.
type Rule struct {
	Rule string `json:"rule"` // package and name
	File string `json:"file"`
	Line int    `json:"line"`
	Says string `json:"says"`
	Won  bool   `json:"won"`
}

// Field words an explanation for a subject.
func Field(e policy.Explanation, s policy.Subject) Account {
	a := Account{Coordinate: string(e.Field.Coordinate), Agency: e.Field.Agency, Effect: e.Ruling.Effect.String(), Rules: []Rule{},
		Method: e.Ruling.Obligation.Method + e.Ruling.Obligation.Arguments}
	var winners []policy.Spoken
	for _, said := range e.Said {
		won := wins(said, e.Ruling)
		if won {
			winners = append(winners, said)
		}
		a.Rules = append(a.Rules, Rule{Rule: said.Package + "." + said.Name(), File: said.File, Line: said.Line, Says: says(said), Won: won})
	}
	a.Sentence = fmt.Sprintf("%s %s because %s.", a.Coordinate, shown(e.Field, e.Ruling), because(e, winners, s))
	return a
}

// wins reports whether a statement is one that the ruling follows.
func wins(said policy.Spoken, r policy.Ruling) bool {
	switch {
	case r.Conflict:
		return said.Effect == policy.Transform
	case said.Effect == r.Effect && said.Effect == policy.Transform:
		return said.Obligation == r.Obligation
	}
	return said.Effect == r.Effect
}

func says(said policy.Spoken) string {
	text := fmt.Sprintf("%s %s", subjectOf(said), said.Effect)
	if said.Obligation.Method != "" {
		text += " " + said.Obligation.Method + said.Obligation.Arguments
	}
	if said.Wrong != "" {
		text += " (not valid: " + said.Wrong + ")"
	}
	if said.Reason != "" {
		text += ": " + said.Reason
	}
	return text
}

func subjectOf(said policy.Spoken) string {
	switch {
	case said.Coordinate != "":
		return string(said.Coordinate)
	case said.On != "":
		return "type " + said.On
	}
	return said.Classification
}

// shown is what happens to the value.
func shown(f policy.Field, r policy.Ruling) string {
	how := Method(r.Obligation)
	switch r.Effect {
	case policy.Allow:
		if f.Computed != "" {
			return "is computed on the text as far as that is seen"
		}
		return "is shown as it is"
	case policy.Transform:
		switch {
		case r.Declassified:
			return "is computed on the raw text and shown as " + how
		case f.Computed != "":
			return "is computed on the text as far as that is seen, and shown as " + how
		}
		return "is shown as " + how
	case policy.Aggregate, policy.Encrypted:
		text := "leaves only inside statistics"
		if r.Effect == policy.Encrypted {
			text = "leaves only inside encrypted statistics"
		}
		if r.Obligation.Method != "" {
			text += ", there as " + how
		}
		return text
	case policy.Invisible:
		return "is not shown to exist"
	}
	return "is denied"
}

func because(e policy.Explanation, winners []policy.Spoken, s policy.Subject) string {
	purpose := purposeOf(s)
	switch {
	case len(e.Said) == 0:
		return fmt.Sprintf("no rule of bundle %s speaks of it%s, and what nobody allows is denied", e.Field.Agency, purpose)
	case e.Ruling.Conflict:
		return fmt.Sprintf("%s demand different transforms%s", places(winners), purpose)
	case len(winners) == 0 && onlyGateway(e.Said):
		return fmt.Sprintf("no rule of bundle %s allows it%s, and the exchange's own rules only tighten", e.Field.Agency, purpose)
	case len(winners) == 0:
		return fmt.Sprintf("%s%s: what %s cannot be done", e.Ruling.Reason, purpose, demands(e.Said))
	}
	first := winners[0]
	verb := "treats"
	if len(winners) > 1 {
		verb = "treat"
	}
	text := fmt.Sprintf("%s %s %s so%s", places(winners), verb, subjectOf(first), purpose)
	if reasons := reasonsOf(winners); reasons != "" {
		text += " (" + reasons + ")"
	}
	return text
}

func onlyGateway(said []policy.Spoken) bool {
	return !slices.ContainsFunc(said, func(s policy.Spoken) bool { return s.Agency != policy.Gateway })
}

func demands(said []policy.Spoken) string {
	verb := " demands"
	if len(said) > 1 {
		verb = " demand"
	}
	return places(said) + verb
}

func reasonsOf(said []policy.Spoken) string {
	var reasons []string
	for _, s := range said {
		if s.Reason != "" && !slices.Contains(reasons, s.Reason) {
			reasons = append(reasons, s.Reason)
		}
	}
	return strings.Join(reasons, "; ")
}

// places names the rules.
func places(said []policy.Spoken) string {
	names := make([]string, len(said))
	for i, s := range said {
		names[i] = fmt.Sprintf("rule %s of bundle %s (%s:%d)", s.Name(), s.Agency, s.File, s.Line)
	}
	return and(names)
}

func and(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func purposeOf(s policy.Subject) string {
	switch {
	case s.Anonymous:
		return " for a caller without a token"
	case s.Purpose == "":
		return " where no purpose is given"
	}
	return " for purpose " + s.Purpose
}
